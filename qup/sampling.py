"""The learner's own traces: N completions a problem, each graded and kept (rejection sampling keeps, it does not drop).

What rejection sampling then trains on is chosen in `qup.streams`.
"""

from collections.abc import Sequence

from qup.answers import graded
from qup.backends import Backend, Completion, Sampling
from qup.progress import show
from qup.prompts.learner import ask
from qup.records import Finish, Problem, Trace


def sample(backend: Backend, problems: Sequence[Problem], sampling: Sampling, n: int, prompt: str) -> list[Trace]:
    """N graded traces of each problem, ordered by problem, then sample index."""
    items = [(problem, index) for problem in problems for index in range(n)]
    chats = [ask(prompt, problem.question) for problem, _ in items]
    completions = backend.generate(chats, sampling, [f"{problem.id}#{index}" for problem, index in items])
    show(chats[0], completions[0].text)
    return grade_traces(items, completions)


def grade_traces(items: Sequence[tuple[Problem, int]], completions: Sequence[Completion]) -> list[Trace]:
    """Traces of completions, with extracted answer and verdict."""
    verdicts = graded(
        [problem.answer for problem, _ in items],
        [c.text for c in completions],
        [c.finish is Finish.LENGTH for c in completions],
    )
    return [
        Trace(problem.id, index, c.text, c.tokens, c.finish, g.answer, g.verdict)
        for (problem, index), c, g in zip(items, completions, verdicts, strict=True)
    ]
