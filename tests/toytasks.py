"""Tasks of lm-eval's own over small files in the formats of their data sets, and lm-eval's own numbers on a learner."""

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from qup.backends import BackendSettings
from qup.evals import Paper, data, laid, library
from qup.evals.settings import EvaluationSettings
from qup.learner import Learner
from qup.settings import read

DATA = Path(__file__).parent / "data"
GSM8K, ARC = {"test": "gsm8k_test.jsonl", "train": "gsm8k_train.jsonl"}, {"test": "arc_test.jsonl"}


def pinned(files: dict[str, str]) -> dict[str, Any]:
    """Split to a pinned file, as a study has it."""
    return {s: {"file": f, "sha256": hashlib.sha256((DATA / f).read_bytes()).hexdigest()} for s, f in files.items()}


def settings(*tasks: Any, **section: Any) -> EvaluationSettings:
    """An evaluation section."""
    return read(EvaluationSettings, {"tasks": list(tasks), **section})


def paper(asked: EvaluationSettings, folder: Path, cells: Path | None = None) -> Paper:
    """Tasks of lm-eval with their data laid down in a folder, as the prepare stage does."""
    tasks = asked.asked([])
    data.lay(tasks, [], 13, DATA, folder)
    return Paper(tasks, laid.graded(folder, tasks), 7, folder, cells)


def learner(folder: Path, **backend: Any) -> Learner:
    """A learner at full precision, on the backend whose numbers lm-eval's own model gives too."""
    return Learner(
        folder, "boxed", BackendSettings(**({"name": "hf", "dtype": "float32", "max_length": 4096} | backend))
    )


def task_file(folder: Path, name: str, files: dict[str, str], **changed: Any) -> Path:
    """The harness's own YAML of a task, pointed at our files: what a user of `lm_eval` would write."""
    (leaf,) = library.leaves(name)
    own = {"include": str(leaf.path), "task": name, "dataset_path": "json", "dataset_name": None}
    own["dataset_kwargs"] = {"data_files": {s: str(DATA / f) for s, f in files.items()}, "cache_dir": str(folder / "c")}
    own |= {key: None for key in ("training_split", "validation_split") if leaf.config.get(key) not in files}
    file = folder / f"{name}.yaml"
    file.write_text(json.dumps(own | changed))
    return file


def theirs(folder: Path, tasks: Sequence[Path], model: Path, weights: Path | None = None, **how: Any) -> dict[str, Any]:
    """What `lm_eval run --model hf` gives: the function behind the command, with its defaults."""
    from lm_eval import simple_evaluate
    from lm_eval.tasks import TaskManager

    arguments = {"pretrained": str(model), "dtype": "float32"} | ({"peft": str(weights)} if weights else {})
    found: dict[str, Any] = simple_evaluate(
        model="hf",
        model_args=arguments,
        tasks=[str(task) for task in tasks],
        task_manager=TaskManager(include_defaults=False),
        device="cpu",
        batch_size=4,
        **how,
    )
    return found
