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
from qup.backends import _engine
from qup.errors import SettingsError, unknown
from qup.lm.chat import ChatFormat
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
    "Longest prompt plus completion, tokens, or the model's positions if fewer; what would grow longer is cut there."
    engine: dict[str, Any] = dataclasses.field(default_factory=dict)
    """Passed to vLLM's engine by its own names: `{gpu_memory_utilization: 0.85, tensor_parallel_size: 2}`. Names are
    checked where vLLM is installed; hf has no such settings."""

    def __post_init__(self) -> None:
        local = [name for name in settings.names("backends") if _runs_folders(settings.load("backends", name))]
        if self.name not in ("auto", *local):
            raise unknown("backend", self.name, ("auto", *local), "name")
        if self.engine and self.name not in ("auto", "vllm"):
            raise SettingsError(f"is of vLLM, and `name` is {self.name}: leave it out, or name vllm", "engine")
        try:
            _engine.check(self.engine)
        except SettingsError as error:
            raise error.below("engine") from error

    @property
    def runs_on(self) -> str:
        """The backend by its file's name: what `auto` comes to on this machine."""
        return ("vllm" if importlib.util.find_spec("vllm") else "hf") if self.name == "auto" else self.name

    @property
    def gpus(self) -> int:
        """How many GPUs a model takes when it generates."""
        return _engine.gpus(self.engine) if self.runs_on == "vllm" else 1


def _runs_folders(backend: type[Any]) -> bool:
    """Whether a backend runs a model folder; one behind an API can be an Oracle, not the learner."""
    return "folder" in _fields(backend)


def _fields(backend: type[Any]) -> set[str]:
    return {field.name for field in dataclasses.fields(backend)}


@dataclasses.dataclass(frozen=True)
class Sampling:
    """How to decode. Temperature 0 is greedy."""

    temperature: float
    max_tokens: int
    seed: int
    top_p: float = 1.0
    stops: tuple[str, ...] = ()
    "Texts that end an answer; it is cut before the first of them. An API is not asked for them."


@dataclasses.dataclass(frozen=True)
class Completion:
    """One generated answer."""

    text: str
    "Decoded, with the special tokens that are part of an answer and without those that frame it."
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
        """(prompt ids, completion ids) under the model's chat template; the completion ends as a turn does."""
        ...


class LocalBackend(Backend, Protocol):
    """One that runs a model folder, and so takes token ids as they are: what tasks of lm-eval need besides."""

    def complete(
        self, prompts: Sequence[list[int]], sampling: Sampling, ids: Sequence[str], weights: Path | None = None
    ) -> list[Completion]:
        """`generate` from prompts as token ids."""
        ...

    def loglikelihoods(
        self, pairs: Sequence[tuple[list[int], list[int]]], weights: Path | None = None
    ) -> list[tuple[float, bool]]:
        """(log p of each completion given its prompt, nats; whether it is what greedy decoding gives).

        Both as token ids, one or more of each, and together at most `longest`.
        """
        ...

    @property
    def longest(self) -> int:
        """Tokens that prompt and completion may have together where a log-likelihood is asked for."""
        ...

    @property
    def chat(self) -> ChatFormat:
        """How the model is spoken to."""
        ...

    @property
    def room(self) -> int:
        """Tokens that prompt and completion may have together."""
        ...


NO_ROOM = Completion("", [], Finish.LENGTH, 0)
"The answer to a prompt that leaves no room for one: cut before its first token."


def with_room(prompts: Sequence[list[int]], room: int) -> list[int]:
    """Numbers of the prompts (token ids) that leave room for an answer; the others are counted in one line."""
    fitting = [i for i, prompt in enumerate(prompts) if len(prompt) < room]
    if left_out := len(prompts) - len(fitting):
        longest = max(map(len, prompts))
        print(
            f"{left_out} of {len(prompts)} prompts are left out and count as cut: the longest has {longest} tokens, "
            f"and prompt and answer may have {room} (backend.max_length, or the model's positions)"
        )
    return fitting


def open_backend(chosen: BackendSettings, folder: Path) -> LocalBackend:
    """The backend that a study names, on a model folder; nothing is loaded before its first use."""
    name = chosen.runs_on
    if chosen.name == "auto":
        print(f"backend: {name}" + ("" if name == "vllm" else " (vLLM is not installed: slower, same interface)"))
    plug = settings.load("backends", name)
    given = {"score_batch": chosen.score_batch, "engine": chosen.engine}
    own = {key: given[key] for key in given.keys() & _fields(plug)}
    backend: LocalBackend = plug(folder, chosen.dtype, chosen.batch, chosen.max_length, **own)
    return backend
