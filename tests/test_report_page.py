"""The report as a reader and a stage get it: the page, its plots, its files, the metrics beside each other."""

import dataclasses
import importlib
import itertools
import json
import pkgutil
import re
from pathlib import Path

import pytest
import toyreport
import yaml
from toyreport import ALIGNED, NATIVE, REFINED

from qup import report
from qup.measured import files
from qup.records import Step
from qup.report import outline, page, painter, plot_rows, quality_plot, sections
from qup.report.numbers import Missing, to_json
from qup.report.plot_rows import pretraining_rows, quality_rows
from qup.stats import Estimate
from stages import cli
from stages import report as stage

SECTIONS = [module.name for module in pkgutil.iter_modules(sections.__path__)]


@pytest.fixture(scope="module")
def toy():
    return toyreport.toy()


@pytest.fixture(scope="module")
def planted(toy):
    return toy.build()


@pytest.mark.parametrize("name", SECTIONS)
def test_every_section_has_numbers_and_says_them(name) -> None:
    section = importlib.import_module(f"qup.report.sections.{name}")
    assert callable(section.numbers)
    assert callable(section.show)


def test_every_file_of_sections_is_on_the_page() -> None:
    text = Path(outline.__file__).read_text(encoding="utf-8")
    assert [name for name in SECTIONS if f"{name}.show(" not in text] == []


def test_charts_are_painted_without_the_fonts_of_the_machine() -> None:
    config = Path(painter.FONTS["FONTCONFIG_FILE"])
    assert re.findall('<dir prefix="relative">(.+)</dir>', config.read_text(encoding="utf-8")) == ["."]
    assert [file.name for file in config.parent.iterdir()] == [config.name]


def test_names_of_points_at_one_height_stand_above_each_other(planted) -> None:
    tables, at = planted.numbers.tables, Estimate(0.1, 0.0, 0.2, 60, 0.05, 3)
    rows = {
        name: dataclasses.replace(
            row,
            rewards={"genrm": dataclasses.replace(row.rewards["genrm"], mean=Estimate(1.0, 0.9, 1.1, 30, 0.05))},
            learners={"sft": dataclasses.replace(row.learners["sft"], utility=at, greedy_utility=at)},
        )
        for name, row in tables.rows.items()
    }
    points = quality_rows(dataclasses.replace(tables, rows=rows))
    for panel in ("SFT, sampled", "SFT, greedy"):
        heights = sorted(point["name_at"] for point in points if point["panel"] == panel)
        assert len(heights) == len(toyreport.PARADOX)
        assert heights[0] == 10
        assert all(after - before > 0.5 for before, after in itertools.pairwise(heights))


def test_no_name_lies_on_another_or_on_a_point_that_it_reaches_over() -> None:
    places = {"a": (0.0, 0.0), "a very long name": (0.05, 0.5), "half": (0.56, 0.5), "b": (0.6, 1.0), "c": (1.0, 10.0)}
    rows = [
        {"panel": "p", "arm": arm, "q_value": q, "q_low": q, "q_high": q, "u_value": u, "u_low": u, "u_high": u}
        for arm, (q, u) in places.items()
    ]
    placed = {row["arm"]: row for row in plot_rows._named_apart(rows)}
    high = plot_rows.NAME * 10
    # Its own height is taken by a point under its letters, and above that by the name of the next.
    assert (
        placed["a very long name"]["name_from"] < 0.56 < placed["a very long name"]["name_from"] + 16 * plot_rows.LETTER
    )
    boxes = [
        (row["name_from"], row["name_from"] + len(arm) * plot_rows.LETTER, row["name_at"])
        for arm, row in placed.items()
    ]
    points = [(q, q, u) for q, u in places.values()]
    for one, other in itertools.combinations([*boxes, *points], 2):
        if one in boxes and one[0] < other[1] and other[0] < one[1]:
            assert abs(one[2] - other[2]) >= high - 1e-3
    assert placed["c"]["name_at"] == 10.0


def test_arms_that_a_reward_cannot_tell_apart_and_that_answer_alike_are_drawn_beside_their_names(planted) -> None:
    tables, same, at = planted.numbers.tables, Estimate(1.0, 1.0, 1.0, 30, 0.0), Estimate(0.1, 0.1, 0.1, 60, 0.0, 3)
    rows = {
        name: dataclasses.replace(
            row,
            rewards={"genrm": dataclasses.replace(row.rewards["genrm"], mean=same)},
            learners={"sft": dataclasses.replace(row.learners["sft"], utility=at, greedy_utility=at)},
        )
        for name, row in tables.rows.items()
    }
    points = quality_rows(dataclasses.replace(tables, rows=rows))
    ends = quality_plot.frame(points)
    assert {(point["q_value"], point["u_value"]) for point in points} == {(1.0, 10.0)}
    assert all(1.0 < point["name_from"] < ends.right and point["name_at"] < ends.top for point in points)
    places = [(point["panel"], point["name_at"]) for point in points]
    assert len(set(places)) == len(places) == 2 * len(toyreport.PARADOX)


def test_arms_of_one_refiner_share_a_colour(monkeypatch) -> None:
    toy = toyreport.toy(toyreport.PARADOX | {"a-b/oracle_refined": (1.7, -0.2, 3.0)}, oracles=("home", "a-b"))
    points = quality_rows(toy.plain(monkeypatch).numbers.tables)
    streams = {point["arm"]: (point["stream"], point["oracle"]) for point in points}
    assert streams["Refined (a-b)"] == ("Refined", "a-b")
    assert streams["Refined"] == ("Refined", "home")
    assert streams["RFT"] == ("RFT", "none (native)")


def test_the_curve_of_a_learner_that_the_study_made_is_averaged_within_bins(toy) -> None:
    steps = [Step("sft", 1, s, s / 120, 10 * s, 2.0 - s / 100, 1.0, 1e-3, 0.5, s / 120) for s in range(1, 121)]
    rows = pretraining_rows(steps)
    # 120 steps in 60 bins: the first holds steps 1 and 2, whose losses are 1.99 and 1.98.
    assert rows[0] == {"quantity": "loss, nats per token", "step": 2, "value": pytest.approx(1.985)}
    assert rows[60] == {"quantity": "token accuracy", "step": 2, "value": pytest.approx(1.5 / 120)}
    assert len(rows) == 120
    assert "pretraining" in dataclasses.replace(toy, pretraining=tuple(steps)).build().plots


def test_the_page_loads_nothing_and_its_ids_are_unique(planted) -> None:
    assert "http:" not in planted.html
    assert "https:" not in planted.html
    assert "<script" not in planted.html
    assert set(planted.plots) == {"quality-utility", "ppl-quarters", "training-curves", "adaptation"}
    ids = set(re.findall(r'\bid="([^"]+)"', planted.html))
    assert ids >= set(re.findall(r"url\(#([^)]+)\)", planted.html))
    for name, plot in planted.plots.items():
        assert all(found.startswith(name) for found in re.findall(r'\bid="([^"]+)"', plot.svg))


def test_page_and_markdown_have_the_same_sections_in_the_same_order(planted) -> None:
    heads = re.findall(r"^## (.+)$", planted.markdown, flags=re.MULTILINE)
    assert heads == re.findall(r"<h2>(.+?)</h2>", planted.html)
    assert (*heads[:3], heads[-1]) == ("The question", "What to train on", "Verdict", "Methods")


def test_every_table_of_the_page_has_a_caption_and_its_heads_a_scope(planted) -> None:
    bodies = re.findall(r"<table>.*?</table>", planted.html, re.DOTALL)
    assert len(bodies) > 10
    for body in bodies:
        assert len(re.findall(r"<caption><span[^>]*>[^<]+</span></caption>", body)) == 1
        assert all('scope="' in head for head in re.findall(r"<th\b[^>]*>", body))


def test_every_picture_of_the_page_has_a_role_a_title_and_a_description(planted) -> None:
    pictures = re.findall(r"<svg.*?</svg>", planted.html, re.DOTALL)
    assert len(pictures) > len(planted.plots)
    for picture in pictures:
        named, told = re.search(r'role="img" aria-labelledby="(\S+)" aria-describedby="(\S+)"', picture).groups()
        assert f'<title id="{named}">' in picture
        assert f'<desc id="{told}">' in picture


def test_every_plot_stands_on_the_page_also_one_that_no_section_asks_for(planted) -> None:
    contents = outline.show(planted.numbers, [*planted.plots, "another"])
    shown = [outline.plot_of(name) for section in contents.sections for name in section.plots]
    assert sorted(shown) == sorted([*planted.plots, "another"])
    assert contents.parts[-1].sections[0].plots == ["another"]


def test_a_section_brings_markup_of_its_own_to_the_page(planted) -> None:
    found = outline.show(planted.numbers, list(planted.plots))
    first, *others = found.parts[0].sections
    mine = dataclasses.replace(first, html="<p id='mine'>here</p><script>document.title = '&';</script>")
    shown = outline.Contents(found.first, [outline.Part("p", [mine, *others])])
    html = page.render(page.TEMPLATE, planted.plots, title="t", lead="l", contents=shown)
    assert mine.html in html


def test_markdown_has_what_the_page_folds(planted) -> None:
    assert "Prequential code length" in planted.markdown
    assert "every pair of arms judged together" in planted.markdown
    assert "```yaml\n" in planted.markdown


def test_equal_measurements_give_equal_bytes(toy, planted) -> None:
    assert toy.build().files() == planted.files()


def test_the_summary_is_plain_yaml_and_json(planted) -> None:
    assert json.loads(json.dumps(planted.summary)) == planted.summary
    assert yaml.safe_load(yaml.safe_dump(planted.summary)) == planted.summary


def test_json_has_six_decimals_and_null_for_what_is_not_finite() -> None:
    assert to_json({"a": [1 / 3, -0.0, float("inf")], 2: (True, "b")}) == {"a": [0.333333, 0.0, None], "2": [True, "b"]}
    assert to_json(Missing("no arm")) == {"value": None, "reason": "no arm"}
    plain = {"value": 0.5, "low": 0.4, "high": 0.6, "n": 10, "se": 0.05, "df": None}
    assert to_json(Estimate(0.5, 0.4, 0.6, 10, 0.05)) == plain
    assert to_json(Estimate(0.5, 0.4, 0.6, 10, 0.05, 1, 9.0)) == plain | {"replicates": 1, "df": 9.0}


def test_the_prose_has_the_numbers_that_the_code_goes_by(planted) -> None:
    methods = planted.markdown.partition("## Methods")[2]
    assert "percentiles of 400 bootstrap draws" in methods
    assert "must be shown to be within 0.05 by two one-sided tests at 0.05." in methods
    assert "a reward below 0.6, or not told from chance, carries no claim" in methods
    assert "3 measured main arms and 0 beside them" in methods
    assert "{" not in methods


def test_a_metric_is_null_by_its_role_whatever_its_name(toy, monkeypatch) -> None:
    monkeypatch.setattr("qup.report.plots.draw", lambda *_: {})
    arms = [dataclasses.replace(arm, roles=arm.roles | {"onpolicy_z": "null"}) for arm in toy.main_arms()]
    table = report.build(toy.study, toy.base(), arms).markdown.partition("## Compatibility before training")[2]
    names = re.findall(r"^\| (\S+) \|", table.partition("## ")[0], flags=re.MULTILINE)[2:]
    assert names[-2:] == ["null.tokens", "onpolicy_z"]
    assert names[0] == "ppl"


def test_logic_and_style_are_read_by_whichever_metric_knows_the_truth(monkeypatch) -> None:
    monkeypatch.setattr("qup.report.plots.draw", lambda *_: {})
    toy = toyreport.toy(toyreport.FACTORIAL, craft=toyreport.CRAFT)
    arms = [
        dataclasses.replace(
            arm,
            metrics={key.replace("glassbox", "proof"): values for key, values in arm.metrics.items()},
            roles={key.replace("glassbox", "proof"): role for key, role in arm.roles.items()},
            plugs={
                key.replace("glassbox", "proof"): plug.replace("glassbox", "proof") for key, plug in arm.plugs.items()
            },
        )
        for arm in toy.main_arms()
    ]
    renamed, summary = report.build(toy.study, toy.base(), arms).summary, toy.build().summary
    assert renamed["manipulation_checks"] == summary["manipulation_checks"]
    assert renamed["manipulation"] == summary["manipulation"] != {}


def test_metrics_are_at_most_a_dozen_scalars(planted, toy, monkeypatch) -> None:
    for metrics in (planted.metrics, toy.plain(monkeypatch, refiner="restyled").metrics):
        assert len(metrics) <= 12
        assert all(value is None or isinstance(value, float | str) for value in metrics.values())


def test_metrics_are_of_the_refiner_under_comparison_beside_rft(planted, toy, monkeypatch) -> None:
    summary, metrics = planted.summary, toy.plain(monkeypatch, refiner="oracle_refined").metrics
    home = summary["oracles"]["home"]["objectives"]["sft"]
    accuracy = {arm: summary["arms"][arm]["learners"]["sft"]["accuracy"]["value"] for arm in (NATIVE, REFINED)}
    assert metrics == planted.metrics | {
        "reward": pytest.approx(home["refined_over_native"]["genrm"]["value"], abs=1e-4),
        "ppl": pytest.approx(summary["arms"][REFINED]["ppl"]["micro"]["value"], abs=1e-4),
        "adaptation_cost": pytest.approx(summary["adaptation"][REFINED]["cost"]["value"], abs=1e-4),
        "accuracy_sft": pytest.approx(100 * accuracy[REFINED], abs=1e-3),
        "accuracy_dft": pytest.approx(100 * summary["arms"][REFINED]["learners"]["dft"]["accuracy"]["value"], abs=1e-3),
    }
    assert metrics["accuracy_rft_sft"] == pytest.approx(100 * accuracy[NATIVE], abs=1e-3)
    assert metrics["sar_minus_refined_sft"] == pytest.approx(100 * home["contrasts"][0]["estimate"]["value"], abs=1e-3)
    assert metrics["rft_minus_refined_sft"] == pytest.approx(100 * home["contrasts"][1]["estimate"]["value"], abs=1e-3)
    assert metrics["verdict"] == "shown"


def test_metrics_of_an_arm_that_is_not_there_are_none(toy, monkeypatch) -> None:
    metrics = toy.plain(monkeypatch, refiner="restyled").metrics
    assert (metrics["reward"], metrics["ppl"], metrics["accuracy_sft"]) == (None, None, None)
    assert metrics["accuracy_rft_sft"] is not None


def test_the_files_are_the_numbers_the_page_twice_and_each_plot_thrice(planted) -> None:
    made = planted.files()
    drawn = {f"{name}.{ending}" for name in planted.plots for ending in ("svg", "png", "vl.json")}
    assert set(made) == {"report.json", "report.md", "index.html"} | drawn
    assert json.loads(made["report.json"]) == planted.summary
    assert made["index.html"].decode() == planted.html
    assert json.loads(made["ppl-quarters.vl.json"]) == planted.plots["ppl-quarters"].spec


def test_a_headline_is_one_line(planted) -> None:
    assert planted.headlines[0].startswith("sft, Oracle home: Quality-Utility Paradox shown")
    assert len(planted.headlines) == 2
    assert not any("\n" in line for line in planted.headlines)


def test_the_stage_reads_the_chosen_arms_and_writes_what_build_returns(tmp_path, monkeypatch, toy, capsys) -> None:
    restyled = toy.arms[REFINED]
    toy = dataclasses.replace(toy, arms={**toy.arms, "home/oracle_synthesized": restyled, "home/restyled": restyled})
    order = [NATIVE, REFINED, "home/oracle_synthesized", "home/restyled", ALIGNED]
    toy = dataclasses.replace(toy, arms={name: toy.arms[name] for name in order})
    for arm in toy.main_arms():
        files.write(tmp_path / "arms" / f"{arm.name}.json", [arm])
    files.write(tmp_path / "arms" / "further.json", toy.further_arms())
    files.write(tmp_path / "arms" / "base.json", [toy.base()])
    (tmp_path / "params.yaml").write_text("{study: toy, refiner: oracle_refined, oracles: [home]}")
    monkeypatch.setattr(cli, "start", lambda _: toy.study)
    outs = {"arms": "arms", "metrics": "metrics.json", "plots": "plots", "out": "report", "params": "params.yaml"}
    stage.main(["--study=toy.yaml", *(f"--{flag}={tmp_path / name}" for flag, name in outs.items())])
    built = toy.build(refiner="oracle_refined")
    assert {file.name: file.read_bytes() for file in (tmp_path / "report").iterdir()} == built.files()
    assert json.loads((tmp_path / "metrics.json").read_text()) == built.metrics
    assert json.loads((tmp_path / "plots" / "training-curves.json").read_text()) == built.plots["training-curves"].rows
    assert capsys.readouterr().out.splitlines() == built.headlines
