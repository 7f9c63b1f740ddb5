"""How large a study's models are: read off their files where they have been obtained, computed where the study makes
them, else parsed from a name that says so.
"""

import dataclasses
import json
import math
import re
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from qup.models import Size
from qup.settings import name_of
from qup.study import Study

SIZE = re.compile(r"(?<![A-Za-z0-9.])(\d+(?:\.\d+)?)\s?([bBmM])(?![A-Za-z0-9])")
"`7B`, `1.5b`, `350M` as a word of a name."
ACTIVE = re.compile(r"(?<![A-Za-z0-9.])[aA](\d+(?:\.\d+)?)[bB](?![A-Za-z0-9])")
"Of a mixture of experts, what works on a token: the `A3B` of `30B-A3B`."
ASPECT = 128
"Width to layers of a usual Transformer, where no configuration tells [assumed]."
VOCABULARY = 130_000
"Tokens of a vocabulary, likewise [assumed]."


MADE = ("pretrain", "random")
"Sources whose settings say how large a model is."
BYTES = {"bfloat16": 2, "float16": 2, "float32": 4}


@dataclass(frozen=True)
class Shape:
    """A causal Transformer, as far as a plan needs it."""

    parameters: float
    layers: int
    hidden: int
    cached: int
    "Numbers that the key-value cache holds of a token, all layers together."
    vocabulary: int
    source: str
    "Where it is from."
    active: float | None = None
    "Parameters that work on a token, of a mixture of experts."
    packed: float | None = None
    "Bytes of a weight in memory, where it is packed."

    def weights(self, dtype: str) -> float:
        """Bytes of all its weights in memory."""
        return self.parameters * (self.packed or BYTES[dtype])

    @property
    def flops(self) -> float:
        """Of a forward pass, a token: two a parameter (2001.08361, section 2.1)."""
        return 2 * (self.active or self.parameters)


def shapes(study: Study, folder: Path) -> dict[str, Shape | None]:
    """Each model of the study; `folder` is where they are once obtained. None where nothing tells."""
    made: dict[str, Shape | None] = {}
    for name, entry in study.models.items():
        source: Any = entry.source
        # A model made from another is as large. What is in the folder may be of other settings of one that is made.
        base = made.get(getattr(source, "base", ""))
        said = _of_size(entry.size) if entry.size else None
        here = None if base or name_of(source) in MADE else of_folder(folder / name)
        made[name] = said or here or base or _of_source(source)
    return made


def _of_size(size: Size) -> Shape:
    """A model by the study's own word."""
    active = size.active and 1e9 * size.active
    shape = usual(1e9 * size.parameters, "the study's own word", active or None)
    return dataclasses.replace(shape, packed=size.bits and size.bits / 8)


def _of_source(source: Any) -> Shape | None:
    kind = name_of(source)
    if kind in MADE:
        return _of_settings(source, 8 * source.hidden // 3 if kind == "pretrain" else 2 * source.hidden)
    if kind == "folder":
        return of_folder(Path(source.path).expanduser())
    named = next((str(getattr(source, key)) for key in ("repo", "origin") if hasattr(source, key)), "")
    return of_name(named)


def _of_settings(source: Any, inner: int) -> Shape:
    """A model that the study makes, by `qup.models.pretrain` and `random`: about 110 tokens, an inner width."""
    hidden, layers, vocabulary = source.hidden, source.layers, 110
    parameters = vocabulary * hidden + layers * (4 * hidden**2 + 3 * hidden * inner)
    return Shape(parameters, layers, hidden, 2 * layers * hidden, vocabulary, "the study's settings")


def of_name(name: str) -> Shape | None:
    """The shape of a model of a usual kind with as many parameters as its name says.

    >>> shape = of_name("Qwen/Qwen2.5-Math-7B")
    >>> shape.parameters, shape.source
    (7000000000.0, "'7B' in its name")
    >>> of_name("microsoft/phi-4") is None
    True
    """
    said = SIZE.search(name.rpartition("/")[2])
    if said is None:
        return None
    parameters = float(said[1]) * {"b": 1e9, "m": 1e6}[said[2].lower()]
    working = ACTIVE.search(name)
    return usual(parameters, f"'{said[0]}' in its name", float(working[1]) * 1e9 if working else None)


def usual(parameters: float, source: str, active: float | None = None) -> Shape:
    """A Transformer of usual proportions: P = 12 L h^2 with h = ASPECT L; a mixture's are those of what is active."""
    layers = max(1, round(((active or parameters) / (12 * ASPECT**2)) ** (1 / 3)))
    hidden = ASPECT * layers
    return Shape(
        parameters=parameters,
        layers=layers,
        hidden=hidden,
        # Grouped-query attention with an eighth of the heads.
        cached=2 * layers * hidden // 8,
        vocabulary=VOCABULARY,
        source=source,
        active=active,
    )


def of_folder(folder: Path) -> Shape | None:
    """A model by its configuration and the headers of its weights."""
    try:
        config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
        config = config.get("text_config", config)
        parameters = sum(_numbers(file) for file in folder.glob("*.safetensors"))
        hidden, layers = int(config["hidden_size"]), int(config["num_hidden_layers"])
        heads = int(config["num_attention_heads"])
        groups = int(config.get("num_key_value_heads") or heads)
        width = int(config.get("head_dim") or hidden // heads)
    except (OSError, ValueError, LookupError, TypeError, AttributeError, struct.error):
        # What the stages make of such a folder is theirs to say.
        return None
    vocabulary = int(config.get("vocab_size") or VOCABULARY)
    parameters = parameters or 12 * layers * hidden**2 + vocabulary * hidden
    return Shape(parameters, layers, hidden, 2 * layers * groups * width, vocabulary, f"{folder}")


def _numbers(file: Path) -> int:
    """Numbers in a safetensors file, by its header: 8 bytes of length, then JSON."""
    with file.open("rb") as stream:
        (length,) = struct.unpack("<Q", stream.read(8))
        header: Mapping[str, Any] = json.loads(stream.read(length))
    return sum(math.prod(entry["shape"]) for name, entry in header.items() if name != "__metadata__")
