"""From measures to `summary`: one nested dict of JSON numbers, which the page and MLflow read and nobody recomputes.

Shares and utilities are fractions here; the page prints accuracy points, 100 times as much.
"""

import math
from collections import Counter
from collections.abc import Iterable
from typing import Any

import numpy as np

from qup.report import contrasts
from qup.report.contrasts import entry, missing
from qup.report.data import PANEL, VERIFIABLE, ArmData, Inputs, Outcomes
from qup.report.measure import HELDOUT, Measures
from qup.stats import Bootstrap, Draws

DIGITS = 6
"Decimals kept, so that a last bit that differs between machines does not show."


def summarize(inputs: Inputs, m: Measures) -> dict[str, Any]:
    """The whole report as numbers."""
    from qup.report import verdict

    rewards = list(dict.fromkeys(reward for _, reward in m.reward_columns)) or list(inputs.study.rewards)
    out: dict[str, Any] = {
        "study": _study(inputs),
        "rewards": rewards,
        "primary_reward": next((r for r in rewards if r != VERIFIABLE), next(iter(rewards), None)),
        "base": _base(m),
        "arms": {arm: _arm(inputs, m, arm, rewards) for arm in inputs.arms},
        "oracles": _oracles(inputs, m, rewards),
        "predictors": {o: contrasts.predictors(inputs, m, o) for o in inputs.study.training.objectives},
        "samples": _samples(inputs),
        "problems": inputs.checks,
    }
    out["verdicts"] = verdict.verdicts(out)
    out["cautions"] = verdict.cautions(out)
    cleaned: dict[str, Any] = rounded(out)
    return cleaned


def rounded(value: Any) -> Any:
    """`value` with floats at `DIGITS` decimals; what is not finite becomes None."""
    if isinstance(value, dict):
        return {str(k): rounded(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [rounded(v) for v in value]
    if isinstance(value, bool | np.bool_):
        return bool(value)
    if isinstance(value, float | np.floating):
        return round(float(value), DIGITS) + 0.0 if math.isfinite(value) else None
    return int(value) if isinstance(value, np.integer) else value


def _study(inputs: Inputs) -> dict[str, Any]:
    study = inputs.study
    return {
        "title": study.title,
        "learner": study.models["learner"],
        "oracles": study.oracles,
        "models": {name: settings for name, settings in study.models.items() if name != "learner"},
        "sources": list(study.problems.sources),
        "scope": study.streams.scope,
        "samples": study.sampling.n,
        "objectives": list(study.training.objectives),
        "seeds": list(study.training.seeds),
        "method": study.training.method,
        "tasks": list(study.evaluation.tasks),
        "k": study.evaluation.k,
        "temperature": study.evaluation.temperature,
        "level": study.report.level,
        "power": study.report.power,
        "resamples": study.report.resamples,
    }


def _base(m: Measures) -> dict[str, Any]:
    return _answers(m.boot, m.base, "base") if m.base else {"accuracy": missing("the base learner was not evaluated")}


def _answers(boot: Bootstrap, found: dict[tuple[str, str], Outcomes], objective: str) -> dict[str, Any]:
    """Avg@k, truncated and unparsed share of sampled answers, and the accuracy of greedy ones."""
    sampled, greedy = found.get((objective, "sampled")), found.get((objective, "greedy"))
    trained = objective != "base"
    out = {name: _share(boot, sampled, name, trained) for name in ("accuracy", "truncated", "unparsed")}
    return out | {"greedy": _share(boot, greedy, "accuracy", trained)}


def _share(boot: Bootstrap, found: Outcomes | None, name: str, trained: bool) -> dict[str, Any]:
    if found is None:
        return missing("no answers with this decoding")
    shares = found.shares[name]
    drawn = boot.contrasts([(shares, np.zeros_like(shares))], HELDOUT)[0]
    if drawn is None:
        return missing("no problem was answered under every seed")
    return entry(boot.rate(Draws(drawn.value, drawn.replicates, drawn.n, drawn.seeds if trained else None)))


def _arm(inputs: Inputs, m: Measures, arm: str, rewards: Iterable[str]) -> dict[str, Any]:
    data, (refiner, oracle) = inputs.arms[arm], inputs.names[arm]
    return {
        "label": contrasts.label(inputs, arm),
        "refiner": refiner,
        "oracle": None if inputs.shared(arm) else oracle,
        "stream": _stream(data),
        "rewards": {r: _reward(m, data, arm, r) for r in rewards},
        "ppl": {
            k: _estimate(m, m.ppl.get((arm, k)), "no forward pass") for k in ("micro", "macro", "1", "2", "3", "4")
        },
        "compat": {k: _estimate(m, draws, "") for (a, k), draws in sorted(m.compat.items()) if a == arm},
        "learners": {o: _learner(m, arm, o) for o in inputs.study.training.objectives},
        "training": [_run(run) for run in sorted(data.runs, key=lambda r: (r.objective, r.seed))],
    }


def _estimate(m: Measures, draws: Draws | None, reason: str) -> dict[str, Any]:
    return entry(m.boot.estimate(draws)) if draws else missing(reason)


def _reward(m: Measures, data: ArmData, arm: str, reward: str) -> dict[str, Any]:
    failures = Counter(s.failure or "no value" for s in data.scores if s.reward == reward and s.value is None)
    why = "no trace has every reward" if reward == PANEL else "no trace has a value"
    found = _estimate(m, m.rewards.get((arm, reward)), why)
    return found | {"failed": sum(failures.values()), "failures": dict(sorted(failures.items()))}


def _learner(m: Measures, arm: str, objective: str) -> dict[str, Any]:
    reason = f"no {objective} learner was evaluated" if m.base else "the base learner was not evaluated"
    utility = _estimate(m, m.utility.get((arm, objective)), reason)
    return {"utility": utility} | _answers(m.boot, m.outcomes[arm], objective)


def _stream(data: ArmData) -> dict[str, Any]:
    rows = data.stream
    return {
        "problems": len(rows),
        "traces": sum(r.text is not None for r in rows),
        "outcomes": dict(sorted(Counter(r.outcome for r in rows).items())),
        "strata": dict(sorted(Counter(r.stratum for r in rows if r.text is not None).items())),
        "verdicts": dict(sorted(Counter(r.verdict.value for r in rows if r.verdict).items())),
        "attempts": sum(r.attempts for r in rows),
        "oracle_tokens": sum(r.oracle_tokens for r in rows),
    }


def _run(run: Any) -> dict[str, Any]:
    return {key: getattr(run, key) for key in ("objective", "seed", "traces", "truncated", "tokens", "steps")}


def _oracles(inputs: Inputs, m: Measures, rewards: list[str]) -> dict[str, Any]:
    found = contrasts.all_contrasts(inputs, m)
    return {
        oracle: {
            "arms": inputs.group(oracle),
            "dials": inputs.study.oracles[oracle],
            "objectives": {o: _objective(inputs, m, (oracle, o), rewards, cs) for o, cs in by_objective.items()},
        }
        for oracle, by_objective in found.items()
    }


def _objective(
    inputs: Inputs, m: Measures, place: tuple[str, str], rewards: list[str], found: list[dict[str, Any]]
) -> dict[str, Any]:
    oracle, objective = place
    group = inputs.group(oracle)
    ends = tuple(contrasts.find(inputs, group, r) for r in (contrasts.REFINED, contrasts.NATIVE))
    pair = (str(ends[0]), str(ends[1]))
    quality = {r: contrasts.reward_differences(m, [pair], r).get(pair) if all(ends) else None for r in rewards}
    return {
        "contrasts": found,
        "decomposition": contrasts.decomposition(inputs, m, oracle, objective),
        "paradox": contrasts.paradox_index(inputs, m, oracle, objective, rewards),
        "refined_over_native": {
            r: entry(q) if q else missing("an arm or its rewards are missing") for r, q in quality.items()
        },
    }


def _samples(inputs: Inputs) -> dict[str, Any]:
    counts = Counter(t.verdict.value for t in inputs.traces)
    solved = {t.problem_id for t in inputs.traces if t.verdict.value == "correct"}
    problems = {t.problem_id for t in inputs.traces}
    verdicts = dict(sorted(counts.items()))
    return {"traces": len(inputs.traces), "problems": len(problems), "solved": len(solved), "verdicts": verdicts}
