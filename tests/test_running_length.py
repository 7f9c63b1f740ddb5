"""How much `qup run`, and so `make repro`, says of the default study: at most 80 lines, with every stage run."""

import io
import sys
from itertools import product
from pathlib import Path

import pytest
from checkout import ROOT
from rich.console import Console

from qup import running
from qup.arms import MAIN
from qup.params import read_params
from qup.running.screen import UNTOLD, Expected
from qup.settings import read_yaml

MOST, WIDTH = 80, 80
BAR = "train:  {done:3}%|####      | {done}/100 [00:01<00:09, 19.0step/s]"
CHATTER = "{'loss': '0.6931', 'grad_norm': '1.2', 'learning_rate': '3e-04', 'epoch': '0.1'}"


def stages(name: str) -> list[str]:
    """Every stage of a study with the refiner and Oracles of params.yaml, as DVC names them."""
    chosen = read_params(ROOT / "params.yaml")
    refiners = sorted({*MAIN, chosen.refiner})
    made = []
    for stage, settings in read_yaml(ROOT / "dvc.yaml")["stages"].items():
        matrix = {**settings.get("matrix", {}), "study": [name]} if "matrix" in settings else {}
        if "${oracles}" in matrix.get("oracle", ()):
            matrix |= {"oracle": list(chosen.oracles), "refiner": refiners}
        made += ["@".join(filter(None, (stage, "-".join(cell)))) for cell in product(*matrix.values())]
    return made


def test_the_default_study_is_told_in_at_most_80_lines(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    name = read_params(ROOT / "params.yaml").study
    names = stages(name)
    assert len(names) > 30
    for file in ("params.yaml", f"studies/{name}.yaml", f"results/{name}/report/report.json"):
        (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / file).write_bytes((ROOT / file).read_bytes())
    # A DVC that runs every stage, each with bars and what libraries say while they train.
    noise = "\r".join(BAR.format(done=done) for done in range(101)) + "\n" + f"{CHATTER}\n" * 50
    script = f"for name in {names!r}: print(f'Running stage {{name!r}}:\\n> python -m stages', {noise!r}, sep='\\n')"
    monkeypatch.setattr(running.Run, "command", property(lambda self: [sys.executable, "-c", script]))
    ahead = Expected(dict.fromkeys(names, UNTOLD), len(names), {})
    monkeypatch.setattr(running, "_expected", lambda asked, console: console.print(ahead.line) or ahead)
    console = Console(file=io.StringIO(), width=WIDTH)
    assert running.run(running.Run(tmp_path, name), console) == 0
    said = console.file.getvalue().splitlines()
    assert len([line for line in said if f" of {len(names)}, " in line]) == len(names)
    assert any("Oracle home" in line for line in said)
    # As a terminal of 80 columns folds them.
    assert sum(max(1, -(-len(line) // WIDTH)) for line in said) <= MOST
