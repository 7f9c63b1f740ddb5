"""Who decides: each problem's grader, from the source that names it to the verdict."""

import json
import os
from pathlib import Path
from typing import Any

import pytest

from qup import graders, records, rewards, settings
from qup.answers import bounded
from qup.errors import SettingsError
from qup.oracles import Reply
from qup.problems import _pools
from qup.problems._content import problem
from qup.records import Finish, Problem, Trace, Verdict
from qup.refiners import Desk, Draft, refine
from qup.refiners.restyled import Refiner as Restyled
from qup.settings import Plug

C, W, U = Verdict.CORRECT, Verdict.WRONG, Verdict.UNPARSED
TASKS: dict[str, dict[str, Any]] = {
    # One or two of each category: algebra, algorithmic, arithmetic, cognition, games, graphs, logic, probability.
    "complex_arithmetic": {},
    "word_sorting": {},
    "spell_backward": {},
    "prime_factorization": {},
    "rectangle_count": {},
    "number_sequence": {},
    "countdown": {},
    "mini_sudoku": {},
    "course_schedule": {},
    "knights_knaves": {},
    "zebra_puzzles": {},
    "coin_flip": {},
    "calendar_arithmetic": {},
    "family_relationships": {},
}


def judged(given: str, gold: str, grader: str) -> Verdict:
    return graders.verdicts([Problem("id", "?", gold, "toy", grader=grader)], [f"\\boxed{{{given}}}"], [False])[0]


@pytest.mark.parametrize(
    ("gold", "given", "verdict"),
    [
        ("Paris", "Paris", C),
        ("Paris", r"\text{Paris}", C),
        ("a  b", "a b", C),
        ("a_b", r"a\_b", C),
        ("1 2\n3 4", "1 2\n3 4", C),
        ("caf\u00e9", "cafe\u0301", C),
        ("Paris", "paris", W),
        ("0.5", "1/2", W),
        ("xy", "yx", W),
        ("1,2", "2,1", W),
    ],
)
def test_exact_is_the_very_text(gold: str, given: str, verdict: Verdict) -> None:
    assert judged(given, gold, "exact") is verdict


@pytest.mark.parametrize(
    ("gold", "given", "verdict"),
    [
        ("B", "B", C),
        ("B", "(b)", C),
        ("B", "[B]", C),
        ("(B)", r"\text{B}", C),
        ("B", "B. 12", C),
        ("B", r"\textbf{(B)}\ \frac{1}{2}", C),
        ("B", "Option B", C),
        ("K", "k", C),
        ("B", "C", W),
        ("B", "(C) B", W),
        ("B", "12", U),
        ("B", "both", U),
        ("B", "B: x=2", C),
        ("B", r"\text{B) }x=3", C),
        ("B", "C: x=2", W),
        ("B", "x=2", U),
    ],
)
def test_choice_is_the_letter(gold: str, given: str, verdict: Verdict) -> None:
    assert judged(given, gold, "choice") is verdict


def drawn(task: str, own: dict[str, Any], count: int = 3, **more: Any) -> list[Problem]:
    made = Plug("problems").make({"source": "reasoning_gym", "tasks": {task: own}, **more})
    found: list[Problem] = made.problems(count, 1, Path())
    return found


@pytest.mark.parametrize("task", TASKS)
def test_a_task_of_reasoning_gym_passes_its_gold_and_fails_what_is_wrong(task: str) -> None:
    problems = drawn(task, TASKS[task], grader="reasoning_gym")
    assert len(problems) == 3
    assert _pools.gold_passes(problems) == [True] * 3
    wrong = graders.verdicts(problems, ["\\boxed{zzz 12345}"] * 3, [False] * 3)
    assert C not in wrong


def test_an_answer_that_is_right_otherwise_is_right() -> None:
    (asked,) = drawn("countdown", {}, count=1)
    # Another text of equal value, which uses the same numbers.
    said = [f"\\boxed{{({asked.answer})}}", f"\\boxed{{{asked.answer} + 1}}"]
    assert graders.verdicts([asked] * 2, said, [False] * 2) == [C, W]
    assert asked.grader == "reasoning_gym"


def test_whole_numbers_of_reasoning_gym_are_read_by_math_and_leave_the_record_as_it_was() -> None:
    (asked,) = drawn("chain_sum", {}, count=1)
    assert (asked.grader, asked.entry) == ("math", None)
    assert not {"grader", "entry"} & set(json.loads(records.line(asked)))


def test_a_problem_keeps_its_grader_and_entry_through_its_file(tmp_path: Path) -> None:
    problems = drawn("word_sorting", {})
    records.write(tmp_path / "train.jsonl", problems)
    assert records.read(tmp_path / "train.jsonl", Problem) == problems
    assert json.loads(problems[0].entry or "")["task"] == "word_sorting"


def test_an_entry_that_comes_out_otherwise_is_graded_by_nobody() -> None:
    (asked,) = drawn("word_sorting", {}, count=1)
    other = Problem(asked.id, "Another question?", asked.answer, asked.source, grader=asked.grader, entry=asked.entry)
    assert graders.verdicts([other], [f"\\boxed{{{asked.answer}}}"], [False]) == [U]


def test_a_file_names_its_grader(tmp_path: Path) -> None:
    row = json.dumps({"question": "Spell it.", "answer": "Qup"})
    (tmp_path / "own.jsonl").write_text(row, encoding="utf-8")
    made = Plug("problems").make({"source": "jsonl", "file": "own.jsonl", "grader": "exact"})
    assert [p.grader for p in made.problems(1, 1, tmp_path)] == ["exact"]


@pytest.mark.parametrize(
    ("name", "told"),
    [("exakt", "unknown grader 'exakt': did you mean 'exact'"), ("reasoning_gym", "its own source's problems only")],
)
def test_a_grader_that_no_file_can_name_is_one_line(name: str, told: str) -> None:
    with pytest.raises(SettingsError, match=told):
        Plug("problems").make({"source": "jsonl", "file": "own.jsonl", "grader": name})


@pytest.mark.parametrize("name", settings.names("graders"))
def test_an_answer_that_is_not_there_is_unparsed_whoever_grades(name: str) -> None:
    asked = Problem("id", "?", "B", "toy", grader=name, entry="{}")
    assert graders.verdicts([asked], ["no box"], [False]) == [U]


def test_graders_of_several_problems_are_each_asked_in_place() -> None:
    problems = [Problem(str(i), "?", "B", "toy", grader=name) for i, name in enumerate(["exact", "choice", "math"] * 2)]
    assert graders.verdicts(problems, ["\\boxed{(B)}"] * 6, [False] * 6) == [W, C, C] * 2


def test_gold_with_several_lines_is_kept_where_the_grader_reads_lines() -> None:
    grid = "1 2\n3 4"
    assert _pools.gold_passes([problem("g", grid, "toy", grader="exact"), problem("g", grid, "toy")]) == [True, False]


def test_the_reward_of_an_answer_asks_the_problems_grader() -> None:
    reward = Plug("rewards").make({"reward": "answer"})
    problems = [Problem(name, "?", "Paris", "toy", grader=name) for name in ("exact", "math")]
    assert [s.value for s in reward.score(problems, ["\\boxed{paris}"] * 2, Path())] == [0.0, 1.0]


def test_a_cut_sample_has_no_value_by_a_reward_that_checks_the_answer() -> None:
    asked = Problem("p", "?", "2", "toy", training_set="train")
    samples = [
        Trace("p", 0, "so \\boxed{2}. Wait", 5, Finish.LENGTH, "2", Verdict.TRUNCATED),
        Trace("p", 1, "so \\boxed{2}", 5, Finish.STOP, "2", C),
    ]
    scores = rewards.score_samples({"answer": Plug("rewards").make({"reward": "answer"})}, [asked], samples, Path())
    assert [(s.value, s.failure) for s in scores] == [(None, "truncated"), (1.0, None)]


class Repeating:
    """An Oracle that restyles every draft into one text."""

    def __init__(self, text: str) -> None:
        self.text = text

    def restyle(self, problems: Any, drafts: Any, attempt: int) -> list[Reply]:
        return [Reply(self.text, 5) for _ in drafts]


@pytest.mark.parametrize(
    ("grader", "said", "kept"),
    [("exact", "Rome", True), ("exact", "rome", False), ("choice", "(A)", False), ("choice", "c", True)],
)
def test_a_restyled_wrong_draft_keeps_its_own_answer_as_the_problems_grader_reads_it(
    grader: str, said: str, kept: bool
) -> None:
    asked = Problem("p", "?", {"exact": "Paris", "choice": "B"}[grader], "toy", grader=grader)
    own = {"exact": "Rome", "choice": "C"}[grader]
    oracle: Any = Repeating(f"\\boxed{{{said}}}")
    (made,) = refine(Restyled(), Desk(oracle), [Draft(asked, "failed", 0, f"\\boxed{{{own}}}")], retries=0)
    assert (made.text is not None, made.verdict) == (kept, W)


# --- scorers that misbehave


@pytest.fixture
def misbehaving(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Problem:
    """A problem of a task whose scorer does what the answer says, in workers that know it."""
    (tmp_path / "misbehaving.py").write_text(
        "import time\n"
        "import qup.graders.reasoning_gym as grader\n"
        "class Task:\n"
        "    def __getitem__(self, index): return {'question': '?', 'answer': 'gold', 'metadata': {}}\n"
        "    def score_answer(self, answer, entry):\n"
        "        if answer == 'hang': time.sleep(600)\n"
        "        if answer == 'raise': raise KeyError(answer)\n"
        "        if answer == 'print': print('true')\n"
        "        if answer == 'exit': raise SystemExit(0)\n"
        "        if answer == 'memory': bytearray(1 << 40)\n"
        "        return {'nan': float('nan'), 'none': None, 'text': 'x', 'gold': 1, 'half': 0.5}.get(answer, 0)\n"
        "def prepare(): grader.dataset = lambda *a: Task()\n"
    )
    monkeypatch.setenv("PYTHONPATH", f"{tmp_path}:{Path(__file__).parents[1]}")
    monkeypatch.setattr(bounded, "KILL_AFTER", 2)
    asked = bounded.ask
    monkeypatch.setattr(bounded, "ask", lambda function, rows, prepare: asked(function, rows, "misbehaving:prepare"))
    for worker in bounded.workers(os.getpid()):
        worker.stop()
    entry = json.dumps({"task": "odd", "settings": {}, "seed": 1, "size": 1, "index": 0})
    return Problem("p", "?", "gold", "toy", grader="reasoning_gym", entry=entry)


def test_a_scorer_that_hangs_raises_or_says_no_number_leaves_its_answer_unparsed(misbehaving: Problem) -> None:
    said = ["gold", "half", "hang", "raise", "print", "exit", "memory", "nan", "none", "text", "gold"]
    completions = [f"\\boxed{{{answer}}}" for answer in said]
    verdicts = graders.verdicts([misbehaving] * len(said), completions, [False] * len(said))
    for worker in bounded.workers(os.getpid()):
        worker.stop()
    assert dict(zip(said, verdicts, strict=True)) == {
        **{"gold": C, "half": W, "print": W, "nan": W},
        **dict.fromkeys(("hang", "raise", "exit", "memory", "none", "text"), U),
    }
    assert verdicts[-1] is C


@pytest.mark.parametrize("entry", [None, "", "{", "null", "[]", '{"task": "nosuch"}', '{"task": "chain_sum"}'])
def test_an_entry_that_is_damaged_is_graded_by_nobody(entry: str | None) -> None:
    damaged = Problem("p", "?", "2", "toy", grader="reasoning_gym", entry=entry)
    assert graders.verdicts([damaged], [r"\boxed{2}"], [False]) == [U]
