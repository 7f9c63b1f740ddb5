"""Write the table of published evaluation sets, and what each hangs on, into docs/benchmarks.md: `make benchmarks`.

All of it comes from qup/problems/benchmarks; nothing between the markers is typed by hand.
"""

import re
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

from qup import problems
from qup.problems._published import Benchmark

MARKED = re.compile(r"(<!-- sets -->\n).*?(<!-- /sets -->)", re.DOTALL)
DASH = "-"


def text(sets: Mapping[str, Benchmark]) -> str:
    """The table, then a paragraph a set."""
    columns = (_rows, _hub, _license, _recipe)
    head = ["| set | problems | on the hub | licence | as the inherited recipe asks it |", "|---|--:|---|---|---|"]
    rows = [f"| `{name}` | {' | '.join(told(each) for told in columns)} |" for name, each in sets.items()]
    return "\n".join([*head, *rows, "", *(line for name, each in sets.items() for line in _paragraph(name, each))])


def _rows(each: Benchmark) -> str:
    """How many rows its copies have, the file's first."""
    counts = [*(file.rows for file in each.files), each.hub.rows]
    told = dict.fromkeys(f"{count:,}" for count in counts if count is not None)
    return " or ".join(told) or DASH


def _hub(each: Benchmark) -> str:
    hub = each.hub
    config = f", `{hub.config}`" if hub.config else ""
    known = f", known commit `{hub.revision[:8]}`" if hub.revision else ""
    return f"[{hub.repo}](https://huggingface.co/datasets/{hub.repo}){config}, {hub.split}{known}"


def _license(each: Benchmark) -> str:
    return each.hub.license or DASH


def _recipe(each: Benchmark) -> str:
    asked = each.recipe
    return f"k = {asked.k}, T = {asked.temperature:g}, {asked.max_tokens:,} tokens" if asked else DASH


def _paragraph(name: str, each: Benchmark) -> Iterator[str]:
    yield f"**{name}**: {each.title}. {each.notes}"
    yield ""
    for file in each.files:
        fetched = file.fetched(f"data/problems/{name}.jsonl")
        yield from [f"    {fetched}", *([f"    # SHA-256 {file.sha256}"] if file.sha256 else []), ""]


def main(page: Path) -> None:
    """Write it."""
    written = page.read_text(encoding="utf-8")
    if not MARKED.search(written):
        sys.exit(f"{page} has no markers <!-- sets --> and <!-- /sets -->")
    made = text(problems.benchmarks())
    page.write_text(MARKED.sub(lambda match: f"{match[1]}\n{made}\n{match[2]}", written), encoding="utf-8")


if __name__ == "__main__":
    main(Path("docs/benchmarks.md"))
