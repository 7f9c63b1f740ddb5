"""Chats as token ids and back, the one place where a trace becomes tokens: what is scored is what is trained on.

A chat template is a program. It may print the day, refuse a system message, end a turn with another token than the
tokenizer's end of sequence, or put a space before an answer. What it does is seen by rendering it, never told from a
model's name.

What people and models say is text. Where it spells a mark of the template (`<|im_end|>`) it is not let through as that
token, or a question could end its own turn and an Oracle's reply begin the next.
"""

import dataclasses
import itertools
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any

from qup.errors import SettingsError, shown

Message = dict[str, str]
"`role` (system, user, assistant) and `content`."
DATE = "26 Jul 2024"
"The day that a template prints as today's where a study sets none: the one that Llama 3's falls back to."
DATE_FORM = "%d %b %Y"
ASKED = {"role": "user", "content": "?"}
"A chat that every template must take."
SPOKEN = "Therefore"
"What stands for a message when a template is tried."
NO_END = "nothing ends the assistant's turn: the tokenizer has no end of sequence, and the template closes none"
NO_TEMPLATE = "has no chat template: give the model one in the study, `template: <file of qup/templates>`"


@dataclass(frozen=True)
class ChatFormat:
    """A tokenizer with its chat template, and what must be known of the model to use them."""

    tokenizer: Any
    date_string: str = DATE
    "The day that the template prints."
    ends: tuple[int, ...] = ()
    "Tokens that end a generation by the checkpoint's own word."
    positions: int | None = None
    "The longest sequence that the model takes; None: it sets no limit."
    vocabulary: int | None = None
    "Tokens that the model knows, which may be fewer than the tokenizer's; None: all."
    mended: tuple[str, ...] = ()
    "What the checkpoint lacked and what stands in for it, one sentence each."

    def encode(self, messages: Sequence[Message], completion: str | None = None) -> tuple[list[int], list[int]]:
        """(prompt ids, completion ids) under the chat template; no completion gives no completion ids.

        The completion is tokenized on its own, as the model itself would have produced it: it starts as the template
        lets an answer start and is closed by what ends the assistant's turn.

        Raises:
            SettingsError: there is no template, it fails, or nothing ends a turn.
        """
        prompt = self.ids(messages, add_generation_prompt=True)
        if completion is None:
            return prompt, []
        if self.closing is None:
            raise SettingsError(NO_END)
        return prompt, [*self._said(completion), self.closing]

    def decode(self, token_ids: Sequence[int]) -> str:
        """The text of a completion, with every mark in it but those that frame a message.

        Of a reply in channels (harmony) it is what the last message of the channel for answers says; one that never
        came to it, for it was cut while thinking aloud or called a tool, has no text.
        """
        kept = [token for token in self._answer(token_ids) if token not in self.frame]
        text = self.tokenizer.decode(kept, skip_special_tokens=False, clean_up_tokenization_spaces=False)
        return str(text)

    def comes_back(self, token_ids: Sequence[int]) -> bool:
        """Whether a completion, end left aside, is the same tokens when its text is encoded again."""
        own = token_ids[:-1] if token_ids and token_ids[-1] in self.stops else token_ids
        return self._said(self.decode(own)) == list(own)

    def room(self, max_length: int) -> int:
        """Tokens that prompt and completion may have together: `max_length`, or the model's positions if fewer."""
        return max_length if self.positions is None else min(max_length, self.positions)

    def knows(self, token: int) -> bool:
        """Whether the model has an embedding of a token."""
        return self.vocabulary is None or token < self.vocabulary

    def ids(self, messages: Sequence[Message], add_generation_prompt: bool) -> list[int]:
        """A chat as token ids, with the header of an answer that is to come, or without."""
        gap = _in_none([message["content"] for message in messages])
        parted = [{**message, "content": self._parted(message, gap)} for message in messages]
        return self._ids(self.text(parted, add_generation_prompt), gap)

    def text(self, messages: Sequence[Message], add_generation_prompt: bool) -> str:
        """A chat as the template renders it."""
        addressed = messages if self.takes_system else _without_system(messages)
        return self._render(addressed, add_generation_prompt)

    @cached_property
    def takes_system(self) -> bool:
        """Whether the template renders a system message; some raise an error, others leave it out without a word."""
        system = {"role": "system", "content": SPOKEN}
        return SPOKEN in (self._tried([system, ASKED]) or "")

    @cached_property
    def lead(self) -> str:
        """Whitespace that the template puts between the header of an answer and the answer, where it is a token's part.

        After `Assistant:` a model starts with " The", not with "The": so do texts of others that start without a space.
        """
        header, whole = self._tried([ASKED], add_generation_prompt=True), self._answered()
        if header is None or whole is None or not whole.startswith(header):
            return ""
        gap = whole.removeprefix(header).partition(SPOKEN)[0]
        if not gap.isspace():
            return ""
        taught, start = self._ids(f"{header}{gap}{SPOKEN}"), self._ids(header)
        # A tokenizer that adds the space by itself (SentencePiece) must not be given it again.
        return next((lead for lead in ("", gap) if start + self._ids(lead + SPOKEN) == taught), "")

    @cached_property
    def opening(self) -> tuple[int, ...]:
        """What a model says itself to open its answer, where that takes special tokens; in most formats nothing.

        In harmony it is `<|channel|>final<|message|>`: what is said before it is no part of the answer.
        """
        header, whole = self._tried([ASKED], add_generation_prompt=True), self._answered()
        if header is None or whole is None or not whole.startswith(header):
            return ()
        gap = self._ids(whole.removeprefix(header).partition(SPOKEN)[0])
        marked = gap and {gap[0], gap[-1]} <= self.special
        return tuple(gap) if marked else ()

    @cached_property
    def closing(self) -> int | None:
        """The token that ends the assistant's turn: the first special one after its message, else end-of-sequence."""
        last, followed = self._after(self._answered()), self._after(self._answered(ASKED))
        if last:
            return last[0]
        # Some templates end an answer with the next message's header alone, and the checkpoint says so.
        if followed and followed[0] in self.ends:
            return followed[0]
        own = self.tokenizer.eos_token_id
        return next(iter(self.ends), None) if own is None else int(own)

    @cached_property
    def stops(self) -> frozenset[int]:
        """All tokens that end a generation."""
        named = (self.closing, self.tokenizer.eos_token_id)
        return frozenset([*self.ends, *(int(token) for token in named if token is not None)])

    @cached_property
    def frame(self) -> frozenset[int]:
        """Tokens that are no part of a message: the named special ones, what ends a generation, a message's header."""
        named = {self.tokenizer.convert_tokens_to_ids(token) for token in self.tokenizer.special_tokens_map.values()}
        system = [{"role": "system", "content": SPOKEN}] if self.takes_system else []
        # A system message is given, for a template's own may speak of the marks of a chain of thought.
        asked = self._tried([*system, ASKED]) or ""
        return frozenset(named) | self.stops | (set(self._ids(asked)) & self.special)

    @cached_property
    def special(self) -> frozenset[int]:
        """The tokens that are no text, by the tokenizer's word."""
        added = self.tokenizer.added_tokens_decoder
        return frozenset(self.tokenizer.all_special_ids) | {i for i, token in added.items() if token.special}

    def _answered(self, *more: Message) -> str | None:
        return self._tried([ASKED, {"role": "assistant", "content": SPOKEN}, *more])

    def _after(self, text: str | None) -> list[int]:
        """The special tokens after an assistant's message in a rendered chat."""
        if text is None or SPOKEN not in text:
            return []
        added = {*self.special, *self.tokenizer.added_tokens_decoder}
        return [token for token in self._ids(text.rpartition(SPOKEN)[2]) if token in added]

    def _said(self, completion: str) -> list[int]:
        start = "" if not completion or completion[0].isspace() else self.lead
        gap = _in_none([completion])
        text = self._parted({"role": "assistant", "content": completion}, gap)
        return [*self.opening, *self._ids(start + text, gap)]

    def _answer(self, token_ids: Sequence[int]) -> Sequence[int]:
        """What follows the last opening of an answer, up to the message's end; all of it where answers need none."""
        width = len(self.opening)
        if not width:
            return token_ids
        starts = range(len(token_ids) - width, -1, -1)
        start = next((i for i in starts if tuple(token_ids[i : i + width]) == self.opening), None)
        if start is None:
            return []
        return list(itertools.takewhile(lambda token: token not in self.frame, token_ids[start + width :]))

    def _parted(self, message: Message, gap: str) -> str:
        """What a message says, with a gap within each mark that it spells.

        An answer keeps the special tokens that are part of answers, as those around a chain of thought.
        """
        marks = self._frame_marks if message["role"] == "assistant" else self._marks
        return marks.sub(rf"\1{gap}", message["content"])

    @cached_property
    def _frame_marks(self) -> re.Pattern[str]:
        return self._beginning(self.frame)

    @cached_property
    def _marks(self) -> re.Pattern[str]:
        return self._beginning(self.frame | self.special)

    def _beginning(self, tokens: Iterable[int]) -> re.Pattern[str]:
        """Matches the first character of each of these tokens where a text spells it."""
        added = self.tokenizer.added_tokens_decoder
        spelt = [added[token].content for token in sorted(tokens) if token in added]
        # A token of a single character cannot be told from that character.
        marks = [re.escape(mark) for mark in spelt if len(mark) > 1]
        return re.compile(rf"(?=(?:{'|'.join(marks)}))(.)" if marks else r"(?!)(.)", re.DOTALL)

    def _ids(self, text: str, gap: str | None = None) -> list[int]:
        """A text as token ids, what stands between gaps each by itself: a mark with a gap in it is none."""
        parts = [text] if gap is None else text.split(gap)
        try:
            return [token for part in parts for token in self.tokenizer(part, add_special_tokens=False)["input_ids"]]
        # The tokenizers library raises nothing more special, such as for a word that is unknown where no token says so.
        except Exception as error:
            raise SettingsError(f"the tokenizer fails over {shown(text)}: {error}") from error

    def _tried(self, messages: Sequence[Message], add_generation_prompt: bool = False) -> str | None:
        """A rendered chat; None where the template refuses it."""
        try:
            return self._render(messages, add_generation_prompt)
        except SettingsError:
            return None

    def _render(self, messages: Sequence[Message], add_generation_prompt: bool) -> str:
        if not self.tokenizer.chat_template:
            raise SettingsError(NO_TEMPLATE)
        try:
            # What a caller gives shadows transformers' own `strftime_now`, which reads the clock.
            return str(
                self.tokenizer.apply_chat_template(
                    list(messages),
                    add_generation_prompt=add_generation_prompt,
                    tokenize=False,
                    date_string=self.date_string,
                    strftime_now=self._strftime,
                )
            )
        # It is a program, and may fail as any can: a division by zero, a range that is too long.
        except Exception as error:
            raise SettingsError(f"the chat template fails: {error}") from error

    def _strftime(self, form: str) -> str:
        return datetime.strptime(self.date_string, DATE_FORM).strftime(form)


def encode_chat(
    tokenizer: Any, messages: Sequence[Message], completion: str | None = None
) -> tuple[list[int], list[int]]:
    """`ChatFormat.encode`, of a chat format or of a bare tokenizer, about whose model nothing is known."""
    return format_of(tokenizer).encode(messages, completion)


def format_of(tokenizer: Any) -> ChatFormat:
    """A chat format as it is, or that of a bare tokenizer."""
    return tokenizer if isinstance(tokenizer, ChatFormat) else ChatFormat(tokenizer)


def mended(chat: ChatFormat) -> ChatFormat:
    """The format with a padding token and an end of sequence, where the tokenizer has none that the model knows.

    Padding is masked wherever it is used, so any token will do; the tokenizer itself is changed.
    """
    words, said = chat.tokenizer, []
    if words.eos_token_id is None and chat.closing is not None:
        words.eos_token = words.convert_ids_to_tokens(chat.closing)
        said.append(f"no end of sequence: {words.eos_token}, which ends the assistant's turn, stands in")
    if words.pad_token_id is None or not chat.knows(words.pad_token_id):
        words.pad_token = words.eos_token or words.convert_ids_to_tokens(0)
        said.append(f"no padding token that the model knows: {words.pad_token} stands in, masked and never trained on")
    # Anew, for what was rendered before knew no end of sequence.
    return dataclasses.replace(chat, mended=tuple(said))


def _in_none(texts: Sequence[str]) -> str:
    """A character for private use that none of these texts has."""
    return next(gap for gap in map(chr, range(0xE000, 0xF900)) if not any(gap in text for text in texts))


def _without_system(messages: Sequence[Message]) -> list[Message]:
    """The chat with its system message at the head of the user's."""
    if messages[0]["role"] != "system":
        return list(messages)
    system, user, *rest = messages
    return [{**user, "content": f"{system['content']}\n\n{user['content']}"}, *rest]
