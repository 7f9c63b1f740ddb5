"""Gumbel noise: how greedy decoding becomes a draw that belongs to the item alone."""

from collections.abc import Iterator, Sequence
from typing import Any

from qup import seeds
from qup.backends import Sampling


class GumbelNoise:
    """A logits processor: argmax(logits / T + Gumbel noise) is a draw from softmax(logits / T).

    The noise is drawn where the logits are: for a vocabulary of 150,000 a GPU would wait for the CPU's numbers most of
    the time. So an item's draw is the same on any CPU, and another one on GPUs.
    """

    def __init__(self, sampling: Sampling, ids: Sequence[str]) -> None:
        from transformers import TopPLogitsWarper

        self.temperature = sampling.temperature
        self.top_p = TopPLogitsWarper(sampling.top_p) if sampling.top_p < 1 else None
        self.seeds = [seeds.derive(sampling.seed, i) for i in ids]
        self.generators: list[Any] = []
        self.rows: Iterator[Any] = iter(())

    def __call__(self, input_ids: Any, scores: Any) -> Any:
        scores = scores.float() / self.temperature
        if self.top_p is not None:
            scores = self.top_p(input_ids, scores)
        noise = next(self.rows, None)
        if noise is None:
            self.rows = self._draw(scores.shape[1], scores.device)
            noise = next(self.rows)
        return scores - noise.log()

    def _draw(self, vocabulary: int, device: Any) -> Iterator[Any]:
        """Exponential noise (items, vocabulary) of the next tokens: as many at once as make up `DRAWN` numbers."""
        import torch

        if not self.generators:
            self.generators = [torch.Generator(device).manual_seed(seed) for seed in self.seeds]
        tokens = max(1, DRAWN // vocabulary)
        drawn = [torch.empty(tokens, vocabulary, device=device).exponential_(generator=g) for g in self.generators]
        return iter(torch.stack(drawn, dim=1))


DRAWN = 1024
"Random numbers an item draws at once: for a small vocabulary the calls would cost more than the model."
