"""report.json: the numbers of all sections under the keys that MLflow's mirror, tests and other readers look up.

Shares and utilities are fractions here; the page prints accuracy points, 100 times as much.
"""

from typing import Any

from qup.report.contents import Arms, Numbers
from qup.report.numbers import Missing, to_json
from qup.report.sections.contrasts import Contrast, Tested
from qup.report.sections.ways import Ways

Json = dict[str, Any]


def summary(numbers: Numbers) -> Json:
    """The whole report as JSON."""
    logic, problems, tables = numbers.logic, numbers.problems, numbers.tables
    sections = {
        "study": numbers.study,
        "rewards": tables.rewards,
        "primary_reward": tables.primary,
        "base": to_json(tables.base) | {"sets": to_json(numbers.main.sets.base)},
        "arms": _arms(numbers.main),
        "oracles": {oracle: _oracle(numbers, oracle) for oracle in tables.groups},
        "predictors": numbers.predictors.by_objective,
        "foresight": numbers.foresight,
        "samples": problems.samples,
        "problems": problems.checks,
        "factorials": logic.factorials,
        "manipulation": logic.crafts,
        "manipulation_checks": logic.checks,
        "adaptation": numbers.adaptation,
        "premises": numbers.premises,
        "perceived_quality": numbers.quality,
        "controls": numbers.controls,
        "maps": numbers.maps,
        "control_arms": _arms(numbers.further),
        "predictor_check": numbers.dose,
        "choices": numbers.choices,
        "verdicts": numbers.verdicts,
        "cautions": numbers.cautions,
    }
    # A key only where a study has such tasks, or such objectives.
    sections |= {"tasks": numbers.harness} if numbers.harness else {}
    sections |= {"dial": numbers.dial} if numbers.dial else {}
    sections |= {"ways": [_ways(each) for each in numbers.ways]} if numbers.ways else {}
    if numbers.matching is not None:
        sections["matching"] = numbers.matching
    if numbers.paper is not None:
        sections["paper"] = numbers.paper
    whole: Json = to_json(sections)
    return whole


def _arms(arms: Arms) -> Json:
    return {
        arm: to_json(row)
        | {
            "compat": to_json(arms.compat.by_arm[arm]),
            "sets": to_json(arms.sets.arms[arm]),
            "training": to_json(arms.budgets[arm].runs),
        }
        for arm, row in arms.rows.items()
    }


def _ways(ways: Ways) -> Json:
    """Each lead as a contrast has it."""
    whole: Json = to_json(ways)
    return whole | {"leads": {arm: to_json(_tested(lead)) for arm, lead in ways.leads.items()}}


def _oracle(numbers: Numbers, oracle: str) -> Json:
    own = [contrast for contrast in numbers.contrasts if contrast.oracle == oracle]
    objectives = {
        objective: {
            "contrasts": [_contrast(contrast) for contrast in own if contrast.objective == objective],
            "paradox": paradox.index,
            "refined_over_native": paradox.refined_over_native,
        }
        for objective, paradox in numbers.paradox[oracle].items()
    }
    group: Json = to_json(numbers.tables.groups[oracle])
    return group | {"factorial": numbers.logic.main[oracle], "objectives": to_json(objectives)}


def _contrast(contrast: Contrast) -> Json:
    """The name, which readers show, beside the parts that it is made of, which they need not take from it."""
    entry: Json = {"name": contrast.name, "labels": contrast.labels, "declared": contrast.declared}
    if contrast.arms is not None:
        entry |= dict(zip(("first", "second"), contrast.arms, strict=True))
    return entry | _tested(contrast.tested)


def _tested(tested: Tested | Missing) -> Json:
    if isinstance(tested, Missing):
        return {"estimate": tested}
    difference = tested.difference
    entry: Json = {"estimate": difference.estimate, "mde": difference.mde, "resolved": difference.resolved}
    entry |= {"p": difference.p, "holm": difference.holm, "greedy": tested.greedy, "between": tested.between}
    return entry | {"dependent": tested.dependent, "same_traces": tested.same_traces}
