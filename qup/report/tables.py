"""From measures to `summary`: one nested dict of JSON numbers, which the page and MLflow read and nobody recomputes.

Shares and utilities are fractions here; the page prints accuracy points, 100 times as much.
"""

import math
from collections import Counter
from collections.abc import Iterable
from typing import Any

import numpy as np

from qup.report import adaptation, contrasts, controls, factorial, manipulation, predictors
from qup.report.data import PANEL, ArmData, Inputs, Outcomes, asked
from qup.report.entries import drawn, entry, missing
from qup.report.measure import Answers, Measures, measure
from qup.stats import Bootstrap, Draws

DIGITS = 6
"Decimals kept, so that a last bit that differs between machines does not show."


def summarize(inputs: Inputs) -> dict[str, Any]:
    """The whole report as numbers."""
    from qup.report import cautions, verdict

    m = measure(inputs)
    rewards = list(dict.fromkeys(reward for _, reward in m.reward_columns)) or list(inputs.study.rewards)
    out: dict[str, Any] = {
        "study": _study(inputs),
        "rewards": rewards,
        "primary_reward": next((r for r in rewards if inputs.perceived(r)), next(iter(rewards), None)),
        "base": _base(m),
        "arms": {arm: _arm(inputs, m, arm, rewards) for arm in inputs.arms},
        "oracles": _oracles(inputs, m, rewards),
        "predictors": {o: predictors.predictors(inputs, m, o) for o in inputs.study.training.objectives},
        "samples": _samples(inputs),
        "problems": inputs.checks,
    }
    out |= _checked(inputs, m, rewards)
    out["verdicts"] = verdict.verdicts(out)
    out["cautions"] = cautions.cautions(out)
    cleaned: dict[str, Any] = rounded(out)
    return cleaned


def _checked(inputs: Inputs, m: Measures, rewards: list[str]) -> dict[str, Any]:
    """What backs the main tables. Control arms are measured apart, so that they move no number of the main ones."""
    every = inputs.with_controls()
    both = measure(every) if inputs.controls else m
    study = inputs.study
    designs = [(m, name, cells) for name, cells in factorial.main_designs(inputs).items()]
    designs += [(both, name, cells) for name, cells in factorial.control_designs(inputs).items()]
    level = inputs.study.report.level
    # The panel is scaled over the arms it is measured with, so those of the controls would stand on another scale.
    known = [reward for reward in rewards if reward != PANEL]
    return {
        "factorials": {
            name: {
                o: factorial.effects(inputs, found, cells, o)
                for o in (asked(inputs, study.controls[name]) if name in study.controls else study.training.objectives)
            }
            for found, name, cells in designs
        },
        "manipulation": manipulation.means(m, inputs.arms) | manipulation.means(both, inputs.controls),
        "manipulation_checks": {name: manipulation.check(found, cells) for found, name, cells in designs},
        "adaptation": {arm: adaptation.found(costs, level) for arm, costs in both.adaptation.items()},
        "controls": controls.results(every, both),
        "control_arms": {arm: _arm(every, both, arm, known) for arm in inputs.controls},
        "predictor_check": predictors.checks(every, both),
    }


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
        "greedy": study.evaluation.greedy,
        "level": study.report.level,
        "power": study.report.power,
        "resamples": study.report.resamples,
    }


def _base(m: Measures) -> dict[str, Any]:
    sets = {task: _base_answers(m.boot, answers) for task, answers in m.sets.items()}
    return _base_answers(m.boot, m.held) | {"sets": sets}


def _base_answers(boot: Bootstrap, answers: Answers) -> dict[str, Any]:
    if not answers.base:
        return {"accuracy": missing("the base learner was not evaluated")}
    return _answered((boot, answers.population), answers.base, "base")


def _answered(how: tuple[Bootstrap, str], found: dict[tuple[str, str], Outcomes], objective: str) -> dict[str, Any]:
    """Avg@k, truncated and unparsed share of sampled answers, and the accuracy of greedy ones."""
    sampled, greedy = found.get((objective, "sampled")), found.get((objective, "greedy"))
    trained = objective != "base"
    out = {name: _share(how, sampled, name, trained) for name in ("accuracy", "truncated", "unparsed")}
    return out | {"greedy": _share(how, greedy, "accuracy", trained)}


def _share(how: tuple[Bootstrap, str], found: Outcomes | None, name: str, trained: bool) -> dict[str, Any]:
    boot, population = how
    if found is None:
        return missing("no answers with this decoding")
    shares = found.shares[name]
    rate = boot.contrasts([(shares, np.zeros_like(shares))], population)[0]
    if rate is None:
        return missing("no problem was answered under every seed")
    return entry(boot.rate(Draws(rate.value, rate.replicates, rate.n, rate.seeds if trained else None)))


def _arm(inputs: Inputs, m: Measures, arm: str, rewards: Iterable[str]) -> dict[str, Any]:
    data, (refiner, oracle) = inputs.arms[arm], inputs.names[arm]
    objectives = inputs.study.training.objectives
    return {
        "label": contrasts.label(inputs, arm),
        "refiner": refiner,
        "oracle": None if inputs.shared(arm) else oracle,
        "stream": _stream(data),
        "rewards": {r: _reward(m, data, arm, r) for r in rewards},
        "ppl": {
            k: drawn(m.boot, m.ppl.get((arm, k)), "no forward pass") for k in ("micro", "macro", "1", "2", "3", "4")
        },
        "compat": {k: drawn(m.boot, draws, "") for (a, k), draws in sorted(m.compat.items()) if a == arm},
        "learners": {o: _learner(m, m.held, arm, o) for o in objectives},
        "sets": {task: {o: _learner(m, answers, arm, o) for o in objectives} for task, answers in m.sets.items()},
        "training": [_run(run) for run in sorted(data.runs, key=lambda r: (r.objective, r.seed))],
    }


def _reward(m: Measures, data: ArmData, arm: str, reward: str) -> dict[str, Any]:
    failures = Counter(s.failure or "no value" for s in data.scores if s.reward == reward and s.value is None)
    why = "no trace has every reward" if reward == PANEL else "no trace has a value"
    found = drawn(m.boot, m.rewards.get((arm, reward)), why)
    return found | {"failed": sum(failures.values()), "failures": dict(sorted(failures.items()))}


def _learner(m: Measures, answers: Answers, arm: str, objective: str) -> dict[str, Any]:
    reason = f"no {objective} learner was evaluated" if answers.base else "the base learner was not evaluated"
    utility = drawn(m.boot, answers.utility.get((arm, objective)), reason)
    return {"utility": utility} | _answered((m.boot, answers.population), answers.learners[arm], objective)


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
            "factorial": factorial.design(inputs, oracle),
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
    columns = m.reward_columns
    quality = {r: contrasts.paired(m, [pair], columns, r).get(pair) if all(ends) else None for r in rewards}
    return {
        "contrasts": found,
        "paradox": contrasts.paradox_index(inputs, m, group, objective, rewards),
        "refined_over_native": {
            r: entry(q) | contrasts.judged(inputs, q) if q else missing("an arm or its rewards are missing")
            for r, q in quality.items()
        },
    }


def _samples(inputs: Inputs) -> dict[str, Any]:
    counts = Counter(t.verdict.value for t in inputs.traces)
    solved = {t.problem_id for t in inputs.traces if t.verdict.value == "correct"}
    problems = {t.problem_id for t in inputs.traces}
    verdicts = dict(sorted(counts.items()))
    return {"traces": len(inputs.traces), "problems": len(problems), "solved": len(solved), "verdicts": verdicts}
