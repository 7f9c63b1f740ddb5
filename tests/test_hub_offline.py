"""A data set of the hub out of its reach: the cache that HF_HOME names is enough, but for the pinned commit only."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pyarrow.parquet
import pytest

MADE, PINNED = "a" * 40, "b" * 40
ASK = """
import sys
from pathlib import Path
from qup.errors import SettingsError
from qup.problems.hub_dataset import Source
for revision in sys.argv[1:]:
    try:
        print("read", Source("owner/name", revision).problems(1, 1, Path())[0].question)
    except SettingsError as error:
        print("refused", error)
"""


LAY = """
import sys
from pathlib import Path
from qup.errors import SettingsError
from qup.evals import data
from qup.evals.settings import EvaluationSettings, TaskEntry
for revision in sys.argv[2:]:
    entry, folder = TaskEntry("gsm8k", data={"revision": revision}), Path(sys.argv[1], revision)
    try:
        print("read", data.lay(EvaluationSettings(tasks=("heldout", entry)).asked(["heldout"]), [], 13, Path(), folder))
    except SettingsError as error:
        print("refused", error)
"""
DATA = Path(__file__).parent / "data"


def cached(home: Path, name: str, config: str, files: dict[str, Path]) -> None:
    """Files, one a split, in a Hugging Face home as `datasets` keeps them of commit `MADE` of a data set."""
    from datasets import load_dataset

    given = {split: str(file) for split, file in files.items()}
    made = load_dataset("json", config, data_files=given, cache_dir=str(home / "made"))
    kept = home / "datasets" / name.replace("/", "___") / config / "0.0.0" / MADE
    (first, *_) = made.values()
    shutil.copytree(Path(first.cache_files[0]["filename"]).parent, kept)
    for split in files:
        (kept / f"json-{split}.arrow").rename(kept / f"{name.rpartition('/')[2]}-{split}.arrow")
    about = json.loads((kept / "dataset_info.json").read_text(encoding="utf-8"))
    (kept / "dataset_info.json").write_text(json.dumps(about | {"config_name": config}), encoding="utf-8")


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Hugging Face home in which `datasets` has kept one commit of two data sets."""
    folder = tmp_path_factory.mktemp("home")
    data = folder / "data.jsonl"
    data.write_text(json.dumps({"question": "1+1?", "answer": "2"}) + "\n", encoding="utf-8")
    cached(folder, "owner/name", "default", {"train": data})
    cached(folder, "openai/gsm8k", "main", {split: DATA / f"gsm8k_{split}.jsonl" for split in ("train", "test")})
    return folder


def offline(home: Path, script: str, *words: str) -> list[str]:
    """What a script in a process without network says of each commit."""
    environment = {**os.environ, "HF_HOME": str(home), "HF_HUB_OFFLINE": "1"}
    for name in ("HF_DATASETS_CACHE", "HF_HUB_CACHE"):
        environment.pop(name, None)
    command = [sys.executable, "-c", script, *words]
    done: Any = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    return [line for line in done.stdout.splitlines() if line.startswith(("read", "refused"))]


def test_offline_a_cached_data_set_is_read_if_it_is_of_the_pinned_commit(home: Path) -> None:
    first, second = offline(home, ASK, MADE, PINNED)
    assert first == "read 1+1?"
    assert second.startswith("refused owner/name at bbbbbbbb cannot be loaded: the cache has another commit of it in ")


def test_a_task_of_lm_eval_has_its_splits_from_the_hubs_cache_if_it_is_of_the_pinned_commit(
    home: Path, tmp_path: Path
) -> None:
    first, second = offline(home, LAY, str(tmp_path), MADE, PINNED)
    assert f"'data': 'openai/gsm8k (main) at {MADE}'" in first
    assert "'count': 6, 'graded': True" in first
    for split in ("train", "test"):
        laid = pyarrow.parquet.read_table(tmp_path / MADE / "gsm8k" / f"{split}.parquet").to_pylist()
        given = (DATA / f"gsm8k_{split}.jsonl").read_text(encoding="utf-8")
        assert laid == [json.loads(line) for line in given.splitlines()]
    assert second.startswith(
        "refused evaluation.tasks.gsm8k: openai/gsm8k at bbbbbbbb cannot be loaded: the cache has "
    )
    assert second.endswith("without a network pin files instead, data: {test: {file: ..., sha256: ...}}")
    assert not list((tmp_path / PINNED).rglob("*.parquet"))
