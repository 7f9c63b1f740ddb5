"""The dozen numbers of the refiner under comparison that `dvc exp show` puts side by side."""

from qup.arms import ALIGNED, NATIVE, REFINED
from qup.report.contents import Numbers
from qup.report.evidence import Evidence
from qup.report.numbers import Missing, Number
from qup.report.sections import contrasts
from qup.report.sections.contrasts import Tested
from qup.report.traces import MICRO

DIGITS = 4
Metrics = dict[str, float | str | None]
"Name to value; None where it was not measured."
CONTRASTS = {"sar_minus_refined": (ALIGNED, REFINED), "rft_minus_refined": (NATIVE, REFINED)}


def metrics(evidence: Evidence, numbers: Numbers, oracle: str, refiner: str) -> Metrics:
    """For an Oracle and a refiner: reward over RFT's, perplexity, cost, accuracies, declared contrasts and the verdict.

    `reward` is in the primary reward's unit, `ppl` the untrained learner's micro perplexity, `adaptation_cost` in nats;
    accuracies are Avg@k in percent, contrasts in accuracy points. The contrasts and the verdict are the Oracle's.
    """
    arm = evidence.find(oracle, refiner)
    objectives = numbers.study.objectives
    row: Metrics = {
        "reward": _reward(evidence, arm),
        "ppl": _value(numbers.tables.rows[arm].ppl[MICRO]) if arm else None,
        "adaptation_cost": _value(numbers.adaptation[arm].cost) if arm else None,
    }
    for prefix, whose in (("accuracy", arm), ("accuracy_rft", evidence.native)):
        row |= {f"{prefix}_{objective}": _accuracy(numbers, whose, objective) for objective in objectives}
    for name, refiners in CONTRASTS.items():
        row |= {f"{name}_{objective}": _contrast(numbers, oracle, objective, refiners) for objective in objectives}
    states = (verdict.paradox for verdict in numbers.verdicts if verdict.oracle == oracle)
    return row | {"verdict": next(states, None)}


def _reward(evidence: Evidence, arm: str | None) -> float | None:
    """Q of the arm minus Q of RFT, on the problems of which both have a value."""
    traces, native = evidence.traces, evidence.native
    if arm is None or native is None or traces.primary is None:
        return None
    gap = traces.paired(traces.reward_columns, traces.primary, [(arm, native)]).get((arm, native))
    return _value(gap or Missing("no problem with both"))


def _accuracy(numbers: Numbers, arm: str | None, objective: str) -> float | None:
    return _value(numbers.tables.rows[arm].learners[objective].answered.accuracy, scale=100) if arm else None


def _contrast(numbers: Numbers, oracle: str, objective: str, refiners: tuple[str, str]) -> float | None:
    contrast = contrasts.find(numbers.contrasts, oracle, objective, refiners)
    if contrast is None or not isinstance(contrast.tested, Tested):
        return None
    return _value(contrast.tested.difference.estimate, scale=100)


def _value(number: Number, scale: float = 1) -> float | None:
    return None if isinstance(number, Missing) else round(scale * number.value, DIGITS) + 0.0
