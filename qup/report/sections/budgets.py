"""Budgets and counts: what each stream and each training run cost."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from qup.measured import Stream
from qup.records import TrainRun
from qup.report.evidence import Evidence
from qup.report.view import DASH, Cell, Section, Table, word

STRATA = ("solved", "failed")
"Problems by whether the learner solved them."


@dataclass(frozen=True)
class Run:
    """The account of one training run."""

    objective: str
    replicate: int
    traces: int
    truncated: int
    "Traces cut at the study's `max_length`."
    tokens: int
    "Completion tokens trained on, epochs counted."
    steps: int


@dataclass(frozen=True)
class Budget:
    """One arm."""

    stream: Stream
    runs: list[Run]
    left_out: int
    "Traces of the stream that no run could train on: their prompts alone fill the study's `max_length`."


def numbers(evidence: Evidence, arms: Iterable[str]) -> dict[str, Budget]:
    """The budgets of these arms."""
    measured = [evidence.arms[arm] for arm in arms]
    return {arm.name: Budget(arm.stream, [_run(run) for run in arm.runs], _left_out(arm.runs)) for arm in measured}


def _run(run: TrainRun) -> Run:
    return Run(run.objective, run.replicate, run.traces, run.truncated, run.tokens, run.steps)


def _left_out(runs: Iterable[TrainRun]) -> int:
    """Runs of one replicate, under several objectives, have the same traces."""
    return sum({run.replicate: run.left_out for run in runs}.values())


def show(budgets: Mapping[str, Budget], labels: Mapping[str, str]) -> Section:
    """A row per stream, and one per arm and objective."""
    outcomes = sorted({outcome for budget in budgets.values() for outcome in budget.stream.outcomes})
    streams = Table(
        ["arm", *outcomes, "Oracle calls", "Oracle tokens", *(f"{stratum} stratum" for stratum in STRATA)],
        [[Cell(labels[arm]), *_stream_cells(budget.stream, outcomes)] for arm, budget in budgets.items()],
        caption="Traces per outcome and what they cost.",
    )
    runs = Table(
        ["arm", "objective", "runs", "traces", "cut at max_length", "tokens a run", "steps a run"],
        [row for arm, budget in budgets.items() for row in _run_rows(labels[arm], budget.runs)],
        caption="Training runs; tokens are completion tokens, epochs counted.",
    )
    return Section("Budgets and counts", tables=[streams, runs], folded=True)


def show_mixtures(budgets: Mapping[str, Budget], labels: Mapping[str, str]) -> Section | None:
    """Where the traces of mixtures come from; None where there is no mixture."""
    mixtures = {arm: budget.stream.origins for arm, budget in budgets.items() if budget.stream.origins}
    origins = sorted({origin for counts in mixtures.values() for origin in counts})
    rows = [[Cell(labels[arm]), *(Cell(f"{own.get(each, 0):,}") for each in origins)] for arm, own in mixtures.items()]
    columns = ["arm", *(labels.get(origin, origin) for origin in origins)]
    table = Table(columns, rows, caption="Traces by the arm whose stream they are taken from.")
    return Section("Mixtures", tables=[table], folded=True) if mixtures else None


def _stream_cells(stream: Stream, outcomes: Iterable[str]) -> list[Cell]:
    counts = [stream.outcomes.get(outcome, 0) for outcome in outcomes]
    counts += [stream.attempts, stream.oracle_tokens]
    counts += [stream.strata.get(stratum, 0) for stratum in STRATA]
    return [Cell(f"{count:,}") for count in counts]


def _run_rows(label: str, runs: Sequence[Run]) -> list[list[Cell]]:
    rows = []
    for objective in dict.fromkeys(run.objective for run in runs):
        own = [run for run in runs if run.objective == objective]
        counts = zip(*((run.traces, run.truncated, run.tokens, run.steps) for run in own), strict=True)
        rows.append(
            [Cell(label), word(objective.upper()), Cell(str(len(own))), *(Cell(_span(each)) for each in counts)]
        )
    return rows or [[Cell(label), Cell(DASH, "no training run"), *[Cell(DASH)] * 5]]


def _span(counts: Sequence[int]) -> str:
    low, high = min(counts), max(counts)
    return f"{low:,}" if low == high else f"{low:,} to {high:,}"
