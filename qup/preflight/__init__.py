"""What would stop a study hours later, looked at before anything of it is spent: a line each, with its remedy.

Only what is to run is looked at: a study whose stages are all cached asks no endpoint and reads no file. A check is a
file of this room with one function of its name, which gives what is amiss; what is worth knowing and stops nothing
comes from `notes`.

>>> preflight(Path(), plan(Path(), "mine"))  # doctest: +SKIP
['Oracle home: environment variable OPENAI_API_KEY is not set: ...']
"""

from collections.abc import Callable, Iterator
from pathlib import Path

from qup import study
from qup.errors import SettingsError
from qup.plan import Plan
from qup.preflight.ahead import Ahead
from qup.preflight.disk import disk
from qup.preflight.endpoints import endpoints
from qup.preflight.environment import environment
from qup.preflight.gold import gold
from qup.preflight.models import models
from qup.preflight.notes import notes

__all__ = ["notes_on", "preflight"]

CHECKS: tuple[Callable[[Ahead], Iterator[str]], ...] = (environment, disk, models, gold, endpoints)
"Cheap ones first; an endpoint, which is paid, only where all else is in order."


def preflight(root: Path, made: Plan) -> list[str]:
    """What is amiss with a study that is about to run as planned; a check that fails by itself is a line too."""
    ahead = _ahead(root, made)
    for check in CHECKS:
        if faults := list(_looked(check, ahead)):
            return faults
    return []


def notes_on(root: Path, made: Plan) -> list[str]:
    """What is worth knowing before the run and stops nothing."""
    return list(notes(_ahead(root, made)))


def _ahead(root: Path, made: Plan) -> Ahead:
    return Ahead(root, study.read(root / "studies" / f"{made.study}.yaml"), made)


def _looked(check: Callable[[Ahead], Iterator[str]], ahead: Ahead) -> Iterator[str]:
    try:
        yield from check(ahead)
    except SettingsError as error:
        yield str(error)
