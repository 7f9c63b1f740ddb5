"""The command line, `qup`: a study checked, planned, run, shown and compared. What runs it is DVC.

qup check               # params.yaml and its study, before DVC touches anything
qup new mine            # a study of your own: its learner, problems and Oracle are asked for
qup doctor              # is all there that a run needs, and what a bug report needs
qup check --data        # and whether the data are still what DVC wrote
qup list refiners       # or metrics, rewards, graders, oracles, sources, models, backends, templates, benchmarks,
                        # studies
qup run                 # params.yaml's study, or one that is named; `-S refiner=unfiltered` changes it
qup plan glassbox       # what it will cost and what of it will run, before anything does
qup show glassbox       # the verdict in the terminal
qup export glassbox home/style_aligned out   # an arm's traces as chats, with a card
qup advise MODEL a.jsonl b.jsonl  # which of some streams of traces to train a learner on
qup compare             # all published studies side by side; two names also show what changed in their settings
"""

import sys

from qup.errors import SettingsError
from qup.lm import starting
from qup.verbs import advise, after, app, before

__all__ = ["advise", "after", "app", "before", "main"]


def main() -> None:
    """Run a verb; bad input is one line on stderr and exit code 2."""
    starting.begin()
    try:
        app()
    except SettingsError as error:
        print(f"qup: {error}", file=sys.stderr)
        sys.exit(2)


if __name__ == "__main__":
    main()
