"""Every refiner on the smoke study, from refine to measured: as a cell of the pipeline and as a further arm."""

import importlib
import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from pipeline import ROOT, commands

from qup import chain, settings, training
from qup.arms import MAIN
from qup.lm import workers
from qup.measured import Measured, files
from qup.records import Refined, read
from qup.settings import read_yaml

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1200)]

SOLO = ("best_reward", "grape", "guided", "hinted", "masked", "reference", "self_distilled")
SOLO += ("calculator", "minimum_change", "suffix_repair")
NEEDED = ("prepare", "obtain", "sample", "native", "refine", "further")
ARMS = {name: {"oracle": "home", "refiner": name} for name in SOLO}


def study() -> dict[str, Any]:
    """The smoke study on problems with solutions, its arms those of this test; one objective, for the time it takes."""
    given: dict[str, Any] = read_yaml(ROOT / "studies" / "smoke.yaml")
    given["problems"] |= {"sources": [{"source": "jsonl", "file": "worked.jsonl"}], "sets": {}}
    given["problems"]["replicates"] = 1
    # Of about a hundred tokens a random model finds each about as likely as the others: half of them less.
    given["streams"] = {"scope": "all", "retries": 3, "refiners": {"masked": {"threshold": 104}}}
    given["training"] |= {"objectives": ["sft"], "probes": {"count": 2, "traces": 1, "ends": 1}}
    given["evaluation"] |= {"k": 1, "max_tokens": 16}
    return given | {"arms": ARMS, "controls": {}}


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder in which the stages up to `further` have run, and `refine` once more for each refiner."""
    folder = tmp_path_factory.mktemp("refiners")
    (folder / "studies").mkdir()
    (folder / "data" / "problems").mkdir(parents=True)
    (folder / "studies" / "smoke.yaml").write_text(yaml.safe_dump(study()), encoding="utf-8")
    rows = map(json.loads, (ROOT / "data" / "problems" / "smoke.jsonl").read_text(encoding="utf-8").splitlines())
    worked = [row | {"solution": f"It is <<x={row['answer']}>>{row['answer']}\n#### {row['answer']}"} for row in rows]
    (folder / "data" / "problems" / "worked.jsonl").write_text("\n".join(map(json.dumps, worked)), encoding="utf-8")
    lines = [line for line in commands("smoke") if line[0] in NEEDED]
    cell = next(line for line in lines if line[0] == "refine")
    before = cell[cell.index("--refiner") + 1]
    lines += [[word.replace(before, name) for word in cell] for name in SOLO]
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        # Starting processes would take longer than all runs of this size.
        patch.setattr(workers, "cores", lambda: 1)
        for stage, *flags in lines:
            importlib.import_module(f"stages.{stage}").main(flags)
        yield folder


def stream(ran: Path, arm: str) -> list[Refined]:
    folder = ran / "data" / "smoke"
    cell = folder / "arms" / "home" / arm / "stream.jsonl"
    return read(cell if cell.is_file() else folder / "further" / arm / "stream.jsonl", Refined)


@pytest.fixture(scope="module")
def measured(ran: Path) -> dict[str, Measured]:
    return {arm.name: arm for arm in files.read(ran / "results" / "smoke" / "arms" / "further.json")}


@pytest.mark.parametrize("name", [name for name in SOLO if name not in ("best_reward", "grape")])
def test_a_refiner_gives_the_same_stream_as_a_cell_and_as_an_arm(ran: Path, name: str) -> None:
    folder = ran / "data" / "smoke"
    cell, arm = folder / "arms" / "home" / name, folder / "further" / name
    assert (cell / "stream.jsonl").read_bytes() == (arm / "stream.jsonl").read_bytes()


@pytest.mark.parametrize("name", SOLO)
def test_every_refiner_comes_from_stream_to_measured(measured: dict[str, Measured], name: str) -> None:
    arm = measured[name]
    assert arm.stream.traces > 0
    assert sum(arm.stream.outcomes.values()) == arm.stream.problems == 8
    assert [(run.objective, run.replicate) for run in arm.runs] == [("sft", 1)]
    assert arm.answers
    assert arm.rewards


def test_who_wrote_is_counted(measured: dict[str, Measured]) -> None:
    origins = {name: arm.stream.origins for name, arm in measured.items()}
    assert set(origins["guided"]) <= {"own", "guided", "oracle"}
    assert sum(origins["guided"].values()) == measured["guided"].stream.traces
    assert set(origins["self_distilled"]) <= {"guided", "reference"}
    assert set(origins["grape"]) <= {"samples", "learner/rejection_sampling", *(f"home/{n}" for n in MAIN)}
    wrote = {name for name, arm in measured.items() if arm.stream.learner_tokens}
    assert wrote == {"guided", "hinted", "self_distilled"}
    assert {name for name, arm in measured.items() if arm.asks_oracle} >= {"masked"}
    free = {"grape", "best_reward", "reference", "calculator"}
    assert not {name for name, arm in measured.items() if arm.asks_oracle} & free


def test_the_masked_arm_has_the_oracle_refined_texts_and_trains_on_fewer_tokens(
    ran: Path, measured: dict[str, Measured]
) -> None:
    own, plain = stream(ran, "masked"), stream(ran, "oracle_refined")
    assert [refined.text for refined in own] == [refined.text for refined in plain]
    whole = sum(refined.mask.tokens for refined in own if refined.mask)
    (run,) = measured["masked"].runs
    left = whole - measured["masked"].stream.masked
    assert 0 < left < whole
    assert run.tokens == left


def test_a_reference_says_its_answer_in_a_box_and_without_the_data_sets_marks(ran: Path) -> None:
    for refined in stream(ran, "reference"):
        assert refined.text is not None
        assert refined.text.startswith("It is ")
        assert "<<" not in refined.text
        assert "####" not in refined.text


def further(ran: Path, arms: dict[str, Any]) -> dict[str, bytes]:
    """What `further` writes of some arms, made in the same folder once more."""
    (ran / "studies" / "smoke.yaml").write_text(yaml.safe_dump(study() | {"arms": arms}), encoding="utf-8")
    line = next(line for line in commands("smoke") if line[0] == "further")
    importlib.import_module("stages.further").main(line[1:])
    places = [ran / "data" / "smoke" / "further", ran / "results" / "smoke" / "arms" / "further.json"]
    written = [path for place in places for path in ([place] if place.is_file() else sorted(place.rglob("*.jsonl")))]
    return {str(path.relative_to(ran)): path.read_bytes() for path in written}


def test_a_run_of_further_arms_that_was_stopped_goes_on_where_it_was_to_the_same_bytes(
    ran: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = {path: path.read_bytes() for path in sorted((ran / "data" / "smoke" / "further").rglob("*.jsonl"))}
    trained, refined = list[str](), list[str]()
    fine_tune, make_stream = training.fine_tune, chain.make_stream
    stopped = {"second"}

    def tuning(*given: Any, arm: str) -> Any:
        trained.append(arm)
        if arm in stopped:
            raise KeyboardInterrupt
        return fine_tune(*given, arm=arm)

    def refining(refiner: Any, *given: Any) -> Any:
        refined.append(settings.name_of(refiner))
        return make_stream(refiner, *given)

    monkeypatch.setattr(training, "fine_tune", tuning)
    monkeypatch.setattr(chain, "make_stream", refining)
    first = further(ran, ARMS)
    assert (trained, refined) == ([], [])
    assert {ran / path: content for path, content in first.items() if path.endswith(".jsonl")} == before
    more = ARMS | {"first": {"oracle": "home", "refiner": "restyled"}}
    more |= {"second": {"oracle": "home", "refiner": "restyled", "training": {"budget": {"epochs": 2}}}}
    with pytest.raises(KeyboardInterrupt):
        further(ran, more)
    # The second arm's stream is the first one's, which is not made twice.
    assert (trained, refined) == (["first", "second"], ["restyled"])
    stopped.clear()
    resumed = further(ran, more)
    assert (trained, refined) == (["first", "second", "second"], ["restyled"])
    shutil.rmtree(ran / ".qup" / "cells")
    afresh = further(ran, {name: more[name] for name in ("second", "calculator")})
    assert sorted(trained[3:]) == ["calculator", "second"]
    assert {path: content for path, content in afresh.items() if resumed[path] != content}.keys() == {
        "results/smoke/arms/further.json"
    }
