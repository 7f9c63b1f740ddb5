"""What all learners answered to one task: shares of answers over problems and seeds, and utility with its draws."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from qup.measured import Base, Measured
from qup.measured.answers import Answers
from qup.records import BASE
from qup.report.numbers import INLINE, Missing, Number
from qup.stats import Array, Bootstrap, Draws

SAMPLED, GREEDY = "sampled", "greedy"
UNEXAMINED = Missing("the base learner was not evaluated")
Key = tuple[str, str]
"Objective (or `base`) and decoding."


@dataclass(frozen=True)
class Answered:
    """How one learner, or those of all seeds, answered: shares of answers."""

    accuracy: Number
    "Avg@k: right ones among the sampled answers."
    truncated: Number
    unparsed: Number
    greedy: Number
    "Right ones among the greedy answers."


@dataclass(frozen=True)
class Learner:
    """What training on one stream under one objective made of the learner."""

    utility: Number
    "U: Avg@k of the trained learner minus that of the untrained one, a difference of shares."
    answered: Answered = field(metadata=INLINE)


def align(values: Array, problems: Sequence[str], onto: Sequence[str]) -> Array:
    """Values over `problems`, the last axis, as values over `onto`, which holds them all; NaN where there is none."""
    place = {problem: i for i, problem in enumerate(onto)}
    aligned = np.full((*values.shape[:-1], len(onto)), np.nan)
    aligned[..., [place[problem] for problem in problems]] = values
    return aligned


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

    def accuracy(self, arm: str, objective: str, decoding: str = SAMPLED) -> Array | None:
        """Share of right answers, (seeds, problems); None if the arm has no such learner or no such answers."""
        return self._shares(self.learners[arm].get((objective, decoding)), "correct")

    @cached_property
    def utility(self) -> dict[tuple[str, str], Draws]:
        """(Arm, objective) to U with its draws; empty if the untrained learner was not evaluated."""
        before = self._shares(self.base.get((BASE, SAMPLED)), "correct")
        if before is None:
            return {}
        after = {
            (arm, answers.objective): align(answers.share("correct"), answers.problems, self.problems)
            for arm, table in self.learners.items()
            for answers in table.values()
            if answers.decoding == SAMPLED
        }
        pairs = [(shares, np.broadcast_to(before.mean(axis=0), shares.shape)) for shares in after.values()]
        drawn = self.boot.contrasts(pairs, self.population)
        return {key: draws for key, draws in zip(after, drawn, strict=True) if draws}

    def untrained(self) -> Answered:
        """How the untrained learner answered."""
        if not self.base:
            return Answered(UNEXAMINED, UNEXAMINED, UNEXAMINED, UNEXAMINED)
        return self._answered(self.base, BASE)

    def learner(self, arm: str, objective: str) -> Learner:
        """How the learners of an arm and objective answered, and their utility."""
        draws = self.utility.get((arm, objective))
        absent = Missing(f"no {objective} learner was evaluated") if self.base else UNEXAMINED
        utility = self.boot.estimate(draws) if draws else absent
        return Learner(utility, self._answered(self.learners[arm], objective))

    def _answered(self, table: Mapping[Key, Answers], objective: str) -> Answered:
        sampled, greedy = table.get((objective, SAMPLED)), table.get((objective, GREEDY))
        shares = {name: self._rate(sampled, name) for name in ("correct", "truncated", "unparsed")}
        return Answered(shares["correct"], shares["truncated"], shares["unparsed"], self._rate(greedy, "correct"))

    def _rate(self, answers: Answers | None, name: str) -> Number:
        shares = self._shares(answers, name)
        if answers is None or shares is None:
            return Missing("no answers with this decoding")
        draws = self.boot.contrasts([(shares, np.zeros_like(shares))], self.population)[0]
        if draws is None:
            return Missing("no problem was answered under every seed")
        trained = answers.objective != BASE
        return self.boot.rate(Draws(draws.value, draws.replicates, draws.n, draws.seeds if trained else None))

    def _shares(self, answers: Answers | None, name: str) -> Array | None:
        return None if answers is None else align(answers.share(name), answers.problems, self.problems)


def exam(boot: Bootstrap, base: Base, arms: Mapping[str, Measured], *, task: str, population: str) -> Exam:
    """All answers to a task."""
    learners = {name: _table(arm.answers, task) for name, arm in arms.items()}
    return Exam(boot, population, _table(base.answers, task), learners)


def _table(answers: Sequence[Answers], task: str) -> dict[Key, Answers]:
    return {(each.objective, each.decoding): each for each in answers if each.task == task}
