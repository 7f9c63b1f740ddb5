"""Foresight over all studies that Git keeps: their races pooled, what two of them share counted once.

Read from `results/<study>/arms` and the settings in `results/<study>/made.json`; a study whose arms or settings are not
there, as of an earlier version, is named with the reason and counts for nothing.
"""

import dataclasses
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from qup import compat, settings
from qup.compat import Role, Seen
from qup.errors import SettingsError
from qup.measured import Measured, files
from qup.records import Problem, TokenStats
from qup.report.evidence import Evidence
from qup.report.foresight.draws import Bootstrapped
from qup.report.foresight.picks import Pick, Rule, pick_rates, rule
from qup.report.foresight.races import NLL, Pair, Race, of_study
from qup.report.foresight.ranks import Rank, correlations
from qup.report.foresight.shuffled import Null, null
from qup.report.numbers import to_json
from qup.study import Study

SCHEMA, ALL = "qup-foresight/1", "all"
"""Of the record. The view over all objectives and decodings."""
MADE, BASE, ARMS = "made.json", "base.json", "arms"


@dataclass(frozen=True)
class Source:
    """What one published study adds."""

    name: str
    title: str
    commit: str | None
    "That made it, 40 hex digits."
    learner: str | None
    "Its family and size, as `llama, 2.1M`."
    arms: int
    races: int
    pairs: int
    resolved: int
    repeated: int
    "Pairs that an earlier study has too: the same learners trained on the same traces."
    absent: str | None = None
    "Why it adds nothing."


@dataclass(frozen=True, eq=False)
class Foresight:
    """All published studies."""

    sources: list[Source]
    races: list[Race]

    @cached_property
    def drawn(self) -> Bootstrapped:
        """The draws that all intervals share."""
        return Bootstrapped({race.name: [entry.name for entry in race.entries] for race in self.races})

    @cached_property
    def pairs(self) -> list[Pair]:
        """Those of all races."""
        return [pair for race in self.races for pair in race.pairs]

    @cached_property
    def roles(self) -> dict[str, str]:
        """Metric to its role."""
        return {metric: role for race in self.races for metric, role in race.roles.items()}

    @cached_property
    def computable(self) -> list[str]:
        """The drift metrics that a trace and one forward pass give: what advice can go by."""
        plugs = {metric: plug for race in self.races for metric, plug in race.plugs.items()}
        drift = sorted(metric for metric, role in self.roles.items() if role == Role.DRIFT)
        return [metric for metric in drift if _from_one_pass(metric, plugs[metric])]

    @cached_property
    def views(self) -> dict[str, list[Pair]]:
        """`all`, and each objective and decoding as `sft.sampled`, to its pairs."""
        views: dict[str, list[Pair]] = {ALL: self.pairs}
        for pair in self.pairs:
            views.setdefault(f"{pair.objective}.{pair.decoding}", []).append(pair)
        return {ALL: views.pop(ALL), **dict(sorted(views.items(), reverse=True))}

    @cached_property
    def picks(self) -> dict[str, dict[str, Pick]]:
        """View to metric to how well it picks."""
        return {view: pick_rates(pairs, self.drawn) for view, pairs in self.views.items()}

    @cached_property
    def rules(self) -> dict[str, Rule | None]:
        """View to the rule that advice would go by."""
        return {view: rule(pairs, self.computable, self.drawn) for view, pairs in self.views.items()}

    @cached_property
    def ranks(self) -> dict[str, dict[str, Rank]]:
        """Outcome to metric to their correlation."""
        return correlations(self.races, self.drawn)

    @cached_property
    def null(self) -> Null | None:
        """How often the rule over all pairs would be right of values that know nothing."""
        own = self.rules[ALL]
        return None if own is None else null(self.races, own.metric, lower=own.lower)

    @property
    def record(self) -> dict[str, Any]:
        """What `qup advise` quotes, as JSON."""
        return {
            "schema": SCHEMA,
            "studies": [dataclasses.asdict(each) for each in self.sources],
            "roles": dict(sorted(self.roles.items())),
            "rules": to_json(self.rules),
            "picks": to_json(self.picks),
            "ranks": to_json(self.ranks),
        }


def _from_one_pass(metric: str, plug: str) -> bool:
    """Whether a metric has a value of a trace that stands alone: without a native one, a draft, a further pass."""
    if metric == NLL or plug not in settings.names("compat"):
        return metric == NLL
    return metric in compat.values_of([settings.load("compat", plug)()], [ALONE])[0]


def _alone() -> Seen:
    """A trace of four tokens, by itself."""
    stats = TokenStats([1, 2, 3, 4], [-0.5, -1.0, -0.5, -0.1], [1.0] * 4, [1.0] * 4, [1, 2, 1, 1], [0.5] * 4)
    pieces = ("2+2", " = ", "4", "")
    return Seen(Problem("p", "2+2?", "4", "toy"), None, "".join(pieces), stats, None, {}, pieces)


ALONE = _alone()


def everything(results: Path) -> Foresight:
    """Of every study below a folder of results."""
    seen: set[str] = set()
    sources: list[Source] = []
    races: list[Race] = []
    for made in sorted(results.glob(f"*/{MADE}")):
        source, own = _study(made.parent, seen)
        sources.append(source)
        races += own
    return Foresight(sources, races)


def _study(top: Path, seen: set[str]) -> tuple[Source, list[Race]]:
    """What a study adds to what is `seen` already, the fingerprints of pairs; its own are put there."""
    made: dict[str, Any] = json.loads((top / MADE).read_text(encoding="utf-8"))
    try:
        evidence = _evidence(top, made)
    except SettingsError as error:
        return Source(top.name, top.name, made.get("commit"), _learner(made), 0, 0, 0, 0, 0, _reason(top, error)), []
    every = of_study(top.name, evidence)
    kept = [dataclasses.replace(race, pairs=[p for p in race.pairs if p.fingerprint not in seen]) for race in every]
    kept = [race for race in kept if race.pairs]
    pairs = [pair for race in kept for pair in race.pairs]
    seen.update(pair.fingerprint for pair in pairs)
    return (
        Source(
            name=top.name,
            title=evidence.study.title,
            commit=made.get("commit"),
            learner=_learner(made),
            arms=len({(race.name, entry.name) for race in kept for entry in race.entries}),
            races=len(kept),
            pairs=len(pairs),
            resolved=sum(pair.resolved for pair in pairs),
            repeated=sum(len(race.pairs) for race in every) - len(pairs),
        ),
        kept,
    )


def _reason(top: Path, error: SettingsError) -> str:
    if not (top / ARMS / BASE).is_file():
        return "no measured arms: made by an earlier version"
    return str(error)


def _evidence(top: Path, made: Mapping[str, Any]) -> Evidence:
    """The arms that a study published, under the settings that made it.

    Raises:
        SettingsError: they are not there, or this version cannot read them.
    """
    base = files.read_base(top / ARMS / BASE)
    study = settings.read(Study, made.get("settings") or {})
    report = json.loads((top / "report" / "report.json").read_text(encoding="utf-8"))
    # Of an experiment that was not published files may be left in the folder.
    published = {*report["arms"], *report["control_arms"]}
    arms: Sequence[Measured] = [
        arm for path in sorted((top / ARMS).rglob("*.json")) if path.name != BASE for arm in files.read(path)
    ]
    return Evidence(study, base, {arm.name: arm for arm in arms if arm.name in published})


def _learner(made: Mapping[str, Any]) -> str | None:
    family, parameters = made.get("family"), made.get("parameters")
    return f"{family}, {parameters / 1e6:.3g}M" if family and parameters else None
