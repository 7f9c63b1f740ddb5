"""Pool what the published studies foresaw into docs/foresight.md and qup/advise/record.json: `make foresight`.

All of it comes from results/*/arms; nothing between the markers is typed by hand.
"""

import json
import re
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

from qup.report.foresight import Rate, Rule, tables
from qup.report.foresight.published import ALL, Foresight, Source, everything
from qup.report.foresight.shuffled import Null
from qup.report.page import markdown_table
from qup.report.view import Cell, Table

MARKED = re.compile(r"(<!-- foresight -->\n).*?(<!-- /foresight -->)", re.DOTALL)
COSTS, UTILITY = "cost", "U."


def text(foresight: Foresight) -> str:
    """The page between its markers."""
    parts = [markdown_table(_studies(foresight.sources)), *_absent(foresight.sources)]
    parts += ["## The rule", *_rules(foresight.rules), *_null(foresight.null)]
    parts += ["## How often the stream of the lower value is the better one, in percent"]
    parts += [
        markdown_table(tables.picks({view: own for view, own in foresight.picks.items() if own}, foresight.roles))
    ]
    parts += ["## Against length alone, all pairs"]
    parts += [markdown_table(tables.against_length(foresight.picks, foresight.roles, ALL))]
    for title, ours in (("utility", True), ("what adaptation cost", False)):
        chosen = {name: own for name, own in foresight.ranks.items() if name.startswith(UTILITY) is ours}
        parts += [
            f"## Rank correlations with {title}, within races",
            markdown_table(tables.ranks(chosen, foresight.roles)),
        ]
    return "\n\n".join(parts) + "\n"


def _studies(sources: list[Source]) -> Table:
    columns = ["study", "learner", "commit", "races", "arms", "pairs", "resolved", "had already by another study"]
    rows = [
        [
            Cell(each.name),
            Cell(each.learner or "-"),
            Cell((each.commit or "-")[:8]),
            *(Cell(str(n)) for n in (each.races, each.arms, each.pairs, each.resolved, each.repeated)),
        ]
        for each in sources
        if each.absent is None
    ]
    return Table(columns, rows)


def _absent(sources: list[Source]) -> Iterator[str]:
    for each in sources:
        if each.absent is not None:
            yield f"`{each.name}` is not in it: {each.absent}."


def _rules(rules: Mapping[str, Rule | None]) -> Iterator[str]:
    columns = ["view", "rule", "right, %", "length alone, %", "rule minus length, points"]
    columns += ["where length agrees, %", "where length picks the other, %"]
    rows = [[Cell(tables.view_label(view)), *_rule(rule)] for view, rule in rules.items() if rule]
    yield markdown_table(Table(columns, rows))
    rule = rules.get(ALL)
    if rule is not None:
        yield _said(rule)


def _null(null: Null | None) -> Iterator[str]:
    if null is not None:
        yield (
            f"Of values that know nothing, the arms' means of `{null.metric}` shuffled among each other, the "
            f"{'lower' if null.lower else 'higher'} one is right in {100 * null.mean:.0f}% of the pairs (95% of "
            f"{null.shuffles:,} shuffles: {100 * null.low:.0f} to {100 * null.high:.0f}%), by the true means in "
            f"{100 * null.observed:.0f}%: p = {null.p:.2g}. Means are over all problems of an arm here, not over "
            "those that a pair shares; arms of the same traces exchange theirs together, in whichever races they run."
        )


def _rule(rule: Rule) -> list[Cell]:
    cells = [Cell(f"{'lower' if rule.lower else 'higher'} {rule.metric}"), tables.rate(rule.right)]
    cells += [tables.rate(rule.length), tables.rate(rule.against_length, sign=True)]
    return [*cells, tables.rate(rule.agreeing), tables.rate(rule.disagreeing)]


def _said(rule: Rule) -> str:
    better = "lower" if rule.lower else "higher"
    why = "the paper's proxy; no other metric is told from it" if rule.declared else "told from the paper's `ppl`"
    coin = "It is told from a coin" if rule.beats_coin else "It is not told from a coin"
    length = "and from length alone" if rule.beats_length else "but not from length alone"
    length = length if rule.beats_coin else length.replace("but", "and")
    return (
        f"The rule is the {better} `{rule.metric}` ({why}): right in {_share(rule.right)}; length alone, the "
        f"{'shorter' if rule.shorter else 'longer'} stream, in {_share(rule.length)}. {coin}, {length}."
    )


def _share(rate: Rate) -> str:
    return f"{100 * rate.value:.0f}% [{100 * rate.low:.0f}, {100 * rate.high:.0f}] of {rate.pairs} pairs"


def record(foresight: Foresight) -> str:
    """The file that `qup advise` quotes."""
    return json.dumps(foresight.record, indent=1, ensure_ascii=False) + "\n"


def main(page: Path, kept: Path, results: Path) -> None:
    """Write both."""
    written = page.read_text(encoding="utf-8")
    if not MARKED.search(written):
        sys.exit(f"{page} has no markers <!-- foresight --> and <!-- /foresight -->")
    foresight = everything(results)
    shown = text(foresight)
    page.write_text(MARKED.sub(lambda match: f"{match[1]}{shown}{match[2]}", written), encoding="utf-8")
    kept.write_text(record(foresight), encoding="utf-8")


if __name__ == "__main__":
    main(Path("docs/foresight.md"), Path("qup/advise/record.json"), Path("results"))
