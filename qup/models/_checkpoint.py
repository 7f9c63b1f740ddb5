"""A checkpoint as transformers saves it: which of its files are wanted, whether it is whole, and a copy as safetensors.

Pickled weights, which could run code when they are loaded, are converted by `qup.models._pickled` in another process.
"""

import hashlib
import json
import shutil
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path

from qup.errors import SettingsError
from qup.lm import lifeline

TEXT = ("*.json", "*.txt", "*.jinja", "*.model")
"Config, tokenizer and chat template."
SAFE, PICKLED = "model.safetensors", "pytorch_model.bin"
"Names of the weights in one file; those in several have an index of that name."
WEIGHTS = tuple(f"{name}{end}" for name in (SAFE, PICKLED) for end in ("", ".index.json"))
"What a checkpoint's weights begin with, in the order in which transformers looks for it."
PASSED_OVER = ("*.index.json", "trainer_state.json", "*_results.json")
"Text files that stay behind: indices of weights in other formats, and what a trainer says of its machine."
SHOWN = 12
"Files named in a message."


def copy(source: Path, folder: Path, scratch: Path) -> list[Path]:
    """Copy a checkpoint's config, tokenizer and weights, these as safetensors; gives the files that they were in.

    Copied and never linked: DVC makes what it keeps read-only, and a file that is changed in one place would change in
    the other. Pickled weights are converted below `scratch`.

    Raises:
        SettingsError: the checkpoint is not whole, or holds what only running its code would load.
    """
    weights = files(source)
    folder.mkdir(parents=True, exist_ok=True)
    for path in sorted(source.iterdir()):
        if path.is_file() and _matches(path, TEXT) and not _matches(path, PASSED_OVER):
            shutil.copyfile(path, folder / path.name)
    if weights[0].suffix == ".bin":
        _convert(source, folder, scratch)
        return weights
    for path in weights:
        shutil.copyfile(path, folder / path.name)
    if not (source / SAFE).is_file():
        shutil.copyfile(source / f"{SAFE}.index.json", folder / f"{SAFE}.index.json")
    return weights


def _matches(path: Path, patterns: Iterable[str]) -> bool:
    return any(path.match(pattern) for pattern in patterns)


def files(source: Path) -> list[Path]:
    """The files that hold a checkpoint's weights, in order of name: safetensors where there are any, else pickled.

    Raises:
        SettingsError: there is no config or no weights, a shard or a tensor of the index is missing, a file is cut.
    """
    if (source / "adapter_config.json").is_file():
        raise SettingsError(
            "it is an adapter: put it and its base together (peft: merge_and_unload, then save_pretrained)"
        )
    first = next((source / name for name in WEIGHTS if (source / name).is_file()), None)
    if first is None or not (source / "config.json").is_file():
        there = sorted(path.name for path in source.iterdir())
        raise SettingsError(
            f"expected config.json and {SAFE} or {PICKLED}, or an index of several such files, as save_pretrained "
            f"leaves them; it has {_some(there)}"
        )
    names = _index(first) if first.suffix == ".json" else {}
    shards = sorted(source / name for name in set(names.values())) or [first]
    if missing := [path.name for path in shards if not path.is_file()]:
        raise SettingsError(f"{first.name} names {len(shards)} files of which {_some(missing)} are missing")
    for path in shards:
        with path.open("rb") as file:
            if file.read(40).startswith(b"version https://git-lfs"):
                raise SettingsError(f"{path.name} is a pointer of Git LFS: run git lfs pull")
    if shards[0].suffix == ".safetensors":
        absent = sorted(set(names) - {name for path in shards for name in _tensors(path)})
        if absent:
            raise SettingsError(f"{first.name} names tensors that no file holds: {_some(absent)}")
    return shards


def digest(weights: Sequence[Path]) -> str:
    """SHA-256 of the files one after the other, as `cat model*.safetensors | sha256sum` has it."""
    total = hashlib.sha256()
    for path in weights:
        with path.open("rb") as file:
            while block := file.read(1 << 22):
                total.update(block)
    return total.hexdigest()


def _index(path: Path) -> dict[str, str]:
    """Tensor to the file that holds it, by an index of shards."""
    try:
        named = json.loads(path.read_text(encoding="utf-8"))["weight_map"]
        places = {str(tensor): str(file) for tensor, file in named.items()}
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise SettingsError(f"{path.name} is no index of weights: expected a weight_map, tensor to file") from error
    ending = Path(path.name.removesuffix(".index.json")).suffix
    for file in places.values():
        # A file elsewhere would be read by a name that somebody else chose.
        if Path(file).name != file or Path(file).suffix != ending:
            raise SettingsError(f"{path.name}: expected names of {ending} files beside it, got {file!r}")
    if not places:
        raise SettingsError(f"{path.name} names no tensor")
    return places


def _tensors(path: Path) -> list[str]:
    """Names of the tensors in a file of safetensors, which is as long as its head says."""
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="numpy") as file:
            return list(file.keys())
    except SafetensorError as error:
        raise SettingsError(f"{path.name} is damaged ({error}): fetch it again") from error


def _some(names: Sequence[str]) -> str:
    more = [f"{len(names) - SHOWN} more"] if len(names) > SHOWN else []
    return ", ".join([*names[:SHOWN], *more]) or "no file"


def _convert(source: Path, folder: Path, scratch: Path) -> None:
    """Unpickle and save as safetensors, in a process whose memory goes with it."""
    scratch.mkdir(parents=True, exist_ok=True)
    # Not into `folder`: if this process is killed, what it started may still write.
    with tempfile.TemporaryDirectory(dir=scratch) as made:
        done = lifeline.finished("from qup.models._pickled import main; main()", [str(source), made])
        if done.returncode:
            said = (done.stdout if done.returncode == 2 else done.stderr).strip().splitlines()
            reason = said[-1] if said else f"its process ended with {done.returncode}: is there memory for the model?"
            raise SettingsError(f"pickled weights cannot be converted: {reason}")
        for path in sorted(Path(made).glob(f"{Path(SAFE).stem}*.safetensors*")):
            shutil.move(path, folder / path.name)
