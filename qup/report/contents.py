"""The contents of a report: the numbers of all sections. `outline` has the order in which the page says them."""

from dataclasses import dataclass

from qup.report import selection
from qup.report.evidence import Evidence
from qup.report.family import family as declared_family
from qup.report.numbers import Missing
from qup.report.perceived import Quality
from qup.report.sections import (
    adaptation,
    budgets,
    cautions,
    choice,
    compat,
    contrasts,
    controls,
    dial,
    dose,
    explorer,
    foresight,
    harness,
    logic_and_style,
    matching,
    mechanism,
    methods,
    oracle,
    paper,
    paradox,
    phase,
    predictors,
    premises,
    problems,
    quality,
    question,
    sets,
    settings,
    study,
    verdict,
    ways,
)
from qup.report.traces import PANEL


@dataclass(frozen=True)
class Arms:
    """What is told of some arms, each by name."""

    rows: dict[str, oracle.Row]
    sets: sets.Sets
    compat: compat.Metrics
    budgets: dict[str, budgets.Budget]


@dataclass(frozen=True)
class Numbers:
    """All numbers of a report, by section."""

    study: study.Declared
    tables: oracle.Tables
    main: Arms
    further: Arms
    "Those beside the main ones: no part of the tables, contrasts and indices of `main`."
    contrasts: list[contrasts.Contrast]
    ways: list[ways.Ways]
    "Empty where the study lists no further way to build the traces."
    matching: matching.Matching | None
    "None where arms are matched by one quantity."
    paradox: dict[str, dict[str, paradox.Paradox]]
    quality: Quality
    logic: logic_and_style.Logic
    adaptation: dict[str, adaptation.Adaptation]
    premises: premises.Premises
    "Of all arms."
    controls: dict[str, controls.Control]
    dial: dict[str, dial.Dial]
    "By Oracle; empty where the study has fewer than three places on the dial of objectives."
    maps: dict[str, phase.Map]
    dose: dict[str, dose.Ranking | Missing]
    predictors: predictors.Predictors
    foresight: foresight.Foresight
    "Of all arms."
    explorer: explorer.Explorer | None
    "None where the arms keep no traces."
    harness: dict[str, harness.Task]
    "Of the main arms."
    problems: problems.Problems
    choices: list[choice.Choice]
    verdicts: list[verdict.Verdict]
    cautions: list[str]
    methods: methods.Methods
    paper: paper.Paper | None
    "None where the study names no row of the paper."
    question: question.Question
    mechanism: list[mechanism.Read]
    settings: settings.Settings

    @property
    def labels(self) -> dict[str, str]:
        """Arm to its name in tables."""
        return {arm: row.label for arm, row in (self.main.rows | self.further.rows).items()}


def numbers(evidence: Evidence, every: Evidence) -> Numbers:
    """All sections' numbers; `every` has the further arms among the others, measured apart so that they move none."""
    tables = oracle.numbers(evidence)
    # The panel is scaled over the arms it is measured with, so that of further arms would stand on another scale.
    rewards = [reward for reward in tables.rewards if reward != PANEL]
    others = [arm for arm in every.arms if arm not in evidence.arms]
    main = _arms(evidence, tables.rows)
    further = _arms(every, {arm: oracle.row(every, arm, rewards) for arm in others})
    declared, logic = study.numbers(evidence.study), logic_and_style.numbers(evidence, every)
    family, premised, adapted = declared_family(evidence), premises.numbers(evidence), adaptation.numbers(every)
    tested, controlled = contrasts.numbers(evidence, family), controls.numbers(every)
    matched = matching.numbers(every, tested)
    paradoxes = paradox.numbers(evidence, family, tested, premised)
    told = ways.numbers(every, evidence.oracles)
    costs = {arm: each.cost for arm, each in adapted.items()}
    grounds = verdict.Grounds(declared, tables, tested, paradoxes, logic, costs, controlled, premised)
    return Numbers(
        study=declared,
        tables=tables,
        main=main,
        further=further,
        contrasts=tested,
        ways=told,
        matching=matched,
        paradox=paradoxes,
        quality=quality.numbers(evidence),
        logic=logic,
        adaptation=adapted,
        premises=premised,
        controls=controlled,
        dial=dial.numbers(evidence, tested),
        maps=phase.numbers(every),
        dose=dose.numbers(every),
        predictors=predictors.numbers(evidence),
        foresight=foresight.numbers(every),
        explorer=explorer.numbers(evidence),
        harness=harness.numbers(evidence, tables.rows, {arm: row.label for arm, row in tables.rows.items()}),
        problems=problems.numbers(evidence.base),
        choices=choice.numbers(every, evidence.oracles),
        verdicts=verdict.numbers(grounds),
        cautions=matching.cautions(matched)
        + cautions.numbers(
            declared=declared,
            rows=tables.rows,
            contrasts=tested,
            budgets=main.budgets,
            logic=logic,
            notes=evidence.base.notes,
            still={arm.label: arm.still for arm in every.arms.values() if arm.still},
            chosen={arm.label: by for arm in every.arms.values() if (by := selection.chooser(every.study, arm))},
        ),
        methods=methods.numbers(evidence, every),
        paper=paper.numbers(evidence, tables, main.sets, tested),
        question=question.numbers(declared, tables, [further.rows[arm] for arm in ways.beside(told)]),
        mechanism=mechanism.numbers(tables, logic, adapted, main.compat.by_arm),
        settings=settings.numbers(evidence.study, (main.budgets | further.budgets).values()),
    )


def _arms(evidence: Evidence, rows: dict[str, oracle.Row]) -> Arms:
    return Arms(rows, sets.numbers(evidence, rows), compat.numbers(evidence, rows), budgets.numbers(evidence, rows))
