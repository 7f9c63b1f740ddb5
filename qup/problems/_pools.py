"""What a source gives for a set: it is asked again until the set is full or it is dry, and each problem is counted.

Which problems are chosen hangs on the seed and on what the source gave when it had given enough, and so does not move
where the first asking was enough.
"""

import sys
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from qup import graders
from qup.errors import SettingsError
from qup.problems._content import Supply, differing, in_words, normalized
from qup.records import Problem, Verdict
from qup.seeds import derive

HOPELESS = 5000
"Problems, all of whose gold answers the grader rejects, after which a source without an end is asked no more."


class TooFewError(SettingsError):
    """A pool has fewer problems left than its share."""


@dataclass(frozen=True)
class Pool:
    """What one source gave, and its share in the sets made of it."""

    name: str
    weight: float
    problems: list[Problem]
    more: Callable[[int], list[Problem]] | None = None
    "All that the source gives if it is asked for so many; None if `problems` is all it has."
    asked: int = 0
    "How many it was asked for."
    kept: Mapping[str, Collection[str]] = field(default_factory=dict)
    "Whole evaluation sets to their questions, normalized: what the source has of them is counted."
    first: int | None = None
    "How many rows from the top the source was told to stop at; None: it reads all, or has no rows."

    def rounds(self) -> Iterator[list[Problem]]:
        """What the source gave; then, as long as it gives all it is asked for, what it gives of twice as many."""
        given, asked = self.problems, self.asked
        yield given
        while self.more and len(given) >= asked:
            asked *= 2
            given = self.more(asked)
            yield given


@dataclass(frozen=True)
class Usable:
    """Problems of a pool that can be graded and are new, by their normalized questions, and the pool's counts."""

    problems: dict[str, Problem]
    counts: dict[str, Any]


def choose(
    pools: Sequence[Pool], shares: Sequence[int], seen: Mapping[str, Problem], seed: int, lower: str
) -> tuple[list[list[Problem]], list[dict[str, Any]]]:
    """Each pool's share in a random order, none of it in `seen` or in two pools, and each pool's counts.

    Raises:
        TooFewError: too few problems are left of a pool; the message says what became of the others.
    """
    usable = _in_turn(pools, shares, seen)
    if any(len(each.problems) < share for each, share in zip(usable, shares, strict=True)) and len(pools) > 1:
        usable = _dealt(pools, shares, seen, seed)
    for pool, each, share in zip(pools, usable, shares, strict=True):
        _require(pool, each, share, lower)
    chosen = [order(each.problems.values(), seed)[:share] for each, share in zip(usable, shares, strict=True)]
    return chosen, [each.counts for each in usable]


def everything(pools: Sequence[Pool], seed: int) -> tuple[list[Problem], list[dict[str, Any]]]:
    """All that is usable of pools that have an end, in a random order, and each pool's counts.

    Raises:
        TooFewError: a pool has nothing; the message says what became of its problems.
    """
    usable = _in_turn(pools, [sys.maxsize] * len(pools), {})
    for pool, each in zip(pools, usable, strict=True):
        if not each.problems:
            rejected = f"the grader rejects {each.counts['gold_failed']} of {each.counts['given']} answers"
            raise TooFewError(f"{pool.name} has no usable problem: {rejected}; is its grader the right one?")
    return order([p for each in usable for p in each.problems.values()], seed), [each.counts for each in usable]


def _in_turn(pools: Sequence[Pool], shares: Sequence[int], seen: Mapping[str, Problem]) -> list[Usable]:
    """What is usable of each pool, without all that is usable of those before it."""
    taken, found = dict(seen), []
    for pool, share in zip(pools, shares, strict=True):
        usable = _usable(pool, taken, share)
        taken |= usable.problems
        found.append(usable)
    return found


def _dealt(pools: Sequence[Pool], shares: Sequence[int], seen: Mapping[str, Problem], seed: int) -> list[Usable]:
    """What is usable of each pool where pools share problems and are short of them: each its share and no more.

    A pool first takes what no other has, so that it leaves the others as much as it can.
    """
    offers = [_usable(pool, seen, sum(shares)) for pool in pools]
    owners = Counter(key for offer in offers for key in offer.problems)
    taken: dict[str, Problem] = {}
    dealt = []
    for offer, share in zip(offers, shares, strict=True):
        place = {problem.id: rank for rank, problem in enumerate(order(offer.problems.values(), seed))}
        free = sorted(offer.problems.keys() - taken.keys(), key=lambda k: (owners[k], place[offer.problems[k].id]))
        counts = _repeated(offer.counts, [(taken[k], problem) for k, problem in offer.problems.items() if k in taken])
        kept = free if len(free) < share else free[:share]
        own = {key: offer.problems[key] for key in kept}
        taken |= own
        dealt.append(Usable(own, counts))
    return dealt


def _usable(pool: Pool, seen: Mapping[str, Problem], enough: int) -> Usable:
    """What is usable of a pool once that is enough, or of all that it has; `seen` is as in `choose`."""
    usable, passed = Usable({}, {}), dict[str, bool]()
    for given in pool.rounds():
        new = [problem for problem in given if problem.id not in passed]
        passed |= {problem.id: passes for problem, passes in zip(new, gold_passes(new), strict=True)}
        usable = _sorted_out(pool, given, seen, passed)
        hopeless = len(given) >= HOPELESS and not any(passed.values())
        if len(usable.problems) >= enough or hopeless:
            break
    return usable


def _sorted_out(pool: Pool, given: list[Problem], seen: Mapping[str, Problem], passed: Mapping[str, bool]) -> Usable:
    kept: dict[str, Problem] = {}
    again = []
    for problem in given:
        key = normalized(problem.question)
        if not passed[problem.id]:
            continue
        if key in seen or key in kept:
            again.append((seen[key] if key in seen else kept[key], problem))
        else:
            kept[key] = problem
    counts = {"source": pool.name, "given": len(given), "gold_failed": sum(not passed[p.id] for p in given)}
    if isinstance(given, Supply) and given.left_out:
        counts["left_out"] = given.left_out
    theirs = {name: sum(normalized(p.question) in keys for _, p in again) for name, keys in pool.kept.items()}
    if any(theirs.values()):
        counts["kept_for"] = {name: count for name, count in theirs.items() if count}
    return Usable(kept, _repeated({**counts, "repeated": 0}, again))


def _repeated(counts: dict[str, Any], again: Sequence[tuple[Problem, Problem]]) -> dict[str, Any]:
    """Counts with further problems whose question is there already: the one that is there, and theirs."""
    differ = sum(differing(again)) + counts.get("different_golds", 0)
    counts = counts | {"repeated": counts["repeated"] + len(again)}
    return counts | ({"different_golds": differ} if differ else {})


def gold_passes(problems: Sequence[Problem]) -> list[bool]:
    """Whether each problem's grader marks its own answer as correct when a completion boxes it."""
    boxed = [f"\\boxed{{{problem.answer}}}" for problem in problems]
    verdicts = graders.verdicts(problems, boxed, [False] * len(boxed))
    return [v is Verdict.CORRECT and not _worked(p) for v, p in zip(verdicts, problems, strict=True)]


def _worked(problem: Problem) -> bool:
    """Whether an answer is a worked solution from which no final answer was cut; elsewhere a grid has lines."""
    return problem.grader == "math" and "\n" in problem.answer


def _require(pool: Pool, usable: Usable, wanted: int, lower: str) -> None:
    counts = usable.counts
    if len(usable.problems) < wanted:
        losses = in_words(counts.get("left_out", {}))
        theirs = in_words({f"in {name}": count for name, count in counts.get("kept_for", {}).items()})
        told = f"{theirs and f', of them {theirs}'}{losses and f'; left out before: {losses}'}"
        more = f", or raise its first, which is {pool.first}" if pool.first else ""
        raise TooFewError(
            f"{pool.name} has {len(usable.problems)} usable problems of the {wanted} that its weight asks for (it gave "
            f"{counts['given']}; {counts['gold_failed']} whose answer our grader rejects, "
            f"{counts['repeated']} repeated{told}): lower {lower} or its weight{more}"
        )


def order(problems: Iterable[Problem], seed: int) -> list[Problem]:
    """A random order that depends on the seed and each problem's id only."""
    return sorted(problems, key=lambda problem: (derive(seed, "order", problem.id), problem.id))
