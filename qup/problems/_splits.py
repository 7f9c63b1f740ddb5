"""From pools of problems to a training set and evaluation sets with nothing in common, and the counts that show it.

Problems whose gold answer our own grader rejects are dropped, for no learner could be marked right on them; so are
repeats of a question, across pools and sets too. What n-grams an evaluation set still shares with the training set is
counted, not removed: problems of one template share their wording.
"""

import dataclasses
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from qup import graders
from qup.errors import SettingsError
from qup.problems._content import normalized, quotas, words
from qup.records import HELDOUT, TRAIN, Problem, Verdict
from qup.seeds import derive


@dataclass(frozen=True)
class Pool:
    """What one source gave, and its share in the sets made of it."""

    name: str
    weight: float
    problems: list[Problem]


@dataclass(frozen=True)
class Split:
    """The sets and the counts that go with them."""

    train: list[Problem]
    "Of all training sets, replicate by replicate."
    heldout: list[Problem]
    sets: dict[str, list[Problem]] = field(default_factory=dict)
    "Further evaluation sets by task."
    sources: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    "Set to the counts of its sources."
    checks: dict[str, Any] = field(default_factory=dict)

    @property
    def questions(self) -> set[str]:
        """Of all sets, normalized."""
        sets = (self.train, self.heldout, *self.sets.values())
        return {normalized(problem.question) for problems in sets for problem in problems}


def needed(weights: Sequence[float], train: int, replicates: int, heldout: int = 0) -> list[int]:
    """How many problems of each source the sets are made of: every replicate has the same share of each.

    >>> needed([2, 1], 10, 3)
    [21, 9]
    """
    shares = zip(quotas(weights, train), quotas(weights, heldout), strict=True)
    return [replicates * own + held for own, held in shares]


def split(pools: Sequence[Pool], train: int, replicates: int, heldout: int, seed: int) -> Split:
    """`replicates` training sets of `train` problems and one of `heldout`, each with the pools' weights.

    Raises:
        SettingsError: too few problems are left of a pool; the message says what became of the others.
    """
    weights = [pool.weight for pool in pools]
    own, theirs = quotas(weights, train), quotas(weights, heldout)
    lower = "problems.train, problems.replicates, problems.heldout"
    chosen, sources = _choose(pools, needed(weights, train, replicates, heldout), set(), seed, lower)
    rest = [pool[held:] for pool, held in zip(chosen, theirs, strict=True)]
    return Split(
        train=_dealt(rest, own, TRAIN, range(1, replicates + 1), seed),
        heldout=_joined((pool[:held] for pool, held in zip(chosen, theirs, strict=True)), seed),
        sources={TRAIN: sources},
    )


def with_set(before: Split, task: str, pools: Sequence[Pool], count: int, seed: int) -> Split:
    """`before` and a further evaluation set of `count` problems, without any question of the sets that are there.

    Raises:
        SettingsError: too few problems are left of a pool.
    """
    shares = quotas([pool.weight for pool in pools], count)
    chosen, sources = _choose(pools, shares, before.questions, seed, f"problems.sets.{task}.count")
    further = before.sets | {task: _joined(chosen, seed)}
    return dataclasses.replace(before, sets=further, sources=before.sources | {task: sources})


def with_training_set(  # noqa: PLR0917 - to what, called what, of what, how many
    before: Split, name: str, pools: Sequence[Pool], count: int, replicates: int, seed: int
) -> Split:
    """`before` and a further training set: `replicates` times `count` problems, all of them new.

    Raises:
        SettingsError: too few problems are left of a pool.
    """
    weights = [pool.weight for pool in pools]
    lower = f"problems.training_sets.{name}"
    chosen, sources = _choose(pools, needed(weights, count, replicates), before.questions, seed, lower)
    first = 1 + max(problem.replicate or 0 for problem in before.train)
    added = _dealt(chosen, quotas(weights, count), name, range(first, first + replicates), seed)
    return dataclasses.replace(before, train=before.train + added, sources=before.sources | {name: sources})


def checked(split: Split, ngram: int) -> Split:
    """With the counts that show that the sets are apart, and what their problems are; `ngram` is in words."""
    evaluation = {HELDOUT: split.heldout, **split.sets}
    shared = {task: len(contaminated(split.train, problems, ngram)) for task, problems in evaluation.items()}
    trained = {problem.id for problem in split.train}
    checks = {
        "ngram": ngram,
        "in_both": len({p.id for problems in evaluation.values() for p in problems} & trained),
        "evaluation": {
            task: {"count": len(problems), "sharing_an_ngram": shared[task], "tags": _tags(problems)}
            for task, problems in evaluation.items()
        },
        "training": {name: _training(split.train, name) for name in _names(split.train)},
        "sources": split.sources,
    }
    return dataclasses.replace(split, checks=checks)


def _names(train: Sequence[Problem]) -> list[str]:
    return list(dict.fromkeys(problem.training_set for problem in train if problem.training_set))


def _training(train: Sequence[Problem], name: str) -> dict[str, Any]:
    own = [problem for problem in train if problem.training_set == name]
    replicates = sorted({problem.replicate for problem in own if problem.replicate})
    return {"count": len(own), "replicates": replicates, "tags": _tags(own)}


def _tags(problems: Sequence[Problem]) -> dict[str, int]:
    """How many problems have each tag."""
    return dict(sorted(Counter(tag for problem in problems for tag in problem.tags).items()))


def _dealt(
    pools: Sequence[Sequence[Problem]], shares: Sequence[int], name: str, replicates: range, seed: int
) -> list[Problem]:
    """Pools dealt to replicates, the same share of each pool to every one."""
    dealt: list[Problem] = []
    for turn, replicate in enumerate(replicates):
        parts = (pool[turn * share : (turn + 1) * share] for pool, share in zip(pools, shares, strict=True))
        own = _joined(parts, seed)
        dealt += [dataclasses.replace(problem, training_set=name, replicate=replicate) for problem in own]
    return dealt


def _choose(
    pools: Sequence[Pool], shares: Sequence[int], seen: set[str], seed: int, lower: str
) -> tuple[list[list[Problem]], list[dict[str, Any]]]:
    """Each pool's share in a random order, none of it in `seen` or in two pools, and each pool's counts."""
    chosen, sources = [], []
    for pool, share in zip(pools, shares, strict=True):
        kept, counts = _usable(pool, seen)
        _require(pool, kept, counts, share, lower)
        chosen.append(_order(kept, seed)[:share])
        sources.append(counts)
    return chosen, sources


def _joined(parts: Iterable[Sequence[Problem]], seed: int) -> list[Problem]:
    return _order([problem for part in parts for problem in part], seed)


def contaminated(train: Iterable[Problem], heldout: Iterable[Problem], ngram: int) -> list[str]:
    """Ids of the held-out problems that share a run of `ngram` words with a training problem."""
    trained_on: set[tuple[str, ...]] = set()
    for problem in train:
        trained_on |= _ngrams(problem, ngram)
    return [problem.id for problem in heldout if _ngrams(problem, ngram) & trained_on]


def _ngrams(problem: Problem, n: int) -> set[tuple[str, ...]]:
    tokens = words(problem.question)
    return {tuple(tokens[i : i + n]) for i in range(len(tokens) - n + 1)}


def _usable(pool: Pool, seen: set[str]) -> tuple[list[Problem], dict[str, Any]]:
    """The pool's problems that can be graded and whose question is not in `seen`, which grows by theirs."""
    passes = gold_passes(pool.problems)
    kept: list[Problem] = []
    for problem, passed in zip(pool.problems, passes, strict=True):
        key = normalized(problem.question)
        if passed and key not in seen:
            seen.add(key)
            kept.append(problem)
    failed = len(passes) - sum(passes)
    repeated = sum(passes) - len(kept)
    return kept, {"source": pool.name, "given": len(passes), "gold_failed": failed, "repeated": repeated}


def gold_passes(problems: Sequence[Problem]) -> list[bool]:
    """Whether each problem's grader marks its own answer as correct when a completion boxes it."""
    boxed = [f"\\boxed{{{problem.answer}}}" for problem in problems]
    verdicts = graders.verdicts(problems, boxed, [False] * len(boxed))
    return [v is Verdict.CORRECT and not _worked(p) for v, p in zip(verdicts, problems, strict=True)]


def _worked(problem: Problem) -> bool:
    """Whether an answer is a worked solution from which no final answer was cut; elsewhere a grid has lines."""
    return problem.grader == "math" and "\n" in problem.answer


def _require(pool: Pool, kept: list[Problem], counts: dict[str, Any], wanted: int, lower: str) -> None:
    if len(kept) < wanted:
        raise SettingsError(
            f"{pool.name} has {len(kept)} usable problems of the {wanted} that its weight asks for (it gave "
            f"{counts['given']}; {counts['gold_failed']} whose answer our grader rejects, "
            f"{counts['repeated']} repeated): lower {lower} or its weight"
        )


def _order(problems: Sequence[Problem], seed: int) -> list[Problem]:
    """A random order that depends on the seed and each problem's id only."""
    return sorted(problems, key=lambda problem: (derive(seed, "order", problem.id), problem.id))
