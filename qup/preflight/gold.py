"""Whether the grader accepts the problems' own answers: a file whose answers are not as it expects loses its rows."""

from collections.abc import Iterator
from pathlib import Path

from qup.preflight.ahead import Ahead
from qup.problems import Weighted
from qup.problems._pools import gold_passes
from qup.problems.jsonl import Source as File
from qup.records import Problem

READ = 64
"Problems graded of each file; `prepare` grades all that it takes."
SHOWN = 60
"Characters of an answer."
MARKS = ("The final answer is", "The answer is", "Final answer:", "Answer:", "A:")
"What final answers mostly follow; `####` and a box are recognised without being named."


def gold(ahead: Ahead) -> Iterator[str]:
    """A line for each file of which fewer than half of the answers are accepted, with one and the likely cure."""
    if not ahead.runs("prepare"):
        return
    settings = ahead.study.problems
    listed = {"problems.sources": settings.sources}
    listed |= {f"problems.sets.{name}.sources": own.sources for name, own in settings.sets.items()}
    listed |= {f"problems.training_sets.{name}.sources": own.sources for name, own in settings.training_sets.items()}
    seen: set[str] = set()
    for where, sources in listed.items():
        for place, weighted in enumerate(sources):
            if isinstance(weighted.source, File) and repr(weighted.source) not in seen:
                seen.add(repr(weighted.source))
                yield from _rejected(f"{where}[{place}]", weighted, ahead)


def _rejected(where: str, weighted: Weighted, ahead: Ahead) -> Iterator[str]:
    problems = weighted.source.problems(READ, ahead.study.seed, ahead.root / Path("data/problems"))
    passes = gold_passes(problems)
    refused = [problem for problem, passed in zip(problems, passes, strict=True) if not passed]
    if 2 * len(refused) > len(problems):
        answer = " ".join(refused[0].answer.split())
        shown = answer if len(answer) <= SHOWN else f"{answer[:SHOWN]}..."
        yield (
            f"{where}: the grader rejects the file's own answer of {len(refused)} of {len(problems)} problems, such as "
            f"{shown!r}: {cure(refused[0])}"
        )


def cure(problem: Problem) -> str:
    """What is likely to make an answer one that can be graded."""
    if mark := next((mark for mark in MARKS if mark in problem.answer), None):
        return f'set `answer_after: "{mark}"`, the mark that the final answer follows'
    if "\n" in problem.answer or len(problem.answer) > SHOWN:
        return "it is worked out: set `answer_after` to the mark that the final answer follows"
    return r"write the final answer alone, as 12 or \frac{1}{2}, or set `grader: exact`"
