"""Whether a trained learner is what it is taken for: its weights must make it say something else than the base.

An adapter that a backend does not load, or that training left as it began, gives the base's answers, which pass for
answers of a learner that training did not help. The log-likelihoods of a few given answers tell: any change of weights
moves their last digits.
"""

from collections.abc import Sequence
from pathlib import Path

from qup.evals.cells import Cells
from qup.evals.settings import LOGLIKELIHOOD
from qup.records import LIVE, Problem, TaskScore

PROBES = 8
"Gold answers whose log-likelihoods are compared."


def probe(cells: Cells, weights: Path, problems: Sequence[Problem]) -> list[TaskScore]:
    """The share of probes that the learner rates otherwise than the base does; none where no probe fits the model."""
    learner = cells.learner
    pairs = [learner.runner.encode(learner.ask(each.question), each.answer) for each in problems[:PROBES]]
    fitting = [(prompt, answer) for prompt, answer in pairs if len(prompt) + len(answer) < learner.runner.room]
    if not fitting:
        return []
    # The base first: a backend that wears weights changes them once, not twice.
    base, own = cells.loglikelihoods(fitting, None), cells.loglikelihoods(fitting, weights)
    moved = [float(after != before) for before, after in zip(base, own, strict=True)]
    share = sum(moved) / len(moved)
    return [TaskScore("", 0, LIVE, LOGLIKELIHOOD, "moved", "none", share, None, len(moved), None)]
