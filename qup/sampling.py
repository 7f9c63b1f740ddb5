"""The learner's own traces: N completions a problem, each graded and kept (rejection sampling keeps, it does not drop).

What rejection sampling then trains on is chosen in `qup.refiners`.
"""

import functools
import itertools
from collections.abc import Sequence

from pydantic import NonNegativeFloat, PositiveInt
from pydantic.dataclasses import dataclass

from qup.backends import Completion, Sampling
from qup.errors import SettingsError
from qup.graders import graded
from qup.learner import Learner
from qup.lm import workers
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


def sample(
    learner: Learner, problems: Sequence[Problem], settings: SamplingSettings, seed: int, threads: int | None
) -> list[Trace]:
    """N graded traces of each problem, ordered by problem, then sample index.

    The problems of a replicate are asked together in any process, so that bytes do not depend on how many there are.
    """
    replicates = [list(own) for _, own in itertools.groupby(problems, key=lambda problem: problem.replicate)]
    share = functools.partial(_samples, learner, settings, seed)
    traces = [trace for own in workers.spread(share, replicates, threads) for trace in own]
    if not any(trace.tokens for trace in traces):
        raise SettingsError("no problem's prompt leaves room for an answer: raise it", "backend", "max_length")
    show(learner.ask(problems[0].question), traces[0].text)
    return traces


def _samples(
    learner: Learner, settings: SamplingSettings, seed: int, replicates: Sequence[Sequence[Problem]]
) -> list[list[Trace]]:
    """The traces of each replicate's problems; the learner is loaded once."""
    decoding = Sampling(settings.temperature, settings.max_tokens, seed, settings.top_p)
    traces = []
    for problems in replicates:
        items = [(problem, index) for problem in problems for index in range(settings.n)]
        ids = [f"{problem.id}#{index}" for problem, index in items]
        completions = learner.generate([problem.question for problem, _ in items], decoding, ids)
        if rewritten := learner.rewritten(completions):
            print(f"{rewritten} of {len(completions)} samples are other tokens when their text is encoded again")
        traces.append(grade_traces(items, completions))
    return traces


def grade_traces(items: Sequence[tuple[Problem, int]], completions: Sequence[Completion]) -> list[Trace]:
    """Traces of completions, with extracted answer and verdict."""
    verdicts = graded(
        [problem for problem, _ in items],
        [completion.text for completion in completions],
        [completion.finish is Finish.LENGTH for completion in completions],
    )
    return [
        Trace(problem.id, index, c.text, c.tokens, c.finish, answer.answer, answer.verdict)
        for (problem, index), c, answer in zip(items, completions, verdicts, strict=True)
    ]
