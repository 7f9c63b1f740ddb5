"""Which records a file must hold, by what it was made from: their keys, in the order in which they are written.

A file that was cut after a whole line, or is of another run, can be told by nothing else.

>>> problems = [Problem("p", "1 + 1?", "2", "toy"), Problem("q", "1 + 2?", "3", "toy")]
>>> traces(problems, 2)
[('p', 0), ('p', 1), ('q', 0), ('q', 1)]
"""

from collections.abc import Iterable, Mapping, Sequence

from qup.records import TRAIN, Problem, Refined, Scope, Trace, TrainRun, distinct, drafted, of_set
from qup.records._keys import Key

VALIDATED = 400
"Samples of the learner, of its first problems, on which a reward is tried: a judge may cost much."


def traces(problems: Sequence[Problem], count: int) -> list[Key]:
    """Of `Trace`: `count` samples of each problem."""
    return [(problem.id, index) for problem in problems for index in range(count)]


def stream(problems: Sequence[Problem], traces: Sequence[Trace], scope: Scope, per_problem: int = 1) -> list[Key]:
    """Of `Refined`: of each problem of the arm's training set that has a draft within the scope, one a distinct draft.

    At most `per_problem` of a problem.
    """
    return [
        (problem.id, problem.replicate or 0, stratum, slot)
        for problem, stratum, usable in drafted(problems, traces, scope)
        for slot in range(1 if per_problem == 1 else min(per_problem, len(distinct(own.text for own in usable))))
    ]


def scores(stream: Sequence[Refined], rewards: Iterable[str]) -> list[Key]:
    """Of `Score`: every reward of each trace of a stream."""
    return [(own.problem_id, reward, None, own.slot) for reward in rewards for own in stream if own.text is not None]


def tried(problems: Sequence[Problem], traces: Sequence[Trace]) -> list[Trace]:
    """The learner's samples that rewards are tried on: the first ones of the main training set."""
    own = {problem.id for problem in of_set(problems, TRAIN)}
    return [trace for trace in traces if trace.problem_id in own][:VALIDATED]


def sample_scores(problems: Sequence[Problem], traces: Sequence[Trace], rewards: Iterable[str]) -> list[Key]:
    """Of `Score`: every reward of each of the learner's samples that rewards are tried on."""
    return [(trace.problem_id, reward, trace.index, 0) for reward in rewards for trace in tried(problems, traces)]


def restyled(made: Sequence[tuple[Trace, str, str]], rewards: Iterable[str]) -> list[Key]:
    """Of `Restyled`: every reward of each (sample, restyle, text)."""
    return [(reward, trace.problem_id, trace.index, name) for reward in rewards for trace, name, _ in made]


def compat(stream: Sequence[Refined]) -> list[Key]:
    """Of `Compat`: one of each trace of a stream."""
    return [(refined.problem_id, refined.slot) for refined in stream if refined.text is not None]


def runs(stream: Sequence[Refined], objectives: Iterable[str]) -> list[Key]:
    """Of `TrainRun`: one per objective and replicate of the stream."""
    replicates = list(dict.fromkeys(refined.replicate for refined in stream))
    return [(objective, replicate) for objective in objectives for replicate in replicates]


def steps(runs: Sequence[TrainRun]) -> list[Key]:
    """Of `Step`: as many of each run as its account says."""
    return [(run.objective, run.replicate, step) for run in runs for step in range(1, run.steps + 1)]


def answers(
    learners: Iterable[tuple[str, int]],
    problems: Mapping[str, Sequence[Problem]],
    repeats: Mapping[str, Mapping[str, int]],
) -> list[Key]:
    """Of `Eval`: the answers of each learner to each problem of each task; `repeats` are by task, then decoding.

    A learner is its objective and replicate.
    """
    return [
        (*learner, task, decoding, problem.id, repeat)
        for learner in learners
        for task, own in problems.items()
        for decoding, count in repeats[task].items()
        for problem in own
        for repeat in range(count)
    ]
