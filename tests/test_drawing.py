"""What is drawn: by the study's settings and none of the checkpoint's, and no longer than the positions leave."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from awkward import edit

from qup import models
from qup.backends import Completion, Sampling
from qup.backends.hf import Backend
from qup.lm.checkpoint import open_chat
from qup.models import ModelSettings
from qup.prompts.learner import ask
from qup.records import Finish, Problem, TokenStats
from qup.training import Budget, TrainingSettings
from qup.training.examples import examples, trainable
from qup.training.trainer import Cell, train

CHATS = [ask("boxed", f"What is {i} + {'1' * (4 * i + 1)}?") for i in range(3)]
NAMES = [f"p{i}#0" for i in range(3)]
GREEDY = Sampling(0.0, 8, seed=1)


def opened(folder: Path, max_length: int = 512) -> Backend:
    return Backend(folder, "float32", batch=8, max_length=max_length)


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
    edit(folder / "config.json", {"max_position_embeddings": prompt})
    assert opened(folder).score([opened(folder).encode(CHATS[0], "so")]) == [TokenStats([], [], [], [], [], [])]


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
