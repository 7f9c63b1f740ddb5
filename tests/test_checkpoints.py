"""Checkpoints that people have, in a folder: copied whole, pinned, pickled ones converted, harmful ones refused."""

import json
import os
import pickle
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from modelfolder import contents, model, no_path_in

from qup.errors import SettingsError
from qup.lm import lifeline
from qup.models import _pickled

Tiny = Callable[..., Path]


def obtain(source: Path, out: Path, **settings: Any) -> Path:
    model("folder", path=str(source), **settings).obtain(out / "m", out / "cache")
    return out / "m"


def refusal(source: Path, out: Path, **settings: Any) -> str:
    """The one line that a checkpoint is refused with."""
    with pytest.raises(SettingsError) as refused:
        obtain(source, out, **settings)
    assert "\n" not in str(refused.value)
    assert str(refused.value).startswith(str(source))
    return str(refused.value)


@pytest.fixture
def mine(learner: Path, tmp_path: Path) -> Path:
    """A folder of the user's."""
    return Path(shutil.copytree(learner, tmp_path / "mine"))


def logits(folder: Path) -> Any:
    import torch
    from transformers import AutoModelForCausalLM

    with torch.no_grad():
        return AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)(torch.tensor([[3, 4, 5]])).logits


def sharded(folder: Path) -> Path:
    """The checkpoint in several files."""
    from transformers import AutoModelForCausalLM

    AutoModelForCausalLM.from_pretrained(folder).save_pretrained(folder, max_shard_size="20KB")
    assert len(list(folder.glob("model-*.safetensors"))) > 1
    (folder / "model.safetensors").unlink(missing_ok=True)
    return folder


def pickled(folder: Path, *, shards: int = 1, tied: bool = False) -> Path:
    """The checkpoint as older versions of transformers saved it."""
    import torch
    from safetensors.torch import load_file

    state = load_file(folder / "model.safetensors")
    (folder / "model.safetensors").unlink()
    if tied:
        # As `state_dict` has it: two names, one tensor.
        state["lm_head.weight"] = state["model.embed_tokens.weight"]
    names = sorted(state)
    if shards == 1:
        torch.save(state, folder / "pytorch_model.bin")
        return folder
    files = {name: f"pytorch_model-{i % shards + 1:05}-of-{shards:05}.bin" for i, name in enumerate(names)}
    for file in set(files.values()):
        torch.save({name: state[name] for name in names if files[name] == file}, folder / file)
    index = {"metadata": {}, "weight_map": files}
    (folder / "pytorch_model.bin.index.json").write_text(json.dumps(index))
    return folder


# --- a folder


def test_a_folder_is_copied_without_what_tells_of_its_machine(mine: Path, learner: Path, tmp_path: Path) -> None:
    config = json.loads((mine / "config.json").read_text())
    (mine / "config.json").write_text(json.dumps(config | {"_name_or_path": str(mine)}))
    (mine / "trainer_state.json").write_text(json.dumps({"best_model_checkpoint": str(mine)}))
    (mine / "optimizer.pt").write_bytes(b"x")
    made = obtain(mine, tmp_path / "out")
    no_path_in(made, tmp_path)
    expected = {name: text for name, text in contents(learner).items() if name != "ORIGIN.md"}
    assert {name: text for name, text in contents(made).items() if name != "ORIGIN.md"} == expected
    assert all((made / name).stat().st_ino != (mine / name).stat().st_ino for name in expected)
    again = obtain(mine, tmp_path / "again")
    assert contents(again) == contents(made)


@pytest.mark.parametrize("way", ["relative", "home", "link"])
def test_a_path_may_be_relative_from_home_or_a_link(
    mine: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "link").symlink_to(mine)
    path = {"relative": "mine", "home": "~/mine", "link": str(tmp_path / "link")}[way]
    model("folder", path=path).obtain(tmp_path / "m", tmp_path / "cache")
    assert (tmp_path / "m/model.safetensors").read_bytes() == (mine / "model.safetensors").read_bytes()


def test_pinned_weights_are_checked_and_the_pin_stands_in_the_origin(mine: Path, tmp_path: Path) -> None:
    import hashlib

    pin = hashlib.sha256((mine / "model.safetensors").read_bytes()).hexdigest()
    assert pin in (obtain(mine, tmp_path / "a") / "ORIGIN.md").read_text()
    obtain(mine, tmp_path / "b", sha256=pin)
    told = refusal(mine, tmp_path / "c", sha256="a" * 64)
    assert pin in told
    assert "a" * 64 in told
    assert not (tmp_path / "c/m").exists()


def test_the_pin_of_several_files_is_of_one_after_the_other(mine: Path, tmp_path: Path) -> None:
    import hashlib

    before = logits(mine)
    whole = b"".join(path.read_bytes() for path in sorted(sharded(mine).glob("model*.safetensors")))
    made = obtain(mine, tmp_path, sha256=hashlib.sha256(whole).hexdigest())
    assert logits(made).equal(before)


@pytest.mark.parametrize("path", ["nowhere", "/nowhere/at/all", "~nobody-of-that-name/x", "x" * 5000])
def test_a_folder_that_is_not_there_is_one_line(path: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SettingsError) as refused:
        model("folder", path=path).obtain(tmp_path / "m", tmp_path / "cache")
    assert str(refused.value).startswith(path)
    assert "\n" not in str(refused.value)


def test_a_file_in_place_of_a_folder_is_one_line(mine: Path, tmp_path: Path) -> None:
    assert "is a file: expected a folder" in refusal(mine / "model.safetensors", tmp_path)


# --- what is no whole checkpoint


def test_missing_parts_are_named(mine: Path, tmp_path: Path) -> None:
    (mine / "config.json").rename(mine / "other.json")
    assert "expected config.json and model.safetensors or pytorch_model.bin" in refusal(mine, tmp_path)
    (mine / "other.json").rename(mine / "config.json")
    (mine / "model.safetensors").rename(mine / "weights.gguf")
    told = refusal(mine, tmp_path)
    assert told.endswith("tokenizer_config.json, weights.gguf")


def test_missing_shards_are_named(mine: Path, tmp_path: Path) -> None:
    gone = sorted(sharded(mine).glob("model-*.safetensors"))[1]
    gone.unlink()
    told = refusal(mine, tmp_path)
    assert "model.safetensors.index.json names" in told
    assert f"files of which {gone.name} are missing" in told


def test_a_tensor_that_no_shard_holds_is_named(mine: Path, tmp_path: Path) -> None:
    index = sharded(mine) / "model.safetensors.index.json"
    told = json.loads(index.read_text())
    told["weight_map"]["model.more"] = next(iter(told["weight_map"].values()))
    index.write_text(json.dumps(told))
    assert "names tensors that no file holds: model.more" in refusal(mine, tmp_path)


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", '{"weight_map": []}', '{"weight_map": {}}', '{"weight_map": {"a": "../../b.safetensors"}}']
)
def test_an_index_that_is_none_is_one_line(mine: Path, tmp_path: Path, text: str) -> None:
    (mine / "model.safetensors").unlink()
    (mine / "model.safetensors.index.json").write_text(text)
    assert "model.safetensors.index.json" in refusal(mine, tmp_path)


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (b"", "is damaged"),
        (b"not weights at all", "is damaged"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 9\n", "run git lfs pull"),
        (None, "is damaged"),
    ],
)
def test_weights_that_are_cut_or_a_pointer_are_one_line(
    mine: Path, tmp_path: Path, data: bytes | None, told: str
) -> None:
    file = mine / "model.safetensors"
    file.write_bytes(file.read_bytes()[:-100] if data is None else data)
    assert told in refusal(mine, tmp_path)


def test_an_adapter_is_told_to_be_merged(mine: Path, tmp_path: Path) -> None:
    (mine / "adapter_config.json").write_text("{}")
    assert "merge_and_unload" in refusal(mine, tmp_path)


# --- pickled weights


@pytest.fixture
def inside(monkeypatch: pytest.MonkeyPatch) -> None:
    """Convert in this process, which has torch at hand: a process of its own takes seconds."""

    def finished(code: str, arguments: list[str]) -> subprocess.CompletedProcess[str]:
        try:
            _pickled.convert(*map(Path, arguments))
        except SettingsError as error:
            return subprocess.CompletedProcess(code, 2, f"noise\n{error}\n", "")
        return subprocess.CompletedProcess(code, 0, "", "")

    monkeypatch.setattr(lifeline, "finished", finished)


def test_pickled_weights_become_safetensors_in_a_process_of_their_own(
    mine: Path, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    before = logits(mine)
    pickled(mine, tied=True)
    made = obtain(mine, tmp_path / "a")
    assert logits(made).equal(before)
    assert not list(made.glob("*.bin*"))
    assert list((tmp_path / "a/cache/converted").iterdir()) == []
    request.getfixturevalue("inside")
    assert contents(obtain(mine, tmp_path / "b")) == contents(made)


@pytest.mark.usefixtures("inside")
def test_pickled_shards_become_safetensors(mine: Path, tmp_path: Path) -> None:
    before = logits(mine)
    made = obtain(pickled(mine, shards=3), tmp_path)
    assert logits(made).equal(before)
    assert not list(made.glob("*.bin*"))


@pytest.mark.usefixtures("inside")
def test_pickled_weights_keep_their_dtype_whatever_the_config_says(mine: Path, tmp_path: Path) -> None:
    from safetensors.torch import load_file

    pickled(mine)
    config = json.loads((mine / "config.json").read_text())
    (mine / "config.json").write_text(json.dumps(config | {"dtype": "bfloat16"}))
    assert {str(t.dtype) for t in load_file(obtain(mine, tmp_path) / "model.safetensors").values()} == {"torch.float32"}


class Harm:
    """A pickle that would write a file."""

    def __init__(self, file: Path) -> None:
        self.file = file

    def __reduce__(self) -> Any:
        return os.system, (f"touch {self.file}",)


@pytest.mark.parametrize("way", ["bare", "torch", "beside", "process"])
def test_a_pickle_that_would_run_something_is_refused_and_does_not(
    mine: Path, tmp_path: Path, request: pytest.FixtureRequest, way: str
) -> None:
    import torch

    if way != "process":
        request.getfixturevalue("inside")

    harm, file = Harm(tmp_path / "harmed"), mine / "pytorch_model.bin"
    if way == "bare":
        (mine / "model.safetensors").unlink()
        file.write_bytes(pickle.dumps(harm, protocol=2))
    else:
        state = torch.load(pickled(mine) / file.name, weights_only=True)
        torch.save(harm if way == "torch" else {**state, "harm": harm}, file)
    told = refusal(mine, tmp_path)
    assert "system" in told
    assert "save_pretrained" in told
    assert not (tmp_path / "harmed").exists()
    assert not list((tmp_path / "m").glob("*.safetensors"))


@pytest.mark.usefixtures("inside")
@pytest.mark.parametrize("what", ["cut", "number", "nested", "lacking"])
def test_a_pickle_that_is_no_whole_checkpoint_is_one_line(mine: Path, tmp_path: Path, what: str) -> None:
    import torch

    file = pickled(mine) / "pytorch_model.bin"
    state = torch.load(file, weights_only=True)
    if what == "cut":
        file.write_bytes(file.read_bytes()[:-1000])
    else:
        lacking = {name: tensor for name, tensor in state.items() if "q_proj" not in name}
        torch.save({"number": 3, "nested": {"state_dict": state}, "lacking": lacking}[what], file)
    told = refusal(mine, tmp_path)
    assert {"cut": "damaged", "lacking": "are missing: "}.get(what, "expected names with a tensor each") in told
