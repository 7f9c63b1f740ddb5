"""Rewards that know the learner's traces: retention beside the native trace, and the cross-fitted outcome model."""

import dataclasses
import importlib
import random
import string
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from qup import rewards
from qup.records import Finish, Problem, Refined, Score, Trace, Verdict
from qup.rewards import Known, outcome, retention
from qup.settings import Plug
from qup.stats import Bootstrap, auc

SUM = Problem("p", "2+3=?", "5", "toy", training_set="train", replicate=1)


def reward(name: str, **settings: Any) -> Any:
    return Plug("rewards").make({"reward": name, **settings})


# --- retention


@pytest.mark.parametrize(
    ("reply", "said"),
    [
        ("None is missing.\nScore: 5", 5),
        ("score = **3**", 3),
        ("Score: 4/5", 4),
        ("Score: 2.", 2),
        # The last one counts, and what counts is whole and from 1 to 5.
        ("Score: 1 would be harsh. Score: 4", 4),
        ("Score: 4.5", retention.UNREAD),
        ("Score: 7", retention.UNREAD),
        ("Score: 0", retention.UNREAD),
        ("Score: 15", retention.UNREAD),
        ("All 5 atoms are kept.", retention.UNREAD),
        ("", retention.UNREAD),
    ],
)
def test_the_score_of_a_reply(reply: str, said: int | str) -> None:
    assert retention.read(reply) == said


class Judge:
    """A backend that counts how many words of the first solution the later one has; 'mute' makes it say nothing."""

    asked: list[str]

    def __init__(self, folder: Path, dtype: str, batch: int, max_length: int) -> None:
        assert folder == Path("models/judge")
        self.room = 1000

    def encode(self, chat: list[dict[str, str]], completion: str | None = None) -> tuple[list[int], list[int]]:
        return [1] * (2000 if "endless" in chat[0]["content"] else 10), []

    def generate(self, chats: Any, sampling: Any, ids: Any) -> list[Any]:
        from qup.backends import Completion

        assert sampling.temperature == 0
        replies = []
        for (message,) in chats:
            native, later = (
                message["content"].partition(head)[2].strip().partition("\n")[0].split()
                for head in ("First solution:", "Later version:")
            )
            kept = sum(word in later for word in native)
            text = "hm" if "mute" in later else f"Score: {1 + round(4 * kept / len(native))}"
            replies.append(Completion(text, [], Finish.STOP, 1))
        return replies


def streams(*texts: str | None, draft: int | None = 0) -> list[Refined]:
    return [Refined(f"p{i}", 1, "solved", text, "changed", draft, 1, 9, None) for i, text in enumerate(texts)]


PROBLEMS = [dataclasses.replace(SUM, id=f"p{i}") for i in range(5)]
SAMPLES = [
    Trace(f"p{i}", k, "two plus three five" if k == 0 else "six", 5, Finish.STOP, None, verdict)
    for i in range(5)
    for k, verdict in enumerate((Verdict.CORRECT if i != 3 else Verdict.WRONG, Verdict.WRONG))
]


def test_retention_compares_with_the_draft_and_counts_what_it_cannot_say(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("qup.backends.hf.Backend", Judge)
    given = {"kept": reward("retention", model="judge")}
    stream = streams("two plus three five", "two plus six", "mute", "two plus three five", "endless")
    found = rewards.score(given, PROBLEMS, stream, Path("models"), SAMPLES)
    # All four words are kept: 5; two of four: 3. The draft of p3 is wrong, so there is no native trace.
    assert [(s.value, s.failure) for s in found] == [
        (5.0, None),
        (3.0, None),
        (None, retention.UNREAD),
        (None, retention.NONE),
        (None, "longer than 999 tokens"),
    ]
    assert {s.reward for s in found} == {"kept"}


def test_each_of_a_problems_traces_is_compared_with_the_draft_it_was_made_from(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("qup.backends.hf.Backend", Judge)
    given = {"kept": reward("retention", model="judge")}
    other = dataclasses.replace(SAMPLES[0], index=2, text="sum is now five")
    stream = [
        Refined("p0", 1, "solved", SAMPLES[0].text, "kept", 0, 0, 0, Verdict.CORRECT),
        Refined("p0", 1, "solved", None, "failed", 1, 1, 9, Verdict.WRONG, slot=1),
        Refined("p0", 1, "solved", other.text, "kept", 2, 0, 0, Verdict.CORRECT, slot=2),
    ]
    found = rewards.score(given, PROBLEMS, stream, Path("models"), [*SAMPLES, other])
    # RFT's own traces keep all of themselves; of one another they have one word in four.
    assert [(score.slot, score.value) for score in found] == [(0, 5.0), (2, 5.0)]


def test_retention_says_nothing_of_the_samples_themselves_and_asks_no_judge(monkeypatch: pytest.MonkeyPatch) -> None:
    def asked(*_: Any, **__: Any) -> None:
        raise AssertionError("a judge was loaded")

    monkeypatch.setattr("qup.backends.hf.Backend", asked)
    found = rewards.score_samples({"kept": reward("retention", model="judge")}, PROBLEMS, SAMPLES, Path("models"))
    assert {(s.value, s.failure) for s in found} == {(None, retention.NONE)}
    assert len(found) == len(SAMPLES)


def test_the_prompt_shows_both_traces_and_their_dollars_as_they_are() -> None:
    from qup.prompts.judge import ask

    text = ask("retention", "?", "later $5", "first $native")[0]["content"]
    assert "First solution:\nfirst $native\n" in text
    assert "Later version:\nlater $5\n" in text


def test_retention_runs_on_a_real_model_folder(tiny: Callable[..., Path]) -> None:
    folder = tiny(architecture="llama", seed=2, hidden=32, layers=2)
    plug = reward("retention", model=folder.name, max_tokens=4, dtype="float32")
    (score,) = rewards.score({"kept": plug}, PROBLEMS, streams("5"), folder.parent, SAMPLES)
    assert score.failure == retention.UNREAD


# --- outcome


def learnt(signal: bool) -> tuple[list[Problem], list[Trace]]:
    """A right and a wrong sample of each problem, each of a letter of its own; or one word for all that are right."""
    letters = random.Random(0).sample(string.ascii_letters, 52)
    problems = [Problem(f"q{i}", "?", "5", "toy", training_set="train") for i in range(26)]
    traces = []
    for problem in problems:
        for index, verdict in enumerate((Verdict.CORRECT, Verdict.WRONG)):
            mark = "abz"[index if signal else 2]
            traces.append(Trace(problem.id, index, letters.pop() * 8 + mark * 4, 5, Finish.STOP, None, verdict))
    return problems, traces


def area(plug: Any, problems: list[Problem], traces: list[Trace], models: Path) -> float:
    """AUC of a reward on the samples, as the report has it."""
    scores = rewards.score_samples({"it": plug}, problems, traces, models)
    right = [trace.verdict is Verdict.CORRECT for trace in traces]
    values = np.array([s.value for s in scores], dtype=float)
    found = auc(values, right, [s.problem_id for s in scores], Bootstrap(1, 200), "samples")
    assert found is not None
    return found.value


@pytest.fixture
def start(tiny: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A language model's folder; what is fitted from it is kept below a folder of the test's own."""
    monkeypatch.chdir(tmp_path)
    return tiny(architecture="llama", seed=1, hidden=32, layers=2)


def by(start: Path, **settings: Any) -> Any:
    fast = {"model": start.name, "epochs": 20, "learning_rate": 3e-3, "train_batch": 8}
    return reward("outcome", **fast | settings)


class Leaky:
    """The planted fault: the reward is trained on the very samples that it is tried on."""

    perceives = True

    def __init__(self, plug: Any) -> None:
        self.plug = plug

    def knowing(self, known: Known) -> Any:
        everything = outcome.training_pairs(self.plug, known, fold=-1)
        fitted = outcome.Fitted(self.plug, known)
        original = outcome.training_pairs

        class Scored:
            def score(self, *asked: Any) -> list[Score]:
                outcome.training_pairs = lambda *_: everything
                try:
                    return fitted.score(*asked)
                finally:
                    outcome.training_pairs = original

        return Scored()


@pytest.mark.slow
def test_labels_that_are_noise_are_not_learnt_and_a_leak_would_show(start: Path) -> None:
    problems, traces = learnt(signal=False)
    honest = area(by(start), problems, traces, start.parent)
    leaky = area(Leaky(by(start)), problems, traces, start.parent)
    # Of 26 right and 26 wrong ones the SD of the area is 0.08.
    assert abs(honest - 0.5) < 0.25
    assert leaky > 0.9


@pytest.mark.slow
def test_a_difference_that_is_there_is_learnt_from_other_problems_and_the_model_is_kept(start: Path) -> None:
    problems, traces = learnt(signal=True)
    assert area(by(start), problems, traces, start.parent) > 0.95
    before = kept_at()
    assert len(before) == 2
    # A stream of the same problems is scored by the same two models.
    stream = [Refined(p.id, 1, "solved", "abc good", "changed", 0, 1, 9, None) for p in problems]
    again = rewards.score({"it": by(start)}, problems, stream, start.parent, traces)
    assert all(score.value is not None for score in again)
    assert kept_at() == before


def kept_at() -> dict[Path, int]:
    """The models that are kept, and when each was made."""
    return {path: path.stat().st_mtime_ns for path in (Path.cwd() / outcome.FOLDER).iterdir() if path.is_dir()}


def test_no_problem_is_scored_by_a_model_that_saw_a_sample_of_it() -> None:
    problems, traces = learnt(signal=False)
    plug = reward("outcome", model="learner", folds=3)
    known = Known(problems, traces)
    for fold in range(3):
        own = {trace.text for trace in traces if plug.fold(trace.problem_id) == fold}
        seen = {text for _, *sides in outcome.training_pairs(plug, known, fold) for text in sides}
        assert own
        assert seen == {trace.text for trace in traces} - own


def test_pairs_are_a_right_and_a_wrong_sample_of_one_problem_each_in_turn_up_to_a_number() -> None:
    problem = Problem("q", "?", "5", "toy")
    other = Verdict.CORRECT, Verdict.WRONG, Verdict.WRONG, Verdict.WRONG, Verdict.UNPARSED
    traces = [Trace("q", i, f"t{i}", 5, Finish.STOP, None, verdict) for i, verdict in enumerate(other)]
    traces.append(Trace("q", 9, "cut", 5, Finish.LENGTH, None, Verdict.CORRECT))
    plug = reward("outcome", model="learner", pairs=2)
    elsewhere = 1 - plug.fold("q")
    pairs = outcome.training_pairs(plug, Known([problem], traces), elsewhere)
    assert pairs == [("?", "t0", "t1"), ("?", "t0", "t2")]
    assert outcome.training_pairs(plug, Known([problem], traces), plug.fold("q")) == []


def test_without_a_right_and_a_wrong_sample_of_other_problems_all_is_a_failure(start: Path) -> None:
    found = by(start).score([SUM], ["5"], start.parent)
    assert [(s.value, s.failure) for s in found] == [(None, outcome.UNFITTED)]
    assert not (Path.cwd() / outcome.FOLDER).exists()


# --- what was fitted is kept


PAIRS = [("?", "right", "wrong")]


@pytest.fixture
def unmade(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Some model to start from, in a folder of the test's own."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "start").mkdir()
    (tmp_path / "start" / "config.json").write_text("{}", encoding="utf-8")
    return tmp_path / "start"


def test_two_that_need_the_same_model_at_once_make_it_once(unmade: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[Path] = []
    both = threading.Barrier(2)

    def train(settings: Any, pairs: Any, start: Path, folder: Path) -> None:
        made.append(folder)
        time.sleep(0.3)
        folder.mkdir()
        (folder / "scale.json").write_text("{}", encoding="utf-8")

    def kept(_: int) -> Path:
        both.wait()
        return outcome._kept(by(unmade), PAIRS, unmade)

    monkeypatch.setattr(outcome, "_train", train)
    with ThreadPoolExecutor(2) as pool:
        first, second = pool.map(kept, range(2))
    assert len(made) == 1
    assert first == second and (first / "scale.json").is_file()


def test_what_a_killed_run_left_is_removed_and_what_a_run_is_making_is_not(
    unmade: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = unmade.parent / outcome.FOLDER
    left, making = folder / "left.part", folder / "making.part"
    for part in (left, making):
        part.mkdir(parents=True)
        (part / "model.safetensors").write_bytes(b"large")
    monkeypatch.setattr(outcome, "_train", lambda *given: given[-1].mkdir())
    with outcome._lock(making):
        place = outcome._kept(by(unmade), PAIRS, unmade)
    assert {path.name for path in folder.iterdir() if path.is_dir()} == {"making.part", place.name}


def test_a_run_that_fails_leaves_no_model_behind(unmade: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def train(settings: Any, pairs: Any, start: Path, folder: Path) -> None:
        folder.mkdir()
        raise MemoryError

    monkeypatch.setattr(outcome, "_train", train)
    with pytest.raises(MemoryError):
        outcome._kept(by(unmade), PAIRS, unmade)
    assert not [path for path in (unmade.parent / outcome.FOLDER).iterdir() if path.is_dir()]


@pytest.mark.parametrize("library", ["accelerate", "datasets", "tokenizers", "torch", "transformers", "trl"])
def test_another_version_of_what_trains_is_another_model(library: str, monkeypatch: pytest.MonkeyPatch) -> None:
    now, version = outcome._versions(), metadata.version
    monkeypatch.setattr(metadata, "version", lambda name: "99" if name == library else version(name))
    assert outcome._versions() != now


@pytest.mark.parametrize("module", ["qup.seeds", "qup.lm.pairwise", "qup.rewards.sequence_classifier"])
def test_other_code_that_trains_or_scores_is_another_model(module: str, monkeypatch: pytest.MonkeyPatch) -> None:
    code, file = outcome._code.__wrapped__, Path(importlib.import_module(module).__file__ or "")
    now, read = code(), Path.read_bytes
    monkeypatch.setattr(Path, "read_bytes", lambda path: b"changed" if path == file else read(path))
    assert code() != now
