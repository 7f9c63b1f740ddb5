"""`make bench` runs to its end: every benchmark at its smallest size, through the command line."""

import json
import math
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
SOURCES = sorted(path.stem for path in (ROOT / "bench").glob("[!_]*.py"))


def bench(*flags: str, cwd: Path = ROOT) -> subprocess.CompletedProcess[str]:
    command, env = [sys.executable, "-m", "bench", *flags], {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.run(command, cwd=cwd, env=env, capture_output=True, text=True, check=False, timeout=570)


@pytest.fixture(scope="module")
def smallest(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, object]]:
    out = tmp_path_factory.mktemp("bench") / "results.json"
    done = bench("--smallest", "--out", str(out))
    assert done.returncode == 0, done.stderr
    figures: dict[str, dict[str, object]] = json.loads(out.read_text(encoding="utf-8"))
    return figures


@pytest.mark.slow
def test_a_benchmark_is_named_by_its_file(smallest: dict[str, dict[str, object]]) -> None:
    assert sorted({key.partition("/")[0] for key in smallest}) == SOURCES


@pytest.mark.slow
@pytest.mark.parametrize("name", SOURCES)
def test_a_benchmark_ends_and_its_figures_say_of_what_and_whence_they_are(
    name: str, smallest: dict[str, dict[str, object]]
) -> None:
    mine = {key: figure for key, figure in smallest.items() if key.startswith(f"{name}/")}
    assert len(mine) >= 2
    for figure in mine.values():
        value = figure["value"]
        assert isinstance(value, float) and math.isfinite(value) and value > 0
        assert figure["unit"] in ("s", "tokens/s")
        assert {"study", "commit", "date", "machine"} <= {key for key, told in figure.items() if told}
        assert {"cpu", "cores"} <= set(dict(figure["machine"]))  # type: ignore[call-overload]


def test_a_study_that_is_not_here_is_told_in_a_line_and_is_no_success(tmp_path: Path) -> None:
    (tmp_path / "studies").symlink_to(ROOT / "studies")
    done = bench("--only", "scoring", "--study", "smoke", cwd=tmp_path)
    assert done.returncode == 2
    expected = "bench: no scoring of smoke: models/smoke/base/learner is not there: run `dvc exp run -S study=smoke`\n"
    assert done.stderr == expected
