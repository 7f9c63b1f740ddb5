"""Whether the models that are named are there whole: the folders of checkpoints, and what was obtained of others."""

from collections.abc import Iterator

from qup.errors import SettingsError
from qup.models import _checkpoint
from qup.models.folder import Model as Folder
from qup.preflight.ahead import Ahead

MADE_BEFORE = ("check", "prepare", "obtain")
"Stages that load none of them."


def models(ahead: Ahead) -> Iterator[str]:
    """A line for each folder that is no whole checkpoint; what a hub or an index has, `obtain` finds as it starts."""
    obtains = ahead.runs("obtain")
    loads = any(row.runs and row.stage.step not in MADE_BEFORE for row in ahead.plan.rows)
    for name, model in ahead.study.models.items():
        there = ahead.models / name
        try:
            if obtains and isinstance(model.source, Folder):
                _checkpoint.files(model.source.place)
            elif not obtains and loads and (there / _checkpoint.SAFE).exists():
                _checkpoint.files(there)
        except SettingsError as error:
            again = "" if obtains else f": run `dvc repro --force obtain@{ahead.plan.study}`"
            yield f"model {name}: {error}{again}"
