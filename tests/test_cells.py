"""Cells of answers: never asked for twice, never stale, and the same results with and without them."""

import dataclasses
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from qup.backends import BackendSettings, Completion, Sampling
from qup.evals import Examinee, Paper, cells, evaluate
from qup.evals.cells import Cells
from qup.evals.settings import EvaluationSettings
from qup.learner import Learner
from qup.records import Finish, Problem
from qup.settings import read

SETS = {name: [Problem(f"{name}-{i}", f"{name} {i}?", "2", "toy") for i in range(3)] for name in ("heldout", "other")}


@dataclass
class Runner:
    """Says right answers to even questions, and counts what it is asked."""

    asked: list[int] = field(default_factory=list)
    fails_at: int = -1
    room = 512

    def generate(
        self, messages: Sequence[Any], sampling: Sampling, ids: Sequence[str], weights: Path | None = None
    ) -> list[Completion]:
        if len(self.asked) == self.fails_at:
            raise KeyboardInterrupt
        self.asked.append(len(messages))
        said = [f"so \\boxed{{{2 + int(name[-3]) % 2 if weights is None else 2}}}" for name in ids]
        return [Completion(text, [1, 2], Finish.STOP, 2) for text in said]

    def encode(self, messages: Any, completion: Any = None) -> tuple[list[int], list[int]]:
        return [1], [2]

    def loglikelihoods(self, pairs: Sequence[Any], weights: Path | None = None) -> list[tuple[float, bool]]:
        self.asked.append(len(pairs))
        return [(-1.0 if weights is None else -1.5, True) for _ in pairs]


@pytest.fixture(autouse=True)
def one_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """The processor is named without loading torch."""
    monkeypatch.setattr(cells, "machine", lambda: ["this"])
    monkeypatch.setattr(cells, "usual_threads", lambda: 2)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A learner's folder and an adapter's, with bytes to hash."""
    for name in ("learner", "adapter"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "weights.safetensors").write_bytes(name.encode())
    return tmp_path


def learner(folder: Path, runner: Runner, **backend: Any) -> Learner:
    made = Learner(folder / "learner", "boxed", BackendSettings(**({"name": "hf"} | backend)))
    vars(made)["runner"] = runner
    return made


def paper(folder: Path, *tasks: Any, where: str | None = "cells", **section: Any) -> Paper:
    asked = read(EvaluationSettings, {"tasks": list(tasks), "k": 2, **section}).asked([*SETS])
    sets = {each.name: SETS[each.name] for each in asked}
    return Paper(asked, sets, 7, cells=folder / where if where else None)


def test_a_task_that_is_added_or_asked_more_often_leaves_the_others_alone(folder: Path) -> None:
    runner = Runner()
    evaluate(learner(folder, runner), [Examinee()], paper(folder, "heldout"), None)
    # Three problems, two drawn answers and a greedy one.
    assert runner.asked == [6, 3]
    evaluate(learner(folder, runner), [Examinee()], paper(folder, "heldout", "other"), None)
    assert runner.asked == [6, 3, 6, 3]
    evaluate(learner(folder, runner), [Examinee()], paper(folder, "heldout", {"task": "other", "k": 3}), None)
    # One that is drawn more often is drawn anew; its greedy answers stay.
    assert runner.asked == [6, 3, 6, 3, 9]


def test_results_with_cells_are_those_without(folder: Path) -> None:
    examined = [Examinee(), Examinee("sft", 1, folder / "adapter")]
    runs = []
    for where in (None, "cells", "cells"):
        runner = Runner()
        runs.append(evaluate(learner(folder, runner), examined, paper(folder, "heldout", "other", where=where), None))
        assert bool(runner.asked) == (len(runs) < 3)
    assert runs[0] == runs[1] == runs[2]


def test_a_run_that_is_stopped_goes_on_where_it_was(folder: Path) -> None:
    runner = Runner(fails_at=3)
    with pytest.raises(KeyboardInterrupt):
        evaluate(learner(folder, runner), [Examinee()], paper(folder, "heldout", "other"), None)
    runner.fails_at = -1
    evaluate(learner(folder, runner), [Examinee()], paper(folder, "heldout", "other"), None)
    assert runner.asked == [6, 3, 6, 3]


CHATS, SAMPLING = [[{"role": "user", "content": "1 + 1?"}]], Sampling(1.0, 48, 7)


def asks(made: Learner, folder: Path, weights: Path | None = None, threads: int | None = 1, **changed: Any) -> int:
    """How often a question is asked of the backend, given the cells that there are."""
    given: dict[str, Any] = {"chats": CHATS, "sampling": SAMPLING, "ids": ["p-1#0"], **changed}
    before = len(made.runner.asked)  # type: ignore[attr-defined]
    Cells(made, threads, folder / "cells").generate(given["chats"], given["sampling"], given["ids"], weights)
    return len(made.runner.asked) - before  # type: ignore[attr-defined]


CHANGES: dict[str, Callable[[Path, pytest.MonkeyPatch], Any]] = {
    "the learner's weights": lambda folder, _: (folder / "learner/weights.safetensors").write_bytes(b"others"),
    "the adapter's weights": lambda folder, _: (folder / "adapter/weights.safetensors").write_bytes(b"others"),
    "a file more": lambda folder, _: (folder / "learner/chat_template.jinja").write_bytes(b"{{ messages }}"),
    "our code": lambda _, patch: patch.setattr(cells, "code", lambda: "another"),
    "the processor": lambda _, patch: patch.setattr(cells, "machine", lambda: ["another"]),
}
REQUESTS: dict[str, dict[str, Any]] = {
    "question": {"chats": [[{"role": "user", "content": "1 + 2?"}]]},
    "system message": {"chats": [[{"role": "system", "content": "Box it."}, *CHATS[0]]]},
    "temperature": {"sampling": dataclasses.replace(SAMPLING, temperature=0.9)},
    "limit": {"sampling": dataclasses.replace(SAMPLING, max_tokens=49)},
    "seed": {"sampling": dataclasses.replace(SAMPLING, seed=8)},
    "stops": {"sampling": dataclasses.replace(SAMPLING, stops=("Question:",))},
    "top_p": {"sampling": dataclasses.replace(SAMPLING, top_p=0.9)},
    "draw": {"ids": ["p-1#1"]},
    "threads": {"threads": 2},
    "base instead of adapter": {"weights": None},
}


@pytest.mark.parametrize("change", CHANGES)
def test_no_cell_outlives_what_its_answers_followed_from(
    folder: Path, monkeypatch: pytest.MonkeyPatch, change: str
) -> None:
    made = learner(folder, Runner())
    assert asks(made, folder, folder / "adapter") == 1
    assert asks(made, folder, folder / "adapter") == 0
    CHANGES[change](folder, monkeypatch)
    assert asks(made, folder, folder / "adapter") == 1


@pytest.mark.parametrize("change", REQUESTS)
def test_another_request_has_another_cell(folder: Path, change: str) -> None:
    made = learner(folder, Runner())
    assert asks(made, folder, folder / "adapter") == 1
    assert asks(made, folder, **({"weights": folder / "adapter"} | REQUESTS[change])) == 1


def test_weights_without_bytes_have_no_cell(folder: Path) -> None:
    made = learner(folder, Runner())
    # Two that are not there are not taken for one another.
    assert [asks(made, folder, folder / name) for name in ("absent", "missing", "absent")] == [1, 1, 1]


@pytest.mark.parametrize("run", [{"dtype": "float32"}, {"batch": 3}, {"max_length": 99}])
def test_a_model_that_is_run_otherwise_has_other_cells(folder: Path, run: dict[str, Any]) -> None:
    assert asks(learner(folder, Runner()), folder) == 1
    assert asks(learner(folder, Runner(), **run), folder) == 1


def test_the_code_of_a_cell_is_all_that_makes_answers_of_requests() -> None:
    root = Path(cells.__file__).parents[1]
    known = {path.relative_to(root).as_posix() for name in cells.CODE for path in cells._sources(root / name)}
    assert {"backends/hf.py", "backends/vllm.py", "backends/_stops.py", "lm/chat.py", "seeds.py"} <= known


@pytest.mark.parametrize("damage", [b"", b"not gzip", "a bit", None])
def test_a_damaged_cell_counts_as_not_there(folder: Path, damage: bytes | str | None) -> None:
    import gzip

    made = learner(folder, Runner())
    asks(made, folder)
    (cell,) = (folder / "cells").iterdir()
    whole = cell.read_bytes()
    flipped = bytes([*whole[:20], whole[20] ^ 8, *whole[21:]])
    other = gzip.compress(gzip.decompress(whole).replace(b"boxed", b"bowed"))
    cell.write_bytes(damage if isinstance(damage, bytes) else flipped if damage else other)
    assert asks(made, folder) == 1
    assert cell.read_bytes() == whole


def test_weights_that_say_what_the_base_says_are_counted(folder: Path) -> None:
    from qup.measured.scored import still

    class Deaf(Runner):
        """Does not load what it is given."""

        def loglikelihoods(self, pairs: Sequence[Any], weights: Path | None = None) -> list[tuple[float, bool]]:
            return super().loglikelihoods(pairs)

    examined = [Examinee(), Examinee("sft", 1, folder / "adapter")]
    live = evaluate(learner(folder, Runner()), examined, paper(folder, "heldout", where=None), None)
    dead = evaluate(learner(folder, Deaf()), examined, paper(folder, "heldout", where=None), None)
    # The untrained learner is not tried.
    assert [(s.objective, s.replicate, s.value, s.n) for s in live.scores] == [("sft", 1, 1.0, 3)]
    assert [(s.objective, s.replicate, s.value, s.n) for s in dead.scores] == [("sft", 1, 0.0, 3)]
    assert still(live.scores) == []
    assert still(dead.scores) == ["sft-1"]


def test_a_cell_is_of_a_number_of_threads_also_where_the_study_names_none(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = Learner(folder / "learner", "boxed", BackendSettings(name="hf"))
    vars(made)["runner"] = Runner()
    two = Cells(made, None)._parts({}, None)
    assert two == Cells(made, 2)._parts({}, None)
    monkeypatch.setattr(cells, "usual_threads", lambda: 8)
    assert Cells(made, None)._parts({}, None) == Cells(made, 8)._parts({}, None) != two
