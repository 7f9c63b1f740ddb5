"""Ways to run a model, one per file, behind one protocol.

The protocol speaks in chat messages and token ids; a backend owns its tokenizer and the chat template in it.
Randomness of item i comes from `(sampling.seed, ids[i])`.
"""

import importlib.util
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from qup import plugins
from qup.params import BackendSettings
from qup.records import Finish, TokenStats

Message = dict[str, str]
"A chat message: `role` (system, user, assistant) and `content`."


@dataclass(frozen=True)
class Sampling:
    """How to decode. Temperature 0 is greedy."""

    temperature: float
    max_tokens: int
    seed: int
    top_p: float = 1.0


@dataclass(frozen=True)
class Completion:
    """One generated answer."""

    text: str
    "Decoded without special tokens."
    token_ids: list[int]
    "Generated ids, end-of-sequence included where there is one; empty where a backend cannot say."
    finish: Finish
    tokens: int
    "Generated tokens, end-of-sequence included where there is one."


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


def open_backend(settings: BackendSettings, folder: Path) -> Backend:
    """The backend a study names, on a model folder; `auto` is vLLM where it is installed, else hf, and says which."""
    name = settings.name
    if name == "auto":
        name = "vllm" if importlib.util.find_spec("vllm") else "hf"
        print(f"backend: {name}" + ("" if name == "vllm" else " (vLLM is not installed: slower, same interface)"))
    made: Backend = plugins.load("backends", name)(folder, settings.dtype, settings.batch, settings.max_length)
    return made
