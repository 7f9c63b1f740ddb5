"""A measured arm: an arm's records as columns over problems and replicates, in one small file.

It is all that the report, advice and comparison need of an arm, so it is kept in Git and a reader needs no data store:
`results/<study>/arms/<oracle>/<refiner>.json`, `further.json` (all further arms) and `base.json` (the untrained learner
and the problems). Each file is a list, which DVC's tables of metrics pass over.

Equal records give equal bytes.
"""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from qup.arms import Arm
from qup.compat import Metric
from qup.measured._columns import column, counted, plug_of, short
from qup.measured._columns import hashed as hashed
from qup.measured.answers import Answers, Column, answers_of
from qup.measured.examples import Example, Question
from qup.measured.restyled import Shifted, shifted
from qup.measured.scored import Scored, scored, still
from qup.records import OMITTED, Compat, Count, Eval, Problem, Refined, Score, Step, TaskScore, Trace, TrainRun, Verdict
from qup.records.restyled import Restyled


@dataclass(frozen=True)
class Stream:
    """What became of an arm's drafts."""

    problems: Count
    "Problems that the stream covers."
    traces: Count
    "To train on."
    outcomes: dict[str, Count]
    "`Refined.outcome` to how often."
    strata: dict[str, Count]
    "Traces by stratum: `solved`, `failed`."
    verdicts: dict[str, Count]
    attempts: Count
    "Oracle calls."
    oracle_tokens: Count
    learner_tokens: Count = field(default=0, metadata=OMITTED)
    "Tokens that the untrained learner generated for it."
    origins: dict[str, Count] = field(default_factory=dict, metadata=OMITTED)
    "Traces by whose they are, in a stream of several authors or a mixture of arms: `Refined.origin`."
    masked: Count = field(default=0, metadata=OMITTED)
    "Completion tokens that the loss leaves out."
    drafts: Count = field(default=0, metadata=OMITTED)
    "Of all problems, where these may have several; 0: one a problem."


@dataclass(frozen=True, eq=False)
class Curve:
    """One training run, step by step."""

    objective: str
    replicate: int
    epoch: list[float]
    tokens: list[int]
    "Completion tokens trained on so far."
    loss: list[float]
    "Mean loss per completion token, nats under `sft`; under another objective its own loss."


@dataclass(frozen=True, eq=False)
class Measured:
    """One arm."""

    name: str
    oracle: str
    refiner: str
    label: str
    "The arm in tables."
    problems: list[str]
    "Ids of the problems that the stream covers, sorted; the columns below are over them, means of a problem's traces."
    replicates: list[int]
    "Of each problem: the replicate that trains on it."
    stream: Stream
    traces: list[str | None]
    "A hash of each problem's texts and their masks: equal where two arms train on the very same; None where none is."
    rewards: dict[str, Column]
    "Reward to its values."
    failures: dict[str, dict[str, int]]
    "Reward to why traces have no value, and how many."
    tokens: Column
    "Completion tokens, end-of-sequence included; the sum over a problem's traces."
    nll: Column
    "-log p of the trace under the untrained learner, nats; the sum over a problem's traces."
    metrics: dict[str, Column]
    "Metric key (`rsr`, `quarter.1`) to its values, to six significant digits: there are many, and Git keeps them."
    roles: dict[str, str]
    "Metric key to its role: `drift`, `null` or `truth`."
    plugs: dict[str, str]
    "Metric key to the plug that it is of."
    runs: list[TrainRun]
    curves: list[Curve]
    answers: list[Answers]
    scored: list[Scored] = field(default_factory=list, metadata=OMITTED)
    "lm-eval's own scores, of its tasks."
    still: list[str] = field(default_factory=list, metadata=OMITTED)
    "Learners, as `sft-1`, whose weights say nothing else than the base's."
    trace_counts: list[int] = field(default_factory=list, metadata=OMITTED)
    "Traces of each problem, where these may have several."
    examples: list[Example] = field(default_factory=list, metadata=OMITTED)
    "Traces for people to read, of the main arms."

    @property
    def asks_oracle(self) -> bool:
        """Whether any trace cost an Oracle call."""
        return self.stream.attempts > 0


@dataclass(frozen=True, eq=False)
class Judged:
    """What a reward makes of the learner's own samples, right and wrong."""

    reward: str
    problems: list[str]
    "Of each sample."
    right: list[int]
    "Of each sample: 1 if its final answer is the gold one, else 0."
    values: Column
    "NaN where the reward failed."


@dataclass(frozen=True, eq=False)
class Base:
    """The untrained learner, its samples and the problems."""

    answers: list[Answers]
    samples: dict[str, int]
    "Samples of the training problems by verdict."
    solved: dict[str, list[int]]
    "Training set to its problems with a correct sample, and all of its problems."
    checks: dict[str, Any]
    "Counts of the problems' own checks."
    tags: dict[str, list[str]]
    "Tag to the ids of the evaluation problems that have it."
    judged: list[Judged]
    pretraining: list[Step] = field(default_factory=list)
    "The curve of a learner that the study made itself."
    notes: list[str] = field(default_factory=list, metadata=OMITTED)
    "What was mended of the learner's checkpoint, and what a reader must know of it."
    scored: list[Scored] = field(default_factory=list, metadata=OMITTED)
    "lm-eval's own scores, of its tasks."
    restyled: list[Shifted] = field(default_factory=list, metadata=OMITTED)
    "What rewards make of restyled samples."
    questions: list[Question] = field(default_factory=list, metadata=OMITTED)
    "The problems of the main arms' examples."

    def graded(self, task: str) -> bool:
        """Whether the answers to a task of lm-eval are graded, as the prepare stage saw by its gold answers."""
        return bool(self.checks.get("evaluation", {}).get(task, {}).get("graded"))


def measure(  # noqa: PLR0917 - an arm's records, of seven kinds
    arm: Arm,
    metrics: Mapping[str, Metric],
    stream: Sequence[Refined],
    scores: Sequence[Score],
    compat: Sequence[Compat],
    steps: Sequence[Step],
    runs: Sequence[TrainRun],
    evals: Sequence[Eval],
    tasks: Sequence[TaskScore] = (),
) -> Measured:
    """An arm's records as columns; `metrics` are the study's, for their roles."""
    replicate_of = {refined.problem_id: refined.replicate for refined in stream}
    problems = sorted(replicate_of)
    kept: dict[str, list[Refined]] = {problem: [] for problem in problems}
    for refined in stream:
        kept[refined.problem_id] += [refined] if refined.text is not None else []
    by_reward: dict[str, list[tuple[str, float | None]]] = {}
    failures: dict[str, Counter[str]] = {}
    for score in scores:
        by_reward.setdefault(score.reward, []).append((score.problem_id, score.value))
        if score.value is None:
            failures.setdefault(score.reward, Counter())[score.failure or "no value"] += 1
    keys = sorted({key for row in compat for key in row.values})
    plugs = {key: plug_of(key, metrics) for key in keys}
    return Measured(
        name=arm.name,
        oracle=arm.oracle,
        refiner=arm.refiner,
        label=arm.label,
        problems=problems,
        replicates=[replicate_of[problem] for problem in problems],
        stream=_stream(stream),
        traces=[hashed(kept[problem]) for problem in problems],
        trace_counts=[] if len(stream) == len(problems) else [len(kept[problem]) for problem in problems],
        rewards={reward: column(problems, values) for reward, values in by_reward.items()},
        failures={reward: dict(sorted(counts.items())) for reward, counts in failures.items()},
        tokens=column(problems, [(row.problem_id, row.tokens) for row in compat], math.fsum),
        nll=column(problems, [(row.problem_id, row.nll) for row in compat], math.fsum),
        metrics={
            key: short(column(problems, [(row.problem_id, row.values.get(key)) for row in compat])) for key in keys
        },
        roles={key: str(metrics[plug].role) for key, plug in plugs.items()},
        plugs=plugs,
        runs=sorted(runs, key=lambda run: (run.objective, run.replicate)),
        curves=_curves(steps),
        answers=answers_of(evals),
        scored=scored(tasks),
        still=still(tasks),
    )


@dataclass(frozen=True)
class Problems:
    """The problems of a study."""

    train: Sequence[Problem]
    evaluation: Sequence[Problem]
    "Of all tasks."
    checks: dict[str, Any]


def measure_base(  # noqa: PLR0917 - the learner's records, of as many kinds
    problems: Problems,
    traces: Sequence[Trace],
    scores: Sequence[Score],
    evals: Sequence[Eval],
    pretraining: Sequence[Step],
    notes: Sequence[str] = (),
    tasks: Sequence[TaskScore] = (),
    restyled: Sequence[Restyled] = (),
) -> Base:
    """The untrained learner's records as columns; `scores` are of its samples, `restyled` of their restyles."""
    solved = {trace.problem_id for trace in traces if trace.verdict is Verdict.CORRECT}
    sets: dict[str, list[int]] = {}
    for problem in problems.train:
        counts = sets.setdefault(problem.training_set or "", [0, 0])
        counts[0] += problem.id in solved
        counts[1] += 1
    tags: dict[str, list[str]] = {}
    for problem in sorted(problems.evaluation, key=lambda problem: problem.id):
        for tag in problem.tags:
            tags.setdefault(tag, []).append(problem.id)
    return Base(
        answers=answers_of(evals),
        samples=counted(trace.verdict.value for trace in traces),
        solved=sets,
        checks=problems.checks,
        tags=dict(sorted(tags.items())),
        judged=_judged(traces, scores),
        pretraining=list(pretraining),
        notes=list(notes),
        scored=scored(tasks),
        restyled=shifted(scores, restyled),
    )


def _judged(traces: Sequence[Trace], scores: Sequence[Score]) -> list[Judged]:
    verdicts = {(trace.problem_id, trace.index): trace.verdict for trace in traces}
    by_reward: dict[str, list[Score]] = {}
    for score in scores:
        by_reward.setdefault(score.reward, []).append(score)
    judged = []
    for reward, own in by_reward.items():
        right = [int(verdicts[score.problem_id, score.index or 0] is Verdict.CORRECT) for score in own]
        values = np.array([np.nan if score.value is None else score.value for score in own])
        judged.append(Judged(reward, [score.problem_id for score in own], right, values))
    return judged


def _stream(stream: Sequence[Refined]) -> Stream:
    problems = len({refined.problem_id for refined in stream})
    return Stream(
        problems=problems,
        traces=sum(refined.text is not None for refined in stream),
        outcomes=counted(refined.outcome for refined in stream),
        strata=counted(refined.stratum for refined in stream if refined.text is not None),
        verdicts=counted(refined.verdict.value for refined in stream if refined.verdict),
        attempts=sum(refined.attempts for refined in stream),
        oracle_tokens=sum(refined.oracle_tokens for refined in stream),
        learner_tokens=sum(refined.learner_tokens for refined in stream),
        origins=counted(refined.origin for refined in stream if refined.origin and refined.text is not None),
        masked=sum(len(refined.mask.left_out) for refined in stream if refined.mask),
        drafts=len(stream) if len(stream) > problems else 0,
    )


def _curves(steps: Sequence[Step]) -> list[Curve]:
    runs: dict[tuple[str, int], list[Step]] = {}
    for step in sorted(steps, key=lambda step: step.step):
        runs.setdefault((step.objective, step.replicate), []).append(step)
    return [
        Curve(*key, [step.epoch for step in run], [step.tokens for step in run], [step.loss for step in run])
        for key, run in sorted(runs.items())
    ]
