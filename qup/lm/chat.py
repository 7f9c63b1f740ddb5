"""Chats as token ids: the one place where a trace becomes tokens, so that what is scored is what is trained on."""

from collections.abc import Sequence
from typing import Any


def encode_chat(
    tokenizer: Any, messages: Sequence[dict[str, str]], completion: str | None = None
) -> tuple[list[int], list[int]]:
    """(prompt ids, completion ids) under the tokenizer's chat template; no completion gives no completion ids.

    The completion is tokenized on its own and closed by end-of-sequence, as the model itself would have produced it.
    """
    prompt = tokenizer.apply_chat_template(messages, add_generation_prompt=True, tokenize=True, return_dict=False)
    if completion is None:
        return list(prompt), []
    return list(prompt), [*tokenizer.encode(completion, add_special_tokens=False), tokenizer.eos_token_id]
