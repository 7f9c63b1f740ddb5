"""Evaluation through lm-eval, on a backend whose every reply is known."""

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from qup import harness
from qup.backends import Completion, Message, Sampling
from qup.params import EvaluationSettings
from qup.records import Finish, Problem, Verdict

RIGHT, WRONG, MUTE = "so \\boxed{2}", "so \\boxed{7}", "hmm"
PROBLEMS = [Problem(f"id-{name}", f"Question {name}?", "2", "toy") for name in "abc"]
SAID: dict[str, list[tuple[str, Finish]]] = {
    "a": [(RIGHT, Finish.STOP)] * 4,
    "b": [(WRONG, Finish.STOP), (MUTE, Finish.LENGTH), (MUTE, Finish.STOP), (RIGHT, Finish.LENGTH)],
    "c": [(MUTE, Finish.LENGTH)] * 4,
}
"Four replies to each: Avg@4 is 1, 1/4 and 0."


@dataclass
class Parrot:
    """Says its piece for repeat `#r` of each question, and notes each call."""

    calls: list[tuple[Sampling, list[str], Path | None]] = field(default_factory=list)
    chats: list[list[Message]] = field(default_factory=list)

    def generate(
        self, messages: Sequence[list[Message]], sampling: Sampling, ids: Sequence[str], weights: Path | None = None
    ) -> list[Completion]:
        self.calls.append((sampling, list(ids), weights))
        self.chats += messages
        done = []
        for chat, name in zip(messages, ids, strict=True):
            asked = chat[0]["content"].split("Question ")[1][0]
            text, finish = SAID[asked][int(name.rpartition("#")[2])]
            done.append(Completion(text, [], finish, 5))
        return done

    def score(self, pairs: Any) -> Any:
        raise NotImplementedError

    def encode(self, messages: Any, completion: Any = None) -> Any:
        raise NotImplementedError


SETTINGS = EvaluationSettings(tasks=("heldout",), k=4, temperature=0.7, max_tokens=48)


@pytest.fixture(scope="module")
def evaluated() -> tuple[Parrot, list[Any]]:
    parrot = Parrot()
    return parrot, harness.evaluate(parrot, {"heldout": PROBLEMS}, SETTINGS, "boxed", seed=9, weights=Path("adapter"))


def test_avg_at_k_of_the_harness_is_the_mean_over_our_records() -> None:
    model = harness.harness_model(Parrot(), Sampling(1.0, 48, 9), None)
    found = harness.run_task(model, "heldout", PROBLEMS, "boxed", 4)
    records = harness._records(PROBLEMS, model.answers, "heldout", "sampled")
    # (4/4 + 1/4 + 0/4) / 3 = 5/12
    assert found["avg_at_k,all"] == pytest.approx(5 / 12)
    assert sum(r.verdict is Verdict.CORRECT for r in records) / len(records) == pytest.approx(5 / 12)


def test_an_answer_cut_before_its_box_is_truncated_and_one_cut_after_it_counts(
    evaluated: tuple[Parrot, list[Any]],
) -> None:
    found = [r.verdict for r in evaluated[1] if (r.problem_id, r.decoding) == ("id-b", "sampled")]
    assert found == [Verdict.WRONG, Verdict.TRUNCATED, Verdict.UNPARSED, Verdict.CORRECT]
    assert {r.verdict for r in evaluated[1] if r.problem_id == "id-c"} == {Verdict.TRUNCATED}


def test_every_problem_has_k_sampled_answers_and_a_greedy_one(evaluated: tuple[Parrot, list[Any]]) -> None:
    rows = [(r.problem_id, r.decoding, r.repeat) for r in evaluated[1]]
    sampled = [(p.id, "sampled", repeat) for p in PROBLEMS for repeat in range(4)]
    assert rows == sampled + [(p.id, "greedy", 0) for p in PROBLEMS]


def test_each_repeat_is_a_draw_of_its_own_and_greedy_is_asked_for_once(evaluated: tuple[Parrot, list[Any]]) -> None:
    (sampling, ids, weights), (greedy, once, again) = evaluated[0].calls
    assert len(set(ids)) == len(ids) == 12
    assert len(set(once)) == len(once) == 3
    assert (sampling.temperature, sampling.max_tokens, sampling.seed) == (0.7, 48, 9)
    assert greedy.temperature == 0
    assert weights == again == Path("adapter")


def test_the_greedy_answer_can_be_left_out() -> None:
    settings = dataclasses.replace(SETTINGS, greedy=False)
    found = harness.evaluate(Parrot(), {"heldout": PROBLEMS}, settings, "boxed", seed=9)
    assert {r.decoding for r in found} == {"sampled"}


def test_the_learner_is_asked_as_it_was_when_sampled(evaluated: tuple[Parrot, list[Any]]) -> None:
    from qup.prompts.learner import ask

    asked = {chat[0]["content"] for chat in evaluated[0].chats}
    assert asked == {ask("boxed", p.question)[0]["content"] for p in PROBLEMS}
    assert {len(chat) for chat in evaluated[0].chats} == {1}


def test_text_with_template_marks_and_odd_characters_reaches_the_learner_unchanged() -> None:
    odd = "Question a? {{x}} {% if %} \u2028 $5 \\boxed 🤖"
    parrot = Parrot()
    model = harness.harness_model(parrot, Sampling(0.0, 48, 9), None)
    harness.run_task(model, "heldout", [Problem("o", odd, "2", "toy")], "boxed", 1)
    assert parrot.chats[0][0]["content"].startswith(odd)


def test_each_task_is_asked_on_its_own_problems() -> None:
    settings = EvaluationSettings(tasks=("heldout", "longer"), k=1, temperature=1.0, max_tokens=48)
    sets = {"heldout": PROBLEMS[:1], "longer": PROBLEMS[1:]}
    rows = harness.evaluate(Parrot(), sets, settings, "boxed", seed=9)
    found = {(r.task, r.problem_id) for r in rows}
    assert found == {("heldout", "id-a"), ("longer", "id-b"), ("longer", "id-c")}


def test_every_task_file_is_found_by_its_name() -> None:
    files = Path(harness.__file__).with_name("evals").glob("*.yaml")
    assert harness.tasks() == sorted(f.stem for f in files)
