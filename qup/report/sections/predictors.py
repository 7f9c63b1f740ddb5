"""Which number known before training goes with utility: rank correlations over arms."""

from collections.abc import Sequence
from dataclasses import dataclass

from qup import stats
from qup.report import wholes
from qup.report.evidence import Evidence
from qup.report.numbers import Number
from qup.report.traces import MACRO, MICRO
from qup.report.view import Cell, Section, Table, number
from qup.stats import Draws


@dataclass(frozen=True)
class Predictors:
    """Spearman's correlation with U over all main arms."""

    by_objective: dict[str, dict[str, Number]]
    "Objective to proxy (`reward.<name>`, `ppl.micro`, a metric) to its correlation."
    nulls: list[str]
    "The proxies that know nothing of the learner."
    arms: int


def numbers(evidence: Evidence) -> Predictors:
    """Each reward, perplexity and compatibility metric against U."""
    arms = list(evidence.arms)
    targets = {objective: utilities(evidence, arms, objective) for objective in evidence.objectives}
    correlations = {objective: against(evidence, arms, target) for objective, target in targets.items()}
    return Predictors(correlations, sorted(evidence.traces.nulls), len(arms))


def utilities(evidence: Evidence, arms: Sequence[str], objective: str) -> list[Draws | None]:
    """U of each arm."""
    return [evidence.held.drawn.get((arm, objective)) for arm in arms]


def against(evidence: Evidence, arms: Sequence[str], target: Sequence[Draws | None]) -> dict[str, Number]:
    """Every proxy's correlation over these arms with a quantity of each."""
    traces = evidence.traces
    sources = {f"reward.{name}": (name, traces.rewards) for name in dict.fromkeys(name for _, name in traces.rewards)}
    sources |= {f"ppl.{kind}": (kind, traces.ppl) for kind in (MICRO, MACRO)}
    others = {name: drawn for drawn in (traces.metrics, wholes.drawn(traces)) for _, name in drawn}
    sources |= {name: (name, others[name]) for name in sorted(others)}
    return {
        proxy: evidence.rank([drawn.get((arm, name)) for arm in arms], target, stats.spearman)
        for proxy, (name, drawn) in sources.items()
    }


def show(predictors: Predictors) -> Section:
    """One row per proxy, those that know nothing of the learner last."""
    proxies = list(next(iter(predictors.by_objective.values()), {}))
    proxies.sort(key=lambda proxy: proxy in predictors.nulls)
    columns = predictors.by_objective
    rows = [[Cell(proxy), *(number(correlations[proxy]) for correlations in columns.values())] for proxy in proxies]
    text = (
        f"Spearman's rank correlation with U over the arms (n counts arms, at most {predictors.arms}): few "
        "points, many metrics, no correction. A pattern to test on further studies, not a finding. A metric beaten by "
        "a null metric has shown nothing."
    )
    table = Table(["metric", *(objective.upper() for objective in columns)], rows)
    return Section("Which proxy goes with utility?", [text], tables=[table] if rows else [], folded=True)
