"""The learner's own traces: N completions a problem, each graded and kept (rejection sampling keeps, it does not drop).

What rejection sampling then trains on is chosen in `qup.refiners`.
"""

from collections.abc import Sequence

from pydantic import NonNegativeFloat, PositiveInt
from pydantic.dataclasses import dataclass

from qup.answers import graded
from qup.backends import Completion, Sampling
from qup.learner import Learner
from qup.lm.progress import show
from qup.records import Finish, Problem, Trace
from qup.settings import STRICT, PositiveShare


@dataclass(frozen=True, config=STRICT)
class SamplingSettings:
    """The learner's own traces: N per problem."""

    n: PositiveInt = 4
    "Samples a problem."
    temperature: NonNegativeFloat = 1.0
    "0 is greedy."
    top_p: PositiveShare = 1.0
    max_tokens: PositiveInt = 256
    "Longest trace, tokens."


def sample(learner: Learner, problems: Sequence[Problem], settings: SamplingSettings, seed: int) -> list[Trace]:
    """N graded traces of each problem, ordered by problem, then sample index."""
    items = [(problem, index) for problem in problems for index in range(settings.n)]
    decoding = Sampling(settings.temperature, settings.max_tokens, seed, settings.top_p)
    questions = [problem.question for problem, _ in items]
    completions = learner.generate(questions, decoding, [f"{problem.id}#{index}" for problem, index in items])
    show(learner.ask(questions[0]), completions[0].text)
    return grade_traces(items, completions)


def grade_traces(items: Sequence[tuple[Problem, int]], completions: Sequence[Completion]) -> list[Trace]:
    """Traces of completions, with extracted answer and verdict."""
    verdicts = graded(
        [problem.answer for problem, _ in items],
        [completion.text for completion in completions],
        [completion.finish is Finish.LENGTH for completion in completions],
    )
    return [
        Trace(problem.id, index, c.text, c.tokens, c.finish, answer.answer, answer.verdict)
        for (problem, index), c, answer in zip(items, completions, verdicts, strict=True)
    ]
