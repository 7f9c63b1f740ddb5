"""Findings and faults planted in a toy report's records, so exactly that what must come out is known by hand."""

import dataclasses
from collections.abc import Collection, Sequence

from toyreport import Toy

from qup.records import Eval, Verdict

VERDICTS = {True: Verdict.CORRECT, False: Verdict.WRONG}


def answers(
    right: Collection[int],
    greedy: Collection[int] | None = None,
    *,
    objectives: Sequence[str] = ("sft", "dft"),
    replicates: Sequence[int] = (1, 2, 3),
    problems: int = 60,
) -> list[Eval]:
    """Answers to held-out problems, each replicate's alike: the problems of these places are answered right.

    Of a greedy answer where `greedy` says otherwise; four sampled answers to a problem are all alike.
    """
    places = {"sampled": right, "greedy": right if greedy is None else greedy}
    return [
        Eval(f"h{p:03}", objective, replicate, "heldout", decoding, repeat, "", 9, VERDICTS[p in chosen], None)
        for objective in objectives
        for replicate in replicates
        for p in range(problems)
        for decoding, chosen in places.items()
        for repeat in range(4 if decoding == "sampled" else 1)
    ]


def greedily(given: list[Eval], share: float) -> list[Eval]:
    """The same answers, but of the greedy ones just this share is right: the first problems'."""
    problems = sorted({answer.problem_id for answer in given})
    right = set(problems[: round(share * len(problems))])
    return [
        dataclasses.replace(answer, verdict=VERDICTS[answer.problem_id in right])
        if answer.decoding == "greedy"
        else answer
        for answer in given
    ]


def read(toy: Toy, arm: str, key: str, values: Sequence[float | None]) -> Toy:
    """The parser reads these off an arm's traces, in order; None and whatever is left is not parsed."""
    records = (toy.arms | toy.further)[arm].compat
    padded = [*values, *[None] * (len(records) - len(values))]
    changed = []
    for record, value in zip(records, padded, strict=True):
        kept = {name: number for name, number in record.values.items() if name != f"glassbox.{key}"}
        kept |= {} if value is None else {f"glassbox.{key}": value}
        changed.append(dataclasses.replace(record, values=kept))
    return toy.replaced(arm, compat=changed)
