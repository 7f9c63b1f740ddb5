"""Ways to run a model, one per file, behind one protocol.

The protocol speaks in chat messages and token ids; a backend owns its tokenizer and the chat template in it.
Randomness of item i comes from `(sampling.seed, ids[i])`.
"""

import dataclasses
import importlib.util
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, Protocol

from pydantic import Field, PositiveInt
from pydantic.dataclasses import dataclass

from qup import settings
from qup.errors import SettingsError, unknown
from qup.records import Finish, TokenStats
from qup.settings import STRICT

Message = dict[str, str]
"A chat message: `role` (system, user, assistant) and `content`."


@dataclass(frozen=True, config=STRICT)
class BackendSettings:
    """How models are run."""

    name: str = "auto"
    "`hf`, `vllm`, or `auto`: vLLM where it is installed, else hf; the run says which."
    dtype: Literal["bfloat16", "float16", "float32"] = "bfloat16"
    batch: PositiveInt = 16
    "Sequences a step (hf: batch; vllm: max_num_seqs)."
    score_batch: PositiveInt = 8
    "Traces a forward pass, when scoring."
    max_length: Annotated[int, Field(ge=16)] = 1024
    "Longest prompt plus completion, tokens; what would grow longer is cut there, and counted as cut."

    def __post_init__(self) -> None:
        local = [name for name in settings.names("backends") if _runs_folders(settings.load("backends", name))]
        if self.name not in ("auto", *local):
            raise unknown("backend", self.name, ("auto", *local), "name")


def _runs_folders(backend: type[Any]) -> bool:
    """Whether a backend runs a model folder; one behind an API can be an Oracle, not the learner."""
    return "folder" in {f.name for f in dataclasses.fields(backend)}


@dataclasses.dataclass(frozen=True)
class Sampling:
    """How to decode. Temperature 0 is greedy."""

    temperature: float
    max_tokens: int
    seed: int
    top_p: float = 1.0


@dataclasses.dataclass(frozen=True)
class Completion:
    """One generated answer."""

    text: str
    "Decoded without special tokens."
    token_ids: list[int]
    "Generated ids, end-of-sequence included where there is one; empty where a backend cannot say."
    finish: Finish
    tokens: int
    "Generated tokens, end-of-sequence included where there is one."
    failure: str | None = None
    "Why a backend has no answer to this chat; `text` is then empty."


class Backend(Protocol):
    """What sampling, Oracles, judges and evaluation need of a model."""

    def generate(
        self,
        messages: Sequence[list[Message]],
        sampling: Sampling,
        ids: Sequence[str],
        weights: Path | None = None,
    ) -> list[Completion]:
        """One completion per chat, in order; `ids` name the items for their seeds.

        `weights` is a fine-tuned copy of the model or a LoRA adapter for it, used for this call only.
        """
        ...

    def score(self, pairs: Sequence[tuple[list[int], list[int]]]) -> list[TokenStats]:
        """Per-token statistics (nats) of each completion given its prompt, both as token ids."""
        ...

    def encode(self, messages: list[Message], completion: str | None = None) -> tuple[list[int], list[int]]:
        """(prompt ids, completion ids) under the model's chat template; the completion ends in end-of-sequence."""
        ...


def require_room(prompts: Sequence[list[int]], max_length: int) -> None:
    """Do nothing if each prompt (token ids) leaves room for an answer; told before a weight is loaded.

    Raises:
        SettingsError: a prompt fills `max_length`.
    """
    longest = max(map(len, prompts), default=0)
    if longest >= max_length:
        raise SettingsError(
            f"{max_length} tokens leave no room for an answer after a prompt of {longest} tokens: "
            f"raise it to {longest} plus the longest answer",
            "backend",
            "max_length",
        )


def open_backend(chosen: BackendSettings, folder: Path) -> Backend:
    """The backend that a study names, on a model folder; nothing is loaded before its first use."""
    name = chosen.name
    if name == "auto":
        name = "vllm" if importlib.util.find_spec("vllm") else "hf"
        print(f"backend: {name}" + ("" if name == "vllm" else " (vLLM is not installed: slower, same interface)"))
    backend: Backend = settings.load("backends", name)(folder, chosen.dtype, chosen.batch, chosen.max_length)
    return backend
