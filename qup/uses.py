"""What an arm's traces are made with that is its own: its Oracle, its refiner and what those read, each by its hash.

Every stage depends on what is common to all arms. Which Oracle's code and voice, which prompts and which reward an arm
needs follows from the study, which DVC cannot look into; so a stage writes it down, an arm a file, and an arm depends
on its own. A second Oracle, a voice, a prompt, a refiner or a reward then leaves those arms alone that do not use it.
"""

import contextlib
import json
import sys
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from qup import kept, settings
from qup.arms import main_name
from qup.errors import SettingsError
from qup.prompts import Worded
from qup.records import LEARNER
from qup.refiners import Refiner
from qup.rewards._choice import chosen
from qup.study import Study

ROOT = Path(__file__).parents[1]
"What the paths are below."
FURTHER = "further"
"The file of the arms beside the main ones, by their names."
SHARED = ("qup/oracles/_*.py", "qup/refiners/_*.py", "qup/prompts/oracle/_*.py", "qup/prompts/guide/_*.py")
"What all Oracles and refiners share, as patterns of paths."
JUDGING = ("qup/rewards/_*.py", "qup/prompts/judge/*")
"What rewards share; only a refiner that chooses by one needs it."


def every(study: Study) -> dict[str, Any]:
    """File, without `.json`, to what it holds: of each cell that the pipeline can have, and of all further arms."""
    cells: dict[str, Any] = {}
    for refiner in settings.names("refiners"):
        # One that can be none of the cells is refused where it is asked for.
        with contextlib.suppress(SettingsError):
            made = study.refiner(refiner)
            cells |= {main_name(oracle, refiner): of(study, oracle, made) for oracle in study.oracles}
    own = {name: of(study, arm.oracle, study.refiner_of(arm)) for name, arm in study.further.items() if not arm.shares}
    return cells | {FURTHER: own}


def text(used: Mapping[str, Any]) -> str:
    """What stands in a file."""
    return json.dumps(used, indent=1, sort_keys=True) + "\n"


def unchanged(study: Study, folder: Path) -> set[Path]:
    """The files in a folder that would come out as they are."""
    files = {folder / f"{name}.json": text(used) for name, used in every(study).items()}
    return {file for file, now in files.items() if file.is_file() and file.read_text(encoding="utf-8") == now}


def of(study: Study, oracle: str, refiner: Refiner) -> dict[str, str]:
    """What a refiner needs that asks this Oracle: path, or section of the study, to a hash of what stands there."""
    plugs = {f"oracles.{oracle}": study.oracles[oracle], "refiner": refiner}
    patterns: tuple[str, ...] = SHARED
    if hasattr(refiner, "reward"):
        name = chosen(study.rewards, refiner.reward)
        plugs |= {f"rewards.{name}": study.rewards[name]}
        patterns += JUDGING
    shared = {place for pattern in patterns for place in ROOT.glob(pattern) if place.is_file()}
    files = shared.union(*map(_files, plugs.values()))
    told = {key: settled(plug) for key, plug in plugs.items()}
    return told | {str(file.relative_to(ROOT)): kept.of_file(file) for file in sorted(files)}


def models_of(study: Study, oracle: str, refiner: Refiner) -> list[str]:
    """The study's models that they run, the learner first, which a refiner may always ask."""
    plugs: list[object] = [study.oracles[oracle]]
    if hasattr(refiner, "reward"):
        plugs.append(study.rewards[chosen(study.rewards, refiner.reward)])
    return models_run(plugs)


def models_run(plugs: Iterable[object]) -> list[str]:
    """The learner, and the models that some plugs name."""
    names = [str(name) for plug in plugs if (name := getattr(plug, "model", None)) is not None]
    return list(dict.fromkeys([LEARNER, *names]))


def settled(value: Any) -> str:
    """A hash of settings; those that are not for readers count too."""
    return kept.digest(json.dumps([settings.plain(value), repr(value)], sort_keys=True, default=str).encode())


def _files(plug: object) -> Iterator[Path]:
    """A plug's code, and the prompts that it may read."""
    file = Path(str(sys.modules[type(plug).__module__].__file__))
    yield from sources([file.parent] if file.name == "__init__.py" else [file])
    if isinstance(plug, Worded):
        yield from plug.texts()


def sources(places: Iterable[Path]) -> list[Path]:
    """All files of some files and folders but those that Python leaves there."""
    files = (file for place in places for file in ([place] if place.is_file() else place.rglob("*")))
    return sorted(file for file in files if file.is_file() and "__pycache__" not in file.parts)
