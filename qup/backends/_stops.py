"""Texts that end an answer, as lm-eval's tasks have them: both backends cut at the first one that stands in it."""

from bisect import bisect_left
from collections.abc import Callable, Sequence
from typing import Any

Decode = Callable[[Sequence[int]], str]


def cut(decode: Decode, token_ids: list[int], stops: Sequence[str]) -> tuple[str, list[int]] | None:
    """(Text before the first stop, tokens up to and with the one that completes it); None where no stop occurs."""
    text = decode(token_ids)
    places = [place for stop in stops if (place := text.find(stop)) >= 0]
    if not places:
        return None
    # The shortest run of tokens that holds a stop: a tokenizer may make more of it than of the stop alone.
    tokens = bisect_left(range(len(token_ids)), True, key=lambda n: _holds(decode(token_ids[:n]), stops))
    return text[: min(places)], token_ids[:tokens]


def criteria(decode: Decode, stops: Sequence[str], start: int) -> Any:
    """What tells transformers, after each token, which rows of a batch have come to a stop since token `start`."""
    import torch
    from transformers import StoppingCriteria

    # A token is a byte or more.
    widest = max(len(stop.encode()) for stop in stops) + 1

    class Stopped(StoppingCriteria):  # type: ignore[misc]
        def __call__(self, input_ids: Any, scores: Any, **rest: Any) -> Any:
            recent = input_ids[:, start:][:, -widest:].tolist()
            return torch.tensor([_holds(decode(row), stops) for row in recent], device=input_ids.device)

    return Stopped()


def _holds(text: str, stops: Sequence[str]) -> bool:
    return any(stop in text for stop in stops)
