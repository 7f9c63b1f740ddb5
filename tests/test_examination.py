"""What is seen of a model when it is obtained: what cannot work is one line, what was mended is noted."""

import dataclasses
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from awkward import build, edit, ids
from typer.testing import CliRunner

from qup import models
from qup.__main__ import app
from qup.errors import SettingsError
from qup.lm.chat import ChatFormat
from qup.lm.checkpoint import open_chat
from qup.models import ModelSettings, _families
from qup.settings import Plug, read

ROOT = Path(__file__).parents[1]


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


def templated(folder: Path, template: str) -> None:
    (folder / "chat_template.jinja").write_text(template, encoding="utf-8")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (listed, "the chat template leaves out what the user says; give another, `template:`"),
        (
            lambda folder: edit(folder / "config.json", {"vocab_size": ids(folder)["<|start_header_id|>"]}),
            r"the chat template or generation_config\.json names tokens .*: .*<\|start_header_id\|>.*",
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
        (
            lambda folder: (folder / "generation_config.json").write_text("[]"),
            r".*generation_config\.json is damaged \(expected names and values\).*",
        ),
        (
            lambda folder: edit(folder / "generation_config.json", {"eos_token_id": [10**6]}),
            r"the chat template or generation_config\.json names tokens that .*: number 1000000",
        ),
        (
            lambda folder: edit(folder / "generation_config.json", {"eos_token_id": -1}),
            "learner: eos_token_id: expected numbers of tokens, got -1",
        ),
        (
            lambda folder: edit(folder / "generation_config.json", {"eos_token_id": "<|eot_id|>"}),
            r"learner: eos_token_id: expected numbers of tokens, got '<\|eot_id\|>'",
        ),
        # A template is a program.
        (lambda folder: templated(folder, "{{ 1 / 0 }}"), "the chat template fails: division by zero"),
        (lambda folder: templated(folder, "{{ messages.x.y }}"), "the chat template fails: .*"),
        (
            lambda folder: templated(folder, "{% for i in range(10**7) %}{% endfor %}"),
            "the chat template fails: Range too big.*",
        ),
        (lambda folder: templated(folder, "{{ ''.__class__.__mro__ }}"), "the chat template fails: .*unsafe.*"),
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
