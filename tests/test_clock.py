"""No run reads the clock: nothing in the code asks it, and the stages give the same bytes on two days."""

import ast
import dataclasses
import datetime as dt
import importlib
import shutil
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from pipeline import commands

from qup.models import _families
from qup.models._families import Family

ROOT = Path(__file__).parents[1]
FILES = sorted(path.relative_to(ROOT) for room in ("qup", "stages") for path in (ROOT / room).rglob("*.py"))
CLOCKS = {
    *(f"time.{name}" for name in ("time", "time_ns", "monotonic", "perf_counter", "localtime", "gmtime", "strftime")),
    *("datetime.now", "datetime.utcnow", "datetime.today", "date.today", "time.ctime", "uuid.uuid1", "uuid.uuid4"),
}
TOLD = {
    "qup/kept.py": "how long ago what is kept was last asked for, or begun by a process that is gone",
    "qup/preflight/endpoints.py": "that no endpoint answers from a cache when it is asked whether it is there",
    "stages/cli.py": "how long a stage took, which nothing reads that goes into an output",
    "qup/backends/openai/ledger.py": "how long a call has been under way: whether its promised tokens are still held",
    "qup/plan/calibration.py": "how fast this machine is, for a plan, which is no output",
    "qup/running/__init__.py": "how long a run took, which is told on the terminal",
    "qup/training/following.py": "when a followed run said something to MLflow, which is no output",
    "qup/tracking/__init__.py": "how long a store has been silent",
    "qup/tracking/_write.py": "when a run was mirrored in MLflow, which is no output",
}
"Files that may ask the clock, and what for."
SEEN = ("qup", "stages", "transformers", "trl", "peft", "lm_eval", "datasets", "huggingface_hub", "accelerate")
"Packages whose calendar is set."


def asked(source: str) -> set[str]:
    """The clocks that a file asks."""
    calls = {ast.unparse(node.func) for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Call)}
    return {".".join(call.split(".")[-2:]) for call in calls} & CLOCKS


def test_a_question_to_the_clock_is_seen() -> None:
    assert asked("import datetime as d\nx = d.datetime.now(d.UTC)") == {"datetime.now"}
    assert asked("import time\nx = time.strftime('%d')\ny = time.sleep(1)") == {"time.strftime"}


def test_no_code_on_the_way_to_an_output_asks_the_clock() -> None:
    assert {str(file) for file in FILES if asked((ROOT / file).read_text(encoding="utf-8"))} == set(TOLD)


# --- the stages on two days


def set_calendar(patch: pytest.MonkeyPatch, days: int) -> None:
    """Let clocks be so many days ahead."""
    real, local = time.time, time.localtime
    ahead = dt.timedelta(days=days)

    class Later(dt.datetime):
        @classmethod
        def now(cls, tz: Any = None) -> Any:
            return dt.datetime.now(tz) + ahead

    patch.setattr(time, "time", lambda: real() + ahead.total_seconds())
    patch.setattr(time, "localtime", lambda seconds=None: local(time.time() if seconds is None else seconds))
    for name, module in list(sys.modules.items()):
        if name.split(".")[0] in SEEN and vars(module).get("datetime") is dt.datetime:
            patch.setattr(module, "datetime", Later)


def outputs(folder: Path) -> dict[str, bytes]:
    files = [path for top in ("data", "models", "results") for path in (folder / top).rglob("*") if path.is_file()]
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_every_stage_gives_the_same_bytes_on_two_days(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import transformers.utils.chat_template_utils

    # Runs side by side would be in processes whose calendar is right.
    monkeypatch.setenv("LOKY_MAX_CPU_COUNT", "1")
    dated = "{{ strftime_now('%d %b %Y') }}\n"
    load = _families.load

    def dated_family(name: str) -> Family:
        family = load(name)
        return dataclasses.replace(family, template=dated + str(family.template))

    monkeypatch.setattr(_families, "load", dated_family)
    made = []
    for days in (100, 230):
        folder = tmp_path / str(days)
        shutil.copytree(ROOT / "data" / "problems", folder / "data" / "problems")
        study = (ROOT / "studies" / "smoke.yaml").read_text(encoding="utf-8")
        (folder / "studies").mkdir()
        (folder / "studies" / "smoke.yaml").write_text(study.replace("[sft, dft]", "[sft]"), encoding="utf-8")
        (folder / "params.yaml").write_text("study: smoke\nrefiner: style_aligned\noracles: [home]\n", encoding="utf-8")
        monkeypatch.chdir(folder)
        with pytest.MonkeyPatch.context() as patch:
            set_calendar(patch, days)
            # The calendar that was set is the one that a template would print.
            printed = transformers.utils.chat_template_utils.datetime.now()
            assert abs((printed - dt.datetime.now()).days - days) <= 1
            for stage, *flags in commands("smoke"):
                importlib.import_module(f"stages.{stage}").main(flags)
        made.append(outputs(folder))
    assert {"data/smoke/traces.jsonl", "data/smoke/report/report.json", "results/smoke/metrics.json"} <= set(made[0])
    assert [name for name in made[0] | made[1] if made[0].get(name) != made[1].get(name)] == []
