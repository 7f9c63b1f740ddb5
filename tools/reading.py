"""Copy the dozen numbers of the default study from results/glassbox/metrics.json into docs/report.md: `make reading`.

No number between the markers is typed by hand.
"""

import json
import re
import sys
from collections.abc import Mapping
from pathlib import Path

from qup.params import read_params

MARKED = re.compile(r"(<!-- numbers -->\n).*?(<!-- /numbers -->)", re.DOTALL)
MEANING = {
    "reward": "Q of the arm minus Q of RFT by the study's first reward, in its unit: above 0 it looks better",
    "ppl": "perplexity of the arm's traces under the untrained learner: 1 is no surprise at all",
    "adaptation_cost": "nats that the arm's stream cost in its first epoch, above what the trained learner would pay",
    "accuracy_rft": "percent of sampled held-out answers that are right after training on RFT",
    "accuracy": "percent of sampled held-out answers that are right after training on the arm",
    "sar_minus_refined": "points of accuracy; this is C, what the Oracle's style cost",
    "rft_minus_refined": "points of accuracy; this is C - V: above 0 the learner's own traces train better",
    "verdict": "of the paradox, for the first Oracle and objective",
}
"Of the numbers of metrics.json, whose names may end in an objective."


def table(metrics: Mapping[str, float | str | None]) -> str:
    """A row a number, in the order of the file."""
    rows = [f"| `{name}` | {_shown(value)} | {_meaning(name)} |" for name, value in metrics.items()]
    return "\n".join(["| number | value | what it is |", "|---|--:|---|", *rows])


def _shown(value: float | str | None) -> str:
    return "-" if value is None else value if isinstance(value, str) else f"{value:g}"


def _meaning(name: str) -> str:
    key = next((key for key in MEANING if name == key or name.startswith(f"{key}_")), None)
    if key is None:
        sys.exit(f"{name} of metrics.json has no meaning in tools/reading.py: write one")
    return MEANING[key] + (f", {name.removeprefix(f'{key}_').upper()}" if name != key else "")


def main(page: Path, study: str) -> None:
    """Write them."""
    written = page.read_text(encoding="utf-8")
    if not MARKED.search(written):
        sys.exit(f"{page} has no markers <!-- numbers --> and <!-- /numbers -->")
    results = Path("results") / study
    made = table(json.loads((results / "metrics.json").read_text(encoding="utf-8")))
    arm = f"The arm is `{read_params(Path('params.yaml')).refiner}` with the first Oracle."
    text = f"{arm} `results/{study}/metrics.json`, which `dvc exp show` has too:\n\n{made}"
    page.write_text(MARKED.sub(lambda match: f"{match[1]}{text}\n{match[2]}", written), encoding="utf-8")


if __name__ == "__main__":
    main(Path("docs/report.md"), "glassbox")
