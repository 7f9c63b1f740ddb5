"""Transformers: the reference backend. It runs anywhere and says everything about a token: entropy, variance, rank.

Sampling is exact and belongs to the item: Gumbel noise from the item's own generator turns greedy decoding into a draw
from softmax(logits / T), so neither its neighbours in a batch nor a restart change what is drawn.
"""

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from qup.backends import NO_ROOM, Completion, Message, Sampling, _stops, with_room
from qup.backends._gradients import projected
from qup.backends._noise import GumbelNoise
from qup.lm import devices, memory
from qup.lm.chat import ChatFormat
from qup.lm.checkpoint import open_chat
from qup.records import Finish, TokenStats


@dataclass(frozen=True)
class Backend:
    """A model folder run by transformers on CPU or the first GPU."""

    folder: Path
    dtype: str
    batch: int
    max_length: int
    score_batch: int | None = None
    "Rows a forward pass where log-likelihoods are asked for; None: `batch`."

    @cached_property
    def chat(self) -> ChatFormat:
        """How the model is spoken to."""
        return open_chat(self.folder)

    @property
    def tokenizer(self) -> Any:
        """The folder's own tokenizer."""
        return self.chat.tokenizer

    @property
    def room(self) -> int:
        """Tokens that prompt and completion may have together."""
        return self.chat.room(self.max_length)

    @property
    def longest(self) -> int:
        """Tokens of a row whose log-likelihood it gives: the last is predicted, not read."""
        return self.room + 1

    @cached_property
    def model(self) -> Any:
        """The weights, in evaluation mode."""
        return self._load(self.folder)

    def _load(self, folder: Path) -> Any:
        """The model's weights in a folder; of the generation settings there none is left, only what ends an answer."""
        import torch
        from transformers import AutoModelForCausalLM, GenerationConfig

        memory.keep_pages()
        devices.repeat()
        model = AutoModelForCausalLM.from_pretrained(folder, dtype=getattr(torch, self.dtype))
        # `generate` fills what a call leaves open from here: penalties and suppressed tokens too.
        model.generation_config = GenerationConfig(
            eos_token_id=sorted(self.chat.stops) or None, pad_token_id=self.tokenizer.pad_token_id, do_sample=False
        )
        return model.to("cuda" if torch.cuda.is_available() else "cpu").eval()

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
        from tqdm import tqdm

        fitting = with_room(prompts, self.room)
        if not fitting:
            return [NO_ROOM] * len(prompts)
        done: dict[int, Completion] = {}
        with self._wearing(weights) as model, tqdm(total=len(fitting), desc="generate", unit="trace") as bar:
            for batch in _batches([len(prompts[i]) for i in fitting], self.batch):
                rows = [fitting[i] for i in batch]
                completions = self._generate(model, [prompts[i] for i in rows], sampling, [ids[i] for i in rows])
                done.update(zip(rows, completions, strict=True))
                bar.update(len(rows))
        return [done.get(i, NO_ROOM) for i in range(len(prompts))]

    @contextlib.contextmanager
    def _wearing(self, weights: Path | None) -> Iterator[Any]:
        """The model with an adapter on, bare again afterwards, or another copy of it."""
        if weights is None:
            yield self.model
        elif not (weights / "adapter_config.json").is_file():
            yield self._load(weights)
        else:
            from peft import PeftModel

            wrapped = PeftModel.from_pretrained(self.model, weights)
            try:
                yield wrapped.eval()
            finally:
                wrapped.unload()

    def _generate(self, model: Any, prompts: list[list[int]], sampling: Sampling, ids: list[str]) -> list[Completion]:
        import torch
        from transformers import LogitsProcessorList, StoppingCriteriaList

        inputs = self.tokenizer.pad({"input_ids": prompts}, padding_side="left", return_tensors="pt").to(model.device)
        width = inputs["input_ids"].shape[1]
        noise = GumbelNoise(sampling, ids)
        stops = [_stops.criteria(self.chat.decode, sampling.stops, width)] if sampling.stops else []
        limits = [min(sampling.max_tokens, self.room - len(prompt)) for prompt in prompts]
        with torch.inference_mode():
            out = model.generate(
                **inputs,
                max_new_tokens=max(limits),
                logits_processor=LogitsProcessorList([noise] if sampling.temperature > 0 else []),
                stopping_criteria=StoppingCriteriaList(stops),
            )
        # A batch goes on to the largest room in it; what a longer prompt's row says beyond its own is dropped.
        rows = [row[width : width + limit].tolist() for row, limit in zip(out, limits, strict=True)]
        return [self._completion(row, model.generation_config, sampling.stops) for row in rows]

    def _completion(self, token_ids: list[int], config: Any, stops: Sequence[str] = ()) -> Completion:
        ends = config.eos_token_id if isinstance(config.eos_token_id, list) else [config.eos_token_id]
        stop = next((i for i, token in enumerate(token_ids) if token in ends), None)
        kept = token_ids if stop is None else token_ids[: stop + 1]
        if stops and (stopped := _stops.cut(self.chat.decode, kept, stops)):
            return Completion(*stopped, Finish.STOP, len(stopped[1]))
        return Completion(self.chat.decode(kept), kept, Finish.LENGTH if stop is None else Finish.STOP, len(kept))

    def score(self, pairs: Sequence[tuple[list[int], list[int]]]) -> list[TokenStats]:
        """Per-token statistics of each completion, from one forward pass a trace; what the model cannot hold is cut."""
        from tqdm import tqdm

        pairs = self._held(pairs)
        done: dict[int, TokenStats] = {}
        with tqdm(total=len(pairs), desc="score", unit="trace") as bar:
            for rows in _even_batches([len(p) + len(c) for p, c in pairs], self.batch):
                for i, hidden in zip(rows, self._hidden([pairs[i] for i in rows]), strict=True):
                    done[i] = _token_stats(self.model.lm_head, hidden, pairs[i][1])
                bar.update(len(rows))
        return [done[i] for i in range(len(pairs))]

    def gradients(self, pairs: Sequence[tuple[list[int], list[int]]], dimension: int) -> list[list[float]]:
        """The gradient of the mean NLL of each completion, projected to `dimension` numbers; a backward pass each."""
        model = self.model
        with devices.repeating():
            return projected(model, self._held(pairs), dimension)

    def _held(self, pairs: Sequence[tuple[list[int], list[int]]]) -> list[tuple[list[int], list[int]]]:
        """The pairs as far as the model has positions for them, with one line that counts those cut."""
        positions = self.chat.positions
        if positions is None or not (cut := sum(len(p) + len(c) > positions for p, c in pairs)):
            return list(pairs)
        print(f"{cut} of {len(pairs)} traces are scored up to the model's {positions} positions")
        return [(p, c[: max(0, positions - len(p))]) for p, c in pairs]

    def loglikelihoods(
        self, pairs: Sequence[tuple[list[int], list[int]]], weights: Path | None = None
    ) -> list[tuple[float, bool]]:
        """(log p, whether greedy) of each completion given its prompt; see the protocol.

        Pairs that differ in their last token only, as `A` to `D` after one question do, share a forward pass.
        """
        from tqdm import tqdm

        fed = [tuple((prompt + completion)[:-1]) for prompt, completion in pairs]
        rows = list(dict.fromkeys(fed))
        sharing: dict[tuple[int, ...], list[int]] = {row: [] for row in rows}
        for number, row in enumerate(fed):
            sharing[row].append(number)
        done: dict[int, tuple[float, bool]] = {}
        with self._wearing(weights) as model, tqdm(total=len(rows), desc="score", unit="row") as bar:
            # An adapter is put into the modules of the model that it is for.
            bare = model if weights is None else getattr(model, "get_base_model", lambda: model)()
            for batch in _batches([len(row) for row in rows], self.score_batch or self.batch):
                for i, states in zip(batch, self._states(bare, [list(rows[i]) for i in batch]), strict=True):
                    for number in sharing[rows[i]]:
                        completion = pairs[number][1]
                        own = states[len(rows[i]) - len(completion) :]
                        stats = _token_stats(bare.lm_head, own, completion)
                        greedy = stats.rank == [1] * len(completion) and _greedy(bare.lm_head, own, completion)
                        done[number] = (sum(stats.logprob), greedy)
                bar.update(len(batch))
        return [done[i] for i in range(len(pairs))]

    def next_logprobs(self, prompts: Sequence[list[int]], candidates: Sequence[int]) -> list[list[float]]:
        """log p(candidate | prompt), nats, for each candidate token right after each prompt: one pass a prompt."""
        import torch

        out: dict[int, list[float]] = {}
        for rows in _batches([len(p) for p in prompts], self.batch):
            for i, hidden in zip(rows, self._hidden([(prompts[i], [0]) for i in rows]), strict=True):
                with torch.inference_mode():
                    logprobs = self.model.lm_head(hidden).float().log_softmax(-1)[0]
                out[i] = [float(logprobs[c]) for c in candidates]
        return [out[i] for i in range(len(prompts))]

    def _hidden(self, pairs: list[tuple[list[int], list[int]]]) -> Iterator[Any]:
        """Last hidden states at the positions that predict each completion: the head never sees the prompt."""
        states = self._states(self.model, [prompt + completion for prompt, completion in pairs])
        for row, (prompt, completion) in zip(states, pairs, strict=True):
            yield row[len(prompt) - 1 : len(prompt) + len(completion) - 1]

    def _states(self, model: Any, rows: list[list[int]]) -> Iterator[Any]:
        """Last hidden states of each row of token ids, (T, d), padding left off."""
        import torch

        inputs = self.tokenizer.pad({"input_ids": rows}, padding_side="right", return_tensors="pt").to(model.device)
        with torch.inference_mode():
            states = model.base_model(**inputs, use_cache=False).last_hidden_state
        for state, row in zip(states, rows, strict=True):
            yield state[: len(row)]


def _batches(lengths: Sequence[int], size: int) -> Iterator[list[int]]:
    """Row numbers, longest first, `size` at a time: little padding, and time left is never underestimated."""
    order = sorted(range(len(lengths)), key=lambda i: (-lengths[i], i))
    for start in range(0, len(order), size):
        yield order[start : start + size]


def _even_batches(lengths: Sequence[int], size: int) -> Iterator[list[int]]:
    """As `_batches`, cut where a row is much shorter than the batch is wide: what is padded is paid for."""
    for rows in _batches(lengths, size):
        start = 0
        for end in range(1, len(rows) + 1):
            if end == len(rows) or lengths[rows[end]] < EVEN * lengths[rows[start]]:
                yield rows[start:end]
                start = end


EVEN = 0.8
"Length of a batch's shortest row over that of its longest, at least."


def _token_stats(head: Any, hidden: Any, token_ids: list[int]) -> TokenStats:
    """Statistics of T tokens from hidden states (T, d); logits are made for these positions only."""
    import torch

    if not token_ids:
        return TokenStats([], [], [], [], [], [])
    with torch.inference_mode():
        taken = torch.tensor(token_ids, device=hidden.device)[:, None]
        logits = head(hidden)
        rows = max(1, CHUNK[logits.device.type == "cuda"] // logits.shape[-1])
        parts = [_row_stats(logits[i : i + rows].float(), taken[i : i + rows]) for i in range(0, len(token_ids), rows)]
        columns = [torch.cat(column).tolist() for column in zip(*parts, strict=True)]
    return TokenStats(token_ids, *columns)


def _greedy(head: Any, hidden: Any, token_ids: list[int]) -> bool:
    """Whether greedy decoding gives these tokens; of those that are tied it gives one, and both are of rank 1."""
    import torch

    with torch.inference_mode():
        return bool(head(hidden).argmax(-1).tolist() == token_ids)


CHUNK = (2**20, 2**25)
"""Logits worked on at a time, by CPU and by GPU: 4 MB stay in a processor's cache (of a 152K vocabulary eight times
faster than all); on a GPU a small step costs as much as a large one, and these take 128 MB."""


def _row_stats(logits: Any, taken: Any) -> tuple[Any, ...]:
    """(log-prob, entropy, variance of log-prob, rank, collision) of rows of float logits (R, V); works in place.

    With z = logits - max and Z = sum e^z: log p = z - log Z, so H = log Z - E[z] and Var[log p] = E[z^2] - E[z]^2.
    """
    import torch

    mine = logits.gather(1, taken)
    rank = torch.count_nonzero(logits > mine, dim=-1) + 1
    top = logits.amax(-1, keepdim=True)
    z = logits.sub_(top)
    weights = z.exp()
    total = weights.sum(-1)
    collision = torch.linalg.vecdot(weights, weights) / total.square()
    mean = torch.linalg.vecdot(weights, z) / total
    square = torch.linalg.vecdot(weights.mul_(z), z) / total
    logprob = (mine - top)[:, 0] - total.log()
    return logprob, (total.log() - mean).clamp(min=0), (square - mean.square()).clamp(min=0), rank, collision
