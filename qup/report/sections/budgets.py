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
    "Traces of the stream that no run could train on: prompts that fill `max_length`, or masks of the whole trace."


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
    authors = _authors({labels[arm]: budget.stream for arm, budget in budgets.items()})
    runs = Table(
        ["arm", "objective", "runs", "traces", "cut at max_length", "tokens a run", "steps a run"],
        [row for arm, budget in budgets.items() for row in _run_rows(labels[arm], budget.runs)],
        caption="Training runs; tokens are completion tokens, epochs counted.",
    )
    return Section("Budgets and counts", tables=[streams, *authors, runs], folded=True)


def _authors(streams: Mapping[str, Stream]) -> list[Table]:
    """Whose traces they are, what the learner wrote, what is masked; no table of a study whose arms do none of it."""
    shown = {arm: own for arm, own in streams.items() if own.origins or own.learner_tokens or own.masked}
    if not shown:
        return []
    origins = sorted({origin for own in shown.values() for origin in own.origins})
    rows = [
        [
            Cell(arm),
            *(_share(own.origins.get(origin, 0), own.traces) for origin in origins),
            *(Cell(f"{count:,}") for count in (own.learner_tokens, own.masked)),
        ]
        for arm, own in shown.items()
    ]
    return [
        Table(
            ["arm", *origins, "learner's tokens", "tokens not trained on"],
            rows,
            caption="Traces by whose they are, tokens that the untrained learner wrote for them, and tokens masked.",
        )
    ]


def _share(count: int, traces: int) -> Cell:
    return Cell(f"{count:,} ({count / traces:.0%})" if count else DASH)


def show_further(budgets: Mapping[str, Budget], labels: Mapping[str, str]) -> Section | None:
    """Whose the traces of the arms beside the main ones are, as of mixtures; None where each arm's are its own."""
    tables = _authors({labels[arm]: budget.stream for arm, budget in budgets.items()})
    return (
        Section("Whose traces the arms beside the main ones train on", tables=tables, folded=True) if tables else None
    )


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
