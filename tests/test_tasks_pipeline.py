"""A study with tasks of lm-eval through the pipeline, against the `lm_eval` command on the same learners."""

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from checkout import Repo, copy, names
from toytasks import ARC, DATA, GSM8K, pinned, task_file

from qup import records
from qup.measured import files
from qup.records import TaskScore

pytestmark = [pytest.mark.slow, pytest.mark.timeout(3600)]
LIMIT = 40
TASKS = [
    "heldout",
    {"task": "gsm8k", "k": 2, "max_tokens": LIMIT, "data": pinned(GSM8K)},
    {"task": "arc_easy", "data": pinned(ARC)},
]
NATIVE = "learner/rejection_sampling"
STAGES = ("measure-base@tasks", "measure-native@tasks-learner-rejection_sampling")


def written(repo: Repo, tasks: list[Any]) -> None:
    """The study `tasks`: that of smoke, evaluated otherwise."""
    smoke = (repo.folder / "studies" / "smoke.yaml").read_text()
    line = f"evaluation: {{tasks: {json.dumps(tasks)}, k: 2, temperature: 1.0, max_tokens: 48}}"
    study, count = re.subn(r"^evaluation: .*$", lambda _: line, smoke, flags=re.MULTILINE)
    assert count == 1
    # lm-eval's own model takes all positions.
    (repo.folder / "studies" / "tasks.yaml").write_text(study.replace("max_length: 512}", "max_length: 4096}", 1))


@pytest.fixture(scope="module")
def repo(tmp_path_factory: pytest.TempPathFactory) -> Repo:
    made = copy(tmp_path_factory.mktemp("tasks"))
    for file in {**GSM8K, **ARC}.values():
        (made.folder / "data" / "problems" / file).write_bytes((DATA / file).read_bytes())
    (made.folder / "data" / "problems" / "gsm8k_test.jsonl").write_bytes((DATA / GSM8K["test"]).read_bytes())
    (made.folder / "params.yaml").write_text("study: tasks\nrefiner: style_aligned\noracles: [home]\n")
    written(made, TASKS)
    made.dvc("repro", *STAGES)
    return made


def scores(repo: Repo, folder: str) -> list[TaskScore]:
    return records.read(repo.folder / "data" / "tasks" / folder / "tasks.jsonl", TaskScore)


def command(repo: Repo, folder: Path, arguments: str) -> dict[str, Any]:
    """What the `lm_eval` command writes."""
    tasks = [str(task_file(folder, "gsm8k", GSM8K)), str(task_file(folder, "arc_easy", ARC))]
    words = [sys.executable, "-m", "lm_eval", "run", "--model", "hf", "--model_args", arguments, "--device", "cpu"]
    words += ["--tasks", ",".join(tasks), "--gen_kwargs", f"max_gen_toks={LIMIT}", "--output_path", str(folder / "out")]
    done = subprocess.run(words, cwd=folder, env=repo.environment(), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-4000:]
    (found,) = (folder / "out").rglob("results_*.json")
    whole: dict[str, Any] = json.loads(found.read_text())
    return whole["results"]


@pytest.mark.parametrize("who", ["base", "trained"])
def test_a_studys_numbers_are_those_of_the_lm_eval_command(repo: Repo, tmp_path: Path, who: str) -> None:
    learner = repo.folder / "models" / "tasks" / "base" / "learner"
    arguments = f"pretrained={learner},dtype=float32"
    found = scores(repo, "base" if who == "base" else f"arms/{NATIVE}")
    if who == "trained":
        arguments += f",peft={repo.folder / 'models' / 'tasks' / 'trained' / NATIVE / 'sft-1'}"
        found = [each for each in found if (each.objective, each.replicate) == ("sft", 1)]
    theirs = command(repo, tmp_path, arguments)
    ours = [each for each in found if each.decoding in ("greedy", "loglikelihood") and each.task in theirs]
    assert {each.task for each in ours} == {"gsm8k", "arc_easy"}
    for each in ours:
        said = theirs[each.task]
        assert each.value == said[f"{each.metric},{each.filter}"]
        assert each.stderr == said[f"{each.metric}_stderr,{each.filter}"]


def test_measured_arms_keep_lm_evals_numbers_of_each_document(repo: Repo) -> None:
    folder = repo.folder / "results" / "tasks" / "arms"
    base, arm = files.read_base(folder / "base.json"), files.read_arm(folder / f"{NATIVE}.json")
    assert {each.task for each in base.scored} == {each.task for each in arm.scored} == {"gsm8k", "arc_easy"}
    (acc,) = [each for each in base.scored if each.metric == "acc"]
    assert acc.documents
    assert len(acc.documents[0]) == acc.n == 8
    # Each trained learner's weights say something of their own.
    assert arm.still == []
    assert base.checks["evaluation"]["gsm8k"]["graded"]
    assert not base.checks["evaluation"]["arc_easy"]["graded"]
    assert {each.task for each in arm.answers} == {"heldout", "gsm8k"}


def test_a_task_that_is_added_or_asked_more_often_asks_no_other_again(repo: Repo) -> None:
    cells = repo.folder / ".qup" / "cells"
    before = {path.name for path in cells.iterdir()}
    evals = {f: (repo.folder / "data" / "tasks" / f / "evals.jsonl").read_bytes() for f in ("base", f"arms/{NATIVE}")}
    more = [*TASKS[:1], {**TASKS[1], "k": 3}, TASKS[2]]
    written(repo, more)
    assert "baseline" in names(repo.dvc("repro", *STAGES))
    added = {path.name for path in cells.iterdir()} - before
    # A cell a learner, of the drawn answers to the one task: the untrained one, and one per objective.
    assert len(added) == 3
    written(repo, TASKS)
    repo.dvc("repro", "--no-run-cache", *STAGES)
    assert {path.name for path in cells.iterdir()} - before == added
    assert {f: (repo.folder / "data" / "tasks" / f / "evals.jsonl").read_bytes() for f in evals} == evals


def test_cells_outlive_a_stage_that_is_killed_and_a_temporary_copy(repo: Repo) -> None:
    repo.commit()
    cells = repo.folder / ".qup" / "cells"
    # Files that are written anew are other ones; the time of one is when it was last asked for.
    before = {path: path.stat().st_ino for path in cells.iterdir()}
    # The stage runs once more, in a copy that DVC throws away: nothing is asked again.
    said = repo.run("dvc", "exp", "run", "--temp", "--force", "--single-item", "baseline@tasks")
    assert "Running stage 'baseline@tasks'" in said
    assert {path: path.stat().st_ino for path in cells.iterdir()} == before


def test_results_without_cells_are_the_same_bytes(repo: Repo) -> None:
    import shutil

    before = repo.outs()
    shutil.rmtree(repo.folder / ".qup" / "cells")
    repo.dvc("repro", "--no-run-cache", "--force", "--single-item", "baseline@tasks")
    assert repo.outs() == before


@pytest.mark.parametrize(
    ("pin", "said"),
    [
        ({"file": "gsm8k_test.jsonl", "sha256": "0" * 64}, "is not the pinned file: expected SHA-256 0000"),
        ({"file": "gsm8k_tst.jsonl", "sha256": "0" * 64}, "did you mean 'gsm8k_test.jsonl'"),
    ],
)
def test_a_wrong_pin_stops_the_prepare_stage_in_one_line(repo: Repo, pin: dict[str, str], said: str) -> None:
    written(repo, [TASKS[0], {**TASKS[1], "data": {**pinned(GSM8K), "test": pin}}])
    with pytest.raises(AssertionError, match=re.escape(said)):
        repo.dvc("repro", "prepare@tasks")
    written(repo, TASKS)
