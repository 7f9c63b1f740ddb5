"""A calibration: how fast this machine starts stages, generates, scores and trains, by the code that the stages run, in
as many processes side by side as they would be. It takes half a minute for a small learner, minutes for a real one.

It is of the study's own learner where that is here or is made by the study, else of one made up, about as large; a much
larger one is scaled from it. What was measured is kept in the repository's `.qup`, outside Git.
"""

import dataclasses
import json
import platform
import statistics
import sys
import tempfile
import time
from collections.abc import Iterable, Mapping
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

from qup import repository, whole
from qup.errors import SettingsError
from qup.lm import lifeline, workers
from qup.plan import trials
from qup.plan.machine import Machine
from qup.plan.shapes import MADE, Shape, of_folder, usual
from qup.plan.shapes import shapes as shapes_of
from qup.plan.spans import Span, about
from qup.plan.speeds import WORK, Rate, Scaled, Speed
from qup.plan.trials import Asked
from qup.plan.work import Load
from qup.records import LEARNER
from qup.settings import name_of, plain
from qup.study import Study

FILE = Path(".qup/speed.json")
WITHIN = (0.8, 1.25)
"How far off a calibrated time may be, as factors."
SCALED = (0.4, 2.5)
"The same where the model is not the one that was calibrated."
OF_OWN, OF_ANOTHER = "of this study's learner", "of a model of about its size, scaled"
FARTHEST = 20.0
"Times by which models may differ in size and be told from one another: a small one's time is not arithmetic."
LARGEST = 5.6e8
"Parameters of a model that is made up; of more, the calibration would take tens of minutes."
OWN = "from qup.plan.trials import say_loads; say_loads()"


Measured = Mapping[str, Any]
"What a calibration found, as JSON has it."


def calibrate(study: Study, models: Path, question: int, answer: int) -> Path:
    """Measure and keep, in the file that is given back; lengths are in tokens."""
    place = repository.root() / FILE
    kept = _kept(place) | {_key(study): measure(study, models, question, answer)}
    whole.write(place, json.dumps(kept, indent=1, sort_keys=True) + "\n")
    return place


def measure(study: Study, models: Path, question: int, answer: int) -> Measured:
    """How fast this machine is with the study's learner, lengths being in tokens; limits this process as stages do."""
    workers.limit(study.threads)
    side = 1 if study.threads is None else max(1, workers.cores() // study.threads)
    with tempfile.TemporaryDirectory() as scratch:
        # What training says is not for who reads a plan, a program perhaps.
        with redirect_stdout(sys.stderr):
            folder, own = _model(study, models, Path(scratch))
        asked = Asked(folder, study, question, answer, begun=time.time())
        shares = workers.spread(trials.run, [asked] * side, study.threads)
        shape = of_folder(folder)
    alone = json.loads(lifeline.finished(OWN, [str(study.threads or 0), str(time.time())]).stdout.splitlines()[-1])
    return {
        "host": platform.node(),
        "processes": side,
        "shape": dataclasses.asdict(shape) if shape else None,
        "own": own,
        "alone": alone,
        # The stage's own process starts first.
        "side_by_side": {load: alone["nothing"] + statistics.mean(s.loads[load] for s in shares) for load in alone},
        "rates": {kind.value: _mean(share.rates[kind] for share in shares) for kind in WORK},
    }


def _mean(rows: Iterable[tuple[float, ...]]) -> list[float]:
    return [statistics.mean(column) for column in zip(*rows, strict=True)]


def _kept(place: Path) -> dict[str, Any]:
    """What was measured before; nothing of a file that is none of ours."""
    try:
        kept = json.loads(place.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return kept if isinstance(kept, dict) else {}


def _key(study: Study) -> str:
    """What a calibration is of: the learner's settings, how it is run and trained."""
    learner, own = study.models[LEARNER].source, study.training
    trained = [own.method, own.dtype, own.micro_batch or own.batch, own.gradient_checkpointing]
    what = [plain(learner), plain(study.backend), study.threads, *trained]
    return json.dumps(what, sort_keys=True)


def _model(study: Study, models: Path, scratch: Path) -> tuple[Path, bool]:
    """The learner where it is here; else one of its shape, hardly trained, where it is made; else one made up.

    Whether it is the study's own comes with it.
    """
    if (models / LEARNER / "config.json").is_file():
        return models / LEARNER, True
    source: Any = study.models[LEARNER].source
    own = name_of(source) in MADE
    if name_of(source) == "pretrain":
        source = dataclasses.replace(source, examples=source.batch)
    elif not own:
        source = _made_up(shapes_of(study, models)[LEARNER])
    source.obtain(scratch / LEARNER, scratch)
    return scratch / LEARNER, own


def _made_up(learner: Shape | None) -> Any:
    """A random model of usual proportions, about as large as the learner and at most `LARGEST`.

    Raises:
        SettingsError: the learner is so much larger that nothing could be told of it.
    """
    from qup.models.random import HEAD, Model

    if learner and learner.parameters > FARTHEST * LARGEST:
        raise SettingsError(
            f"a learner of {learner.parameters / 1e9:.3g} billion parameters is calibrated by itself alone: run "
            "its stage `obtain` first; a plan without --calibrate, or for a --device, needs none"
        )
    like = usual(min(learner.parameters if learner else LARGEST, LARGEST), "made up")
    return Model(hidden=max(HEAD, like.hidden // HEAD * HEAD), layers=like.layers)


def speed(study: Study, machine: Machine, shapes: Mapping[str, Shape | None]) -> Speed | None:
    """What was calibrated here: of this study's learner, else of one of about its size, scaled; None if nothing was."""
    kept = _kept(repository.root() / FILE)
    there = {key: each for key, each in kept.items() if each["host"] == platform.node() and each["shape"]}
    if machine.device is not None or not there:
        return None
    of_own = there.get(_key(study))
    # What an earlier version kept does not say of which model it is.
    if of_own and of_own.get("own"):
        return speed_of(of_own, machine, shapes, own=True)
    learner = shapes.get(LEARNER)
    if learner is None:
        return None
    nearest = min(there.values(), key=lambda each: _apart(learner, each))
    return speed_of(nearest, machine, shapes, own=False) if _apart(learner, nearest) <= FARTHEST else None


def speed_of(found: Measured, machine: Machine, shapes: Mapping[str, Shape | None], *, own: bool) -> Speed:
    """What a calibration found, as speed; `own`: it is of this study's learner."""

    def loads(name: str) -> dict[Load, Span]:
        return {load: about(found[name][load.name.lower()], *WITHIN) for load in Load}

    bounds = WITHIN if own else SCALED
    rates = {kind: Rate(*(about(each, *bounds) for each in found["rates"][kind.value])) for kind in WORK}
    return Speed(
        source=f"calibrated here, {OF_OWN if own else OF_ANOTHER}",
        machine=machine,
        loads=loads("alone"),
        side_by_side=loads("side_by_side"),
        rates=Scaled(rates, Shape(**found["shape"])),
        shapes=shapes,
        own=own,
    )


def _apart(learner: Shape, found: Measured) -> float:
    """How many times larger the larger of two models is."""
    ratio = float(found["shape"]["parameters"]) / learner.parameters
    return max(ratio, 1 / ratio)
