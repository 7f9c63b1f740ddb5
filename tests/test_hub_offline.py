"""A data set of the hub out of its reach: the cache that HF_HOME names is enough, but for the pinned commit only."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

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


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Hugging Face home in which `datasets` has kept one commit of a data set."""
    from datasets import load_dataset

    folder = tmp_path_factory.mktemp("home")
    data = folder / "data.jsonl"
    data.write_text(json.dumps({"question": "1+1?", "answer": "2"}) + "\n", encoding="utf-8")
    made = load_dataset("json", data_files=str(data), cache_dir=str(folder / "made"), split="train")
    kept = folder / "datasets" / "owner___name" / "default" / "0.0.0" / MADE
    shutil.copytree(Path(made.cache_files[0]["filename"]).parent, kept)
    (kept / "json-train.arrow").rename(kept / "name-train.arrow")
    return folder


def test_offline_a_cached_data_set_is_read_if_it_is_of_the_pinned_commit(home: Path) -> None:
    environment = {**os.environ, "HF_HOME": str(home), "HF_HUB_OFFLINE": "1"}
    for name in ("HF_DATASETS_CACHE", "HF_HUB_CACHE"):
        environment.pop(name, None)
    command = [sys.executable, "-c", ASK, MADE, PINNED]
    done: Any = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    first, second = [line for line in done.stdout.splitlines() if line.startswith(("read", "refused"))]
    assert first == "read 1+1?"
    assert second.startswith("refused owner/name at bbbbbbbb cannot be loaded: the cache has another commit of it in ")
