"""Copy the verdicts of published studies from their reports into the README, between its markers: `make readme`.

No number in between is typed by hand.
"""

import json
import re
import sys
from pathlib import Path
from typing import Any

EARLIER = (
    "- Made by an earlier version on one training set: not replicated, so no winner is named "
    "([docs/results.md](docs/results.md))."
)
"What is said of a report that does not know replicates."
MARKED = re.compile(r"(<!-- verdicts -->\n).*?(<!-- /verdicts -->)", re.DOTALL)


def main(readme: Path, results: Path) -> None:
    """Write the verdicts of every study that has a report."""
    text = readme.read_text(encoding="utf-8")
    if not MARKED.search(text):
        sys.exit(f"{readme} has no markers <!-- verdicts --> and <!-- /verdicts -->")
    reports = sorted(results.glob("*/report/report.json"))
    shown = "\n".join(verdicts(path, json.loads(path.read_text(encoding="utf-8"))) for path in reports)
    readme.write_text(MARKED.sub(lambda match: f"{match[1]}\n{shown}\n{match[2]}", text), encoding="utf-8")


def verdicts(path: Path, summary: dict[str, Any]) -> str:
    """A study's title and a line for each objective and Oracle."""
    head = f"**[{summary['study']['title']}]({path.with_name('report.md')})**\n\n"
    if "premises" not in summary:
        return head + EARLIER + "\n"
    choices = {(each["oracle"], each["objective"]): each["headline"] for each in summary.get("choices", [])}
    lines = []
    for verdict in summary["verdicts"]:
        choice = choices.get((verdict["oracle"], verdict["objective"]))
        said = f" What to train on: {choice}." if choice else ""
        who = f"{verdict['objective'].upper()}, Oracle {verdict['oracle']}"
        lines.append(f"- {who}: {verdict['headline']} {verdict['sentences'][1]}{said}")
    return head + "\n".join(lines) + "\n"


if __name__ == "__main__":
    main(Path("README.md"), Path("results"))
