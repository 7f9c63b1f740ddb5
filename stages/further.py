"""The arms that the study lists beside the main ones, from stream to measured in one stage: starts would cost the most.

Below the folder an arm has what a main arm has, but for the weights, which are not kept. Each step of an arm is, in
the repository's `.qup/cells`: what is as it was is not done again, and a run that was stopped goes on where it was.
"""

import functools
from collections.abc import Sequence
from pathlib import Path

from qup import chain, whole
from qup.arms import Arm
from qup.lm import workers
from qup.measured import Measured, files
from qup.training import live
from stages import cli


def main(argv: Sequence[str] | None = None) -> None:
    """Run the stage."""
    flags = {"problems": "folder of the prepare stage", "traces": "traces.jsonl of the sample stage"}
    flags |= {"models": "folder of the obtain stage", "streams": "folder of the main arms' folders"}
    flags |= {"out": "a folder per arm is made in it", "measured": "file of the measured arms to write"}
    args = cli.parser(__doc__, **flags).parse_args(argv)
    study = cli.start(args)
    told = live.asked(args.study.stem)
    shared = chain.opened(study, args.problems, args.traces, args.models, args.streams, live=told)
    arms = list(study.further.values())
    if any(chain.left(arm, shared) != chain.work(arm) for arm in arms):
        cli.PARTIAL.set()
    with whole.folder(args.out) as part:
        measured = workers.spread(functools.partial(_make, shared, part), arms, study.threads, study.backend.gpus)
    files.write(args.measured, measured)
    print(f"{len(arms)} further arms: {', '.join(arm.name for arm in arms) or 'none'}")


def _make(shared: chain.Shared, out: Path, arms: Sequence[Arm]) -> list[Measured]:
    """Each of the arms, one after the other."""
    return [chain.make(arm, shared, out / arm.name) for arm in arms]


if __name__ == "__main__":
    cli.run(main)
