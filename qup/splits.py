"""From pools of problems to a training and a held-out set with nothing in common, and the counts that show it.

Problems whose gold answer our own grader rejects are dropped, for no learner could be marked right on them; so are
repeats of a question, across pools too. What n-grams the two sets still share is counted, not removed: problems of one
template share their wording.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from qup import answers
from qup.errors import SettingsError
from qup.problems._content import normalized, words
from qup.records import Problem, Verdict
from qup.seeds import derive


@dataclass(frozen=True)
class Pool:
    """What one source gave, and its share in both sets."""

    name: str
    weight: float
    problems: list[Problem]


@dataclass(frozen=True)
class Split:
    """The two sets and the counts that go with them."""

    train: list[Problem]
    heldout: list[Problem]
    checks: dict[str, Any]


def quotas(weights: Sequence[float], count: int) -> list[int]:
    """`count` in whole shares as near to `weights` as can be (largest remainders).

    Raises:
        SettingsError: a weight is not a number above 0.

    >>> quotas([2, 1], 10)
    [7, 3]
    """
    for weight in weights:
        if isinstance(weight, bool) or not isinstance(weight, int | float) or not weight > 0:
            raise SettingsError(f"weight: expected a number above 0, got {weight!r}")
    exact = [count * weight / sum(weights) for weight in weights]
    shares = [int(share) for share in exact]
    by_remainder = sorted(range(len(exact)), key=lambda i: (shares[i] - exact[i], i))
    for i in by_remainder[: count - sum(shares)]:
        shares[i] += 1
    return shares


def split(pools: Sequence[Pool], train: int, heldout: int, seed: int, ngram: int) -> Split:
    """Sets of `train` and `heldout` problems, each with the pools' weights; `ngram` is in words.

    Raises:
        SettingsError: too few problems are left of a pool; the message says what became of the others.
    """
    weights = [pool.weight for pool in pools]
    wanted = list(zip(quotas(weights, train), quotas(weights, heldout), strict=True))
    sets: tuple[list[Problem], list[Problem]] = ([], [])
    seen: set[str] = set()
    checks = []
    for pool, (for_train, for_heldout) in zip(pools, wanted, strict=True):
        kept, counts = _usable(pool, seen)
        _require(pool, kept, counts, for_train + for_heldout)
        chosen = _order(kept, seed)[: for_train + for_heldout]
        sets[1].extend(chosen[:for_heldout])
        sets[0].extend(chosen[for_heldout:])
        checks.append(counts)
    made_train, made_heldout = (_order(chosen, seed) for chosen in sets)
    shared = contaminated(made_train, made_heldout, ngram)
    return Split(made_train, made_heldout, _checks(checks, made_train, made_heldout, shared, ngram))


def contaminated(train: Iterable[Problem], heldout: Iterable[Problem], ngram: int) -> list[str]:
    """Ids of the held-out problems that share a run of `ngram` words with a training problem."""
    known: set[tuple[str, ...]] = set()
    for problem in train:
        known |= _ngrams(problem, ngram)
    return [problem.id for problem in heldout if _ngrams(problem, ngram) & known]


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


def _require(pool: Pool, kept: list[Problem], counts: dict[str, Any], wanted: int) -> None:
    if len(kept) < wanted:
        raise SettingsError(
            f"{pool.name} has {len(kept)} usable problems of the {wanted} that its weight asks for (it gave "
            f"{counts['given']}; {counts['gold_failed']} whose answer our grader rejects, "
            f"{counts['repeated']} repeated): lower problems.train, problems.heldout or its weight"
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
