"""Copy a study's verdict and main table from its report into the README, between that study's markers.

    python -m stages.readme --study studies/smoke.yaml --report results/smoke/report --readme README.md

The markers are `<!-- results:<study> -->` and `<!-- /results:<study> -->`; no number in between is typed by hand.
"""

import re
from collections.abc import Sequence
from pathlib import Path

from qup.errors import SettingsError
from stages import cli

SECTIONS = ("Verdict", "Oracle ")
"How the headings start of what the README shows: the verdict and each Oracle's tables."


def main(argv: Sequence[str] | None = None) -> None:
    """Replace what stands between the markers."""
    parser = cli.parser(__doc__)
    parser.add_argument("--report", type=Path, required=True, help="the report's folder")
    parser.add_argument("--readme", type=Path, required=True, help="file with the markers")
    args = parser.parse_args(argv)
    study = args.study.stem
    name = re.escape(study)
    text = args.readme.read_text(encoding="utf-8")
    between = re.compile(rf"(<!-- results:{name} -->\n).*?(<!-- /results:{name} -->)", re.DOTALL)
    if not between.search(text):
        raise SettingsError(f"{args.readme} has no markers <!-- results:{study} --> and <!-- /results:{study} -->")
    shown = excerpt((args.report / "report.md").read_text(encoding="utf-8"))
    args.readme.write_text(between.sub(lambda m: f"{m[1]}\n{shown}\n{m[2]}", text), encoding="utf-8")


def excerpt(report: str) -> str:
    """Title, lead and the chosen sections of a Markdown report, headings two levels down, without pictures."""
    head, *sections = re.split(r"(?m)^## ", report)
    chosen = [head.replace("# ", "### ", 1)]
    chosen += [f"#### {body}" for body in sections if body.startswith(SECTIONS)]
    return re.sub(r"(?m)^!\[.*\n+", "", "".join(chosen))


if __name__ == "__main__":
    cli.run(main)
