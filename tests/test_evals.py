"""Evaluation through lm-eval, on a backend whose every reply is known."""

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from qup import evals, records
from qup.backends import BackendSettings, Completion, Message, Sampling
from qup.errors import SettingsError
from qup.evals import EvaluationSettings, Examinee, Paper, evaluate, harness
from qup.evals.cells import Cells
from qup.learner import Learner
from qup.prompts.learner import ask
from qup.records import Eval, Finish, Problem, TrainRun, Verdict
from qup.settings import read
from stages import evaluate as stage

RIGHT, WRONG, MUTE = "so \\boxed{2}", "so \\boxed{7}", "hmm"
PROBLEMS = [Problem(f"id-{name}", f"Question {name}?", "2", "toy") for name in "abc"]
SAID: dict[str, list[tuple[str, Finish]]] = {
    "a": [(RIGHT, Finish.STOP)] * 4,
    "b": [(WRONG, Finish.STOP), (MUTE, Finish.LENGTH), (MUTE, Finish.STOP), (RIGHT, Finish.LENGTH)],
    "c": [(MUTE, Finish.LENGTH)] * 4,
}
"Four replies to each: Avg@4 is 1, 0 and 0."


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

    def encode(self, messages: Any, completion: Any = None) -> tuple[list[int], list[int]]:
        return [1], [2]

    def loglikelihoods(self, pairs: Any, weights: Path | None = None) -> list[tuple[float, bool]]:
        return [(-1.0 if weights is None else -2.0, True) for _ in pairs]

    room = 512


@dataclass
class Says(Parrot):
    """Says the same to everything."""

    said: str = ""

    def __init__(self, said: str) -> None:
        super().__init__()
        self.said = said

    def generate(
        self, messages: Sequence[list[Message]], sampling: Sampling, ids: Sequence[str], weights: Path | None = None
    ) -> list[Completion]:
        self.chats += messages
        return [Completion(self.said, [], Finish.STOP, 5) for _ in messages]


def speaking(parrot: Parrot) -> Learner:
    """A learner that is a parrot."""
    made = Learner(Path("nowhere"), "boxed", BackendSettings())
    vars(made)["runner"] = parrot
    return made


def evaluated_by(
    parrot: Parrot, examined: Sequence[Examinee], sets: Mapping[str, Sequence[Problem]], settings: EvaluationSettings
) -> list[Eval]:
    """The graded answers of a parrot."""
    return evaluate(speaking(parrot), examined, Paper(settings.asked([*sets]), sets, seed=9), threads=None).answers


SETTINGS = EvaluationSettings(tasks=("heldout",), k=4, temperature=0.7, max_tokens=48)
TRAINED = Examinee("dft", 3, Path("adapter"))


@pytest.fixture(scope="module")
def evaluated() -> tuple[Parrot, list[Eval]]:
    parrot = Parrot()
    return parrot, evaluated_by(parrot, [TRAINED], {"heldout": PROBLEMS}, SETTINGS)


def test_avg_at_k_of_the_harness_is_the_mean_over_our_records() -> None:
    learner = speaking(Parrot())
    model = harness.harness_model(Cells(learner, None), PROBLEMS, Sampling(1.0, 48, 9), None)
    found = harness.run_task(model, PROBLEMS, learner, 4)
    rows = evals._records(PROBLEMS, model.answers, "heldout", "sampled")
    # (4/4 + 0/4 + 0/4) / 3 = 1/3: b's right answer was cut after its box.
    assert found["avg_at_k,all"] == pytest.approx(1 / 3)
    assert sum(row.verdict is Verdict.CORRECT for row in rows) / len(rows) == pytest.approx(1 / 3)


def test_an_answer_that_was_cut_is_truncated_whether_before_its_box_or_after_it(
    evaluated: tuple[Parrot, list[Eval]],
) -> None:
    found = [r.verdict for r in evaluated[1] if (r.problem_id, r.decoding) == ("id-b", "sampled")]
    assert found == [Verdict.WRONG, Verdict.TRUNCATED, Verdict.UNPARSED, Verdict.TRUNCATED]
    assert {r.verdict for r in evaluated[1] if r.problem_id == "id-c"} == {Verdict.TRUNCATED}


def test_every_problem_has_k_sampled_answers_and_a_greedy_one(evaluated: tuple[Parrot, list[Eval]]) -> None:
    rows = [(r.problem_id, r.decoding, r.repeat) for r in evaluated[1]]
    sampled = [(p.id, "sampled", repeat) for p in PROBLEMS for repeat in range(4)]
    assert rows == sampled + [(p.id, "greedy", 0) for p in PROBLEMS]


def test_each_repeat_is_a_draw_of_its_own_and_greedy_is_asked_for_once(evaluated: tuple[Parrot, list[Eval]]) -> None:
    (sampling, ids, weights), (greedy, once, again) = evaluated[0].calls
    assert len(set(ids)) == len(ids) == 12
    assert len(set(once)) == len(once) == 3
    assert (sampling.temperature, sampling.max_tokens) == (0.7, 48)
    assert greedy.temperature == 0
    assert weights == again == Path("adapter")


def test_the_greedy_answer_can_be_left_out() -> None:
    settings = dataclasses.replace(SETTINGS, greedy=False)
    found = evaluated_by(Parrot(), [TRAINED], {"heldout": PROBLEMS}, settings)
    assert {r.decoding for r in found} == {"sampled"}


def test_the_learner_is_asked_as_it_was_when_sampled(evaluated: tuple[Parrot, list[Eval]]) -> None:
    asked = {chat[0]["content"] for chat in evaluated[0].chats}
    assert asked == {ask("boxed", p.question)[0]["content"] for p in PROBLEMS}
    assert {len(chat) for chat in evaluated[0].chats} == {1}


def test_evaluation_may_ask_otherwise_than_training(monkeypatch: pytest.MonkeyPatch) -> None:
    parrot = Parrot()
    monkeypatch.setattr("qup.learner.open_backend", lambda *_: parrot)
    learner = Learner(Path("nowhere"), "boxed", BackendSettings())
    settings = dataclasses.replace(SETTINGS, prompt="question", greedy=False)
    evaluate(learner, [TRAINED], Paper(settings.asked(["heldout"]), {"heldout": PROBLEMS}, seed=9), threads=None)
    assert {chat[0]["content"] for chat in parrot.chats} == {p.question for p in PROBLEMS}
    # What it is sampled, trained and scored by stays.
    assert learner.ask("Question?") == ask("boxed", "Question?")


def test_text_with_template_marks_and_odd_characters_reaches_the_learner_unchanged() -> None:
    odd = "Question a? {{x}} {% if %} \u2028 $5 \\boxed 🤖"
    parrot = Parrot()
    harness.answers(Cells(speaking(parrot), None), None, [Problem("o", odd, "2", "toy")], Sampling(0.0, 48, 9), 1)
    assert parrot.chats[0][0]["content"].startswith(odd)


@pytest.mark.parametrize(
    ("question", "answer"),
    [
        ("2024-03-01", "2024-03-05"),
        ("When?", "2024-03-01T05:00:00"),
        ("07:30", "08:30"),
        ("2024", "2025"),
        ("true", "null"),
        ("1e5", "{}"),
    ],
)
def test_texts_that_look_like_dates_or_numbers_are_texts(question: str, answer: str) -> None:
    parrot = Says(f"so \\boxed{{{answer}}}")
    learner = speaking(parrot)
    vars(learner)["prompt"] = "question"
    problems = [Problem(f"id-{i}", question, answer, "toy") for i in range(3)]
    model = harness.harness_model(Cells(learner, None), problems, Sampling(0.0, 48, 9), None)
    assert harness.run_task(model, problems, learner, 1)["avg_at_k,all"] == 1
    assert {chat[0]["content"] for chat in parrot.chats} == {question}


def test_each_problem_is_graded_by_its_own_grader() -> None:
    kinds = {"math": "b", "exact": "B", "choice": "(B)"}
    problems = [Problem(f"id-{name}", "Which?", "B", "toy", grader=name) for name in kinds]
    for said, right in (("\\boxed{B.}", {"id-math", "id-choice"}), ("\\boxed{B}", {f"id-{name}" for name in kinds})):
        settings = dataclasses.replace(SETTINGS, k=1, greedy=False)
        found = evaluated_by(Says(said), [TRAINED], {"heldout": problems}, settings)
        assert {r.problem_id for r in found if r.verdict is Verdict.CORRECT} == right


def test_any_set_of_problems_is_a_task_by_its_name_and_asked_on_its_own_problems() -> None:
    settings = EvaluationSettings(tasks=("heldout", "of-my-own.v2"), k=1, temperature=1.0, max_tokens=48)
    sets = {"heldout": PROBLEMS[:1], "of-my-own.v2": PROBLEMS[1:]}
    rows = evaluated_by(Parrot(), [TRAINED], sets, settings)
    found = {(r.task, r.problem_id) for r in rows}
    assert found == {("heldout", "id-a"), ("of-my-own.v2", "id-b"), ("of-my-own.v2", "id-c")}


def test_there_is_one_task_file_for_every_set() -> None:
    assert [f.stem for f in Path(harness.__file__).parent.glob("*.yaml")] == [harness.TASK]


def test_an_answer_carries_its_learner(evaluated: tuple[Parrot, list[Eval]]) -> None:
    assert {(r.objective, r.replicate) for r in evaluated[1]} == {("dft", 3)}


def test_learners_of_one_replicate_share_their_draws_and_those_of_another_do_not() -> None:
    parrot = Parrot()
    cells = [("sft", 1), ("dft", 1), ("sft", 2)]
    runs = [TrainRun(name, replicate, 8, 0, 900, 4, f"{name}-{replicate}", 1.5, 0.25) for name, replicate in cells]
    learners = [Examinee(), *evals.examinees(runs, Path("trained"))]
    rows = evaluated_by(parrot, learners, {"heldout": PROBLEMS}, SETTINGS)
    # A learner has two calls, one that draws and one that is greedy.
    base, sft, dft, other = (parrot.calls[place : place + 2] for place in range(0, 8, 2))
    assert [call[0].seed for call in sft] == [call[0].seed for call in dft]
    assert len({calls[0][0].seed for calls in (base, sft, other)}) == 3
    assert base[0][1] == sft[0][1] == dft[0][1] == other[0][1]
    assert [calls[0][2] for calls in (base, sft, dft, other)] == [
        None,
        *(Path("trained") / f"{name}-{replicate}" for name, replicate in cells),
    ]
    # 3 problems, 4 drawn answers and a greedy one: 15 rows a learner, in the learners' order.
    told = [(r.objective, r.replicate) for r in rows]
    assert told == [cell for cell in [("base", 0), *cells] for _ in range(15)]
    asked = [[(r.problem_id, r.decoding, r.repeat) for r in rows[start : start + 15]] for start in range(0, 60, 15)]
    assert asked == [asked[0]] * 4


def test_a_draw_is_known_by_its_problem_not_by_where_the_problem_stands() -> None:
    calls = []
    for problems in (PROBLEMS, PROBLEMS[::-1]):
        parrot = Parrot()
        evaluated_by(parrot, [TRAINED], {"heldout": problems}, SETTINGS)
        calls.append(parrot.calls)
    first, turned = calls
    assert sorted(first[0][1]) == sorted(turned[0][1]) == sorted(f"{p.id}#{r}" for p in PROBLEMS for r in range(4))


def test_an_answer_keeps_what_was_boxed_and_one_without_a_box_keeps_none(
    evaluated: tuple[Parrot, list[Eval]],
) -> None:
    found = [r.answer for r in evaluated[1] if (r.problem_id, r.decoding) == ("id-b", "sampled")]
    assert found == ["7", None, None, "2"]


def test_a_learner_that_is_evaluated_is_told_with_its_verdicts(capsys: pytest.CaptureFixture[str]) -> None:
    settings = dataclasses.replace(SETTINGS, greedy=False)
    evaluated_by(Parrot(), [Examinee()], {"heldout": PROBLEMS}, settings)
    said = "base replicate 0: sampled correct 4, sampled truncated 6, sampled unparsed 1, sampled wrong 1"
    assert said in capsys.readouterr().out


def test_utility_is_of_the_heldout_task_or_else_of_the_first() -> None:
    assert EvaluationSettings(tasks=("longer", "heldout")).main == "heldout"
    assert EvaluationSettings(tasks=("longer", "other")).main == "longer"


@pytest.mark.parametrize("tasks", [[], ["heldout", "heldout"]])
def test_each_task_is_named_once_and_there_is_one(tasks: list[str]) -> None:
    with pytest.raises(SettingsError, match=r"^tasks: expected one or more, each once"):
        read(EvaluationSettings, {"tasks": tasks})


@pytest.mark.parametrize(("runs", "learners"), [([], ["base"]), (["sft-1", "dft-1"], ["sft-1", "dft-1"])])
def test_the_stage_evaluates_the_untrained_learner_or_all_that_were_trained(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, runs: list[str], learners: list[str]
) -> None:
    parrot = Parrot()
    study = SimpleNamespace(evaluation=SETTINGS, seed=1, threads=None, learner=lambda models: speaking(parrot))
    monkeypatch.setattr("stages.cli.start", lambda args: study)
    monkeypatch.setattr("qup.repository.root", lambda: tmp_path)
    scores = f"--scores={tmp_path / 'tasks.jsonl'}"
    records.write(tmp_path / "heldout.jsonl", PROBLEMS)
    records.write(tmp_path / "runs.jsonl", [TrainRun(name[:3], 1, 8, 0, 900, 4, name, 1.5, 0.25) for name in runs])
    trained = ["--runs", str(tmp_path / "runs.jsonl"), "--trained", "trained"] if runs else []
    stage.main(
        [
            "--study=toy.yaml",
            f"--problems={tmp_path}",
            "--models=models",
            f"--out={tmp_path / 'evals.jsonl'}",
            scores,
            *trained,
        ]
    )
    rows = records.read(tmp_path / "evals.jsonl", Eval)
    assert list(dict.fromkeys(r.objective for r in rows)) == [name[:4].rstrip("-") for name in learners]
    weights = [None] if not runs else [Path("trained") / name for name in runs]
    assert [given for _, _, given in parrot.calls[::2]] == weights
