"""What `dvc repro` would run of a study and why, asked of DVC itself: nothing is run, changed or locked.

The study need not be the one that params.yaml names: the pipeline is resolved for it in memory.
"""

import contextlib
import enum
import logging
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from qup.errors import SettingsError
from qup.params import Params

WIDEST = 40
"Characters of a value in a reason."
TOLD = 4
"Reasons in a line; the JSON has all."
MISSING = object()


class State(enum.StrEnum):
    """What becomes of a stage."""

    CACHED = "cached"
    "Its outputs are there, or in DVC's cache, from where they are brought."
    RUNS = "runs"
    "Something that it depends on has changed."
    FOLLOWS = "follows"
    "A stage before it runs; it does too, unless that one's outputs come out as they were."


@dataclass(frozen=True)
class Change:
    """What becomes of one stage, and why."""

    stage: str
    "As in `dvc status`: `train@glassbox-home-oracle_refined`."
    state: State
    reasons: tuple[str, ...] = ()

    @property
    def line(self) -> str:
        """`train@... will run: qup/training changed`."""
        said = {State.CACHED: "is cached", State.RUNS: "will run", State.FOLLOWS: "may run"}[self.state]
        more = [f"{len(self.reasons) - TOLD} more"] * (len(self.reasons) > TOLD)
        return f"{self.stage} {said}" + (f": {'; '.join([*self.reasons[:TOLD], *more])}" if self.reasons else "")


@dataclass(frozen=True)
class Status:
    """What becomes of a study's stages."""

    changes: tuple[Change, ...] = ()
    "In an order in which they can run."
    settings: Mapping[str, Any] = field(default_factory=dict)
    "Sections of the study file as they were when its stages last ran, by dvc.lock."


def status(root: Path, chosen: Params, same: Collection[Path] = ()) -> Status:
    """What becomes of each stage of what is chosen; `same` are files that are known to come out as they are.

    Raises:
        SettingsError: DVC cannot read the pipeline.
    """
    from dvc.exceptions import DvcException
    from dvc.repo import Repo

    try:
        with _quiet(), Repo(str(root)) as repo:
            stages = _resolved(repo, chosen)
            return Status(tuple(_judged(_in_order(stages), same)), _locked(stages, f"studies/{chosen.study}.yaml"))
    except DvcException as error:
        raise SettingsError(f"DVC cannot tell what would run: {error}") from error


def _resolved(repo: Any, chosen: Params) -> list[Any]:
    """All stages of dvc.yaml as they are when params.yaml chooses so."""
    from dvc.dvcfile import PROJECT_FILE, ProjectFile
    from dvc.parsing.context import Context

    pipeline = ProjectFile(repo, PROJECT_FILE)
    given = {"study": chosen.study, "refiner": chosen.refiner, "oracles": list(chosen.oracles)}
    # What params.yaml holds has been put there; stages are made from it when they are asked for.
    pipeline.resolver.context.merge_update(Context(given), overwrite=True)
    return [pipeline.stages[name] for name in pipeline.stages]


def _locked(stages: Sequence[Any], file: str) -> dict[str, Any]:
    """The settings of a file as dvc.lock has them, of all stages together."""
    from dvc.dependency import ParamsDependency

    params = [dep for stage in stages for dep in stage.deps if isinstance(dep, ParamsDependency)]
    held = [dep.hash_info.value or {} for dep in params if dep.def_path == file]
    # Of a section some stages track a part, such as one Oracle; those that track the whole have it too.
    return {key: value for values in held for key, value in values.items() if "." not in key}


def _in_order(stages: Sequence[Any]) -> list[tuple[Any, list[Any]]]:
    """Each stage with those whose outputs it reads, none before those, else as dvc.yaml has them."""
    before = {
        stage.addressing: [other for other in stages if any(_reads(dep, other) for dep in stage.deps)]
        for stage in stages
    }
    ordered: dict[str, tuple[Any, list[Any]]] = {}

    def add(stage: Any) -> None:
        if stage.addressing not in ordered:
            for other in before[stage.addressing]:
                add(other)
            ordered[stage.addressing] = stage, before[stage.addressing]

    for stage in stages:
        add(stage)
    return list(ordered.values())


def _reads(dep: Any, stage: Any) -> bool:
    """Whether a dependency is an output of a stage, or lies in one, or holds it."""
    paths = [(Path(str(dep.fs_path)), Path(str(out.fs_path))) for out in stage.outs]
    return any(mine == theirs or mine in theirs.parents or theirs in mine.parents for mine, theirs in paths)


def _judged(ordered: Sequence[tuple[Any, list[Any]]], same: Collection[Path]) -> list[Change]:
    judged: dict[str, Change] = {}
    for stage, before in ordered:
        moving = [other for other in before if not _is_same(stage, other, same)]
        judged[stage.addressing] = _change(stage, [(other, judged[other.addressing]) for other in moving])
    return list(judged.values())


def _is_same(stage: Any, other: Any, same: Collection[Path]) -> bool:
    """Whether all that a stage reads of another one comes out as it is."""
    return all(Path(str(dep.fs_path)) in same for dep in stage.deps if _reads(dep, other))


def _change(stage: Any, before: Sequence[tuple[Any, Change]]) -> Change:
    """One stage, the ones before it judged."""
    if stage.always_changed:
        return Change(stage.addressing, State.RUNS, ("it always does",))
    if not any(each.hash_info for each in (*stage.outs, *stage.deps)):
        return Change(stage.addressing, State.RUNS, ("it has not run yet",))
    reasons = [
        *["its command changed"] * stage.cmd_changed,
        *(reason for dep in stage.deps for reason in _of_dep(dep, before)),
    ]
    if not reasons and (lost := _lost(stage)):
        reasons = lost
    if reasons:
        return Change(stage.addressing, State.RUNS, tuple(dict.fromkeys(reasons)))
    running = [other.addressing for other, change in before if _moves(other, change)]
    if running:
        return Change(stage.addressing, State.FOLLOWS, (f"after {', '.join(running)}",))
    return Change(stage.addressing, State.CACHED)


def _moves(stage: Any, change: Change) -> bool:
    """Whether a stage's outputs may come out otherwise; one that always runs, as the check does, leaves the same."""
    return change.state is not State.CACHED and not stage.always_changed


def _of_dep(dep: Any, before: Sequence[tuple[Any, Change]]) -> list[str]:
    """Why one dependency makes the stage run; nothing where it is as it was, or is brought by a stage before."""
    from dvc.dependency import ParamsDependency

    if isinstance(dep, ParamsDependency):
        return _of_params(dep)
    made_before = any(_reads(dep, other) for other, _ in before)
    status = _first(dep.status())
    if status is None or (made_before and status == "deleted"):
        return [f"{dep.def_path} changed"] if made_before and _differs(dep, before) else []
    if made_before and any(_moves(other, change) for other, change in before if _reads(dep, other)):
        return []
    said = {"modified": "changed", "deleted": "is not there", "new": "is new"}
    return [f"{dep.def_path} {said.get(status, status)}"]


def _first(status: Mapping[str, Any]) -> str | None:
    return next((str(value) for value in status.values()), None)


def _differs(dep: Any, before: Sequence[tuple[Any, Change]]) -> bool:
    """Whether dvc.lock has another hash of a dependency than of the output that it is; DVC then runs the stage."""
    mine = str(dep.fs_path)
    same = [out for other, _ in before for out in other.outs if str(out.fs_path) == mine]
    return any(out.hash_info and dep.hash_info and out.hash_info != dep.hash_info for out in same)


def _of_params(dep: Any) -> list[str]:
    """Changed keys of a settings file with their old and new values."""
    before, now = dict(dep.hash_info.value or {}), dep.read_params()
    if not before:
        return []
    keys = list(dict.fromkeys([*before, *now]))
    return [
        f"{dep.def_path}: {where} {_shown(old)} -> {_shown(new)}"
        for key in keys
        for where, old, new in different(key, before.get(key, MISSING), now.get(key, MISSING))
    ]


def different(where: str, before: Any, now: Any) -> Iterator[tuple[str, Any, Any]]:
    """(key, old value, new value) of what differs in two settings, as deep as the difference lies."""
    if isinstance(before, Mapping) and isinstance(now, Mapping):
        for key in dict.fromkeys([*before, *now]):
            yield from different(f"{where}.{key}", before.get(key, MISSING), now.get(key, MISSING))
    elif _listed(before) and _listed(now) and len(before) == len(now):
        for place, pair in enumerate(zip(before, now, strict=True)):
            yield from different(f"{where}[{place}]", *pair)
    elif before != now:
        yield where, before, now


def _listed(value: Any) -> bool:
    return isinstance(value, list | tuple)


def _shown(value: Any) -> str:
    if value is MISSING:
        return "(none)"
    text = " ".join(str(value).split())
    return text if len(text) <= WIDEST else f"{text[: WIDEST - 3]}..."


def _lost(stage: Any) -> list[str]:
    """Outputs that are neither as they were nor in the cache."""
    lost = []
    for out in stage.outs:
        status = _first(out.status())
        kept = out.use_cache and not out.changed_cache()
        if status is not None and not kept:
            said = {"modified": "was changed by hand", "not in cache": "is not in DVC's cache"}
            lost.append(f"{out.def_path} {said.get(status, 'is not there')}")
    return lost


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """DVC's own lines are not for whoever reads a plan."""
    logger = logging.getLogger("dvc")
    level = logger.level
    logger.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        logger.setLevel(level)
