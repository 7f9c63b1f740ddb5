"""What made a published report: commit, learner and settings, in one small file beside it, `results/<study>/made.json`.

A report has none of its own: its bytes are those of its measurements. `track` writes the file, and leaves it as it is
while the report is the same, so that a later commit which changes nothing does not pass for the one that made it.
"""

import dataclasses
import hashlib
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from qup import provenance, whole

FILE = "made.json"
REPORT = Path("report", "report.json")
"Within a study's folder."
CODE = ("qup", "stages", "dvc.yaml", "requirements.lock")
"""What a result depends on, beside the study's own file. Not params.yaml: `qup run <study>` changes it, and the Oracles
and the refiner that it names are the report's own arms."""


@dataclass(frozen=True)
class Made:
    """What made one report. None and {} where it is not known."""

    report: str | None = None
    "SHA-256 of the report.json that this is of."
    commit: str | None = None
    "40 hex digits."
    clean: bool | None = None
    "Whether code and study file were as the commit has them."
    family: str | None = None
    "The learner's, as transformers names it: `llama`, `qwen2`."
    parameters: int | None = None
    "The learner's, as its weights lie on disk: what two layers share counts once."
    versions: dict[str, str] = field(default_factory=dict)
    "Of Python and of the libraries that numbers depend on."
    settings: dict[str, Any] = field(default_factory=dict)
    "The whole study, defaults written out; nothing that is not to be published."


def write(top: Path, settings: Mapping[str, Any], study: Path, learner: Path, root: Path) -> None:
    """Say what made the report below `top`, unless that is said already, here or in Git; `root` is the repository's."""
    report = digest(top)
    if read(top).report == report:
        return
    # Who comes back to a report that Git keeps comes back to what made it, too.
    kept = provenance.committed(top / FILE)
    if _of(kept, report).report == report:
        whole.write(top / FILE, kept)
        return
    commit, clean = provenance.commit(root, *CODE, str(study))
    made = Made(report, commit, clean, family(learner), parameters(learner), provenance.versions(), dict(settings))
    whole.write(top / FILE, json.dumps(dataclasses.asdict(made), indent=1, ensure_ascii=False) + "\n")


def read(top: Path) -> Made:
    """What made the report below a study's folder; nothing is known where the file is not there, or of another one."""
    try:
        return _of((top / FILE).read_text(encoding="utf-8"), digest(top))
    except (OSError, ValueError):
        return Made()


def _of(text: str, report: str) -> Made:
    """What a file says that made the report of this SHA-256."""
    try:
        given = json.loads(text)
        made = Made(**{spec.name: given[spec.name] for spec in dataclasses.fields(Made) if spec.name in given})
    except (ValueError, TypeError):
        return Made()
    return made if made.report == report else Made()


def digest(top: Path) -> str:
    """SHA-256 of a study's report.json."""
    return hashlib.sha256((top / REPORT).read_bytes()).hexdigest()


def family(learner: Path) -> str | None:
    """A model's family; None where its folder does not say."""
    try:
        named = json.loads((learner / "config.json").read_text(encoding="utf-8")).get("model_type")
    except (OSError, ValueError, AttributeError):
        return None
    return str(named) if named else None


def parameters(learner: Path) -> int | None:
    """Parameters of a model, from the heads of its weights; None where it has none in safetensors."""
    from safetensors import SafetensorError, safe_open

    count = 0
    try:
        for path in sorted(learner.glob("*.safetensors")):
            with safe_open(path, framework="numpy") as weights:
                count += sum(math.prod(weights.get_slice(name).get_shape()) for name in weights.keys())  # noqa: SIM118
    except (OSError, SafetensorError):
        return None
    return count or None
