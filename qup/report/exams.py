"""What all learners answered to one task: shares of answers over problems and replicates, and utility."""

import functools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import numpy.typing as npt

from qup.measured import Base, Measured
from qup.measured.answers import Answers
from qup.records import BASE, GREEDY, SAMPLED
from qup.report.numbers import INLINE, Missing, Number
from qup.stats import Array, Bootstrap, Crossed, Draws

CORRECT = "correct"
UNEXAMINED = Missing("the base learner was not evaluated")
Key = tuple[str, str]
"Objective (or `base`) and decoding."
Places = npt.NDArray[np.intp]


@dataclass(frozen=True)
class Answered:
    """How one learner, or those of all replicates, answered: shares of answers, or of problems."""

    accuracy: Number
    "Avg@k: right ones among the sampled answers."
    greedy: Number
    "Right ones among the greedy answers."
    majority: Number
    "maj@k: problems whose most frequent sampled answer is right, a tie shared."
    passed: Number
    "pass@k: problems with a right sampled answer."
    truncated: Number
    unparsed: Number


@dataclass(frozen=True)
class Learner:
    """What training on one stream under one objective made of the learner."""

    utility: Number
    "U: Avg@k of the trained learner minus that of the untrained one, a difference of shares."
    greedy_utility: Number
    "The same of greedy answers."
    answered: Answered = field(metadata=INLINE)


class Aligned:
    """Values over some problems, the last axis, as values over all problems `onto`; NaN where there is none."""

    def __init__(self, onto: Sequence[str]) -> None:
        self.place = {problem: i for i, problem in enumerate(onto)}
        self._known: list[tuple[Sequence[str], Places]] = []

    def __call__(self, values: Array, problems: Sequence[str]) -> Array:
        """`values` over `problems`, all of which must be among `onto`."""
        aligned = np.full((*values.shape[:-1], len(self.place)), np.nan)
        aligned[..., self.places(problems)] = values
        return aligned

    def places(self, problems: Sequence[str]) -> Places:
        """Where problems stand. Arms have few different lists of them, and comparing two takes no time."""
        for known, places in self._known:
            if known == problems:
                return places
        places = np.array([self.place[problem] for problem in problems], dtype=np.intp)
        self._known.append((problems, places))
        return places


@dataclass(frozen=True, eq=False)
class Exam:
    """All answers to one task."""

    boot: Bootstrap
    population: str
    "Under which the task's problems are drawn."
    base: Mapping[Key, Answers]
    learners: Mapping[str, Mapping[Key, Answers]]
    "By arm."

    @cached_property
    def problems(self) -> list[str]:
        """Ids of the problems that any learner answered, sorted."""
        tables = [self.base, *self.learners.values()]
        return sorted({problem for table in tables for answers in table.values() for problem in answers.problems})

    @cached_property
    def _onto(self) -> Aligned:
        return Aligned(self.problems)

    def accuracy(self, arm: str, objective: str, decoding: str = SAMPLED, share: str = CORRECT) -> Crossed | None:
        """A share of the answers of an arm's learners, `correct` or another; None if there is no such answer."""
        answers = self.learners[arm].get((objective, decoding))
        if answers is None:
            return None
        return self._correct(arm, objective, decoding) if share == CORRECT else self._crossed(answers, share)

    @cached_property
    def _correct(self) -> Callable[[str, str, str], Crossed]:
        """An arm, objective and decoding to the share of right answers: kept, for most sections ask for it."""
        return functools.cache(lambda arm, *key: self._crossed(self.learners[arm][key], CORRECT))

    def untrained(self, decoding: str = SAMPLED, share: str = CORRECT) -> Crossed | None:
        """A share of the untrained learner's answers: there is one of it, so no replicate is in its variance."""
        answers = self.base.get((BASE, decoding))
        return None if answers is None else Crossed.fixed(self._shares(answers, share).mean(axis=0))

    def utility(self, arm: str, objective: str, decoding: str = SAMPLED) -> Crossed | None:
        """U of an arm; None if it or the untrained learner was not evaluated."""
        after, before = self.accuracy(arm, objective, decoding), self.untrained(decoding)
        return None if after is None or before is None else after.minus(before)

    @cached_property
    def drawn(self) -> dict[tuple[str, str], Draws]:
        """(Arm, objective) to bootstrap draws of U, problems and replicates both drawn, for statistics over arms."""
        before = self.base.get((BASE, SAMPLED))
        if before is None:
            return {}
        mean = self._shares(before, CORRECT).mean(axis=0)
        after = {
            (arm, answers.objective): self._shares(answers, CORRECT)
            for arm, table in self.learners.items()
            for answers in table.values()
            if answers.decoding == SAMPLED
        }
        pairs = [(shares, np.broadcast_to(mean, shares.shape)) for shares in after.values()]
        drawn = self.boot.contrasts(pairs, self.population)
        return {key: draws for key, draws in zip(after, drawn, strict=True) if draws}

    def base_answered(self) -> Answered:
        """How the untrained learner answered."""
        return self._answered(self.untrained)

    def learner(self, arm: str, objective: str) -> Learner:
        """How the learners of an arm and objective answered, and their utility."""
        absent = Missing(f"no {objective} learner was evaluated") if self.base else UNEXAMINED
        return Learner(
            utility=self.number(self.utility(arm, objective), absent),
            greedy_utility=self.number(self.utility(arm, objective, GREEDY), Missing("no greedy answers")),
            answered=self._answered(lambda decoding, share: self.accuracy(arm, objective, decoding, share)),
        )

    def number(self, crossed: Crossed | None, absent: Missing) -> Number:
        """The estimate of a mean over problems and replicates."""
        return (crossed and crossed.estimate(self.boot.level)) or absent

    def _answered(self, crossed: Callable[[str, str], Crossed | None]) -> Answered:
        def rate(share: str, decoding: str = SAMPLED) -> Number:
            shares = crossed(decoding, share)
            return (shares and shares.rate(self.boot.level)) or Missing("no answers with this decoding")

        return Answered(
            accuracy=rate(CORRECT),
            greedy=rate(CORRECT, GREEDY),
            majority=rate("majority"),
            passed=rate("passed"),
            truncated=rate("truncated"),
            unparsed=rate("unparsed"),
        )

    def _crossed(self, answers: Answers, share: str) -> Crossed:
        return Crossed.random(self._shares(answers, share), tuple(answers.replicates))

    def _shares(self, answers: Answers, share: str) -> Array:
        return self._onto(answers.share(share), answers.problems)


def exam(boot: Bootstrap, base: Base, arms: Mapping[str, Measured], *, task: str, population: str) -> Exam:
    """All answers to a task."""
    learners = {name: _table(arm.answers, task) for name, arm in arms.items()}
    return Exam(boot, population, _table(base.answers, task), learners)


def _table(answers: Sequence[Answers], task: str) -> dict[Key, Answers]:
    return {(each.objective, each.decoding): each for each in answers if each.task == task}
