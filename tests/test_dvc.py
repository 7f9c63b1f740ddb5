"""DVC for readers: plots that lay experiments over each other, names of stages, outputs that lie on the disk once."""

import json
import logging
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import toyreport

from qup.report import contrast_rows
from qup.report.numbers import Missing
from qup.report.sections import contrasts as section
from qup.settings import read_yaml
from stages import report as stage

ROOT = Path(__file__).resolve().parents[1]
TEMPLATES = ROOT / ".dvc" / "plots"
PLOTS: dict[str, dict[str, str]] = {
    Path(path).stem: shown
    for each in read_yaml(ROOT / "dvc.yaml")["stages"]["report"]["plots"]
    for path, shown in each.items()
}


@pytest.fixture(scope="module")
def rows() -> dict[str, list[dict[str, Any]]]:
    """The rows of every plot, of a toy report."""
    built = toyreport.toy().build()
    kept = {name: built.plots[name].rows for name in stage.DRAWN}
    return kept | {contrast_rows.NAME: contrast_rows.contrast_rows(built.numbers.contrasts)}


def test_every_plot_has_a_template_of_ours_and_every_template_a_plot() -> None:
    assert {shown["template"] for shown in PLOTS.values()} == {file.stem for file in TEMPLATES.glob("*.json")}
    assert set(PLOTS) == {*stage.DRAWN, contrast_rows.NAME}


@pytest.mark.parametrize("name", PLOTS)
def test_a_template_lays_experiments_over_each_other(rows: dict[str, list[dict[str, Any]]], name: str) -> None:
    import vl_convert
    from dvc_render.vega import OPTIONAL_ANCHOR_RANGES, VegaRenderer

    both = [row | {"rev": rev} for rev in ("workspace", "exp-1") for row in rows[name]]
    spec = VegaRenderer(both, name, template_dir=TEMPLATES, **PLOTS[name]).get_filled_template()
    assert "<DVC_METRIC_" not in json.dumps(spec)
    fields = set(re.findall(r'"field": "([^"]+)"', json.dumps(spec)))
    assert fields <= set(both[0])
    drawn = vl_convert.vegalite_to_svg(spec)
    marks = [f'{colour}"' in drawn for colour in OPTIONAL_ANCHOR_RANGES["color"][:3]]
    assert marks == [True, True, False]


def test_a_contrast_has_a_point_for_each_decoding_with_the_interval_that_decides() -> None:
    contrasts = toyreport.toy().build().numbers.contrasts
    rows = contrast_rows.contrast_rows(contrasts)
    both = [c for c in contrasts if isinstance(c.tested, section.Tested) and not isinstance(c.tested.greedy, Missing)]
    first = both[0]
    assert isinstance(first.tested, section.Tested)
    sampled, greedy = (row for row in rows if row["contrast"] == first.name and row["panel"].startswith("SFT"))
    assert (sampled["panel"], greedy["panel"]) == ("SFT, sampled", "SFT, greedy")
    holm = first.tested.difference.holm
    assert (sampled["low"], sampled["high"]) == (round(100 * holm.low, 4), round(100 * holm.high, 4))
    assert sampled["resolved"] is first.tested.difference.resolved


def git(*words: str) -> None:
    who = ["-c", "user.name=us", "-c", "user.email=us@example.org"]
    subprocess.run(["git", *who, *words], check=True, capture_output=True)


@pytest.fixture
def shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, rows: dict[str, list[dict[str, Any]]]) -> Path:
    """A DVC repository with our templates and one commit of the plots' rows."""
    from dvc.repo import Repo

    monkeypatch.chdir(tmp_path)
    git("init", "--quiet")
    Repo.init().close()
    shutil.copytree(TEMPLATES, tmp_path / ".dvc" / "plots")
    plots = [{f"{name}.json": shown} for name, shown in PLOTS.items()]
    (tmp_path / "dvc.yaml").write_text(json.dumps({"plots": plots}))
    for name, points in rows.items():
        (tmp_path / f"{name}.json").write_text(json.dumps(points))
    git("add", "--all")
    git("commit", "--quiet", "--message", "one")
    return tmp_path


def drawn(folder: Path) -> list[str]:
    """The titles of what `dvc plots diff` draws; any warning fails the test."""
    from dvc.cli import main

    assert main(["plots", "diff", "HEAD", "workspace", "--quiet", "--out", "drawn"]) == 0
    page = (folder / "drawn" / "index.html").read_text(encoding="utf-8")
    return re.findall(r'"title": \{"text": "([^"]+)"', page)


def test_each_plot_is_drawn_once_without_a_warning(shown: Path, caplog: pytest.LogCaptureFixture) -> None:
    logging.getLogger("dvc").propagate = True
    titles = drawn(shown)
    assert len(titles) == len(set(titles)) == len(PLOTS)
    assert [each for each in caplog.records if each.levelno >= logging.WARNING] == []


def test_a_plot_without_points_is_left_out_without_a_warning(shown: Path, caplog: pytest.LogCaptureFixture) -> None:
    logging.getLogger("dvc").propagate = True
    (shown / "contrasts.json").write_text(stage.as_json([]))
    git("commit", "--quiet", "--all", "--message", "two")
    assert len(drawn(shown)) == len(PLOTS) - 1
    assert [each for each in caplog.records if each.levelno >= logging.WARNING] == []


def test_no_stage_or_cell_has_a_name_that_a_reader_would_take_for_cut() -> None:
    from dvc.repo import Repo

    with Repo(str(ROOT)) as repo:
        names = [each.addressing for each in repo.index.stages]
    assert len(names) > 30
    assert [name for name in names if not re.fullmatch(r"[a-z-]*[a-z](@[\w.-]*\w)?", name)] == []


def test_an_output_lies_in_the_cache_and_in_its_place_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from dvc.repo import Repo

    monkeypatch.chdir(tmp_path)
    cmd = "mkdir trained && echo weights > trained/model.safetensors"
    (tmp_path / "dvc.yaml").write_text(json.dumps({"stages": {"train": {"cmd": cmd, "outs": ["trained"]}}}))
    Repo.init(no_scm=True).close()
    ours = (ROOT / ".dvc" / "config").read_text(encoding="utf-8")
    (tmp_path / ".dvc" / "config").write_text(ours.replace("[core]", "[core]\n    no_scm = true"), encoding="utf-8")
    with Repo() as repo:
        repo.reproduce()
    assert (tmp_path / "trained" / "model.safetensors").stat().st_nlink == 2
