"""How many tokens texts have for a study's learner, without loading it: by its own tokenizer, where that is known.

>>> by_characters(3.0).said("so b is 2")
4.0
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from qup.records import LEARNER
from qup.study import Study

TEMPLATE = 12
"Tokens that a chat template puts around a question [assumed]."
CHARACTERS = 3.0
"Characters of a token where neither a tokenizer nor traces tell [assumed: mathematics in English]."

Asked = Callable[[Sequence[dict[str, str]]], float]


@dataclass(frozen=True)
class Tokens:
    """What counts the tokens of a prompt, given as a chat, and of an answer, its end included."""

    asked: Asked
    said: Callable[[str], float]


def of_learner(study: Study, models: Path) -> Tokens | None:
    """By the learner's tokenizer: its source's word where it makes one, else the file below `models`; None: neither."""
    source: Any = study.models[LEARNER].source
    if hasattr(source, "asked"):
        return Tokens(source.asked, source.said)
    file = models / LEARNER / "tokenizer.json"
    return _of_file(file) if file.is_file() else None


def by_characters(each: float) -> Tokens:
    """Where a token has so many characters."""
    return _counted(lambda text: len(text) / each)


def _of_file(file: Path) -> Tokens | None:
    from tokenizers import Tokenizer

    try:
        tokenizer = Tokenizer.from_file(str(file))
    except Exception:
        # The library raises nothing narrower; what is wrong with the file is for the stages to say.
        return None
    return _counted(lambda text: len(tokenizer.encode(text, add_special_tokens=False).ids))


def _counted(count: Callable[[str], float]) -> Tokens:
    def asked(chat: Sequence[dict[str, str]]) -> float:
        return sum(count(message["content"]) for message in chat) + TEMPLATE

    return Tokens(asked, lambda text: count(text) + 1)
