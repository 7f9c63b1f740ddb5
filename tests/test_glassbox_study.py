"""The whole pipeline on a shrunken glass box, every stage of dvc.yaml in this process: what is set must come out."""

import importlib
import json
import shlex
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import networkx
import pytest
import yaml

from qup import plan
from qup.lm import workers
from qup.measured import files
from qup.plan.spans import exactly
from qup.plan.work import Kind
from qup.records import Refined, Trace, TrainRun, read
from qup.settings import read_yaml

# Some minutes for one run of a whole study, whose stages the quick tests try one by one.
pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]

ROOT = Path(__file__).resolve().parents[1]
STUDY = "glassbox-tiny"
NATIVE = "learner/rejection_sampling"
REPAIRED = ("home/style_aligned", "home/oracle_refined", "home/oracle_synthesized")
ARMS = (NATIVE, "home/restyled", *REPAIRED)


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder in which every stage but `track` has run."""
    written = (ROOT / "studies" / f"{STUDY}.yaml").read_text(encoding="utf-8")
    yield from run_all(tmp_path_factory.mktemp("study"), STUDY, written)


def run_all(folder: Path, study: str, written: str) -> Iterator[Path]:
    """Run every stage but `track` of a study's file in a folder, in the order and with the commands of DVC."""
    for name in ("qup", "stages"):
        (folder / name).symlink_to(ROOT / name)
    (folder / "studies").mkdir()
    (folder / "studies" / f"{study}.yaml").write_text(written, encoding="utf-8")
    shutil.copy(ROOT / "dvc.yaml", folder / "dvc.yaml")
    (folder / "data" / "problems").mkdir(parents=True)
    (folder / "params.yaml").write_text(f"study: {study}\nrefiner: style_aligned\noracles: [home]\n")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        # Starting processes would take longer than all runs of this size.
        patch.setattr(workers, "cores", lambda: 1)
        for command in commands(folder):
            _, _, module, *argv = shlex.split(command)
            importlib.import_module(module).main(argv)
        yield folder


def commands(folder: Path) -> list[str]:
    """The commands of all stages but `track`, each after those it depends on."""
    from dvc.repo import Repo

    with Repo.init(str(folder), no_scm=True) as repo:
        order = networkx.topological_sort(repo.index.graph.reverse())
        return [stage.cmd for stage in order if not stage.addressing.startswith("track")]


@pytest.fixture(scope="module")
def summary(ran: Path) -> dict[str, Any]:
    """The numbers of the report."""
    numbers: dict[str, Any] = json.loads((ran / "data" / STUDY / "report" / "report.json").read_text(encoding="utf-8"))
    return numbers


def stream(ran: Path, arm: str) -> dict[str, str | None]:
    """Problem to trace of an arm, main or further."""
    folder = ran / "data" / STUDY
    file = folder / "arms" / arm / "stream.jsonl"
    records = read(file if file.is_file() else folder / "further" / arm / "stream.jsonl", Refined)
    return {r.problem_id: r.text for r in records}


def test_the_learner_is_better_than_chance_and_not_perfect(summary: dict[str, Any]) -> None:
    assert 2 / 13 < summary["base"]["accuracy"]["value"] < 0.98


def test_the_streams_are_what_their_names_say(summary: dict[str, Any]) -> None:
    found = {arm: summary["manipulation"][arm] for arm in ARMS}
    # A learner this small often names a number wrongly (`= 8 h8` for f), which is no derivation, right or wrong.
    assert all(arm["parsed"]["value"] > 0.2 for arm in found.values())
    for arm in REPAIRED:
        assert (found[arm]["parsed"]["value"], found[arm]["logic"]["value"]) == (1, 1)
    for arm in ("home/restyled", "home/oracle_refined", "home/oracle_synthesized"):
        assert found[arm]["dose"]["value"] == 1
    assert found[NATIVE]["dose"]["value"] < 0.6
    assert summary["manipulation_checks"]["main"]["passed"] is True


def test_a_dose_of_zero_gives_the_very_text_of_style_aligned_repair(ran: Path, summary: dict[str, Any]) -> None:
    assert stream(ran, "dose0") == stream(ran, "home/style_aligned")
    assert summary["controls"]["dose_zero"]["outcome"] == "as expected"


def test_the_idle_oracle_is_tried_on_training_sets_of_its_own(ran: Path, summary: dict[str, Any]) -> None:
    assert stream(ran, "idle")
    assert not stream(ran, "idle").keys() & stream(ran, NATIVE).keys()
    assert summary["controls"]["idle_oracle"]["expected"].endswith("Training set of idle: again.")


def test_failed_problems_have_streams_of_their_own(ran: Path) -> None:
    failed = set(stream(ran, "failed/unfiltered"))
    assert failed
    assert not failed & set(stream(ran, NATIVE))
    assert failed == set(stream(ran, "failed/oracle_refined"))


def test_the_refiners_that_edit_go_from_stream_to_measured_and_leave_no_wrong_step(ran: Path, tmp_path: Path) -> None:
    given = read_yaml(ROOT / "studies" / f"{STUDY}.yaml")
    own = {"oracle": "home", "scope": "all", "training": {"objectives": ["sft"]}}
    arms = {name: {**own, "refiner": name} for name in ("calculator", "minimum_change", "suffix_repair")}
    (tmp_path / f"{STUDY}.yaml").write_text(
        yaml.safe_dump(given | {"arms": arms, "controls": {}, "maps": {}}, sort_keys=False)
    )
    data = ran / "data" / STUDY
    places = {"study": tmp_path / f"{STUDY}.yaml", "problems": data / "problems", "traces": data / "traces.jsonl"}
    places |= {"models": ran / "models" / STUDY / "base", "streams": data / "arms"}
    places |= {"out": tmp_path / "further", "measured": tmp_path / "further.json"}
    flags = [word for flag, place in places.items() for word in (f"--{flag}", str(place))]
    importlib.import_module("stages.further").main(flags)
    drafts = {(t.problem_id, t.index): t.text for t in read(data / "traces.jsonl", Trace)}
    failed = {r.problem_id for r in read(data / "further" / "failed" / "unfiltered" / "stream.jsonl", Refined)}
    measured = {arm.name: arm for arm in files.read(tmp_path / "further.json")}
    changed = {}
    for name, arm in measured.items():
        rows = read(tmp_path / "further" / name / "stream.jsonl", Refined)
        solved, wrong = ([r for r in rows if r.stratum == stratum] for stratum in ("solved", "failed"))
        assert {r.problem_id for r in wrong} == failed
        assert all(r.verdict == "correct" for r in rows if r.text is not None)
        assert arm.stream.traces > len(solved)
        assert arm.runs
        assert arm.answers
        # Right drafts cost nothing, and whoever asks an Oracle leaves them alone.
        assert sum(r.attempts for r in solved) == 0
        assert name == "calculator" or all(r.text == drafts[r.problem_id, r.draft_index] for r in solved)
        assert sum(r.attempts for r in wrong) == (0 if name == "calculator" else len(failed))
        changed[name] = sum(r.outcome == "changed" for r in wrong)
    # The program repairs every wrong draft; the calculator those whose numbers were read rightly from the question.
    assert changed["minimum_change"] == changed["suffix_repair"] == len(failed)
    assert 0 < changed["calculator"] <= len(failed)


def test_every_control_is_reported_with_its_outcome(summary: dict[str, Any]) -> None:
    controls = summary["controls"]
    assert set(controls) == {"failed", "dose_zero", "style_null", "idle_oracle", "dose_response"}
    assert all(control["outcome"] != "not measured" for control in controls.values())
    decodings = {"sft, sampled", "sft, greedy"}
    assert set(controls["idle_oracle"]["results"]) == set(controls["style_null"]["results"]) == decodings


def test_the_map_has_its_cells_under_both_decodings(summary: dict[str, Any]) -> None:
    squares = summary["maps"]["regimes"]["squares"]
    assert set(squares) == {"sampled", "greedy"}
    for rows in squares.values():
        ((plain, rich),) = rows
        assert {plain["gap"]["holm"]["family"], rich["gap"]["holm"]["family"]} == {2}
        assert None not in (plain["predicted"]["value"], rich["predicted"]["value"])


def test_every_reward_that_perceives_is_tried_on_the_learners_samples(summary: dict[str, Any]) -> None:
    found = summary["premises"]["rewards"]
    assert set(found) == {"taste", "judge"}
    assert all(each["auc"]["value"] is not None for each in found.values())


def test_the_report_shows_how_the_learner_was_made(ran: Path) -> None:
    assert (ran / "data" / STUDY / "report" / "pretraining.svg").is_file()


def test_perplexity_is_least_without_the_oracles_style(summary: dict[str, Any]) -> None:
    by_arm = summary["controls"]["dose_response"]["results"]["ppl"]["by_arm"]
    values = [by_arm[arm]["value"] for arm in ("home/style_aligned", "dose50", "home/oracle_refined")]
    # The learner has read either style, never half of each in one trace: the middle dose may lie above the whole one.
    assert values[0] < min(values[1:])


def test_the_judge_loves_style_as_it_was_taught_to(summary: dict[str, Any]) -> None:
    quality = {arm: summary["arms"][arm]["rewards"]["judge"]["value"] for arm in ARMS}
    assert quality["home/restyled"] > quality[NATIVE]


def test_the_longer_chains_stand_beside_and_not_in_the_utility(summary: dict[str, Any]) -> None:
    learner = summary["arms"]["home/oracle_refined"]["learners"]["sft"]
    assert learner["utility"]["n"] == 48
    assert summary["arms"]["home/oracle_refined"]["sets"]["longer"]["sft"]["accuracy"]["n"] == 16


def test_a_plan_counts_the_generations_that_the_stages_ask_for(ran: Path) -> None:
    """Before anything has run, from the study's file; and the traces of streams once the learner has sampled."""
    unasked = plan.Asked(status=False)
    before, after = (
        {row.stage.name: row.stage for row in plan.plan(root, STUDY, unasked).rows} for root in (ROOT, ran)
    )
    data = ran / "data" / STUDY
    for stages in (before, after):
        assert stages["sample"].generations == exactly(lines(data / "traces.jsonl"))
        assert stages["baseline"].generations == exactly(lines(data / "base" / "evals.jsonl"))
        for arm in ARMS[1:]:
            name = f"evaluate@{arm.replace('/', '-')}"
            assert stages[name].generations == exactly(lines(data / "arms" / arm / "evals.jsonl"))
    further = sum(lines(path) for path in (data / "further").rglob("evals.jsonl"))
    assert after["further"].generations.low <= further <= after["further"].generations.high
    for arm in ARMS[1:]:
        stage = after[f"train@{arm.replace('/', '-')}"]
        runs = read(data / "arms" / arm / "runs.jsonl", TrainRun)
        assert stage.sum(Kind.TRAIN, what="begun") == exactly(len(runs))
        tokens, trained = stage.sum(Kind.TRAIN, what="completion"), sum(run.tokens for run in runs)
        # Traces of an arm are not as long as the learner's own.
        assert 0.7 * tokens.low <= trained <= 1.4 * tokens.high


def lines(path: Path) -> int:
    return len(path.read_text(encoding="utf-8").splitlines())
