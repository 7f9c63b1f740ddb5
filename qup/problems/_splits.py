"""From pools of problems to a training set and evaluation sets with nothing in common, and the counts that show it.

Problems whose gold answer our own grader rejects are dropped, for no learner could be marked right on them; so are
repeats of a question, across pools and sets too. What n-grams an evaluation set still shares with the training set is
counted, not removed: problems of one template share their wording.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from qup import answers
from qup.errors import SettingsError
from qup.problems._content import normalized, quotas, words
from qup.records import Problem, Verdict
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
    heldout: list[Problem]
    checks: dict[str, Any]
    sets: dict[str, list[Problem]] = field(default_factory=dict)
    "Further evaluation sets by task."


def split(pools: Sequence[Pool], train: int, heldout: int, seed: int, ngram: int) -> Split:
    """Sets of `train` and `heldout` problems, each with the pools' weights; `ngram` is in words.

    Raises:
        SettingsError: too few problems are left of a pool; the message says what became of the others.
    """
    weights = [pool.weight for pool in pools]
    wanted = list(zip(quotas(weights, train), quotas(weights, heldout), strict=True))
    lower = "problems.train, problems.heldout"
    chosen, sources = _choose(pools, [sum(shares) for shares in wanted], set(), seed, lower)
    train_set = _joined((pool[share:] for pool, (_, share) in zip(chosen, wanted, strict=True)), seed)
    heldout_set = _joined((pool[:share] for pool, (_, share) in zip(chosen, wanted, strict=True)), seed)
    shared = contaminated(train_set, heldout_set, ngram)
    return Split(train_set, heldout_set, _checks(sources, train_set, heldout_set, shared, ngram))


def with_set(before: Split, task: str, pools: Sequence[Pool], count: int, seed: int) -> Split:
    """`before` and a further evaluation set of `count` problems, without any question of the sets that are there.

    Raises:
        SettingsError: too few problems are left of a pool.
    """
    others = (before.train, before.heldout, *before.sets.values())
    seen = {normalized(problem.question) for problems in others for problem in problems}
    shares = quotas([pool.weight for pool in pools], count)
    chosen, sources = _choose(pools, shares, seen, seed, f"problems.sets.{task}.count")
    further = _joined(chosen, seed)
    shared = contaminated(before.train, further, before.checks["ngram"])
    counts = {"sources": sources, "count": len(further), "sharing_an_ngram": len(shared)}
    checks = before.checks | {"sets": before.checks.get("sets", {}) | {task: counts}}
    return Split(before.train, before.heldout, checks, before.sets | {task: further})


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
    """Whether our grader marks each problem's own answer as correct when a completion boxes it."""
    golds = [problem.answer for problem in problems]
    verdicts = answers.verdicts(golds, [f"\\boxed{{{gold}}}" for gold in golds], [False] * len(golds))
    return [v is Verdict.CORRECT and "\n" not in gold for v, gold in zip(verdicts, golds, strict=True)]


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


def _checks(
    sources: list[dict[str, Any]], train: list[Problem], heldout: list[Problem], shared: list[str], ngram: int
) -> dict[str, Any]:
    return {
        "sources": sources,
        "train": len(train),
        "heldout": len(heldout),
        "in_both": len({p.id for p in train} & {p.id for p in heldout}),
        "ngram": ngram,
        "heldout_sharing_an_ngram": len(shared),
        "share_of_heldout": round(len(shared) / len(heldout), 4),
    }
