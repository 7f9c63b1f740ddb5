"""Steps of further arms: taken once, again when anything that they follow from has changed, and at no other time."""

import dataclasses
import os
import shutil
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from qup import kept, study, uses
from qup.arms import ArmSettings
from qup.chain import Shared, _asked_of, _refining, steps
from qup.chain.steps import Step
from qup.records import Score
from qup.study import Study

ROOT = Path(__file__).resolve().parents[1]
SMOKE = study.read(ROOT / "studies" / "smoke.yaml")
HASHES = {"problems": "p", "traces": "t", "learner/rejection_sampling": "s", "models/learner": "m"}
STEPS = {"reward": ("reward",), "compat": ("compat",), "learn": ("train", "evaluate")}


@pytest.fixture
def code(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A copy of the code and dvc.yaml by which steps are kept, in a repository of its own."""
    shutil.copytree(ROOT / "qup", tmp_path / "qup", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "dvc.yaml", tmp_path)
    monkeypatch.setattr(uses, "ROOT", tmp_path)
    monkeypatch.chdir(tmp_path)
    # What stands in the copy is hashed; what is loaded comes from where it always does.
    monkeypatch.setattr(uses, "_files", lambda plug: _copied(tmp_path, plug))
    monkeypatch.setattr(steps, "environment", lambda: ["3.11", {"torch": "2"}, "avx"])
    steps.pipeline.cache_clear()
    yield tmp_path
    steps.pipeline.cache_clear()


def _copied(folder: Path, plug: object) -> list[Path]:
    return [folder / Path(*type(plug).__module__.split(".")).with_suffix(".py")]


def step(name: str, own: Study = SMOKE, arm: str = "unfiltered", **inputs: str) -> Step:
    """A step of a further arm of the smoke study, as the chain takes it."""
    chosen = own.further[arm]
    if name == "refine":
        return _refining(chosen, Shared(own, [], Path(), [], {}, Path(), HASHES | inputs))
    settings: dict[str, Any] = {"streams": None}
    settings |= {"training": chosen.training, "evaluation": "heldout"} if name == "learn" else {}
    return Step(STEPS[name], chosen, own, HASHES | inputs, settings)


def places(own: Study = SMOKE, arm: str = "unfiltered") -> dict[str, Path | None]:
    return {name: step(name, own, arm).place for name in ("refine", *STEPS)}


def moved(before: dict[str, Path | None], own: Study = SMOKE) -> set[str]:
    """The steps that would be taken again."""
    assert None not in before.values()
    return {name for name, place in places(own).items() if place != before[name]}


def changed(**sections: Any) -> Study:
    return dataclasses.replace(SMOKE, **sections)


def test_a_metric_that_is_added_repeats_the_metrics_and_nothing_else(code: Path) -> None:
    before = places()
    (code / "qup" / "compat" / "new.py").write_text("")
    assert moved(before) == {"compat"}


@pytest.mark.parametrize(
    ("file", "expected"),
    [
        ("qup/rewards/answer.py", {"reward"}),
        ("qup/prompts/oracle/voices/formal.txt", set()),
        ("qup/oracles/scripted.py", {"refine"}),
        ("qup/oracles/program.py", set()),
        ("qup/refiners/unfiltered.py", {"refine"}),
        ("qup/refiners/_desk.py", {"refine"}),
        ("qup/refiners/restyled.py", set()),
        ("qup/training/trainer.py", {"learn"}),
        ("qup/lm/chat.py", {"refine", "reward", "compat", "learn"}),
        ("qup/chain/__init__.py", {"refine", "reward", "compat", "learn"}),
        ("qup/report/page.py", set()),
    ],
)
def test_code_repeats_the_steps_that_run_it(code: Path, file: str, expected: set[str]) -> None:
    before = places()
    path = code / file
    path.write_text(f"{path.read_text()}\n# changed\n")
    assert moved(before) == expected


def test_settings_repeat_the_steps_that_they_set(code: Path) -> None:
    before = places()
    rates = dataclasses.replace(SMOKE.training, learning_rate=0.1)
    assert moved(before, changed(training=rates)) == {"learn"}
    assert moved(before, changed(compat={})) == {"compat"}
    assert moved(before, changed(rewards={"genrm": SMOKE.rewards["genrm"]})) == {"reward"}
    assert moved(before, changed(streams=dataclasses.replace(SMOKE.streams, retries=5))) == {"refine"}
    home, other = SMOKE.oracles["home"], SMOKE.oracles["voiced"]
    assert moved(before, changed(oracles={"home": other})) == {"refine"}
    assert moved(before, changed(oracles={"home": home, "second": other})) == set()
    more = SMOKE.arms | {"more": ArmSettings("home", "restyled")}
    assert moved(before, changed(arms=more, title="other", controls={})) == set()
    assert moved(before, changed(threads=2)) == {"refine", "reward", "compat", "learn"}


def test_an_arms_own_settings_are_its_own(code: Path) -> None:
    arms = SMOKE.arms | {"brief": ArmSettings("home", "unfiltered", training={"budget": {"tokens": 40}})}
    mine, theirs = (places(changed(arms=arms), arm) for arm in ("unfiltered", "brief"))
    assert {name for name in mine if mine[name] != theirs[name]} == {"learn"}
    wide = SMOKE.arms | {"wide": ArmSettings("home", "unfiltered", scope="solved")}
    assert places(changed(arms=wide), "wide")["refine"] != mine["refine"]


def test_what_a_step_reads_and_what_computes_it_are_in_its_name(code: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = places()
    assert step("reward", traces="other").place != before["reward"]
    monkeypatch.setattr(steps, "environment", lambda: ["3.11", {"torch": "3"}, "avx"])
    assert moved(before) == set(before)


def test_without_the_pipeline_beside_the_code_or_hashes_of_what_it_reads_nothing_is_kept(code: Path) -> None:
    own = step("reward")
    assert dataclasses.replace(own, inputs={}).place is None
    (code / "dvc.yaml").unlink()
    steps.pipeline.cache_clear()
    assert own.place is None


def scores(count: int = 2) -> list[Sequence[Any]]:
    return [[Score(f"p{i}", "answer", i / 3, None) for i in range(count)]]


def refused() -> list[Sequence[Any]]:
    raise AssertionError("it was kept")


def test_a_kept_step_gives_the_same_records_and_bytes_and_is_not_taken(code: Path, tmp_path: Path) -> None:
    made = step("reward").take(tmp_path / "one", ("scores",), scores)
    again = step("reward").take(tmp_path / "two", ("scores",), refused)
    assert again == made
    first, second = (tmp_path / name / "scores.jsonl" for name in ("one", "two"))
    assert first.read_bytes() == second.read_bytes() != b""


def test_a_damaged_step_is_taken_again_and_kept_anew(code: Path, tmp_path: Path) -> None:
    own = step("reward")
    own.take(tmp_path / "one", ("scores",), scores)
    place = own.place
    assert place
    whole = place.read_bytes()
    for damaged in (whole[:-9], whole[:40] + b"\0" + whole[41:], b""):
        place.write_bytes(damaged)
        with pytest.raises(AssertionError, match="it was kept"):
            own.take(tmp_path / "two", ("scores",), refused)
        own.take(tmp_path / "two", ("scores",), scores)
        assert place.read_bytes() == whole


def test_a_step_that_ends_in_an_error_is_not_kept(code: Path, tmp_path: Path) -> None:
    def stopped() -> list[Sequence[Any]]:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        step("reward").take(tmp_path / "one", ("scores",), stopped)
    assert not (code / ".qup").exists()
    assert len(step("reward").take(tmp_path / "one", ("scores",), scores)["scores"]) == 2


def test_what_was_asked_for_longest_ago_goes_first_and_what_the_killed_left_goes_too(tmp_path: Path) -> None:
    paths = [tmp_path / f"{name}.json.gz" for name in "abc"]
    for age, path in enumerate(paths):
        kept.write(path, [age])
        os.utime(path, (1e9 - age, 1e9 - age))
    fresh, old = tmp_path / ".d.json.gz.1.part", tmp_path / ".e.json.gz.2.part"
    for part in (fresh, old):
        part.write_bytes(b"half")
    os.utime(old, (time.time() - 2 * kept.ABANDONED,) * 2)
    kept.read(paths[2])
    size = paths[0].stat().st_size
    kept.tidy(tmp_path, bound=2 * size + 8)
    assert sorted(path.name for path in tmp_path.iterdir()) == [fresh.name, "a.json.gz", "c.json.gz"]


def test_the_versions_of_all_that_may_compute_are_told() -> None:
    _, versions, _ = steps.environment()
    assert {"torch", "transformers", "tokenizers", "trl", "peft", "numpy", "lm-eval"} <= {
        name.lower().replace("_", "-") for name in versions
    }
    assert not {"pytest", "mypy", "ruff"} & set(versions)


def test_the_engine_of_gpus_is_told_by_its_version(monkeypatch: pytest.MonkeyPatch) -> None:
    found = steps.metadata.distribution
    engine: Any = SimpleNamespace(version="0.0.1", requires=[])
    monkeypatch.setattr(steps.metadata, "distribution", lambda name: engine if name == "vllm" else found(name))
    steps.environment.cache_clear()
    assert steps.environment()[1]["vllm"] == "0.0.1"
    monkeypatch.undo()
    steps.environment.cache_clear()


def hashed(folder: Path, task: str, path: Path) -> dict[str, str]:
    """What is known of a task of lm-eval by a step that asks it; its data lie in `folder`."""
    asked: Any = SimpleNamespace(name="toy", leaf=SimpleNamespace(path=path), entry=SimpleNamespace(task=task))
    return _asked_of(Shared(SMOKE, [], folder, [], {}, Path()), SimpleNamespace(tasks=[asked]))  # type: ignore[arg-type]


def test_a_task_of_lm_eval_is_known_by_its_data_and_code_and_not_by_what_lies_beside_it(tmp_path: Path) -> None:
    theirs, mine, data = (tmp_path / name for name in ("tasks/toy", "problems", "evaluation/toy"))
    for folder in (theirs, mine, data):
        folder.mkdir(parents=True)
    for path in (theirs / "toy.yaml", theirs / "utils.py", mine / "toy.yaml", data / "sources.txt"):
        path.write_text("first")

    def both() -> list[dict[str, str]]:
        return [hashed(data.parent, "toy", theirs / "toy.yaml"), hashed(data.parent, "toy.yaml", mine / "toy.yaml")]

    first = both()
    # Another study's problems, and what Python leaves there.
    (mine / "other.jsonl").write_text("")
    (theirs / "__pycache__").mkdir()
    (theirs / "__pycache__" / "utils.pyc").write_text("")
    assert both() == first
    (theirs / "utils.py").write_text("second")
    assert [one == other for one, other in zip(both(), first, strict=True)] == [False, True]
    # Here prepare says what the file of one's own uses.
    (data / "sources.txt").write_text("second")
    assert [one == other for one, other in zip(both(), first, strict=True)] == [False, False]
