"""Copy the verdicts of published studies from their reports into the README, between its markers: `make readme`.

No number in between is typed by hand.
"""

import json
import re
import sys
from pathlib import Path
from typing import Any

EARLIER = "made by an earlier version on one training set: not replicated, so no winner is named."
"What is said of a report that does not know replicates."
DEFAULT = "glassbox"
"The study whose verdicts are told whole; of the others the headlines are."
MARKED = re.compile(r"(<!-- verdicts -->\n).*?(<!-- /verdicts -->)", re.DOTALL)


def main(readme: Path, results: Path) -> None:
    """Write the verdicts of every study that has a report."""
    text = readme.read_text(encoding="utf-8")
    if not MARKED.search(text):
        sys.exit(f"{readme} has no markers <!-- verdicts --> and <!-- /verdicts -->")
    reports = sorted(results.glob("*/report/report.json"), key=lambda path: (_study(path) != DEFAULT, path))
    shown = "".join(
        verdicts(path, json.loads(path.read_text(encoding="utf-8")), whole=_study(path) == DEFAULT) for path in reports
    )
    readme.write_text(MARKED.sub(lambda match: f"{match[1]}\n{shown}\n{match[2]}", text), encoding="utf-8")


def _study(report: Path) -> str:
    return report.parent.parent.name


def verdicts(path: Path, summary: dict[str, Any], *, whole: bool) -> str:
    """A study's title and its verdicts: a line for each objective and Oracle, or all their headlines in one line."""
    link = f"[{summary['study']['title']}]({path.with_name('report.md')})"
    if "premises" not in summary:
        return f"- {link}: {EARLIER}\n"
    told = {f"{each['objective'].upper()}, Oracle {each['oracle']}": each for each in summary["verdicts"]}
    if not whole:
        return f"- {link}: " + " ".join(f"{who}: {each['headline']}" for who, each in told.items()) + "\n"
    choices = {(each["oracle"], each["objective"]): each["headline"] for each in summary.get("choices", [])}
    lines = []
    for who, verdict in told.items():
        choice = choices.get((verdict["oracle"], verdict["objective"]))
        said = f" What to train on: {choice}." if choice else ""
        lines.append(f"- {who}: {verdict['headline']} {verdict['sentences'][1]}{said}")
    return f"**{link}**, the default:\n\n" + "\n".join(lines) + "\n\nOthers:\n\n"


if __name__ == "__main__":
    main(Path("README.md"), Path("results"))
