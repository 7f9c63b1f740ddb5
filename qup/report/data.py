"""What the report is made of: the records of every arm, and their arrays over problems."""

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from qup.params import Study
from qup.records import Compat, Eval, Refined, Score, Step, Trace, TrainRun, Verdict
from qup.stats import Array

PANEL = "panel"
"The reward that averages the reward models of a trace, each in standard deviations over the traces of all arms."
VERIFIABLE = "answer"
"The grader as a reward: a check of the answer, not a perception of quality, so no part of the panel."
COLUMNS: dict[str, Verdict] = {
    "accuracy": Verdict.CORRECT,
    "truncated": Verdict.TRUNCATED,
    "unparsed": Verdict.UNPARSED,
}
HeldOut = tuple[str, str]
"A held-out problem: (task, problem id)."


@dataclass(frozen=True)
class ArmData:
    """All records of one arm."""

    stream: list[Refined]
    scores: list[Score]
    compat: list[Compat]
    steps: list[Step]
    runs: list[TrainRun]
    evals: list[Eval]


@dataclass(frozen=True)
class Inputs:
    """Everything the report is computed from."""

    study: Study
    arms: Mapping[str, ArmData]
    names: Mapping[str, tuple[str, str]]
    "Arm to (refiner, oracle)."
    base: list[Eval]
    checks: dict[str, Any]
    traces: list[Trace]

    def shared(self, arm: str) -> bool:
        """Whether the arm asked no Oracle, and so stands in the table of each."""
        return not any(r.attempts for r in self.arms[arm].stream)

    def group(self, oracle: str) -> list[str]:
        """The arms of one Oracle and the shared ones, in the order given."""
        return [a for a in self.arms if self.names[a][1] == oracle or ("-" not in a and self.shared(a))]

    def oracles(self) -> list[str]:
        """The Oracles that at least one arm belongs to, in the study's order."""
        used = {oracle for _, oracle in self.names.values()}
        return [o for o in self.study.oracles if o in used]


@dataclass(frozen=True, eq=False)
class Outcomes:
    """Verdict shares of one arm, objective and decoding: name of `COLUMNS` to a (seeds, problems) array."""

    seeds: tuple[int, ...]
    shares: dict[str, Array]


def heldout(evals: Iterable[Eval]) -> list[HeldOut]:
    """The held-out problems, sorted; problems of all tasks are pooled."""
    return sorted({(e.task, e.problem_id) for e in evals})


def outcomes(evals: Iterable[Eval], problems: Sequence[HeldOut]) -> dict[tuple[str, str], Outcomes]:
    """Verdict shares per (objective, decoding); NaN where a seed has no answer to a problem."""
    counts: dict[tuple[str, str], dict[int, Counter[tuple[HeldOut, Verdict]]]] = {}
    for e in evals:
        by_seed = counts.setdefault((e.objective, e.decoding), {})
        by_seed.setdefault(e.seed, Counter())[(e.task, e.problem_id), e.verdict] += 1
    return {key: _shares(by_seed, problems) for key, by_seed in counts.items()}


def _shares(by_seed: dict[int, Counter[tuple[HeldOut, Verdict]]], problems: Sequence[HeldOut]) -> Outcomes:
    order = tuple(sorted(by_seed))
    kinds = list(Verdict)
    table = np.array([[[by_seed[s][p, v] for v in kinds] for p in problems] for s in order], dtype=np.float64)
    total = table.sum(axis=2)
    known = np.where(total > 0, total, np.nan)
    return Outcomes(order, {name: table[:, :, kinds.index(v)] / known for name, v in COLUMNS.items()})


def training_problems(arms: Mapping[str, ArmData]) -> list[str]:
    """The ids of all problems of any stream, sorted."""
    return sorted({r.problem_id for arm in arms.values() for r in arm.stream})


def reward_columns(inputs: Inputs, problems: Sequence[str]) -> dict[tuple[str, str], Array]:
    """(arm, reward) to its values over `problems`, NaN where there is none; with the panel of reward models."""
    at = {p: i for i, p in enumerate(problems)}
    columns = {(arm, r): np.full(len(problems), np.nan) for r in inputs.study.rewards for arm in inputs.arms}
    for arm, data in inputs.arms.items():
        for score in data.scores:
            if score.value is not None and score.problem_id in at:
                column = columns.setdefault((arm, score.reward), np.full(len(problems), np.nan))
                column[at[score.problem_id]] = score.value
    return columns | _panel(inputs.arms, columns)


def _panel(arms: Iterable[str], columns: dict[tuple[str, str], Array]) -> dict[tuple[str, str], Array]:
    rewards = list(dict.fromkeys(reward for _, reward in columns if reward != VERIFIABLE))
    scaled: dict[str, list[Array]] = {arm: [] for arm in arms}
    for reward in rewards:
        values = np.concatenate([columns[arm, reward] for arm in scaled if (arm, reward) in columns])
        values = values[np.isfinite(values)]
        if len(values) and values.std() > 0:
            for arm, parts in scaled.items():
                column = columns.get((arm, reward), np.full_like(next(iter(columns.values())), np.nan))
                parts.append((column - values.mean()) / values.std())
    if any(len(parts) < 2 for parts in scaled.values()):
        return {}
    return {(arm, PANEL): np.mean(parts, axis=0) for arm, parts in scaled.items()}


def compat_columns(data: ArmData, problems: Sequence[str]) -> dict[str, Array]:
    """Every metric of an arm over `problems`, NaN where it has none, with `_nll` and `_tokens` of the whole trace."""
    at = {p: i for i, p in enumerate(problems)}
    columns: dict[str, Array] = {}
    for row in data.compat:
        for key, value in {**row.values, "_nll": row.nll, "_tokens": row.tokens}.items():
            if row.problem_id in at and math.isfinite(value):
                columns.setdefault(key, np.full(len(problems), np.nan))[at[row.problem_id]] = value
    return columns
