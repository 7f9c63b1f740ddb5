"""Chats as tokens: what a checkpoint's template and tokenizer do is seen, mended and said; no clock, no lost mark."""

import dataclasses
import datetime as dt
import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from awkward import KINDS, UNUSABLE, build, edit, ids
from typer.testing import CliRunner

from qup import models
from qup.__main__ import app
from qup.backends import Completion, Sampling
from qup.backends.hf import Backend
from qup.errors import SettingsError
from qup.lm import examination
from qup.lm.chat import ChatFormat, encode_chat
from qup.lm.checkpoint import open_chat
from qup.models import ModelSettings, _families
from qup.models.random import make_tokenizer
from qup.prompts.learner import ask
from qup.prompts.oracle import tell
from qup.records import Finish, Problem
from qup.settings import Plug, read
from qup.training import Budget, TrainingSettings
from qup.training.examples import examples, trainable
from qup.training.trainer import Cell, train

USABLE = sorted(set(KINDS) - set(UNUSABLE))
CHATS = [ask("boxed", f"What is {i} + {'1' * (4 * i + 1)}?") for i in range(3)]
NAMES = [f"p{i}#0" for i in range(3)]
GREEDY = Sampling(0.0, 8, seed=1)
ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def awkward(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """A function from a kind's name to its folder, made once."""
    made: dict[str, Path] = {}

    def folder(name: str) -> Path:
        if name not in made:
            made[name] = build(name, tmp_path_factory.mktemp(name) / "learner", seed=1)
        return made[name]

    return folder


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


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("notemplate", r"has no chat template: give it one in the study, `template:` completion or deepseek_math"),
        ("endless", r"nothing ends the assistant's turn: the tokenizer has no end of sequence, and the template .*"),
        ("broken", r"the chat template fails: .*"),
    ],
)
def test_what_cannot_work_is_one_line_when_it_is_obtained(awkward: Callable[[str], Path], name: str, said: str) -> None:
    with pytest.raises(SettingsError, match=rf"^models\.learner: {said}$") as caught:
        models.examine("learner", ModelSettings(), awkward(name))
    assert "\n" not in str(caught.value)


def listed(folder: Path) -> None:
    template = "{% for m in messages %}{{ m['content'][0]['text'] }}<|eot_id|>{% endfor %}"
    (folder / "chat_template.jinja").write_text(template, encoding="utf-8")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (listed, "the chat template leaves out what the user says; give another, `template:`"),
        (
            lambda folder: edit(folder / "config.json", {"vocab_size": ids(folder)["<|start_header_id|>"]}),
            r"the chat template uses tokens that the weights have no embedding of: .*<\|start_header_id\|>.*",
        ),
        (
            lambda folder: edit(folder / "config.json", {"model_type": "unheard_of"}),
            r"learner: transformers cannot read configuration or tokenizer: .*unheard_of.*",
        ),
        (lambda folder: (folder / "tokenizer.json").write_text("{"), "learner: transformers cannot read .*"),
        (
            lambda folder: (folder / "generation_config.json").write_text("{"),
            r".*generation_config\.json is damaged .*",
        ),
    ],
)
def test_a_model_that_cannot_be_used_is_one_line(tmp_path: Path, change: Callable[[Path], Any], said: str) -> None:
    folder = build("nopad", tmp_path / "learner")
    change(folder)
    with pytest.raises(SettingsError, match=rf"^models\.learner: {said}$") as caught:
        models.examine("learner", ModelSettings(), folder)
    assert "\n" not in str(caught.value)


def test_a_reward_model_needs_no_end_of_turn(awkward: Callable[[str], Path]) -> None:
    folder = awkward("endless")
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    edit(folder / "config.json", {"architectures": ["LlamaForSequenceClassification"]})
    assert models.examine("judge", ModelSettings(), folder).closing is None
    edit(folder / "config.json", {"architectures": config["architectures"]})


# --- templates that a study gives


def given(**settings: Any) -> ModelSettings:
    made: ModelSettings = Plug("models", holder=ModelSettings).make({"source": "random", **settings})
    return made


def obtained(folder: Path, **settings: Any) -> Path:
    models.obtain({"learner": given(architecture="llama", hidden=32, layers=1, **settings)}, folder, folder)
    return folder / "learner"


def test_a_study_gives_a_model_another_template(tmp_path: Path) -> None:
    chat = open_chat(obtained(tmp_path, template="deepseek_math"))
    messages = [{"role": "user", "content": "1+1?"}, {"role": "assistant", "content": "2"}]
    bos, eos = chat.tokenizer.bos_token, chat.tokenizer.eos_token
    assert chat.text(messages[:1], add_generation_prompt=True) == f"{bos}User: 1+1?\n\nAssistant:"
    assert chat.text(messages, add_generation_prompt=False) == f"{bos}User: 1+1?\n\nAssistant: 2{eos}"
    assert chat.lead == " "


def test_a_plain_completion_goes_on_after_the_question(tmp_path: Path) -> None:
    chat = open_chat(obtained(tmp_path, template="completion"))
    asked, said = chat.encode([{"role": "user", "content": "1+1?"}], "2")
    assert chat.tokenizer.decode(asked) == f"{chat.tokenizer.bos_token}1+1?\n"
    assert [chat.tokenizer.decode([token]) for token in said] == ["2", chat.tokenizer.eos_token]


def test_a_base_model_without_a_template_takes_the_studys(
    awkward: Callable[[str], Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bare = dataclasses.replace(_families.load("llama"), template=None)
    monkeypatch.setattr(_families, "load", lambda _: bare)
    with pytest.raises(SettingsError, match=r"^models\.learner: has no chat template"):
        obtained(tmp_path)
    assert json.loads((obtained(tmp_path, template="completion") / "examined.json").read_text())["closing"]


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        (
            {"template": "deepseek"},
            r"^template: unknown chat template 'deepseek': did you mean 'deepseek_math'\? known:",
        ),
        ({"date_string": "yesterday"}, r"^date_string: expected a day like 26 Jul 2024, got 'yesterday'$"),
        ({"date_string": "2024-07-26"}, r"^date_string: expected a day like 26 Jul 2024, got '2024-07-26'$"),
    ],
)
def test_a_wrong_template_or_day_is_one_line(settings: dict[str, Any], said: str) -> None:
    with pytest.raises(SettingsError, match=said):
        given(**settings)


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


# --- the checkpoint's own settings


PENALTIES = {"repetition_penalty": 1.9, "no_repeat_ngram_size": 1, "temperature": 0.1, "sequence_bias": [[[7], 50.0]]}
BANS = {"suppress_tokens": list(range(40)), "bad_words_ids": [[n] for n in range(40, 60)], "min_new_tokens": 24}
ENDS = {"forced_eos_token_id": 5, "max_length": 3, "num_beams": 2, "top_k": 1, "min_p": 0.5, "do_sample": True}


@pytest.mark.parametrize("settings", [PENALTIES, BANS, ENDS], ids=lambda settings: next(iter(settings)))
def test_no_setting_of_the_checkpoint_reaches_what_is_drawn(
    learner: Path, tmp_path: Path, settings: dict[str, Any]
) -> None:
    folder = Path(shutil.copytree(learner, tmp_path / "learner"))
    edit(folder / "generation_config.json", settings)
    plain, given = opened(learner), opened(folder)
    for drawn in (Sampling(0.0, 12, seed=2), Sampling(1.0, 12, seed=2)):
        expected = plain.generate(CHATS, drawn, NAMES)
        assert given.generate(CHATS, drawn, NAMES) == expected
        # Nor one of a trained copy.
        assert plain.generate(CHATS, drawn, NAMES, folder) == expected
    (note,) = models.examine("learner", ModelSettings(), folder).notes
    assert all(f"{name} " in note for name in settings)


def test_a_model_whose_settings_cannot_be_saved_is_trained_in_full_all_the_same(
    awkward: Callable[[str], Path], tmp_path: Path
) -> None:
    traces = examples(open_chat(awkward("penalised")), [(Problem("p", "1 + 1?", "2", "toy"), "so 2")], "boxed", 512)
    settings = TrainingSettings(budget=Budget(epochs=1), batch=1, method="full", dtype="float32")
    train(awkward("penalised"), traces, settings, Cell("sft", 1, 1), tmp_path / "out")
    saved = json.loads((tmp_path / "out" / "generation_config.json").read_text(encoding="utf-8"))
    assert not {"temperature", "top_k", "repetition_penalty"} & set(saved)


# --- positions


def test_an_answer_is_no_longer_than_the_models_positions_leave(tmp_path: Path, learner: Path) -> None:
    folder = Path(shutil.copytree(learner, tmp_path / "learner"))
    prompt = len(opened(learner).encode(CHATS[0])[0])
    edit(folder / "config.json", {"max_position_embeddings": prompt + 5})
    (done,) = opened(folder, max_length=4096).generate(CHATS[:1], Sampling(0.0, 99, 1), NAMES[:1])
    assert (done.tokens, done.finish) == (5, Finish.LENGTH)
    (stats,) = opened(folder).score([opened(folder).encode(CHATS[0], "x" * 40)])
    assert len(stats.token_ids) == 5


def test_a_prompt_without_room_for_an_answer_is_left_out_and_counted(
    learner: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lengths = [len(opened(learner).encode(chat)[0]) for chat in CHATS]
    cramped = opened(learner, max_length=lengths[1])
    done = cramped.generate(CHATS, GREEDY, NAMES)
    # The second fills all there is, the third more than that.
    assert done[1:] == [Completion("", [], Finish.LENGTH, 0)] * 2
    assert done[0].tokens == lengths[1] - lengths[0]
    assert (
        f"2 of 3 prompts are left out and count as cut: the longest has {lengths[2]} tokens" in capsys.readouterr().out
    )
    assert done[:1] == cramped.generate(CHATS[:1], GREEDY, NAMES[:1])


def test_where_no_prompt_has_room_no_weight_is_loaded(learner: Path) -> None:
    cramped = opened(learner, max_length=16)
    assert cramped.generate(CHATS, GREEDY, NAMES) == [Completion("", [], Finish.LENGTH, 0)] * 3
    assert "model" not in vars(cramped)


def test_a_trace_whose_prompt_fills_the_length_is_not_trained_on(learner: Path) -> None:
    asked = [("1?", "so 2"), ("1" * 200, "so 2")]
    problems = [(Problem(question, question, "2", "toy"), text) for question, text in asked]
    traces = examples(open_chat(learner), problems, "boxed", 200)
    assert [trace.trained for trace in trainable(traces)] == [5]


# --- the examination


def test_what_was_seen_lies_beside_the_weights_the_same_twice(tmp_path: Path) -> None:
    seen = [(obtained(tmp_path / name, seed=3) / "examined.json").read_bytes() for name in "ab"]
    assert seen[0] == seen[1]
    assert json.loads(seen[0]) == {
        "template": "own",
        "date_string": "26 Jul 2024",
        "prints_the_day": False,
        "takes_system": True,
        "pad": "<|end_of_text|>",
        "eos": "<|eot_id|>",
        "closing": "<|eot_id|>",
        "stops": ["<|eot_id|>"],
        "lead": "",
        "marks": {},
        "positions": 4096,
        "unused": {},
        "notes": [],
    }


def test_what_was_mended_is_noted(awkward: Callable[[str], Path]) -> None:
    def notes(name: str) -> list[str]:
        return models.examine(name, ModelSettings(), awkward(name)).notes

    assert notes("deepseek") == []
    assert notes("bare") == [
        "no end of sequence: <|eot_id|>, which ends the assistant's turn, stands in",
        "no padding token that the model knows: <|eot_id|> stands in, masked and never trained on",
    ]
    assert notes("gemma") == [
        "the template takes no system message: it is put at the head of the user's",
        "a turn ends with <end_of_turn>, not with <eos>: so do traces; generation stops at either",
    ]
    assert notes("penalised") == [
        "settings that the checkpoint would have answers drawn with are not used: "
        "repetition_penalty 1.9, temperature 0.2, top_k 1"
    ]


def test_a_model_without_positions_sets_no_limit() -> None:
    assert ChatFormat(None).room(99) == 99
    assert ChatFormat(None, positions=64).room(99) == 64
    assert ChatFormat(None, positions=4096).room(99) == 99


def test_settings_of_a_model_stand_beside_its_sources(tmp_path: Path) -> None:
    made = read(ModelSettings, {})
    assert (made.template, made.date_string) == (None, "26 Jul 2024")


def test_the_models_that_are_there_are_examined_from_the_command_line(
    learner: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "params.yaml").write_text("study: smoke\nrefiner: style_aligned\noracles: [home]\n", encoding="utf-8")
    folder = Path(shutil.copytree(learner, tmp_path / "models" / "smoke" / "base" / "learner"))
    edit(folder / "generation_config.json", {"repetition_penalty": 1.1})
    monkeypatch.chdir(tmp_path)
    told = CliRunner().invoke(app, ["check", "--models", "--studies", str(ROOT / "studies")])
    assert told.exit_code == 0
    assert "learner: template own, a turn ends with <|im_end|>, 4096 positions" in told.stdout
    assert "drawn with are not used: repetition_penalty 1.1" in told.stdout
    assert "judge: not there yet" in told.stdout
