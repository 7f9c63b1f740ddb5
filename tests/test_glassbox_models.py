"""Models made on the spot from the glass box: a learner and a reward model, the same bytes twice."""

import json
from pathlib import Path

import pytest
from modelfolder import contents, model, no_path_in

from qup import records
from qup.backends.hf import Backend
from qup.errors import SettingsError
from qup.glassbox import grammar, puzzle
from qup.glassbox.corpus import Chains
from qup.glassbox.derivation import derive
from qup.glassbox.style import ORACLE
from qup.problems.glassbox import Source
from qup.rewards.sequence_classifier import Reward

TINY = {"examples": 96, "chains": {"shortest": 1, "longest": 2}, "hidden": 32, "layers": 1}


@pytest.fixture(scope="module")
def glassbox(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a learner of the glass box, too small and too young to know anything."""
    folder = tmp_path_factory.mktemp("glassbox")
    model("pretrain", **TINY).obtain(folder / "learner", folder)
    return folder


def test_pretraining_leaves_the_same_bytes_and_the_curve(glassbox: Path, tmp_path: Path) -> None:
    model("pretrain", **TINY).obtain(tmp_path / "learner", tmp_path)
    assert contents(tmp_path / "learner") == contents(glassbox / "learner")
    curve = records.read(glassbox / "learner" / "pretraining.jsonl", records.Step)
    assert len(curve) == 96 / 8
    assert curve[-1].loss < curve[0].loss
    no_path_in(glassbox / "learner", glassbox, tmp_path)


def test_a_pretrained_learner_speaks_words_and_nothing_else(glassbox: Path) -> None:
    backend = Backend(glassbox / "learner", "float32", batch=8, max_length=128)
    text = r"clearly as + b 7 4 gives 11 for d11 . e is - d 11 3 makes 8 e8 | e : - d 11 3 = 8 e8 ; so \boxed{ 2 }"
    prompt, ids = backend.encode([{"role": "user", "content": "b7 , d : + b 4 ? d"}], text)
    assert backend.tokenizer.decode(ids, skip_special_tokens=True) == text
    assert backend.tokenizer.decode(prompt) == "<bos> b7 , d : + b 4 ? d <sep>"
    assert ids[-1] == backend.tokenizer.eos_token_id
    assert backend.tokenizer.unk_token_id not in prompt + ids


def test_a_reward_model_is_trained_on_its_preferences_and_scores_the_same_twice(glassbox: Path, tmp_path: Path) -> None:
    settings = {"base": "learner", "pairs": 96, "batch": 8, "contrasts": {"style": 1}, "learning_rate": 1e-2}
    model("preference", **settings).obtain(glassbox / "judge", glassbox)
    model("preference", **settings).obtain(glassbox / "again", glassbox)
    assert contents(glassbox / "judge") == contents(glassbox / "again")
    log = [json.loads(line) for line in (glassbox / "judge" / "preference.jsonl").read_text().splitlines()]
    assert sum(row["accuracy"] for row in log[-4:]) > sum(row["accuracy"] for row in log[:2]) * 2
    problem = Source(Chains(2, 2)).problems(1, 3, tmp_path)[0]
    foreign = grammar.render(derive(puzzle.read(problem.question)).wholly(ORACLE))
    scores = Reward("judge").score([problem] * 2, [problem.solution or "", foreign], glassbox)
    assert scores[1].value > scores[0].value  # type: ignore[operator]


def test_a_reward_model_before_its_base_says_so(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="named before it"):
        model("preference", base="learner").obtain(tmp_path / "judge", tmp_path)
