"""What could have been foreseen: which number known before training picks the better of two streams of this study."""

from collections.abc import Mapping
from dataclasses import dataclass

from qup.report import foresight
from qup.report.evidence import Evidence
from qup.report.foresight import Bootstrapped, Pick, Rank, tables
from qup.report.view import Section


@dataclass(frozen=True)
class Foresight:
    """Over all arms of the study."""

    races: int
    pairs: int
    resolved: int
    roles: dict[str, str]
    "Metric to `drift`, `null` or `reward`."
    picks: dict[str, dict[str, Pick]]
    "Objective and decoding, as `sft.sampled`, to metric to how often it picks the better stream."
    ranks: dict[str, dict[str, Rank]]
    "Outcome, a utility or a cost of adaptation, to metric to their correlation within races."


def numbers(evidence: Evidence) -> Foresight:
    """Races are arms that were trained alike; see `qup.report.foresight`."""
    races = foresight.of_study(evidence.study.title, evidence)
    drawn = Bootstrapped({race.name: [entry.name for entry in race.entries] for race in races})
    pairs = [pair for race in races for pair in race.pairs]
    views = dict.fromkeys(f"{pair.objective}.{pair.decoding}" for pair in pairs)
    by_view = {view: [p for p in pairs if f"{p.objective}.{p.decoding}" == view] for view in views}
    return Foresight(
        races=len(races),
        pairs=len(pairs),
        resolved=sum(pair.resolved for pair in pairs),
        roles={metric: role for race in races for metric, role in race.roles.items()},
        picks={view: foresight.pick_rates(own, drawn) for view, own in by_view.items()},
        ranks=foresight.correlations(races, drawn),
    )


def show(foreseen: Foresight) -> Section | None:
    """Pick rates and correlations; None where no two arms were trained alike."""
    if not foreseen.races:
        return None
    there: Mapping[str, Mapping[str, Pick]] = {view: own for view, own in foreseen.picks.items() if own}
    count = f"{foreseen.resolved} of {foreseen.pairs} pairs of arms that were trained alike are told apart by utility"
    text = [f"{count}, over both decodings and all objectives, in {foreseen.races} groups of such arms (races)."]
    if there:
        text.append(
            "In percent: how often the arm of the lower value (mean over the problems that both have) is the better "
            "one; near 0 the higher value is. Intervals by bootstrap over races and their arms. `null.tokens` is "
            "length alone, which every metric has to beat. Over all published studies: docs/foresight.md."
        )
    ranked = (
        "Rank correlations within races, of arms, with utility and with what adaptation cost; `without one`: with the "
        "streams of each refiner left out in turn."
    )
    shown = [tables.picks(there, foreseen.roles)] if there else []
    if foreseen.ranks:
        shown.append(tables.ranks(foreseen.ranks, foreseen.roles))
        text.append(ranked)
    return Section("What could have been foreseen", text, tables=shown, folded=True)
