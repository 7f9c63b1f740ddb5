"""The learner's own traces: N completions a problem, each graded and kept (rejection sampling keeps, it does not drop).

What rejection sampling then trains on is chosen in `qup.refiners`.
"""

import functools
import itertools
from collections import Counter
from collections.abc import Sequence

from pydantic import NonNegativeFloat, PositiveInt
from pydantic.dataclasses import dataclass

from qup.backends import Completion, Sampling
from qup.errors import SettingsError
from qup.graders import graded
from qup.learner import Learner
from qup.lm import workers
from qup.lm.progress import show
from qup.records import Finish, Problem, Trace, Verdict
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
    done = workers.spread(share, replicates, threads, learner.backend.gpus)
    traces = [trace for own in done for trace in own]
    if not any(trace.tokens for trace in traces):
        raise SettingsError("no problem's prompt leaves room for an answer: raise it", "backend", "max_length")
    show(learner.ask(problems[0].question), traces[0].text)
    return traces


REMEDIES = {
    Verdict.TRUNCATED: "raise sampling.max_tokens (and backend.max_length), or take a `prompt` that asks for less",
    Verdict.UNPARSED: "an answer is read from a box: take a `prompt` that asks for one, or a learner that follows "
    "instructions (`qup check --models` says which chat template it has)",
    Verdict.WRONG: "take easier problems or a stronger learner, or raise sampling.n",
}
"What to do where most samples end so."
SHOWN = 160
"Characters of an example."


def require_solved(problems: Sequence[Problem], traces: Sequence[Trace]) -> None:
    """Do nothing if any sample is right: without one there is no native trace, and nothing to compare a stream with.

    Raises:
        SettingsError: none is; how they ended, one of them, and what to do.
    """
    counts = Counter(trace.verdict for trace in traces)
    if counts[Verdict.CORRECT]:
        return
    most = max(REMEDIES, key=lambda verdict: counts[verdict])
    example = next(trace for trace in traces if trace.verdict is most)
    problem = next(problem for problem in problems if problem.id == example.problem_id)
    told = ", ".join(f"{counts[verdict]} {word}" for verdict, word in WORDS.items())
    raise SettingsError(
        f"the learner solves none of {len(problems)} problems in {len(traces)} samples ({told}), and without a right "
        f"one there is nothing to train on or to compare with; to {_short(problem.question)!r}, whose answer is "
        f"{_short(problem.answer)!r}, it said {_ending(example.text)!r}: {REMEDIES[most]}"
    )


WORDS = {Verdict.WRONG: "wrong", Verdict.UNPARSED: "without a readable answer", Verdict.TRUNCATED: "cut by max_tokens"}


def _short(text: str) -> str:
    """The beginning of a text, in one line."""
    line = " ".join(text.split())
    return line if len(line) <= SHOWN else f"{line[:SHOWN]}..."


def _ending(text: str) -> str:
    """The end of an answer, where what is asked for should stand."""
    line = " ".join(text.split())
    return line if len(line) <= SHOWN else f"...{line[-SHOWN:]}"


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
