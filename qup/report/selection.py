"""Streams that were chosen by a reward: by that very reward they win by construction.

The largest of several noisy values is large by its noise, too, and so above the value of a trace that nobody chose even
where no trace is better than another.
"""

from qup.arms import PREFERRED
from qup.measured import Measured
from qup.report.traces import PANEL, Traces
from qup.rewards._choice import chosen
from qup.study import Study


def chooser(study: Study, arm: Measured) -> str | None:
    """The reward that an arm's traces were chosen by; None where none was asked.

    It reads settings alone: the refiners would be a dependency of the report.
    """
    if arm.refiner != PREFERRED:
        return None
    set_for_all = getattr(study.streams.refiners.get(PREFERRED), "reward", None)
    own = study.arms[arm.name].settings if arm.name in study.arms else {}
    return chosen(study.rewards, own.get("reward", set_for_all))


def partial(study: Study, traces: Traces) -> dict[str, list[str]]:
    """Arm to the rewards that say nothing of it: the one it was chosen by, and the panel if that has a say there."""
    by = {name: reward for name, arm in traces.arms.items() if (reward := chooser(study, arm))}
    return {name: [reward, *([PANEL] if traces.weights.get(reward, 0) > 0 else [])] for name, reward in by.items()}
