"""What a model folder says of its model, beside the weights: how chats become tokens, and the settings it brings."""

import json
from pathlib import Path
from typing import Any

from qup.errors import SettingsError, shown
from qup.lm.chat import DATE, ChatFormat, mended

EXAMINED = "examined.json"
"What was seen when the model was obtained; of it, a run goes by the day that the study set."
HOUSEKEEPING = (
    *("transformers_version", "use_cache", "cache_implementation", "return_dict_in_generate"),
    *("bos_token_id", "eos_token_id", "pad_token_id", "decoder_start_token_id"),
)
"Keys of generation settings that say nothing of what is drawn; names with _ in front are others."


def open_chat(folder: Path, date_string: str | None = None) -> ChatFormat:
    """The chat format of the model in a folder; what its tokenizer lacks is mended.

    The day is that of its examination, unless one is given.

    Raises:
        SettingsError: transformers cannot read the tokenizer or the configuration.
    """
    config, tokenizer = _loaded(folder)
    chat = ChatFormat(
        tokenizer=tokenizer,
        date_string=date_string or _json(folder / EXAMINED).get("date_string", DATE),
        ends=ends(folder),
        positions=getattr(config, "max_position_embeddings", None),
        vocabulary=getattr(config, "vocab_size", None),
    )
    return mended(chat)


def ends(folder: Path) -> tuple[int, ...]:
    """The tokens that end a generation by the checkpoint's generation settings, or where they name none its config.

    Raises:
        SettingsError: what ends it is no number of a token.
    """
    places = (_json(folder / name).get("eos_token_id") for name in ("generation_config.json", "config.json"))
    told = next((place for place in places if place is not None), None)
    listed = [token for token in (told if isinstance(told, list) else [told]) if token is not None]
    if odd := [token for token in listed if type(token) is not int or token < 0]:
        raise SettingsError(f"{folder.name}: eos_token_id: expected numbers of tokens, got {shown(odd[0])}")
    return tuple(listed)


def generation_settings(folder: Path) -> dict[str, Any]:
    """The checkpoint's own settings for drawing: penalties, temperature and their like, of which a study uses none."""
    given = _json(folder / "generation_config.json")
    chosen = {key: value for key, value in given.items() if value is not None and key not in HOUSEKEEPING}
    return {key: value for key, value in chosen.items() if key[0] != "_"}


def forget_drawing(model: Any, folder: Path) -> None:
    """Take what a folder says of drawing out of its model: transformers refuses to save many of these settings."""
    for name in generation_settings(folder):
        setattr(model.generation_config, name, None)


def notes(folder: Path, max_length: int) -> list[str]:
    """What was noted of a model when it was obtained, and whether it takes sequences of `max_length` tokens."""
    seen = _json(folder / EXAMINED)
    noted, positions = list(seen.get("notes", [])), seen.get("positions")
    if positions is not None and positions < max_length:
        noted.append(f"an answer is as long as its prompt leaves of {positions} positions, below backend.max_length")
    return noted


def generates(folder: Path) -> bool:
    """Whether the model writes text; a reward model with a classifier's head does not."""
    heads = _json(folder / "config.json").get("architectures") or [""]
    return not any("Classification" in head for head in heads)


def _loaded(folder: Path) -> tuple[Any, Any]:
    """The configuration of the language model in a folder, None where there is a tokenizer alone; and the tokenizer."""
    from transformers import AutoConfig, AutoTokenizer

    try:
        there = (folder / "config.json").is_file()
        config = AutoConfig.from_pretrained(folder).get_text_config() if there else None
        return config, AutoTokenizer.from_pretrained(folder)
    # The tokenizers library raises nothing more special than `Exception`.
    except Exception as error:
        raise SettingsError(f"{folder.name}: transformers cannot read configuration or tokenizer: {error}") from error


def _json(path: Path) -> dict[str, Any]:
    try:
        settings = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    except (OSError, ValueError, RecursionError) as error:
        raise SettingsError(f"{path} is damaged ({error}): run `dvc repro obtain`") from error
    if not isinstance(settings, dict):
        raise SettingsError(f"{path} is damaged (expected names and values): run `dvc repro obtain`")
    return settings
