"""Earlier runs on this machine: what a stage took, against what the same estimate says of the same stage."""

import json
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from qup import repository
from qup.plan.spans import Span, about
from qup.plan.work import Stage

RUNS, TIMES = Path(".qup/runs"), "results/*/runtime.json"
"Where stages leave the time they took, and where `track` gathers it."
AGAIN = (0.85, 1.2)
"How far off a stage's own time of before may be, as factors."
LIKE = (0.7, 1.5)
"The same of other stages of its kind."
SHORTEST = 3.0
"Seconds below which a stage tells nothing of others."


@dataclass(frozen=True)
class Estimate:
    """Seconds of a stage and where they come from."""

    seconds: Span
    source: str


def measured(root: Path) -> dict[str, dict[str, float]]:
    """Study to stage to the seconds it took where it last ran, as `train@home-oracle_refined`."""
    times: dict[str, dict[str, float]] = {}
    for path in root.glob(TIMES):
        own = {stage: row.get("seconds") for stage, row in _json(path).items() if isinstance(row, dict)}
        times[path.parent.name] = {
            stage: float(taken) for stage, taken in own.items() if isinstance(taken, int | float)
        }
    return times


def latest(root: Path, study: str) -> dict[str, float]:
    """Stage to seconds of one study, from what stages leave; those of experiments in copies among them."""
    times = {}
    for path in (repository.root(root) / RUNS).glob(f"*@{study}*.json"):
        step, _, cell = path.stem.partition("@")
        if cell == study or cell.startswith(f"{study}-"):
            taken, rest = _json(path).get("seconds"), cell.removeprefix(study).removeprefix("-")
            if isinstance(taken, int | float):
                times[f"{step}@{rest}" if rest else step] = float(taken)
    return times


def _json(path: Path) -> dict[str, object]:
    """What a file of times holds; nothing of one that is none of ours."""
    try:
        held = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return held if isinstance(held, dict) else {}


@dataclass(frozen=True)
class History:
    """What stages of a study took, what is expected of them by rule, and the same of other studies."""

    taken: Mapping[str, float]
    "Stage to seconds."
    expected: Mapping[str, Span]
    "Stage to what the rule says of it."
    others: Mapping[str, Sequence[float]]
    "Kind of stage to measured by expected, of other studies."

    def by_step(self) -> dict[str, list[float]]:
        """Measured by expected of each kind of stage; of those too short to tell, nothing."""
        factors: dict[str, list[float]] = {}
        for name, span in self.expected.items():
            if self.taken.get(name, 0.0) > SHORTEST and span.mid > 0:
                factors.setdefault(name.partition("@")[0], []).append(self.taken[name] / span.mid)
        return factors

    def corrected(self, stage: Stage, seconds: Span, source: str, *, calibrated: bool) -> Estimate:
        """An estimate by rule, put right by what the stage itself took before, else by others of its kind.

        Other studies tell less than a calibration of this one's learner.
        """
        then = self.expected.get(stage.name)
        if stage.name in self.taken and then is not None and then.mid > 0:
            return Estimate(about(self.taken[stage.name] * seconds.mid / then.mid, *AGAIN), "measured here")
        of_others = {} if calibrated else self.others
        for said, known in (("other stages of the kind", self.by_step()), ("other studies", of_others)):
            if factors := known.get(stage.step):
                scaled = about(seconds.mid * statistics.median(factors), *LIKE)
                return Estimate(scaled, f"by {said}, measured here")
        return Estimate(seconds, source)
