"""Graders, one per file: class `Grader`. Whether an answer is right is said by the grader that the problem names.

Everything that grades comes through here: samples, Oracles' replies, evaluation, gold answers, the reward `answer`.
What counts as the answer is the same to all of them: what stands in the box (`qup.answers`).

>>> problem = Problem("id", "Which?", "B", "toy", grader="choice")
>>> [each.verdict.value for each in graded([problem] * 2, [r"\\boxed{(B)}", r"\\boxed{C}"], [False, False])]
['correct', 'wrong']
"""

from collections.abc import Callable, Sequence
from typing import ClassVar, Protocol

from qup import answers
from qup.answers import Graded
from qup.errors import SettingsError
from qup.records import Problem, Verdict
from qup.settings import load, names

Judgement = bool | None
"None where no judgement was possible: the answer cannot be read, or not in time."


class Grader(Protocol):
    """What grading needs of a grader; both verbs answer in order."""

    needs_entry: ClassVar[bool]
    "Whether it reads `Problem.entry`, which only the source that made the problem can give: no file can name it."

    def right(self, problems: Sequence[Problem], given: Sequence[str]) -> list[Judgement]:
        """Whether each answer is right."""
        ...

    def same(self, own: Sequence[str], given: Sequence[str]) -> list[Judgement]:
        """Whether each answer repeats another one, right or wrong: what a refiner that does not repair must do."""
        ...


def graded(problems: Sequence[Problem], texts: Sequence[str], truncated: Sequence[bool]) -> list[Graded]:
    """Answer and verdict of a completion of each problem; `truncated` says which were cut by the length limit."""
    return answers.graded_by(judge, problems, texts, truncated)


def verdicts(problems: Sequence[Problem], texts: Sequence[str], truncated: Sequence[bool]) -> list[Verdict]:
    """The verdicts alone, as in `graded`."""
    return [completion.verdict for completion in graded(problems, texts, truncated)]


def repeated(
    problems: Sequence[Problem], own: Sequence[str], texts: Sequence[str], truncated: Sequence[bool]
) -> list[bool]:
    """Whether each completion comes to an answer of somebody's own, which need not be the gold one."""
    golds = list(zip(problems, own, strict=True))
    return [each.verdict is Verdict.CORRECT for each in answers.graded_by(_repeats, golds, texts, truncated)]


def judge(pairs: Sequence[tuple[Problem, str | None]]) -> list[Judgement]:
    """Whether each answer is right, by the grader of its problem; None where there is no answer."""

    def ask(grader: Grader, rows: Sequence[int]) -> list[Judgement]:
        return grader.right([pairs[row][0] for row in rows], [str(pairs[row][1]) for row in rows])

    return _routed([problem for problem, _ in pairs], [given for _, given in pairs], ask)


def _repeats(pairs: Sequence[tuple[tuple[Problem, str], str | None]]) -> list[Judgement]:
    def ask(grader: Grader, rows: Sequence[int]) -> list[Judgement]:
        return grader.same([pairs[row][0][1] for row in rows], [str(pairs[row][1]) for row in rows])

    return _routed([problem for (problem, _), _ in pairs], [given for _, given in pairs], ask)


def _routed(
    problems: Sequence[Problem],
    given: Sequence[str | None],
    ask: Callable[[Grader, Sequence[int]], list[Judgement]],
) -> list[Judgement]:
    """What each problem's grader says of the answer to it, each grader asked once."""
    rows: dict[str, list[int]] = {}
    for row, (problem, answer) in enumerate(zip(problems, given, strict=True)):
        if answer is not None:
            rows.setdefault(problem.grader, []).append(row)
    judgements: list[Judgement] = [None] * len(problems)
    for name, own in rows.items():
        for row, judgement in zip(own, ask(load("graders", name)(), own), strict=True):
            judgements[row] = judgement
    return judgements


def require(name: str) -> None:
    """Do nothing if a file of problems may name this grader.

    Raises:
        SettingsError: there is none of that name, or it needs what only another source can give.
    """
    if load("graders", name).needs_entry:
        fitting = ", ".join(other for other in names("graders") if not load("graders", other).needs_entry)
        raise SettingsError(f"{name!r} grades its own source's problems only; one of {fitting} can", "grader")
