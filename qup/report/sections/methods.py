"""Methods: definitions, sources and where each number was read; the prose is in methods.md.jinja."""

import dataclasses
import re
from dataclasses import dataclass
from pathlib import Path

from qup.report.evidence import FLOOR, MIN_ARMS, Evidence
from qup.report.manipulation import NEAR
from qup.report.numbers import percentage
from qup.report.traces import PANEL
from qup.report.view import Section

TEMPLATE = Path(__file__).with_name("methods.md.jinja")


@dataclass(frozen=True)
class Methods:
    """The numbers and names in the prose, as it has them."""

    primary: str
    "The reward that verdicts go by."
    graders: list[str]
    "Rewards that perceive nothing."
    k: int
    level: str
    alpha: str
    power: str
    resamples: int
    arms: int
    further: int
    panel: str = PANEL
    near: float = NEAR
    floor: float = FLOOR
    min_arms: int = MIN_ARMS


def numbers(evidence: Evidence, every: Evidence) -> Methods:
    """`every` has the further arms among the others."""
    settings, traces = evidence.study.report, evidence.traces
    return Methods(
        primary=traces.primary or "none",
        graders=[reward for reward in traces.reward_names if not traces.perceives(reward)],
        k=evidence.study.evaluation.of_main.k,
        level=percentage(settings.level),
        alpha=f"{1 - settings.level:.2g}",
        power=percentage(settings.power),
        resamples=settings.resamples,
        arms=len(evidence.arms),
        further=len(every.arms) - len(evidence.arms),
    )


def show(methods: Methods) -> Section:
    """A point per definition."""
    import jinja2

    env = jinja2.Environment(undefined=jinja2.StrictUndefined)
    prose = env.from_string(TEMPLATE.read_text(encoding="utf-8")).render(dataclasses.asdict(methods))
    # A point starts with a dash at the margin; the lines it is broken into are one.
    points = re.split(r"^- ", prose, flags=re.MULTILINE)[1:]
    return Section("Methods", bullets=[" ".join(point.split()) for point in points])
