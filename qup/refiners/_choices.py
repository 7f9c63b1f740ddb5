"""The best of a draft's pool by some value: what refiners that select have in common."""

from collections.abc import Callable, Sequence

from qup.oracles import Reply
from qup.records import Problem, Verdict
from qup.refiners import Candidate, Draft

Values = Callable[[Sequence[Problem], Sequence[str]], Sequence[float | None]]
"A value for each trace of a problem, higher is better; None where there is none."


def best(drafts: Sequence[Draft], values: Values, attempt: int) -> list[Reply | None]:
    """The correct candidate of the highest value for each draft, the first of equal ones; None where none is correct.

    An only candidate needs no value. Where none of several has one, the draft has failed, and for good: nothing is
    drawn here, so another attempt would come to the same.
    """
    pools = [_correct(draft) for draft in drafts]
    rivals = [(row, candidate) for row, pool in enumerate(pools) if len(pool) > 1 for candidate in pool]
    valued: list[list[tuple[float, Candidate]]] = [[] for _ in drafts]
    if rivals and attempt == 0:
        given = values([drafts[row].problem for row, _ in rivals], [candidate.text for _, candidate in rivals])
        for (row, candidate), value in zip(rivals, given, strict=True):
            if value is not None:
                valued[row].append((value, candidate))
    return [_chosen(pool, own) for pool, own in zip(pools, valued, strict=True)]


def _correct(draft: Draft) -> list[Candidate]:
    """The correct candidates, each text once."""
    first: dict[str, Candidate] = {}
    for candidate in draft.pool:
        if candidate.verdict is Verdict.CORRECT:
            first.setdefault(candidate.text, candidate)
    return list(first.values())


def _chosen(pool: Sequence[Candidate], valued: Sequence[tuple[float, Candidate]]) -> Reply | None:
    if not pool:
        return None
    if not valued and len(pool) > 1:
        return Reply("", tokens=0, failure="no candidate has a value to be chosen by")
    chosen = max(valued, key=lambda pair: pair[0])[1] if valued else pool[0]
    return Reply(chosen.text, tokens=0, origin=chosen.source)
