"""What a model folder turned out to hold, seen once when it is obtained: `examined.json` beside the weights.

What cannot work is one line; what can be mended is mended wherever the model is used (`qup.lm.chat`), and said here.
"""

import dataclasses
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from qup import templates
from qup.errors import SettingsError
from qup.lm.chat import ASKED, NO_END, SPOKEN, ChatFormat
from qup.lm.checkpoint import EXAMINED, generates, generation_settings, open_chat

OWN = "own"
MARKS = ("think", "reason", "scratchpad")
"What names the special tokens that are part of an answer."


@dataclass(frozen=True)
class Examination:
    """One model folder. File: `models/<study>/base/<model>/examined.json`."""

    template: str
    "`own`, or the file of qup/templates that the study gave it."
    date_string: str
    "The day that a template which prints one is given."
    prints_the_day: bool
    takes_system: bool
    "Else a system message is put at the head of the user's."
    pad: str
    eos: str | None
    closing: str | None
    "The token that ends the assistant's turn, and so a trace."
    stops: list[str]
    "All tokens that end a generation."
    lead: str
    "Whitespace that an answer starts with."
    marks: dict[str, bool]
    "Special tokens that are part of an answer, and whether they come back when text is encoded and decoded."
    positions: int | None
    "Longest sequence, prompt and answer together."
    unused: dict[str, Any]
    "The checkpoint's own settings for drawing: a study draws from what it states itself, on every backend."
    notes: list[str]
    "What was mended and what a reader must know, one sentence each; empty for most models."


def examine(folder: Path, template: str | None = None, date_string: str | None = None) -> Examination:
    """Look at the model in a folder; no weights are loaded.

    `template` is the name of the one that the study gave it, which lies in the folder already.

    Raises:
        SettingsError: it cannot be used: no chat template, one that fails, or nothing that ends a turn.
    """
    chat = open_chat(folder, date_string)
    if not chat.tokenizer.chat_template:
        known = " or ".join(templates.names())
        raise SettingsError(f"has no chat template: give it one in the study, `template:` {known}")
    prompt = chat.text([ASKED], add_generation_prompt=True)
    _check(chat, generates(folder))
    other_day = dataclasses.replace(chat, date_string="01 Jan 2001").text([ASKED], add_generation_prompt=True)
    name = chat.tokenizer.convert_ids_to_tokens
    seen = Examination(
        template=template or OWN,
        date_string=chat.date_string,
        prints_the_day=prompt != other_day,
        takes_system=chat.takes_system,
        pad=chat.tokenizer.pad_token,
        eos=chat.tokenizer.eos_token,
        closing=None if chat.closing is None else name(chat.closing),
        stops=[name(token) for token in sorted(chat.stops)],
        lead=chat.lead,
        marks=_marks(chat),
        positions=chat.positions,
        unused=generation_settings(folder),
        notes=[],
    )
    return dataclasses.replace(seen, notes=[*chat.mended, *_notes(seen), *_channels(chat)])


def _channels(chat: ChatFormat) -> list[str]:
    words = "".join(chat.tokenizer.convert_ids_to_tokens(list(chat.opening)))
    return [f"an answer is what follows {words}, which the model says itself; what it says before is left out"] * bool(
        words
    )


def _check(chat: ChatFormat, generates: bool) -> None:
    """Raise what can neither work nor be mended."""
    if SPOKEN not in chat.text([{"role": "user", "content": SPOKEN}], add_generation_prompt=True):
        raise SettingsError("the chat template leaves out what the user says; give another, `template:`")
    if chat.closing is None and generates:
        raise SettingsError(NO_END)
    used = {*chat.ids([ASKED], add_generation_prompt=True), *chat.stops}
    if unknown := [token for token in sorted(used) if not chat.knows(token)]:
        names = (chat.tokenizer.convert_ids_to_tokens(token) or f"number {token}" for token in unknown)
        raise SettingsError(
            f"the chat template or generation_config.json names tokens that the weights have no embedding of: "
            f"{', '.join(names)}"
        )


def write(folder: Path, seen: Examination) -> None:
    """Keep it beside the weights."""
    text = json.dumps(dataclasses.asdict(seen), indent=2, ensure_ascii=False)
    (folder / EXAMINED).write_text(text + "\n", encoding="utf-8")


def _marks(chat: ChatFormat) -> dict[str, bool]:
    words = sorted(chat.tokenizer.convert_ids_to_tokens(token) for token in chat.special - chat.frame)
    named = [word for word in words if any(mark in word.lower() for mark in MARKS)]
    return {word: chat.decode(chat.encode([ASKED], word)[1]).strip() == word for word in named}


def _notes(seen: Examination) -> list[str]:
    notes = []
    if seen.template != OWN:
        notes.append(f"the chat template is {seen.template}, given by the study")
    if seen.prints_the_day:
        notes.append(f"the template prints the day: always {seen.date_string}")
    if not seen.takes_system:
        notes.append("the template takes no system message: it is put at the head of the user's")
    if seen.closing is not None and seen.closing != seen.eos:
        notes.append(f"a turn ends with {seen.closing}, not with {seen.eos}: so do traces; generation stops at either")
    if lost := [mark for mark, back in seen.marks.items() if not back]:
        notes.append(f"marks that do not survive as text: {', '.join(lost)}")
    if seen.unused:
        told = ", ".join(f"{key} {value}" for key, value in sorted(seen.unused.items()))
        notes.append(f"settings that the checkpoint would have answers drawn with are not used: {told}")
    return notes
