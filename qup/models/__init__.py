"""Where weights come from, one source per file: class `Model`, a frozen dataclass of settings with one method."""

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol

from pydantic import PositiveFloat
from pydantic.dataclasses import dataclass

from qup import templates
from qup.errors import SettingsError
from qup.lm import examination
from qup.lm.chat import DATE, DATE_FORM
from qup.settings import STRICT


class Model(Protocol):
    """What the obtain stage needs of a source.

    One that makes its own tokenizer may have methods `asked` and `said` too, by which `qup plan` counts tokens of a
    prompt and of an answer before there is a model: see `qup.models.pretrain`.
    """

    def obtain(self, folder: Path, cache: Path) -> None:
        """Write safetensors weights, config, tokenizer and ORIGIN.md into `folder`.

        Downloads go to, and resume in, `cache`.

        Raises:
            SettingsError: a hash does not match, or the source has no such model.
        """
        ...


@dataclass(frozen=True, config=STRICT)
class Size:
    """How large a model is, for `qup plan`."""

    parameters: PositiveFloat
    "Billions."
    active: PositiveFloat | None = None
    "Billions that work on a token, of a mixture of experts; null: all."
    bits: PositiveFloat | None = None
    "Of a weight in memory, where it is packed; null: those of `backend.dtype`."


@dataclass(frozen=True, config=STRICT)
class ModelSettings:
    """A source of weights, and how the model is spoken to."""

    template: str | None = None
    "Chat template, a file of qup/templates: for a model that brings none, or instead of its own. null: its own."
    date_string: str = DATE
    "The day that a chat template prints as today's, in the form of the default; no run reads the clock."
    size: Size | None = None
    "How large it is, where neither its files nor its name tell `qup plan`; no run reads it."
    plug: Any = None

    def __post_init__(self) -> None:
        if self.template is not None:
            templates.text(self.template)
        try:
            datetime.strptime(self.date_string, DATE_FORM)
        except ValueError as error:
            raise SettingsError(f"expected a day like {DATE}, got {self.date_string!r}", "date_string") from error

    @property
    def source(self) -> Model:
        """The source itself."""
        source: Model = self.plug
        return source


def obtain(models: Mapping[str, ModelSettings], out: Path, cache: Path) -> None:
    """Write `<out>/<name>/` for each model, in the study's order: one may be made from another named before it.

    Each is examined as soon as it is there, and what was seen is kept beside its weights.

    Raises:
        SettingsError: a model cannot be had, or cannot be used; before the first is fetched: some are not pinned.
    """
    _require_pins(models)
    for name, model in models.items():
        folder = out / name
        try:
            model.source.obtain(folder, cache)
        except SettingsError as error:
            raise error.below("models", name) from error
        if model.template is not None:
            (folder / "chat_template.jinja").write_text(templates.text(model.template), encoding="utf-8")
        seen = examine(name, model, folder)
        examination.write(folder, seen)
        print("\n".join([f"{name}: made", *(f"{name}: {note}" for note in seen.notes)]))


def _require_pins(models: Mapping[str, ModelSettings]) -> None:
    """All pins that are missing at once: between two of them may lie a download of hours."""
    commands = {name: getattr(model.source, "unpinned", None) for name, model in models.items()}
    missing = [f"models.{name}.revision: `{command}`" for name, command in commands.items() if command]
    if missing:
        raise SettingsError(
            "not pinned, so others would run other weights; write in the study the newest commit, which each command "
            f"prints: {'; '.join(missing)}",
            "models",
        )


def examine(name: str, model: ModelSettings, folder: Path) -> examination.Examination:
    """What the model of a study turns out to hold.

    Raises:
        SettingsError: it cannot be used.
    """
    try:
        return examination.examine(folder, model.template, model.date_string)
    except SettingsError as error:
        raise error.below("models", name) from error
