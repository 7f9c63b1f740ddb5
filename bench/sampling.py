"""The learner's backend against the library under it, on the same prompts: generated tokens, prompts not counted.

Plain vLLM is its engine's own `chat`; plain transformers is `generate`, which draws from a global generator.
"""

from collections.abc import Sequence
from typing import Any

from bench._given import Given
from bench._timing import batches, rates
from qup.backends import Message, Sampling
from qup.settings import name_of

UNIT = "tokens/s"


def measure(given: Given) -> dict[str, list[float]]:
    """Ours and the plain library, on the questions of the learner's traces."""
    runner = given.learner.runner
    sampling = Sampling(temperature=1.0, max_tokens=given.tokens, seed=1)
    chats = [given.learner.ask(question) for question in given.questions]
    ids = [str(number) for number in range(len(chats))]
    plain = {"vllm": plain_vllm, "hf": plain_transformers}[name_of(runner)]

    def ours() -> int:
        return sum(completion.tokens for completion in runner.generate(chats, sampling, ids))

    return rates({"qup": ours, "plain": lambda: plain(runner, chats, given.tokens)}, given.repeats)


def plain_vllm(backend: Any, chats: Sequence[list[Message]], tokens: int) -> int:
    """The engine's own `chat`."""
    from vllm import SamplingParams

    # Else it would find every prompt in the cache that the other side has just filled.
    backend.running.reset_prefix_cache()
    outputs = backend.running.chat(list(chats), SamplingParams(temperature=1.0, max_tokens=tokens))
    return sum(len(output.outputs[0].token_ids) for output in outputs)


def plain_transformers(backend: Any, chats: Sequence[list[Message]], tokens: int) -> int:
    """The model's own `generate` on the same batches."""
    import torch

    made = 0
    for batch in batches([backend.encode(chat)[0] for chat in chats], backend.batch):
        inputs = backend.tokenizer.pad({"input_ids": batch}, padding_side="left", return_tensors="pt")
        with torch.inference_mode():
            out = backend.model.generate(
                **inputs.to(backend.model.device), max_new_tokens=tokens, do_sample=True, temperature=1.0, top_k=0
            )
        made += sum(generated(row, backend.model.generation_config) for row in out[:, inputs["input_ids"].shape[1] :])
    return made


def generated(row: Any, config: Any) -> int:
    """Tokens of a row up to its end, end-of-sequence included."""
    ends = config.eos_token_id if isinstance(config.eos_token_id, list) else [config.eos_token_id]
    return next((i for i, token in enumerate(row.tolist(), start=1) if token in ends), len(row))
