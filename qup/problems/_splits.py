"""From pools of problems to a training set and evaluation sets with nothing in common, and the counts that show it.

Problems whose gold answer our own grader rejects are dropped, for no learner could be marked right on them; so are
repeats of a question, across pools and sets too; `_pools` makes up for both. What n-grams an evaluation set still
shares with the training set is counted, not removed: problems of one template share their wording.
"""

import dataclasses
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from qup.problems._content import normalized, quotas, words
from qup.problems._pools import Pool, TooFewError, choose, order
from qup.records import HELDOUT, TRAIN, Problem

KeptBack = Mapping[str, Mapping[str, Problem]]
"Further sets to problems, by their normalized questions, that no other set may take."
NOTHING: KeptBack = MappingProxyType({})


class TakenError(TooFewError):
    """A further set has too few problems, and would have enough if the sets before it had left it these."""

    def __init__(self, problem: str, name: str, problems: Mapping[str, Problem]) -> None:
        super().__init__(problem)
        self.name, self.problems = name, problems


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

    readings: tuple[str, ...] = ()
    "How files were read, each in a few words."

    @property
    def by_question(self) -> dict[str, Problem]:
        """The problems of all sets by their normalized questions."""
        sets = (self.train, self.heldout, *self.sets.values())
        return {normalized(problem.question): problem for problems in sets for problem in problems}


def needed(weights: Sequence[float], train: int, replicates: int, heldout: int = 0) -> list[int]:
    """How many problems of each source the sets are made of: every replicate has the same share of each.

    >>> needed([2, 1], 10, 3)
    [21, 9]
    """
    shares = zip(quotas(weights, train), quotas(weights, heldout), strict=True)
    return [replicates * own + held for own, held in shares]


def split(  # noqa: PLR0917 - of what, how many, without what
    pools: Sequence[Pool], train: int, replicates: int, heldout: int, seed: int, kept: KeptBack = NOTHING
) -> Split:
    """`replicates` training sets of `train` problems and one of `heldout`, each with the pools' weights.

    Raises:
        SettingsError: too few problems are left of a pool; the message says what became of the others.
    """
    weights = [pool.weight for pool in pools]
    own, theirs = quotas(weights, train), quotas(weights, heldout)
    lower = "problems.train, problems.replicates, problems.heldout"
    chosen, sources = choose(pools, needed(weights, train, replicates, heldout), _others(kept), seed, lower)
    rest = [pool[held:] for pool, held in zip(chosen, theirs, strict=True)]
    return Split(
        train=_dealt(rest, own, TRAIN, range(1, replicates + 1), seed),
        heldout=_joined((pool[:held] for pool, held in zip(chosen, theirs, strict=True)), seed),
        sources={TRAIN: sources},
    )


def with_set(  # noqa: PLR0917 - to what, called what, of what, how many, without what
    before: Split, task: str, pools: Sequence[Pool], count: int, seed: int, kept: KeptBack = NOTHING
) -> Split:
    """`before` and a further evaluation set of `count` problems, without any question of the sets that are there.

    Raises:
        SettingsError: a pool has too few problems.
        TakenError: it has enough, but those of `before` have too many of them.
    """
    shares = quotas([pool.weight for pool in pools], count)
    chosen, sources = _further(before, pools, shares, seed, f"problems.sets.{task}.count", kept)
    further = before.sets | {task: _joined(chosen, seed)}
    return dataclasses.replace(before, sets=further, sources=before.sources | {task: sources})


def with_whole_set(before: Split, task: str, problems: list[Problem], sources: list[dict[str, Any]]) -> Split:
    """`before` and an evaluation set that is all of its sources, whatever other evaluation sets have of them.

    No other set may take its problems: they stood among those kept back when `before` was made.
    """
    return dataclasses.replace(before, sets=before.sets | {task: problems}, sources=before.sources | {task: sources})


def with_training_set(  # noqa: PLR0917 - to what, called what, of what, how many, without what
    before: Split,
    name: str,
    pools: Sequence[Pool],
    count: int,
    replicates: int,
    seed: int,
    kept: KeptBack = NOTHING,
) -> Split:
    """`before` and a further training set: `replicates` times `count` problems, all of them new.

    Raises:
        SettingsError, TakenError: as in `with_set`.
    """
    weights = [pool.weight for pool in pools]
    lower = f"problems.training_sets.{name}"
    chosen, sources = _further(before, pools, needed(weights, count, replicates), seed, lower, kept)
    first = 1 + max(problem.replicate or 0 for problem in before.train)
    added = _dealt(chosen, quotas(weights, count), name, range(first, first + replicates), seed)
    return dataclasses.replace(before, train=before.train + added, sources=before.sources | {name: sources})


def _further(  # noqa: PLR0917 - the arguments of `choose`, and what others have
    before: Split, pools: Sequence[Pool], shares: Sequence[int], seed: int, name: str, kept: KeptBack
) -> tuple[list[list[Problem]], list[dict[str, Any]]]:
    """As `choose`, for a further set, called by the setting to lower if it has too few problems."""
    others = _others(kept, name)
    try:
        return choose(pools, shares, before.by_question | others, seed, name)
    except TooFewError as error:
        if name in kept:
            raise
        alone, _ = choose(pools, shares, others, seed, name)
        wanted = {normalized(problem.question): problem for own in alone for problem in own}
        raise TakenError(error.problem, name, wanted) from error


def _others(kept: KeptBack, name: str | None = None) -> dict[str, Problem]:
    """What is kept back for all sets but one."""
    return {key: problem for other, own in kept.items() if other != name for key, problem in own.items()}


def checked(split: Split, ngram: int) -> Split:
    """With the counts that show that the sets are apart, and what their problems are; `ngram` is in words."""
    evaluation = {HELDOUT: split.heldout, **split.sets}
    sharing = set(contaminated(split.train, [p for problems in evaluation.values() for p in problems], ngram))
    trained = {problem.id for problem in split.train}
    checks = {
        "ngram": ngram,
        "in_both": len({p.id for problems in evaluation.values() for p in problems} & trained),
        "evaluation": {
            task: {
                "count": len(problems),
                "sharing_an_ngram": sum(p.id in sharing for p in problems),
                "tags": _tags(problems),
            }
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


def _joined(parts: Iterable[Sequence[Problem]], seed: int) -> list[Problem]:
    return order([problem for part in parts for problem in part], seed)


def contaminated(train: Iterable[Problem], heldout: Iterable[Problem], ngram: int) -> list[str]:
    """Ids of the held-out problems that share a run of `ngram` words with a training problem."""
    # Only the held-out ones' n-grams are kept: they are few, and those of 20,000 training problems fill a gigabyte.
    holders: dict[tuple[str, ...], list[str]] = {}
    for problem in heldout:
        for gram in _ngrams(problem, ngram):
            holders.setdefault(gram, []).append(problem.id)
    shared = {key for problem in train for gram in _ngrams(problem, ngram) for key in holders.get(gram, ())}
    return [problem.id for problem in heldout if problem.id in shared]


def _ngrams(problem: Problem, n: int) -> set[tuple[str, ...]]:
    tokens = words(problem.question)
    return {tuple(tokens[i : i + n]) for i in range(len(tokens) - n + 1)}
