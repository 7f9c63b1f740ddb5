"""Chats as tokens: what a checkpoint's template and tokenizer do is seen, mended and said; no clock, no lost mark."""

import dataclasses
import datetime as dt
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from awkward import KINDS, UNUSABLE, build, ids

from qup import models
from qup.backends import Completion, Sampling
from qup.backends.hf import Backend
from qup.lm import examination
from qup.lm.chat import ChatFormat, encode_chat
from qup.lm.checkpoint import open_chat
from qup.models import ModelSettings, _families
from qup.models.random import make_tokenizer
from qup.prompts.learner import ask
from qup.prompts.oracle import tell
from qup.records import Finish, Problem
from qup.training import Budget, TrainingSettings
from qup.training.examples import examples
from qup.training.trainer import Cell, train

USABLE = sorted(set(KINDS) - set(UNUSABLE))
CHATS = [ask("boxed", f"What is {i} + {'1' * (4 * i + 1)}?") for i in range(3)]
NAMES = [f"p{i}#0" for i in range(3)]
GREEDY = Sampling(0.0, 8, seed=1)


def opened(folder: Path, max_length: int = 512) -> Backend:
    return Backend(folder, "float32", batch=8, max_length=max_length)


# --- every kind goes through everything


@pytest.mark.parametrize("name", USABLE)
def test_a_model_of_each_kind_is_asked_scored_and_trained(
    awkward: Callable[[str], Path], name: str, tmp_path: Path
) -> None:
    backend = opened(awkward(name))
    done = backend.generate(CHATS, Sampling(1.0, 8, seed=1), NAMES)
    assert all(completion.tokens for completion in done)
    stats = backend.score([backend.encode(chat, completion.text) for chat, completion in zip(CHATS, done, strict=True)])
    assert [one.token_ids[-1] for one in stats] == [backend.chat.closing] * 3
    problems = [(Problem(f"p{i}", "1 + 1?", "2", "toy"), "so 2") for i in range(2)]
    traces = examples(open_chat(awkward(name)), problems, "boxed", 512)
    settings = TrainingSettings(budget=Budget(epochs=1), batch=2, rank=4, dtype="float32")
    steps, run = train(awkward(name), traces, settings, Cell("sft", 1, 1), tmp_path / "out")
    # " so 2" or "so 2", each character a token, and what ends the turn.
    assert run.tokens == 2 * (len(backend.chat.lead) + len("so 2") + 1)
    assert steps[0].loss > 0
    assert backend.generate(CHATS, GREEDY, NAMES, tmp_path / "out")


# --- the day


@pytest.fixture(params=["{{ strftime_now('%Y-%m-%d') }}", "{{ date_string }}{{ strftime_now('%d') | int + 1 }}"])
def dated(request: pytest.FixtureRequest, awkward: Callable[[str], Path], tmp_path: Path) -> Path:
    folder = build("dated", tmp_path / "learner")
    (folder / "chat_template.jinja").write_text(request.param + KINDS["nopad"].template, encoding="utf-8")
    return folder


@pytest.fixture
def on() -> Iterator[Callable[[int], None]]:
    """A function that sets the clock of transformers' templates to a day of December 2026."""
    with pytest.MonkeyPatch.context() as patch:

        def day(number: int) -> None:
            class Day(dt.datetime):
                @classmethod
                def now(cls, tz: Any = None) -> Any:
                    return dt.datetime(2026, 12, number)

            patch.setattr("transformers.utils.chat_template_utils.datetime", Day)

        yield day


def test_a_chat_is_the_same_tokens_on_every_day(dated: Path, on: Callable[[int], None]) -> None:
    seen = []
    for day in (1, 2):
        on(day)
        seen.append((open_chat(dated).encode(CHATS[0], "2"), encode_chat(open_chat(dated).tokenizer, CHATS[0], "2")))
    assert seen[0] == seen[1]
    assert seen[0][0] == seen[0][1]
    # The clock that was set is the one that templates read.
    on(1)
    plain = open_chat(dated).tokenizer.apply_chat_template(CHATS[0], tokenize=False)
    on(2)
    assert open_chat(dated).tokenizer.apply_chat_template(CHATS[0], tokenize=False) != plain


def test_the_day_is_a_setting_of_the_model(dated: Path) -> None:
    first = open_chat(dated).text(CHATS[0], add_generation_prompt=True)
    seen = models.examine("learner", ModelSettings(date_string="03 Feb 2025"), dated)
    assert seen.notes == ["the template prints the day: always 03 Feb 2025"]
    examination.write(dated, seen)
    second = open_chat(dated).text(CHATS[0], add_generation_prompt=True)
    assert first.startswith(("2024-07-26", "26 Jul 202427"))
    assert second.startswith(("2025-02-03", "03 Feb 20254"))


# --- ends


@pytest.mark.parametrize(
    ("name", "closing", "stops"),
    [
        ("nopad", "<|eot_id|>", {"<|eot_id|>"}),
        ("mistral", "</s>", {"</s>"}),
        ("noeos", "<|eot_id|>", {"<|eot_id|>"}),
        ("gemma", "<end_of_turn>", {"<eos>", "<end_of_turn>"}),
        ("phi", "<|end|>", {"<|endoftext|>", "<|assistant|>", "<|end|>"}),
        ("chatml_base", "<|im_end|>", {"<|endoftext|>", "<|im_end|>"}),
        ("glm", "<|user|>", {"<|endoftext|>", "<|user|>"}),
        ("deepseek", "<|end_of_sentence|>", {"<|end_of_sentence|>"}),
    ],
)
def test_a_trace_ends_as_the_templates_turns_do_and_generation_at_all_ends(
    awkward: Callable[[str], Path], name: str, closing: str, stops: set[str]
) -> None:
    backend, tokens = opened(awkward(name)), ids(awkward(name))
    assert backend.encode(CHATS[0], "2")[1][-1] == tokens[closing]
    assert backend.chat.stops == {tokens[stop] for stop in stops}
    for stop in stops:
        ended = backend._completion([*backend.tokenizer.encode("ab"), tokens[stop], 0], backend.model.generation_config)
        assert (ended.text, ended.finish, ended.tokens) == ("ab", Finish.STOP, 3)


def test_generation_really_stops_at_each_end(awkward: Callable[[str], Path]) -> None:
    backend = opened(awkward("gemma"))
    (whole,) = backend.generate(CHATS[:1], GREEDY, NAMES[:1])
    first = whole.token_ids[0]
    (made,) = [dataclasses.replace(backend)]
    vars(made)["chat"] = dataclasses.replace(backend.chat, ends=(*backend.chat.ends, first))
    assert made.generate(CHATS[:1], GREEDY, NAMES[:1]) == [Completion("", [first], Finish.STOP, 1)]


# --- pads


def test_a_missing_padding_token_changes_nothing_that_is_said(awkward: Callable[[str], Path], tmp_path: Path) -> None:
    backend = opened(awkward("nopad"))
    batched = backend.generate(CHATS, GREEDY, NAMES)
    assert batched == [backend.generate([chat], GREEDY, [name])[0] for chat, name in zip(CHATS, NAMES, strict=True)]
    assert backend.tokenizer.pad_token == "<|eot_id|>"


def test_a_padding_token_that_the_model_does_not_know_is_none(awkward: Callable[[str], Path], tmp_path: Path) -> None:
    folder = build("nopad", tmp_path / "learner")
    tokenizer = open_chat(folder).tokenizer
    # As Llama 2 with a <pad> added and the weights not resized.
    tokenizer.add_special_tokens({"pad_token": "<added>"})
    tokenizer.save_pretrained(folder)
    chat = open_chat(folder)
    assert chat.tokenizer.pad_token == "<|eot_id|>"
    assert "no padding token that the model knows: <|eot_id|> stands in" in chat.mended[0]


# --- the system's message


def test_a_voice_goes_to_the_head_of_the_users_turn_where_there_is_no_system_role(
    awkward: Callable[[str], Path],
) -> None:
    voiced = tell("solve", "1+1?", "", "formal")
    for name, folded in [("gemma", True), ("mistral", True), ("nopad", False)]:
        chat = open_chat(awkward(name))
        text = chat.text(voiced, add_generation_prompt=True)
        joined = f"{voiced[0]['content']}\n\n{voiced[1]['content']}"
        assert chat.takes_system is not folded
        assert (joined in text) is folded
        assert voiced[0]["content"] in text


def test_a_system_message_that_a_template_leaves_out_is_not_lost(tmp_path: Path) -> None:
    folder = build("nopad", tmp_path / "learner")
    silent = "{% for m in messages if m['role'] != 'system' %}{{ m['content'] }}<|eot_id|>{% endfor %}"
    (folder / "chat_template.jinja").write_text(silent, encoding="utf-8")
    assert "be brief" in open_chat(folder).text([{"role": "system", "content": "be brief"}, *CHATS[0]], True)


# --- marks and spaces


def test_marks_of_a_chain_of_thought_survive_the_round_trip(awkward: Callable[[str], Path]) -> None:
    chat = open_chat(awkward("think"))
    for text in ["[THINK]a b[/THINK]\\boxed{1}", "<think>\n1 . 2 ,\n</think> so", "plain"]:
        said = chat.encode(CHATS[0], text)[1]
        assert chat.decode(said) == text
        assert chat.comes_back(said)
    assert examination.examine(awkward("think")).marks == dict.fromkeys(
        ["</think>", "<think>", "[/THINK]", "[THINK]"], True
    )


def test_what_frames_a_message_is_no_part_of_the_text(awkward: Callable[[str], Path]) -> None:
    chat, tokens = open_chat(awkward("think")), ids(awkward("think"))
    framed = [tokens["<s>"], tokens["<|im_start|>"], tokens["[THINK]"], tokens["<pad>"], tokens["<|im_end|>"]]
    assert chat.decode(framed) == "[THINK]"


@pytest.mark.parametrize(("name", "lead"), [("deepseek", " "), ("mistral", " "), ("gemma", ""), ("chatml_base", "")])
def test_an_answer_starts_as_the_template_lets_it_start(awkward: Callable[[str], Path], name: str, lead: str) -> None:
    chat = open_chat(awkward(name))
    foreign, own = chat.encode(CHATS[0], "So 2")[1], chat.encode(CHATS[0], f"{lead}So 2")[1]
    assert foreign == own == [*chat.tokenizer.encode(f"{lead}So 2", add_special_tokens=False), chat.closing]
    # The learner's own sample keeps its space, so that it comes back as it was drawn.
    assert chat.decode(own) == f"{lead}So 2"
    whole = chat.ids([*CHATS[0], {"role": "assistant", "content": "So 2"}], add_generation_prompt=False)
    assert whole[: len(chat.encode(CHATS[0])[0]) + len(own)] == chat.encode(CHATS[0])[0] + own


def test_a_tokenizer_that_adds_the_space_by_itself_is_not_given_it_again() -> None:
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    # As SentencePiece: a word carries the space before it, and the first word of a text is given one.
    vocabulary = {"<unk>": 0, "</s>": 1, "▁?": 2, "▁So": 3, "▁Therefore": 4, "▁[/INST]": 5, "▁": 6}
    inner = Tokenizer(models.WordLevel(vocabulary, "<unk>"))
    inner.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="first")
    inner.decoder = decoders.Metaspace(prepend_scheme="first")
    template = (
        "{% for m in messages %}{{ ' ' if m['role'] == 'assistant' }}{{ m['content'] }}"
        "{{ ' [/INST]' if m['role'] == 'user' else ' </s>' }}{% endfor %}"
    )
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=inner, unk_token="<unk>", eos_token="</s>", chat_template=template
    )
    chat = ChatFormat(tokenizer)
    assert (chat.lead, chat.encode([{"role": "user", "content": "?"}], "So")[1]) == ("", [3, 1])


def test_samples_that_are_other_tokens_as_text_are_counted(awkward: Callable[[str], Path]) -> None:
    chat = ChatFormat(make_tokenizer(_families.load("qwen2")))
    plain = chat.tokenizer.encode("ab")
    # Drawn as its characters, a box is one token when it is read.
    spelt = [token for character in "\\boxed{1}" for token in chat.tokenizer.encode(character)]
    assert chat.comes_back(plain)
    assert chat.comes_back([*plain, chat.closing])
    assert not chat.comes_back(spelt)
