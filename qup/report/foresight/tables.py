"""Foresight as tables: what the report of one study and the page over all studies show alike."""

from collections.abc import Mapping

from qup.report.foresight.draws import Rate
from qup.report.foresight.picks import LENGTH, Pick
from qup.report.foresight.ranks import Rank
from qup.report.view import DASH, Cell, Table

LAST = ("null", "reward")
"Roles that stand below the drift metrics, in this order."


def picks(views: Mapping[str, Mapping[str, Pick]], roles: Mapping[str, str]) -> Table:
    """A row per metric, a column per view: how often the stream of the lower value is the better one."""
    metrics = _ordered({metric for own in views.values() for metric in own}, roles)
    rows = [
        [Cell(metric), Cell(roles.get(metric, DASH)), *(_pick(own.get(metric)) for own in views.values())]
        for metric in metrics
    ]
    return Table(["metric", "role", *map(view_label, views)], rows)


def against_length(views: Mapping[str, Mapping[str, Pick]], roles: Mapping[str, str], view: str) -> Table:
    """A row per metric: its pick rate as the other studies foresee it, and minus that of length, of one view."""
    own = views[view]
    rows = [
        [Cell(metric), rate(own[metric].foreseen), rate(own[metric].against_length, sign=True)]
        for metric in _ordered(own, roles)
        if metric != LENGTH
    ]
    return Table(["metric", "right in studies that its direction was not taken from, %", "minus length, points"], rows)


def ranks(by_outcome: Mapping[str, Mapping[str, Rank]], roles: Mapping[str, str]) -> Table:
    """A row per metric, a column per outcome."""
    metrics = _ordered({metric for own in by_outcome.values() for metric in own}, roles)
    rows = [[Cell(metric), *(_rank(own.get(metric)) for own in by_outcome.values())] for metric in metrics]
    return Table(["metric", *(outcome.replace("_", " ") for outcome in by_outcome)], rows)


def view_label(view: str) -> str:
    """A view as readers know it: `SFT, sampled`."""
    # A place on the dial of objectives has a dot of its own: `alpha-0.5.sampled`.
    objective, dot, decoding = view.rpartition(".")
    return f"{objective.upper()}, {decoding}" if dot else view


def rate(given: Rate | None, *, sign: bool = False) -> Cell:
    """A rate, or a difference of two, in percent."""
    if given is None:
        return Cell(DASH)
    plus = "+" if sign else ""
    ends = f"[{100 * given.low:{plus}.0f}, {100 * given.high:{plus}.0f}]"
    return Cell(
        f"{100 * given.value:{plus}.0f}", f"{ends}\n{counted(given.pairs, 'pair')}, {counted(given.races, 'race')}"
    )


def counted(count: int, noun: str) -> str:
    """`1 pair`, `2 pairs`."""
    return f"{count} {noun}{'s' * (count != 1)}"


def _pick(pick: Pick | None) -> Cell:
    return rate(None if pick is None else pick.lower)


def _rank(rank: Rank | None) -> Cell:
    if rank is None:
        return Cell(DASH)
    left = f"\nwithout one: {rank.without[0]:+.2f} to {rank.without[1]:+.2f}" if rank.without else ""
    return Cell(f"{rank.value:+.2f}", f"[{rank.low:+.2f}, {rank.high:+.2f}]{left}")


def _ordered(metrics: set[str] | Mapping[str, Pick], roles: Mapping[str, str]) -> list[str]:
    """Drift metrics, then the nulls, then rewards."""
    place = {role: i for i, role in enumerate(LAST, 1)}
    return sorted(metrics, key=lambda metric: (place.get(roles.get(metric, ""), 0), metric))
