"""Families of models: a tiny random one trips a run over what the real one would; nothing is told by its name."""

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from qup import models
from qup.errors import SettingsError
from qup.lm.chat import ChatFormat
from qup.lm.checkpoint import open_chat
from qup.models import ModelSettings, _families
from qup.settings import Plug

ASKED = [{"role": "user", "content": "1+1?"}]
TEMPLATES = {"llama3.2_base": "completion", "deepseek_math_base": "deepseek_math"}
"Those that a study gives to families which bring none."


def model(family: str, **settings: Any) -> ModelSettings:
    given = {"source": "random", "architecture": family, "hidden": 32, "layers": 1, **settings}
    made: ModelSettings = Plug("models", holder=ModelSettings).make(given)
    return made


@pytest.fixture(scope="module")
def chat(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], ChatFormat]:
    """A function from a family to the chat format of a model of it, obtained as a study does."""
    root = tmp_path_factory.mktemp("families")

    def opened(family: str) -> ChatFormat:
        if not (root / family).is_dir():
            models.obtain({family: model(family, template=TEMPLATES.get(family))}, root, root)
        return open_chat(root / family)

    return opened


def text(chat: ChatFormat, ids: list[int]) -> str:
    return str(chat.tokenizer.decode(ids))


@pytest.mark.parametrize("family", _families.names())
def test_a_model_of_every_family_is_made_and_examined(family: str, chat: Callable[[str], ChatFormat]) -> None:
    made, known = chat(family), _families.load(family)
    assert made.positions == known.positions
    assert made.vocabulary == len(made.tokenizer) + known.idle
    said = made.encode(ASKED, "so \\boxed{1}")[1]
    assert made.decode(said).strip() == "so \\boxed{1}"
    assert made.comes_back(said)


def test_no_repository_has_two_families() -> None:
    stood_for = [repo for name in _families.names() for repo in _families.load(name).stands_for]
    assert len(set(stood_for)) == len(stood_for) > 0
    assert _families.of("Qwen/Qwen2.5-Math-1.5B") == "qwen2.5_math"
    assert _families.of("Qwen/Qwen2.5-Math-7B") == "qwen2.5_math_7b"
    assert _families.of("nobody/nothing") is None


def test_the_two_sizes_of_qwen_math_differ_in_the_output_matrix_alone() -> None:
    small, large = _families.load("qwen2.5_math"), _families.load("qwen2.5_math_7b")
    assert (small.tied, large.tied) == (True, False)
    assert dataclasses.replace(large, tied=True, stands_for=small.stands_for) == small


def test_a_family_that_is_not_there_is_one_line_with_the_near_ones() -> None:
    with pytest.raises(SettingsError, match=r"unknown architecture 'qwen2\.5math': did you mean 'qwen2\.5_math'"):
        model("qwen2.5math")


def test_qwen_math_asks_for_the_box_by_itself_and_ends_its_turn_with_another_token(
    chat: Callable[[str], ChatFormat],
) -> None:
    qwen = chat("qwen2.5_math")
    asked, said = qwen.encode(ASKED, "2")
    system = "<|im_start|>system\nPlease reason step by step, and put your final answer within \\boxed{}.<|im_end|>\n"
    assert text(qwen, asked) == f"{system}<|im_start|>user\n1+1?<|im_end|>\n<|im_start|>assistant\n"
    assert text(qwen, said) == "2<|im_end|>"
    assert {text(qwen, [stop]) for stop in qwen.stops} == {"<|im_end|>", "<|endoftext|>"}


def test_llama_base_brings_no_template_and_a_study_gives_it_one(
    chat: Callable[[str], ChatFormat], tmp_path: Path
) -> None:
    with pytest.raises(SettingsError, match=r"^models\.learner: has no chat template: give it one in the study"):
        models.obtain({"learner": model("llama3.2_base")}, tmp_path, tmp_path)
    llama = chat("llama3.2_base")
    assert text(llama, llama.encode(ASKED, "2")[0]) == "<|begin_of_text|>1+1?\n"
    assert text(llama, llama.encode(ASKED, "2")[1]) == "2<|end_of_text|>"
    # A text that is no chat is begun by the tokenizer; a chat must not be begun twice.
    assert text(llama, llama.tokenizer("1+1?")["input_ids"]) == "<|begin_of_text|>1+1?"
    assert "no padding token" in llama.mended[0]


def test_deepseek_math_speaks_in_plain_words(chat: Callable[[str], ChatFormat]) -> None:
    deepseek = chat("deepseek_math_base")
    asked, said = deepseek.encode(ASKED, "2")
    assert text(deepseek, asked) == "<｜begin▁of▁sentence｜>User: 1+1?\n\nAssistant:"
    assert text(deepseek, said) == " 2<｜end▁of▁sentence｜>"


# --- channels


def spoken(oss: ChatFormat, reply: str) -> str:
    return oss.decode(oss.tokenizer(reply, add_special_tokens=False)["input_ids"])


@pytest.mark.parametrize(
    ("reply", "answer"),
    [
        ("<|channel|>final<|message|>so 2<|return|>", "so 2"),
        (
            "<|channel|>analysis<|message|>Is it \\boxed{3}?<|end|><|start|>assistant"
            "<|channel|>final<|message|>so \\boxed{2}<|return|>",
            "so \\boxed{2}",
        ),
        # Cut while it thought aloud; called a tool; began its answer anew; was cut within it.
        ("<|channel|>analysis<|message|>Is it \\boxed{3}?", ""),
        ("<|channel|>commentary to=x<|message|>{}<|call|>", ""),
        ("<|channel|>final<|message|>no<|end|><|start|>assistant<|channel|>final<|message|>yes<|return|>", "yes"),
        ("<|channel|>final<|message|>the fin", "the fin"),
        ("<|channel|>final<|message|>so 2<|end|><|start|>assistant<|channel|>analysis<|message|>or 3", "so 2"),
        ("", ""),
    ],
)
def test_what_a_model_says_in_its_channel_for_answers_is_its_answer(
    chat: Callable[[str], ChatFormat], reply: str, answer: str
) -> None:
    assert spoken(chat("gpt_oss"), reply) == answer


def test_the_day_in_harmony_is_the_studys_and_a_voice_is_its_developer(chat: Callable[[str], ChatFormat]) -> None:
    oss = chat("gpt_oss")
    shown = text(oss, oss.encode([{"role": "system", "content": "Be brief."}, *ASKED])[0])
    assert "Current date: 2024-07-26\n" in shown
    assert "<|start|>developer<|message|># Instructions\n\nBe brief.\n\n<|end|><|start|>user<|message|>1+1?" in shown
    assert shown.endswith("<|start|>assistant")


def test_what_a_model_in_channels_is_trained_on_opens_its_channel(chat: Callable[[str], ChatFormat]) -> None:
    oss = chat("gpt_oss")
    assert text(oss, oss.encode(ASKED, "2")[1]) == "<|channel|>final<|message|>2<|return|>"


def test_a_note_says_what_is_read_of_a_reply_in_channels_and_others_have_none(tmp_path: Path) -> None:
    made = model("gpt_oss")
    models.obtain({"oracle": made}, tmp_path, tmp_path)
    notes = models.examine("oracle", made, tmp_path / "oracle").notes
    assert [note for note in notes if "<|channel|>final<|message|>" in note and "left out" in note]


@pytest.mark.parametrize("family", [name for name in _families.names() if name != "gpt_oss"])
def test_other_families_answer_from_their_first_word(family: str, chat: Callable[[str], ChatFormat]) -> None:
    assert chat(family).opening == ()


def test_a_family_needs_no_more_than_an_architecture_and_an_end() -> None:
    bare = _families.Family("Llama", eos="</s>")
    assert bare.special == ["</s>"]
    assert dataclasses.replace(bare, pad="</s>").special == ["</s>"]
