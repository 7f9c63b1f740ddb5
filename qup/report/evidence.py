"""What the report is computed from: measured arms over common problems, each quantity with its bootstrap draws.

A quantity is computed when first asked for, and kept. Where it was not measured it has no key, or is None.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from qup import stats
from qup.arms import NATIVE, main_cells, main_label, main_name
from qup.evals.settings import Asked
from qup.measured import Base, Measured
from qup.records import LEARNER, SAMPLED, TRAIN
from qup.report.exams import Exam, exam
from qup.report.numbers import Bare, Difference, Holm, Missing, Number
from qup.report.traces import Traces
from qup.stats import Array, Bootstrap, Crossed, Draws, Estimate, Judged
from qup.study import Study

HELDOUT = "heldout"
"Under which the problems of the main task are drawn, independently of training problems; other tasks by their names."
SAMPLES = "samples"
"Under which the problems of the learner's samples are drawn."
FLOOR, CHANCE = 0.6, 0.5
"Area under the curve from which a reward is valid, and that of one that knows nothing, which its interval must clear."
MIN_ARMS = 3
"Fewest arms over which a rank correlation is printed."


@dataclass(frozen=True, eq=False)
class Evidence:
    """Measured arms of a study, and the untrained learner."""

    study: Study
    base: Base
    arms: Mapping[str, Measured]
    "In table order."

    @cached_property
    def boot(self) -> Bootstrap:
        """The draws that all quantities share."""
        return Bootstrap(self.study.seed, self.study.report.resamples, self.study.report.level)

    @cached_property
    def traces(self) -> Traces:
        """What is known before training."""
        valid = {reward: area for reward, area in self.aucs.items() if self.valid(reward)}
        return Traces(self.boot, self.study.rewards, self.arms, stats.panel(valid), self.study.further.keys())

    def valid(self, reward: str) -> bool:
        """Whether a reward tells the learner's right samples from its wrong ones; one that was not tried does not."""
        area = self.aucs.get(reward)
        return area is not None and area.value >= FLOOR and area.low > CHANCE

    @cached_property
    def aucs(self) -> dict[str, Estimate]:
        """Reward to its area under the curve on the learner's right against wrong samples, where both were scored."""
        areas = {
            each.reward: stats.auc(each.values, [bool(r) for r in each.right], each.problems, self.boot, SAMPLES)
            for each in self.base.judged
        }
        return {reward: area for reward, area in areas.items() if area}

    @cached_property
    def held(self) -> Exam:
        """On the task that utility, contrasts and indices are of."""
        return exam(self.boot, self.base, self.arms, task=self.study.evaluation.main, population=HELDOUT)

    @cached_property
    def asked(self) -> list[Asked]:
        """The tasks that the learners were put to."""
        # Not `study.asked`, which would make the problem sources a dependency of the report.
        return self.study.evaluation.asked((HELDOUT, *self.study.problems.sets))

    @cached_property
    def sets(self) -> dict[str, Exam]:
        """On each other task."""
        graded = [each.name for each in self.asked if each.leaf is None or self.base.graded(each.name)]
        tasks = [task for task in graded if task != self.study.evaluation.main]
        return {task: exam(self.boot, self.base, self.arms, task=task, population=task) for task in tasks}

    def over_sets(self, arm: str, objective: str) -> Crossed | None:
        """Avg@k of an arm's learners as the mean of all graded tasks, each counting alike.

        None where there is but one, or the learners did not answer each.
        """
        exams = [self.held, *self.sets.values()]
        shares = [exam.accuracy(arm, objective) for exam in exams]
        answered = [each for each in shares if each is not None and np.isfinite(each.by_problem()).any()]
        return Crossed.macro(answered) if len(answered) == len(exams) > 1 else None

    @property
    def objectives(self) -> tuple[str, ...]:
        """The study's."""
        return self.study.training.objective_names

    def shared_objectives(self, arms: Iterable[str]) -> list[str]:
        """The study's objectives under which all of these arms were evaluated; one without records does not count."""
        tables = [self.held.learners[arm] for arm in arms if arm in self.arms]
        return [objective for objective in self.objectives if all((objective, SAMPLED) in table for table in tables)]

    @cached_property
    def oracles(self) -> list[str]:
        """The Oracles that an arm is of, in the study's order."""
        return [oracle for oracle in self.study.oracles if any(arm.oracle == oracle for arm in self.arms.values())]

    def group(self, oracle: str) -> list[str]:
        """The arms of an Oracle, and those that ask none."""
        return [name for name, arm in self.arms.items() if arm.oracle in (oracle, LEARNER)]

    def ways(self, oracle: str) -> list[str]:
        """The arms of a group that are trained alike on the main problems: only their traces differ."""
        further = self.study.further
        return [*(name for name in self.group(oracle) if name not in further), *self.further_ways(oracle)]

    def further_ways(self, oracle: str) -> list[str]:
        """Those of them that the study lists beside the main arms, and not for a control or a map.

        An arm that asks no Oracle is a way beside the streams of each.
        """
        controls, maps = self.study.controls.values(), self.study.maps.values()
        named = {arm for arms in (*(c.arms for c in controls), *(m.arms for m in maps)) for arm in arms}
        training = self.study.training.of_arm(main_name(LEARNER, NATIVE))
        return [
            name
            for name, own in self.study.further.items()
            if name in self.study.arms.keys() & self.arms.keys() - named
            and (own.training_set, own.training) == (TRAIN, training)
            and (name in self.group(oracle) or self._asks_none(name))
        ]

    def _asks_none(self, arm: str) -> bool:
        stream = self.arms[arm].stream
        return not (stream.attempts or stream.origins)

    def find(self, oracle: str, refiner: str) -> str | None:
        """The arm of a refiner in an Oracle's group; the Oracle's own before one that asks none."""
        arms = [name for name in self.group(oracle) if self.arms[name].refiner == refiner]
        return min(arms, key=lambda name: self.arms[name].oracle == LEARNER, default=None)

    @cached_property
    def native(self) -> str | None:
        """The arm of the learner's own correct traces (RFT)."""
        pair = (LEARNER, NATIVE)
        return next((name for name, arm in self.arms.items() if (arm.oracle, arm.refiner) == pair), None)

    @cached_property
    def labels(self) -> dict[str, str]:
        """Arm to its name in tables, those without records included."""
        cells = [(LEARNER, NATIVE), *main_cells(self.study.oracles)]
        declared = {main_name(*cell): main_label(*cell) for cell in cells} | {name: name for name in self.study.arms}
        return declared | {name: arm.label for name, arm in self.arms.items()}

    def difference(self, first: str, second: str, objective: str, decoding: str = SAMPLED) -> Crossed | None:
        """U(first) - U(second) on the held-out problems that both answered; None if either was not evaluated."""
        a, b = (self.held.accuracy(arm, objective, decoding) for arm in (first, second))
        return None if a is None or b is None else a.minus(b)

    @property
    def level(self) -> float:
        """Of confidence."""
        return self.study.report.level

    def judge(self, numbers: Sequence[Number]) -> list[Difference | Missing]:
        """A family of differences, judged together; those that are missing do not count."""
        there = [number for number in numbers if isinstance(number, Estimate)]
        judged = map(self._difference, stats.judge(there, self.level))
        return [next(judged) if isinstance(number, Estimate) else number for number in numbers]

    def _difference(self, judged: Judged) -> Difference:
        size = judged.mde(self.study.report.power)
        return Difference(
            estimate=judged.estimate,
            p=judged.p,
            holm=Holm(judged.holm, judged.family, judged.level, judged.low, judged.high),
            mde=Missing("nothing varied, so no detectable effect can be given") if size is None else Bare(size),
            resolved=judged.resolved,
        )

    def number(self, draws: Draws | None, reason: str) -> Number:
        """The estimate of a quantity, or the reason why there is none."""
        return self.boot.estimate(draws) if draws else Missing(reason)

    def rank(
        self, first: Sequence[Draws | None], second: Sequence[Draws | None], statistic: Callable[[Array, Array], Array]
    ) -> Number:
        """A rank statistic between two quantities over arms, with the interval its bootstrap replicates give."""
        both = [(a, b) for a, b in zip(first, second, strict=True) if a and b]
        if len(both) < MIN_ARMS:
            return Missing(f"needs {MIN_ARMS} arms with both, has {len(both)}")
        a, b = (np.array([pair[side].value for pair in both]) for side in (0, 1))
        if np.ptp(a) < stats.ZERO or np.ptp(b) < stats.ZERO:
            return Missing("equal in all arms")
        drawn_a, drawn_b = (np.array([pair[side].replicates for pair in both]).T for side in (0, 1))
        return self.boot.estimate(Draws(float(statistic(a, b)), statistic(drawn_a, drawn_b), len(both)))
