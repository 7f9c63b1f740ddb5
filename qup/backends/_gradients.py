"""A trace's gradient, projected to a size that can be kept: what it would move the model by.

Each parameter's gradient has random signs and is folded to `dimension` numbers, all added up. Signs are drawn once for
all traces, so inner products of projections are those of gradients on average: a sketch in the manner of Charikar,
Chen and Farach-Colton (2002), which needs a sign a parameter where a dense projection needs `dimension`.
"""

from collections.abc import Sequence
from typing import Any

from qup import seeds


def projected(model: Any, pairs: Sequence[tuple[list[int], list[int]]], dimension: int) -> list[list[float]]:
    """The projected gradient of the mean NLL per completion token of each (prompt, completion), in token ids."""
    from tqdm import tqdm

    named = [(name, each) for name, each in model.named_parameters() if each.requires_grad]
    signs = [_signs(name, each.numel(), dimension).to(each.device) for name, each in named]
    parameters = [each for _, each in named]
    return [_one(model, parameters, signs, *pair) for pair in tqdm(pairs, desc="gradients", unit="trace")]


def _signs(name: str, size: int, dimension: int) -> Any:
    """A sign for each element of a parameter, zeros where it does not fill its last row: (rows, dimension)."""
    import torch

    generator = torch.Generator().manual_seed(seeds.derive(0, "gradient", name))
    signs = torch.randint(0, 2, (size,), generator=generator, dtype=torch.int8) * 2 - 1
    return torch.nn.functional.pad(signs, (0, -size % dimension)).reshape(-1, dimension)


def _one(model: Any, parameters: list[Any], signs: list[Any], prompt: list[int], completion: list[int]) -> list[float]:
    import torch

    row = torch.tensor([prompt + completion], device=model.device)
    logits = model(row, use_cache=False).logits[0, len(prompt) - 1 : -1].float()
    loss = torch.nn.functional.cross_entropy(logits, row[0, len(prompt) :])
    total = torch.zeros(signs[0].shape[1], device=model.device)
    for gradient, sign in zip(torch.autograd.grad(loss, parameters), signs, strict=True):
        flat = torch.nn.functional.pad(gradient.float().flatten(), (0, sign.numel() - gradient.numel()))
        total += (flat.reshape(sign.shape) * sign).sum(0)
    return [float(value) for value in total]
