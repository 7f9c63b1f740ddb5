"""Cautions: whatever in the numbers weakens the verdicts, one sentence each."""

from collections.abc import Iterable, Mapping, Sequence

from qup.arms import ALIGNED, NATIVE, REFINED
from qup.report.sections.budgets import Budget
from qup.report.sections.contrasts import Contrast, Tested
from qup.report.sections.logic_and_style import Logic
from qup.report.sections.oracle import Row
from qup.report.sections.study import Declared
from qup.report.view import Finding
from qup.stats import ZERO, Estimate

NEAR = 0.5
"Share of equal traces from which a contrast between two streams is flagged."
BUDGET = 0.05
"Relative spread of training tokens over arms from which budgets are called unmatched."


def numbers(
    *,
    declared: Declared,
    rows: Mapping[str, Row],
    contrasts: Sequence[Contrast],
    budgets: Mapping[str, Budget],
    logic: Logic,
    notes: Sequence[str] = (),
    still: Mapping[str, Sequence[str]] | None = None,
    chosen: Mapping[str, str] | None = None,
) -> list[str]:
    """One replicate, streams nearly alike or not as named, unmatched budgets and their like.

    By a stream's label: `still` its learners that say nothing else than the base, `chosen` the reward that chose it.
    """
    primary = [contrast for contrast in contrasts if contrast.declared]
    return [
        *_decoded(declared),
        *_replicates(rows.values()),
        *_still(rows.values()),
        *_dead(still or {}),
        *_alike(primary),
        *_covered([*rows.values()]),
        *_chosen(chosen or {}),
        *_budgets(budgets.values(), declared.objectives),
        *_empty(rows.values()),
        *_left_out(budgets, rows),
        *_manipulated(logic),
        *(f"The learner's checkpoint: {note}." for note in notes),
    ]


def _decoded(declared: Declared) -> list[str]:
    if declared.greedy:
        return []
    return [f"Utility was read at T = {declared.temperature:g} alone: a verdict may be one of the decoding."]


def _replicates(rows: Iterable[Row]) -> list[str]:
    utilities = [learner.utility for row in rows for learner in row.learners.values()]
    if any(isinstance(utility, Estimate) and utility.replicated is False for utility in utilities):
        return ["One replicate: intervals are over problems only, and nothing is resolved by them."]
    return []


def _still(rows: Iterable[Row]) -> list[str]:
    """Learners that answer every problem just as the base does: training that changed nothing, or did not run."""
    names = [
        f"{row.label} {objective.upper()}"
        for row in rows
        for objective, learner in row.learners.items()
        if isinstance(learner.utility, Estimate) and learner.utility.value == 0 and learner.utility.se < ZERO
    ]
    return [f"Trained learners that are right exactly where the base is: {', '.join(names)}."] if names else []


def _dead(still: Mapping[str, Sequence[str]]) -> list[str]:
    """Learners that rate given answers just as the base does: what is told of them is told of the base."""
    return [
        f"{label}: {len(own)} trained learners ({', '.join(own)}) rate every probe exactly as the untrained one does: "
        f"their weights were not loaded, or not trained, and their numbers are the base's."
        for label, own in still.items()
    ]


def _alike(declared: Iterable[Contrast]) -> list[str]:
    """A contrast is of the same traces under each objective, so it is said once."""
    tested = {contrast.name: contrast.tested for contrast in declared if isinstance(contrast.tested, Tested)}
    same = {name: each.same_traces for name, each in tested.items()}
    return [
        f"{name} compares nearly the same data: {each.same} of {each.of} traces are identical."
        for name, each in same.items()
        if each.of and each.same / each.of >= NEAR
    ]


def _covered(rows: Sequence[Row]) -> list[str]:
    """Where all problems are trained on, RFT still has those alone that the learner solved."""
    native = [row.label for row in rows if row.refiner == NATIVE and row.oracle is None]
    failed = {row.label: row.stream.strata.get("failed", 0) for row in rows if row.refiner == REFINED}
    return [
        f"{count} traces of {label} are of problems that the learner failed, of which {reference} has none: V, and "
        f"whatever is compared with {reference}, is of what is done to traces and of which problems they are."
        for reference in native
        for label, count in failed.items()
        if count
    ]


def _chosen(by_label: Mapping[str, str]) -> list[str]:
    """Streams that win by a reward because it chose them."""
    return [
        f"{label}: its traces were chosen by {reward}, so that {reward} (and a panel with it) prefers them is no "
        f"finding: the highest of several noisy values is high by its noise, too."
        for label, reward in by_label.items()
    ]


def _budgets(budgets: Iterable[Budget], objectives: Sequence[str]) -> list[str]:
    runs = [run for budget in budgets for run in budget.runs]
    tokens = {objective: [run.tokens for run in runs if run.objective == objective] for objective in objectives}
    return [
        f"{objective.upper()} budgets are not matched in tokens: {min(counts):,} to {max(counts):,} a run."
        for objective, counts in tokens.items()
        if counts and max(counts) > (1 + BUDGET) * min(counts)
    ]


def _empty(rows: Iterable[Row]) -> list[str]:
    empty = [row.label for row in rows if row.refiner in (ALIGNED, REFINED) and not row.stream.traces]
    return [f"{label}: the stream holds no trace." for label in empty]


def _left_out(budgets: Mapping[str, Budget], rows: Mapping[str, Row]) -> list[str]:
    """A learner that never saw the longest problems is not trained on the arm that the stream tables tell of."""
    return [
        f"{rows[arm].label}: {budget.left_out} of {budget.stream.traces} traces were not trained on, since their "
        f"prompts alone fill training.max_length."
        for arm, budget in budgets.items()
        if budget.left_out
    ]


def _manipulated(logic: Logic) -> list[str]:
    """Of the main factorials; a control's own check is its outcome."""
    checks = {name: logic.checks[name] for name in logic.main.values()}
    failed = {name: check.reason for name, check in checks.items() if check.passed is False}
    return [f"The streams of factorial {name} are not what their names say: {why}." for name, why in failed.items()]


def show(cautions: Sequence[str]) -> list[Finding]:
    """They stand below the verdicts."""
    return [("Cautions", list(cautions))] if cautions else []
