"""All per-token statistics of traces against one plain forward pass over the same batches, prompts counted.

Ours can be the faster: the logits of prompt tokens are not made.
"""

from collections.abc import Sequence
from typing import Any

from bench._given import Given
from bench._timing import batches, rates

UNIT = "tokens/s"


def measure(given: Given) -> dict[str, list[float]]:
    """Ours and plain transformers, on the learner's own traces."""
    scorer = given.learner.scorer
    pairs = [
        given.learner.encode(question, trace.text)
        for question, trace in zip(given.questions, given.traces, strict=True)
    ]
    rows = [[*prompt, *completion] for prompt, completion in pairs]
    total = sum(map(len, rows))

    def ours() -> int:
        scorer.score(pairs)
        return total

    def plain() -> int:
        forward(scorer, rows)
        return total

    return rates({"qup": ours, "plain": plain}, given.repeats)


def forward(backend: Any, rows: Sequence[list[int]]) -> None:
    """One plain forward pass, as transformers gives it: logits at every position."""
    import torch

    for batch in batches(rows, backend.batch):
        inputs = backend.tokenizer.pad({"input_ids": batch}, padding_side="right", return_tensors="pt")
        with torch.inference_mode():
            backend.model(**inputs.to(backend.model.device), use_cache=False)
