"""All metrics of a stream, with their defaults, against one plain forward pass over the same traces, prompts counted.

`metrics` is an arm as a study has them: the native traces beside it have been scored for another arm. `first` is the
arm that scores them. A study that measures ten arms may take 1.3 plain passes for each. Seconds are the processor's.
"""

import dataclasses
import time
from collections.abc import Sequence

from bench._given import Given
from bench._timing import rates
from bench.scoring import forward
from qup import compat
from qup.compat._passes import Pair
from qup.records import Problem, Refined, TokenStats, Trace, Verdict

UNIT = "tokens/s"


def measure(given: Given) -> dict[str, list[float]]:
    """Ours and plain transformers; every trace is refined from another one of its problem."""
    learner, metrics = given.learner, list(given.study.compat.values())
    problems, samples, stream = _stream(given)
    pairs = [learner.encode(p.question, r.text or "") for p, r in zip(problems, stream, strict=True)]
    rows = [[*prompt, *completion] for prompt, completion in pairs]
    own = dict.fromkeys((p.question, trace.text) for p, trace in zip(problems, samples, strict=True))
    natives = [learner.encode(*each) for each in own]
    known, total = learner.score(natives), sum(map(len, rows))

    def remembered(asked: Sequence[Pair]) -> list[TokenStats]:
        return known if list(asked) == natives else learner.score(asked)

    def ours() -> int:
        compat.measure(learner, metrics, problems, samples, stream, remembered)
        return total

    def first() -> int:
        compat.measure(learner, metrics, problems, samples, stream)
        return total

    def plain() -> int:
        forward(learner.scorer, rows)
        return total

    return rates({"metrics": ours, "first": first, "plain": plain}, given.repeats, time.process_time)


def _stream(given: Given) -> tuple[list[Problem], list[Trace], list[Refined]]:
    """Each trace as the stream's of a problem of its own, whose draft is another one of the same question.

    What is as its draft was would not be scored at all.
    """
    problems, samples, stream = [], [], []
    for number, (trace, (problem, _)) in enumerate(zip(given.traces, given.pairs, strict=True)):
        twins = (each.text for each in given.traces if each.problem_id == trace.problem_id)
        draft = next((text for text in twins if text != trace.text), f"{trace.text} indeed")
        name = f"{problem.id}-{number}"
        problems.append(dataclasses.replace(problem, id=name))
        samples.append(dataclasses.replace(trace, problem_id=name, index=0, text=draft, verdict=Verdict.CORRECT))
        stream.append(Refined(name, 1, "solved", trace.text, "changed", 0, 1, 0, Verdict.CORRECT))
    return problems, samples, stream
