"""params.yaml: which study `dvc repro` runs, and what is compared in it."""

from pathlib import Path

from pydantic.dataclasses import dataclass

from qup import settings
from qup.arms import HOME
from qup.errors import SettingsError
from qup.settings import STRICT, naming


@dataclass(frozen=True, config=STRICT)
class Params:
    """params.yaml: what `dvc repro` runs."""

    study: str
    refiner: str
    "The refiner under comparison, beside the main ones."
    oracles: tuple[str, ...]
    "Oracles of the study whose arms stand beside each other; the first is called home."

    def __post_init__(self) -> None:
        naming.check([self.study], "study")
        naming.check(self.oracles, "oracles")
        if self.oracles[:1] != (HOME,) or len(set(self.oracles)) != len(self.oracles):
            raise SettingsError(f"expected Oracles, each once, home first, got {list(self.oracles)}", "oracles")


def read_params(path: Path) -> Params:
    """What params.yaml chooses.

    Raises:
        SettingsError: no YAML, or settings that do not fit; one line that names the file.
    """
    given = settings.read_yaml(path)
    try:
        return settings.read(Params, given)
    except SettingsError as error:
        raise error.below(path.name) from error
