"""`qup run`: what `dvc repro` and `dvc exp run` do, told in a line a stage, with the verdict at the end.

DVC runs the stages; here its output and theirs are read as they come, kept whole in a log file, and told in few words.
"""

import contextlib
import json
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from signal import SIGHUP, SIGTERM
from typing import IO, Any

from rich.console import Console
from rich.markup import escape

from qup import plan as planning
from qup import preflight, study, whole
from qup.errors import SettingsError
from qup.params import read_params
from qup.running.events import Event, Failed, Reader
from qup.running.screen import Expected, Screen, costs, duration, expected

LOGS = Path(".qup/logs")
"Where a run's whole output is; one file a study, that of its last run."
CHECK = "check"
"The stage that refuses what does not fit, before any other."
BACK = "git restore --staged --worktree params.yaml studies dvc.lock && dvc repro"
"How an experiment is left again; finished stages come from the cache."
MISUSED, INTERRUPTED = 2, 130
"Exit codes: bad input, and Ctrl-C."


class UnfitError(Exception):
    """A study that would stop on the way."""

    def __init__(self, faults: Sequence[str]) -> None:
        super().__init__("; ".join(faults))
        self.faults = faults


@dataclass(frozen=True)
class Run:
    """What is to be run."""

    root: Path
    "Of the repository."
    study: str
    changes: tuple[str, ...] = ()
    "As DVC's `-S`; none: the study as it stands."

    @property
    def command(self) -> list[str]:
        """`dvc repro` of what params.yaml names, else an experiment."""
        chosen = read_params(self.root / "params.yaml").study
        changes = [*([f"study={self.study}"] if self.study != chosen else []), *self.changes]
        dvc = [sys.executable, "-m", "dvc"]
        return (
            [*dvc, "exp", "run", *(part for each in changes for part in ("-S", each))] if changes else [*dvc, "repro"]
        )

    @property
    def log(self) -> Path:
        """All that was said."""
        return self.root / LOGS / f"{self.study}.log"

    @property
    def report(self) -> Path:
        """The folder of the study's report."""
        return self.root / "results" / self.study / "report"


def run(asked: Run, console: Console) -> int:
    """Run it, tell a line a stage and the verdict; the exit code.

    Raises:
        SettingsError: params.yaml or the study does not fit.
    """
    study.check(asked.root / "params.yaml", asked.root / "studies")
    study.read(asked.root / "studies" / f"{asked.study}.yaml")
    try:
        screen, before = Screen(console, _expected(asked, console)), _written(asked.root)
    except UnfitError as error:
        for fault in error.faults:
            console.print(f"qup: {escape(fault)}", soft_wrap=True)
        console.print("nothing was run; `qup check --preflight` looks again")
        return MISUSED
    start = time.monotonic()
    code, failures = _watch(asked, screen)
    if code:
        if screen.stage in (None, CHECK):
            _put_back(before, console)
        return _failed(asked, console, code, failures)
    _tell(asked, console)
    if changed := _changed(before):
        names = " and ".join(path.name for path in changed)
        console.print(f"{names} now say what ran; what Git has comes back by: {BACK}", soft_wrap=True)
    console.print(f"{asked.study} took {duration(time.monotonic() - start)}; all that was said: {asked.log}")
    return 0


def _expected(asked: Run, console: Console) -> Expected:
    """What will run and how long it may take; with settings changed on the command line, nothing is known of that."""
    if asked.changes:
        return Expected()
    with console.status("asking DVC what will run"):
        made = planning.plan(asked.root, asked.study)
        ahead = expected(made, study.read(asked.root / f"studies/{asked.study}.yaml"))
    console.print(escape(ahead.line))
    for line in costs(made):
        console.print(escape(line), soft_wrap=True)
    with console.status("looking whether all is there that it needs"):
        faults, notes = preflight.preflight(asked.root, made), preflight.notes_on(asked.root, made)
    for note in notes:
        console.print(f"note: {escape(note)}", soft_wrap=True)
    if faults:
        raise UnfitError(faults)
    return ahead


def _written(root: Path) -> dict[Path, bytes]:
    """What DVC writes an experiment's changes into."""
    return {path: path.read_bytes() for path in (root / "params.yaml", *sorted((root / "studies").glob("*.yaml")))}


def _changed(before: Mapping[Path, bytes]) -> list[Path]:
    """Which of these files an experiment has changed."""
    return [path for path, content in before.items() if path.read_bytes() != content]


def _put_back(before: Mapping[Path, bytes], console: Console) -> None:
    """Take out changes that the check refused: DVC leaves them there, and the next run would trip over them."""
    for path in _changed(before):
        whole.write(path, before[path])
        console.print(f"{path} is as it was", soft_wrap=True)


def _watch(asked: Run, screen: Screen) -> tuple[int, list[Failed]]:
    """Run DVC, keep what it says and tell the screen; its exit code and what failed."""
    asked.log.parent.mkdir(parents=True, exist_ok=True)
    failures: list[Failed] = []
    with (
        asked.log.open("wb") as log,
        subprocess.Popen(asked.command, cwd=asked.root, stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as dvc,
        screen,
        _passed_on(dvc),
    ):
        try:
            for event in _events(dvc.stdout, log):
                screen.see(event)
                failures += [event] if isinstance(event, Failed) else []
        except KeyboardInterrupt:
            # The terminal has told DVC and its stages too; they end in good order.
            dvc.wait()
            return INTERRUPTED, failures
        return dvc.wait(), failures


@contextlib.contextmanager
def _passed_on(dvc: subprocess.Popen[bytes]) -> Iterator[None]:
    """Tell DVC what a scheduler or the end of a terminal tells this process alone."""
    before = {each: signal.signal(each, lambda number, _: dvc.send_signal(number)) for each in (SIGTERM, SIGHUP)}
    try:
        yield
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)


def _events(output: IO[bytes] | None, log: IO[bytes]) -> Iterator[Event]:
    """What is said, as it comes, kept in the log before it is read."""
    if output is None:
        return
    reader = Reader()
    while chunk := output.read1(1 << 16):  # type: ignore[attr-defined]
        log.write(chunk)
        log.flush()
        yield from reader.read(chunk)
    yield from reader.end()


def _failed(asked: Run, console: Console, code: int, failures: Sequence[Failed]) -> int:
    """The stages' own words, or DVC's where they had none."""
    own = [failure.text for failure in failures if failure.ours]
    for text in own or [failure.text for failure in failures] or ["DVC stopped without a word"]:
        console.print(f"qup: {escape(text)}", soft_wrap=True)
    console.print(f"all that was said: {asked.log}", soft_wrap=True)
    return INTERRUPTED if code in (INTERRUPTED, -2) else MISUSED if own else code


def _tell(asked: Run, console: Console) -> None:
    """What to train on, the verdicts and the page."""
    try:
        summary: dict[str, Any] = json.loads((asked.report / "report.json").read_text(encoding="utf-8"))
        lines = [*map(_choice, summary["choices"]), *map(_verdict, summary["verdicts"])]
    except (OSError, ValueError, LookupError, TypeError) as error:
        raise SettingsError(f"{asked.report / 'report.json'} is no report of this version: {error}") from error
    for line in lines:
        console.print(escape(line), soft_wrap=True)
    console.print(str(asked.report / "index.html"), soft_wrap=True)


def _choice(choice: dict[str, Any]) -> str:
    return f"{choice['objective'].upper()}, Oracle {choice['oracle']}: {choice['headline']}."


def _verdict(verdict: dict[str, Any]) -> str:
    return f"{verdict['objective'].upper()}, Oracle {verdict['oracle']}: {verdict['headline']}"
