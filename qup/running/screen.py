"""A run on the terminal: a line a stage when it is done, and under them what the present one is at.

Where there is no terminal the lines of what is done are all there is.
"""

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from types import TracebackType

from rich.console import Console
from rich.markup import escape
from rich.status import Status

from qup import settings
from qup.arms import Arm
from qup.plan import Plan, view
from qup.plan.changes import State
from qup.plan.spans import total
from qup.plan.work import Kind
from qup.refiners import Pool
from qup.running.events import AsItWas, Begun, Event, Failed
from qup.study import Study

UNTOLD = 2.0
"Seconds of a stage of which no estimate is made."
MINUTE, HOUR = 60, 3600
LONG, TOLD = 20.0, 5
"Seconds from which a stage is told of before the run, and how many are."


@dataclass(frozen=True)
class Expected:
    """What a run is to do, as far as that is known."""

    seconds: Mapping[str, float] = field(default_factory=dict)
    "Of each stage that will or may run, in their order."
    stages: int | None = None
    "All of them, those that are cached too; None: not known."
    labels: Mapping[str, str] = field(default_factory=dict)
    "Stage to how it is called."

    @property
    def line(self) -> str:
        """What will run, in a line."""
        if not self.seconds:
            return f"all {self.stages} stages are as they were"
        return f"{len(self.seconds)} of {self.stages} stages may run, some {duration(sum(self.seconds.values()))}"


def expected(ahead: Plan, study: Study) -> Expected:
    """What a plan says of a run."""
    estimates = {row.change.stage: row.estimate.seconds.mid for row in ahead.rows if row.change}
    run = [change.stage for change in ahead.changes if change.state is not State.CACHED]
    seconds = {stage: estimates.get(stage, UNTOLD) for stage in run}
    arms = {arm.name.replace("/", "-"): arm.label for arm in _arms(study)}
    labels = {change.stage: _label(change.stage, ahead.study, arms) for change in ahead.changes}
    return Expected(seconds, len(ahead.changes), labels)


def costs(ahead: Plan) -> Iterator[str]:
    """The plan in few lines, before the first long stage: what takes the time, the disk, what endpoints are paid."""
    groups = [group for group in view.groups(ahead.rows) if group[0].runs]
    parts = [(total(row.estimate.seconds for row in group).mid, group) for group in groups]
    longest = [(seconds, group) for seconds, group in sorted(parts, key=lambda part: -part[0]) if seconds >= LONG]
    if not longest:
        return
    named = [f"{each[0].stage.step.removesuffix('-native')} {duration(seconds)}" for seconds, each in longest[:TOLD]]
    disk = view.number(total(row.disk for group in groups for row in group), "B")
    yield f"plan: {', '.join(named)}; {disk} of disk, on {ahead.machine.label} (`qup plan {ahead.study}` has all)"
    rows = [row for group in groups for row in group]
    if any(row.stage.sum(Kind.CALL).high for row in rows):
        yield f"plan: endpoints: {view.money([row.cost for row in rows])}"


def _arms(study: Study) -> list[Arm]:
    """All that can be cells of the pipeline under any refiner."""
    refiners = [name for name in settings.names("refiners") if settings.load("refiners", name).pool is not Pool.STREAMS]
    return [study.native, *(study.main_arm(oracle, refiner) for oracle in study.oracles for refiner in refiners)]


def _label(stage: str, study: str, arms: Mapping[str, str]) -> str:
    """`train SAR` of `train@glassbox-home-style_aligned`."""
    step, _, cell = stage.partition("@")
    arm = arms.get(cell.removeprefix(f"{study}-"))
    return f"{step.removesuffix('-native')} {arm}" if arm else step


def duration(seconds: float) -> str:
    """`41 s`, `12 min`, `3 h 20 min`."""
    if seconds < 2 * MINUTE:
        return f"{seconds:.0f} s"
    if seconds < 2 * HOUR:
        return f"{seconds / MINUTE:.0f} min"
    return f"{seconds // HOUR:.0f} h {seconds % HOUR / MINUTE:.0f} min"


class Screen:
    """Tells a run; a context, at whose end the last stage is told."""

    def __init__(self, console: Console, ahead: Expected, clock: Callable[[], float] = time.monotonic) -> None:
        self.console, self.ahead, self.clock = console, ahead, clock
        self._status: Status = console.status("starting DVC")
        self._left = dict(ahead.seconds)
        self._present: str | None = None
        self._since = clock()
        self._told = self._same = 0
        self._failed = False
        self.stage: str | None = None
        "The last that began."

    def __enter__(self) -> "Screen":
        if self.console.is_terminal:
            self._status.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._end()
        self._tell_same()
        self._status.stop()

    def see(self, event: Event) -> None:
        """Take in what happened."""
        if isinstance(event, Begun):
            self._end()
            self._tell_same()
            self._present = self.stage = event.stage
            self._since = self.clock()
            self._show("")
        elif isinstance(event, AsItWas):
            self._end()
            self._told, self._same = self._told + 1, self._same + 1
            self._left.pop(event.stage, None)
        elif isinstance(event, Failed):
            self._failed = True
        elif self._present:
            self._show(f"{event.what} {event.done} of {event.of}".strip())

    def _end(self) -> None:
        """Tell the present stage as done."""
        if self._present is None:
            return
        self._told += 1
        self._left.pop(self._present, None)
        taken = f"{'stopped after ' * self._failed}{duration(self.clock() - self._since)}"
        self.console.print(f"{self._place(self._told)}, {escape(self._label(self._present))}: {taken}", soft_wrap=True)
        self._present = None

    def _tell_same(self) -> None:
        if self._same:
            self.console.print(f"{self._same} stage{'s' * (self._same > 1)} as before")
        self._same = 0

    def _show(self, work: str) -> None:
        """What the present stage is at, and how long all may still take."""
        if self._present is None:
            return
        parts = [self._place(self._told + 1), self._label(self._present), *([work] if work else []), *self._time_left()]
        self._status.update(escape(", ".join(parts)))

    def _time_left(self) -> list[str]:
        if not self._left:
            return []
        own = max(0.0, self._left.get(self._present or "", 0.0) - (self.clock() - self._since))
        others = sum(seconds for stage, seconds in self._left.items() if stage != self._present)
        return [f"{duration(own + others)} left"]

    def _place(self, number: int) -> str:
        return f"{number} of {self.ahead.stages}" if self.ahead.stages else f"{number}"

    def _label(self, stage: str) -> str:
        return self.ahead.labels.get(stage, stage)
