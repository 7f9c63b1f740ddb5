"""A step of an arm, taken once: what it made is kept, and found again by all that it follows from.

For a main arm DVC does this: its stage lists in dvc.yaml which code and which settings the step depends on. The same
lists are read here, so there is no second one; beside them stand the hashes of what the step reads, the versions of all
packages, the processor and the threads. So a metric that is added repeats the metrics of each arm and no training, an
arm that is added is alone in what it takes, and a run that was stopped goes on with the step at which it was.
"""

import functools
import platform
import tomllib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

from packaging.requirements import Requirement

from qup import kept, records, repository, settings, uses, whole
from qup.arms import Arm
from qup.evals import cells
from qup.study import Study

Made = dict[str, Sequence[Any]]
"File, without `.jsonl`, to its records."
KINDS: Mapping[str, type[Any]] = {
    "stream": records.Refined,
    "scores": records.Score,
    "compat": records.Compat,
    "trajectory": records.Step,
    "runs": records.TrainRun,
    "evals": records.Eval,
    "tasks": records.TaskScore,
}
ENGINES = ("vllm", "gpu")
"Extras of ours that bring what computes: vLLM for CPUs, and for GPUs."


@dataclass(frozen=True)
class Step:
    """A step, by what it follows from."""

    stages: tuple[str, ...]
    "Those that a main arm has for it; none: it costs nothing, and is not kept."
    arm: Arm
    study: Study
    inputs: Mapping[str, str]
    "Hashes of what it reads; with none it is not kept."
    own: Mapping[str, Any]
    "Sections of the study as this arm has them, None where what it reads says it all; and what else sets it."

    def take(self, folder: Path, files: Sequence[str], make: Callable[[], Sequence[Sequence[Any]]]) -> Made:
        """The records of each file, written to `folder`: those that were kept, or else those that `make` makes."""
        place = self.place
        rows = kept.read(place) if place else None
        if rows is not None:
            print(f"{', '.join(self.stages)}: as before")
            for name, text in rows:
                whole.write(folder / f"{name}.jsonl", text)
            return {name: records.read(folder / f"{name}.jsonl", KINDS[name]) for name in files}
        made = dict(zip(files, make(), strict=True))
        for name, written in made.items():
            records.write(folder / f"{name}.jsonl", written)
        if place:
            kept.write(place, [[name, (folder / f"{name}.jsonl").read_bytes().decode()] for name in files])
        return made

    @property
    def kept(self) -> bool:
        """Whether it need not be taken."""
        place = self.place
        return place is not None and kept.read(place) is not None

    @property
    def place(self) -> Path | None:
        """Where it is kept; None if it is not."""
        if not (self.stages and self.inputs and pipeline()):
            return None
        folder = repository.root() / kept.FOLDER
        return kept.place(folder, list(self.stages), dict(self.inputs), self.code, self.settings, environment())

    @property
    def code(self) -> dict[str, str]:
        """Path to hash of our code that takes it."""
        deps = {dep.replace("${item.refiner}", self.arm.refiner) for stage in self._listed for dep in stage["deps"]}
        places = [uses.ROOT / dep for dep in sorted(deps) if dep.startswith("qup/")]
        files = uses.sources([*places, uses.ROOT / "qup" / "chain"])
        return {str(file.relative_to(uses.ROOT)): kept.of_file(file) for file in files}

    @property
    def settings(self) -> dict[str, str]:
        """Section of the study to its hash; an Oracle's own is among what the arm uses."""
        params = [entry for stage in self._listed for entry in stage["params"]]
        sections = {key for entry in params for keys in entry.values() for key in keys}
        threads = self.study.threads or cells.usual_threads()
        values = {key: getattr(self.study, key) for key in sections} | dict(self.own) | {"threads": threads}
        return {key: uses.settled(value) for key, value in sorted(values.items())}

    @property
    def _listed(self) -> list[dict[str, Any]]:
        return [pipeline()[name] for name in self.stages]


@functools.cache
def pipeline() -> dict[str, Any]:
    """The stages of dvc.yaml beside this code; none where it is not there, as in a package that was installed."""
    path = uses.ROOT / "dvc.yaml"
    stages: dict[str, Any] = settings.read_yaml(path)["stages"] if path.is_file() else {}
    return stages


@functools.cache
def environment() -> list[Any]:
    """What computes: our requirements and theirs in the versions that are installed, and the processor."""
    project = tomllib.loads((uses.ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    engines = [needed for extra in ENGINES for needed in project["optional-dependencies"][extra]]
    wanted = [*project["dependencies"], *engines]
    versions: dict[str, str] = {}
    while wanted:
        needed = Requirement(wanted.pop())
        if needed.name in versions or not _applies(needed, ("", *ENGINES)):
            continue
        try:
            found = metadata.distribution(needed.name)
        except metadata.PackageNotFoundError:
            # What is not there computes nothing.
            continue
        versions[needed.name] = found.version
        wanted += [each for each in found.requires or () if _applies(Requirement(each), ("", *needed.extras))]
    return [platform.python_version(), versions, cells.machine()]


def _applies(requirement: Requirement, extras: Sequence[str]) -> bool:
    """Whether a requirement is one here, of some of a package's extras."""
    return requirement.marker is None or any(requirement.marker.evaluate({"extra": extra}) for extra in extras)
