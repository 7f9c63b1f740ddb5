"""The dial through the whole pipeline: every stage of dvc.yaml on a shrunken glass box under four objectives."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from test_glassbox_study import ARMS, ROOT, run_all

from qup.records import Eval, Step, TrainRun, read

# A minute for one run of a whole study.
pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

STUDY = "dial"
OBJECTIVES = ["sft", {"alpha": 0.5}, {"objective": "dft", "learning_rate": 1e-3}, "idft"]
NAMES = ["sft", "alpha-0.5", "dft", "idft"]


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The glass box shrunk for tests, shrunk again, under several objectives."""
    given = yaml.safe_load((ROOT / "studies" / "glassbox-tiny.yaml").read_text(encoding="utf-8"))
    del given["models"]["judge"], given["rewards"]["judge"]
    given |= {"arms": {}, "controls": {}, "maps": {}}
    given["models"]["learner"] |= {"examples": 1600, "learning_rate": 5e-3}
    given["problems"] |= {"train": 12, "heldout": 12, "sets": {}, "training_sets": {}}
    given["evaluation"] |= {"tasks": ["heldout"], "k": 1}
    given["training"] |= {"objectives": OBJECTIVES, "micro_batch": 8}
    yield from run_all(tmp_path_factory.mktemp("dial"), STUDY, yaml.safe_dump(given, sort_keys=False))


def arm_of(ran: Path, arm: str, file: str) -> Path:
    return ran / "data" / STUDY / "arms" / arm / file


@pytest.mark.parametrize("arm", ARMS)
def test_every_objective_has_its_learners_and_their_answers_under_its_name(ran: Path, arm: str) -> None:
    cells = [(name, replicate) for name in NAMES for replicate in (1, 2)]
    runs = read(arm_of(ran, arm, "runs.jsonl"), TrainRun)
    assert [(run.objective, run.replicate) for run in runs] == cells
    weights = [ran / "models" / STUDY / "trained" / arm / run.path / "model.safetensors" for run in runs]
    assert [path.parent.name for path in weights] == [f"{name}-{replicate}" for name, replicate in cells]
    # No two of a replicate have learnt the same.
    assert len({path.read_bytes() for path in weights}) == len(cells)
    answers = read(arm_of(ran, arm, "evals.jsonl"), Eval)
    assert list(dict.fromkeys((answer.objective, answer.replicate) for answer in answers)) == cells


def test_an_objective_learns_at_its_own_rate_on_the_same_traces_as_the_others(ran: Path) -> None:
    steps = read(arm_of(ran, ARMS[0], "trajectory.jsonl"), Step)
    first = {step.objective: step for step in steps if step.step == 1 and step.replicate == 1}
    assert {name: step.learning_rate for name, step in first.items()} == dict.fromkeys(NAMES, 3e-4) | {"dft": 1e-3}
    assert len({step.tokens for step in first.values()}) == 1
    # Before the first update all are the same learner: (1 - p^a)/a is below -log p, and -p log p below both.
    losses = [first[name].loss for name in ("sft", "alpha-0.5", "dft")]
    assert losses == sorted(losses, reverse=True)
    assert len({step.entropy for step in first.values()}) == 1


def test_the_report_has_every_objective_and_the_dial(ran: Path) -> None:
    folder = ran / "data" / STUDY / "report"
    summary: dict[str, Any] = json.loads((folder / "report.json").read_text(encoding="utf-8"))
    assert summary["study"]["objectives"] == NAMES
    assert summary["study"]["objective_settings"] == {"dft": {"learning_rate": 1e-3}}
    assert [verdict["objective"] for verdict in summary["verdicts"]] == NAMES
    assert [place["alpha"] for place in summary["dial"]["home"]["places"]] == [0.0, 0.5, 1.0]
    page = (folder / "index.html").read_text(encoding="utf-8")
    for said in ("ALPHA-0.5", "IDFT", "Where the paradox turns", "dft (learning_rate: 0.001)"):
        assert said in page
    assert (folder / "utility-alpha.svg").is_file()
