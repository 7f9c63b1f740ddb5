"""What the report is made of: the records of every arm, and their arrays over problems."""

import dataclasses
import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from qup.params import ControlSettings, Objective, Study
from qup.records import Compat, Eval, Refined, Score, Step, Trace, TrainRun, Verdict
from qup.stats import Array

PANEL = "panel"
"The reward that averages the reward models of a trace, each in standard deviations over the traces of all arms."
GRADER = "answer"
"The plug of the grader as a reward."
COLUMNS: dict[str, Verdict] = {
    "accuracy": Verdict.CORRECT,
    "truncated": Verdict.TRUNCATED,
    "unparsed": Verdict.UNPARSED,
}


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
    controls: Mapping[str, ArmData] = field(default_factory=dict)
    "Arms of the controls, which are no part of the tables, contrasts and indices of `arms`."
    pretraining: Sequence[Step] = ()
    "The curve of a learner that the study made itself."

    def with_controls(self) -> "Inputs":
        """The same study with its control arms among the others."""
        return dataclasses.replace(self, arms={**self.arms, **self.controls}, controls={})

    @property
    def tasks(self) -> tuple[str, list[str]]:
        """The task that utility is of, and the other ones."""
        main = self.study.evaluation.main
        return main, [task for task in self.study.evaluation.tasks if task != main]

    def perceived(self, reward: str) -> bool:
        """Whether a reward perceives quality; the grader checks the answer instead, and is no part of the panel."""
        return str(self.study.rewards.get(reward, {}).get("reward", reward)) != GRADER

    def shared(self, arm: str) -> bool:
        """Whether the arm asked no Oracle, and so stands in the table of each."""
        return not any(r.attempts for r in self.arms[arm].stream)

    def group(self, oracle: str) -> list[str]:
        """The arms of one Oracle and the shared ones, in the order given."""
        return [a for a in self.arms if self.names[a][1] == oracle or ("-" not in a and self.shared(a))]

    def oracles(self) -> list[str]:
        """The Oracles that at least one arm belongs to, in the study's order."""
        used = {self.names[arm][1] for arm in self.arms}
        return [o for o in self.study.oracles if o in used]


def asked(inputs: Inputs, control: ControlSettings) -> tuple[Objective, ...]:
    """The objectives that a control is about."""
    return control.objectives or inputs.study.training.objectives


@dataclass(frozen=True, eq=False)
class Outcomes:
    """Verdict shares of one arm, objective and decoding: name of `COLUMNS` to a (seeds, problems) array."""

    seeds: tuple[int, ...]
    shares: dict[str, Array]


def outcomes(evals: Iterable[Eval], problems: Sequence[str]) -> dict[tuple[str, str], Outcomes]:
    """Verdict shares per (objective, decoding); NaN where a seed has no answer to a problem."""
    counts: dict[tuple[str, str], dict[int, Counter[tuple[str, Verdict]]]] = {}
    for e in evals:
        by_seed = counts.setdefault((e.objective, e.decoding), {})
        by_seed.setdefault(e.seed, Counter())[e.problem_id, e.verdict] += 1
    return {key: _shares(by_seed, problems) for key, by_seed in counts.items()}


def _shares(by_seed: dict[int, Counter[tuple[str, Verdict]]], problems: Sequence[str]) -> Outcomes:
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
    return columns | _panel(inputs, columns)


def _panel(inputs: Inputs, columns: dict[tuple[str, str], Array]) -> dict[tuple[str, str], Array]:
    rewards = list(dict.fromkeys(reward for _, reward in columns if inputs.perceived(reward)))
    scaled: dict[str, list[Array]] = {arm: [] for arm in inputs.arms}
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
