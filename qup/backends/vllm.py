"""vLLM: the fast backend, the same class for the CPU build and the GPU build.

The engine runs inside this process: on a small machine a second process would spend a core on waiting. On CPU the
engine cannot seed single requests, so a call is seeded as a whole from its items: the same call gives the same
traces, but adding an item redraws the others. On GPU each request has its own seed.
"""

import contextlib
import os
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from qup import seeds
from qup.backends import NO_ROOM, Completion, Message, Sampling, _stops, with_room
from qup.lm.chat import ChatFormat
from qup.lm.checkpoint import forget_drawing, open_chat
from qup.records import Finish, TokenStats

ENVIRONMENT = {
    "VLLM_ENABLE_V1_MULTIPROCESSING": "0",
    "VLLM_LOGGING_LEVEL": "WARNING",
    "VLLM_CPU_KVCACHE_SPACE": "4",
    "VLLM_NO_USAGE_STATS": "1",
    # vLLM leaves one of two cores idle unless told otherwise.
    "OMP_NUM_THREADS": str(os.cpu_count()),
}
"Defaults set before vLLM is imported; what the user has set wins."


@dataclass(frozen=True)
class Backend:
    """A model folder run by vLLM."""

    folder: Path
    dtype: str
    batch: int
    max_length: int
    engine: Mapping[str, Any] = field(default_factory=dict)
    "Settings of the engine beside these."
    worn: dict[str, Path] = field(default_factory=dict, compare=False, repr=False)
    "The weights in the engine, where they are not the folder's own."

    @cached_property
    def chat(self) -> ChatFormat:
        """How the model is spoken to."""
        return open_chat(self.folder)

    @property
    def room(self) -> int:
        """Tokens that prompt and completion may have together."""
        return self.chat.room(self.max_length)

    @property
    def longest(self) -> int:
        """Tokens of a row whose log-likelihood it gives: the engine reads it whole, and adds a token."""
        return self.room - 1

    @cached_property
    def running(self) -> Any:
        """The engine, started at first use (15-40 s on CPU)."""
        for key, value in ENVIRONMENT.items():
            os.environ.setdefault(key, value)
        from vllm import LLM

        return LLM(
            str(self.folder),
            dtype=self.dtype,
            max_model_len=self.room,
            max_num_seqs=self.batch,
            disable_log_stats=True,
            # None of the checkpoint's own settings: what a study does not state is neutral.
            generation_config="vllm",
            # Samples of one problem share their prompt.
            **({"enforce_eager": _on_cpu(), "enable_prefix_caching": True} | dict(self.engine)),
        )

    def encode(self, messages: list[Message], completion: str | None = None) -> tuple[list[int], list[int]]:
        """(prompt ids, completion ids) under the model's chat template; the completion ends as a turn does."""
        return self.chat.encode(messages, completion)

    def generate(
        self, messages: Sequence[list[Message]], sampling: Sampling, ids: Sequence[str], weights: Path | None = None
    ) -> list[Completion]:
        """One completion per chat, in order; see `Backend.generate` of the protocol."""
        return self.complete([self.encode(chat)[0] for chat in messages], sampling, ids, weights)

    def complete(
        self, prompts: Sequence[list[int]], sampling: Sampling, ids: Sequence[str], weights: Path | None = None
    ) -> list[Completion]:
        """`generate` from prompts as token ids."""
        fitting = with_room(prompts, self.room)
        if not fitting:
            return [NO_ROOM] * len(prompts)
        engine = self._wearing(weights)
        asked = [{"prompt_token_ids": prompts[i]} for i in fitting]
        outputs = engine.generate(asked, self._params(sampling, [ids[i] for i in fitting]))
        done = {i: self._completion(out.outputs[0], sampling) for i, out in zip(fitting, outputs, strict=True)}
        return [done.get(i, NO_ROOM) for i in range(len(prompts))]

    def _params(self, sampling: Sampling, ids: Sequence[str]) -> Any:
        """Sampling parameters, one per request; on CPU they carry no seed and the process's generator is seeded."""
        import torch
        from vllm import SamplingParams

        settings: dict[str, Any] = {"temperature": sampling.temperature, "top_p": sampling.top_p}
        # Tokens become text as in the other backend.
        settings |= {"max_tokens": sampling.max_tokens, "stop_token_ids": sorted(self.chat.stops), "detokenize": False}
        if sampling.stops:
            # It must read to see them; what is kept is decoded and cut as everywhere.
            settings |= {"stop": list(sampling.stops), "detokenize": True, "skip_special_tokens": False}
        if _on_cpu():
            torch.manual_seed(seeds.derive(sampling.seed, *ids))
            return SamplingParams(**settings)
        return [SamplingParams(**settings, seed=seeds.derive(sampling.seed, i)) for i in ids]

    def _completion(self, output: Any, sampling: Sampling) -> Completion:
        finish = Finish.LENGTH if output.finish_reason == "length" else Finish.STOP
        token_ids = list(output.token_ids)
        if sampling.stops and (stopped := _stops.cut(self.chat.decode, token_ids, sampling.stops)):
            return Completion(*stopped, Finish.STOP, len(stopped[1]))
        return Completion(self.chat.decode(token_ids), token_ids, finish, len(token_ids))

    def score(self, pairs: Sequence[tuple[list[int], list[int]]]) -> list[TokenStats]:
        """Log-probs (nats) and ranks of each completion; vLLM tells neither entropy nor variance."""
        return self._scored(pairs, None)

    def loglikelihoods(
        self, pairs: Sequence[tuple[list[int], list[int]]], weights: Path | None = None
    ) -> list[tuple[float, bool]]:
        """(log p, whether greedy) of each completion given its prompt; see the protocol."""
        scored = self._scored(pairs, weights)
        return [(sum(stats.logprob), stats.rank == [1] * len(stats.logprob)) for stats in scored]

    def _scored(self, pairs: Sequence[tuple[list[int], list[int]]], weights: Path | None) -> list[TokenStats]:
        from vllm import SamplingParams

        engine = self._wearing(weights)
        params = SamplingParams(max_tokens=1, temperature=0.0, prompt_logprobs=0, detokenize=False)
        outputs = engine.generate([{"prompt_token_ids": p + c} for p, c in pairs], params)
        return [_stats(out.prompt_logprobs[len(p) :], c) for out, (p, c) in zip(outputs, pairs, strict=True)]

    def _wearing(self, weights: Path | None) -> Any:
        """The engine with these weights in it: reloading in place takes seconds, a new engine half a minute.

        Adapters are merged first: LoRA kernels make the CPU build twenty times slower.
        """
        if self.worn.get("weights") != weights:
            with _merged(self.folder, weights) as path:
                self.running.collective_rpc("reload_weights", kwargs={"weights_path": str(path)})
            self.worn.clear()
            if weights is not None:
                self.worn["weights"] = weights
        # What earlier calls left in the cache belongs to other weights, or would change the last bits (vllm#42019).
        self.running.reset_prefix_cache()
        return self.running


@contextlib.contextmanager
def _merged(base: Path, weights: Path | None) -> Iterator[Path]:
    """A folder of full weights: the base, a fine-tuned copy, or base and adapter merged for the time being."""
    if weights is None or not (weights / "adapter_config.json").is_file():
        yield weights or base
        return
    from peft import PeftModel
    from transformers import AutoModelForCausalLM

    with tempfile.TemporaryDirectory() as name:
        model = AutoModelForCausalLM.from_pretrained(base, dtype="auto")
        forget_drawing(model, base)
        PeftModel.from_pretrained(model, weights).merge_and_unload().save_pretrained(name)
        yield Path(name)


def _on_cpu() -> bool:
    from vllm.platforms import current_platform

    return bool(current_platform.is_cpu())


def _stats(logprobs: Sequence[Any], token_ids: list[int]) -> TokenStats:
    taken = [entry[token] for entry, token in zip(logprobs, token_ids, strict=True)]
    return TokenStats(token_ids, [token.logprob for token in taken], rank=[token.rank for token in taken])
