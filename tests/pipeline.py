"""The pipeline without DVC: the command of every stage of a study, in order, from dvc.yaml."""

import shlex
from itertools import product
from pathlib import Path

from qup.arms import MAIN
from qup.settings import read_yaml

ROOT = Path(__file__).parents[1]


def commands(study: str) -> list[list[str]]:
    """(stage, flags...) of every stage that writes outputs, for one Oracle."""
    stages = read_yaml(ROOT / "dvc.yaml")["stages"]
    lines = []
    for name, stage in stages.items():
        matrix = {**stage.get("matrix", {}), "study": [study]}
        if "${oracles}" in matrix.get("oracle", ()):
            matrix |= {"oracle": ["home"], "refiner": sorted(MAIN)}
        for cell in product(*matrix.values()) if name != "track" else ():
            line = stage["cmd"].replace("${code}.", "")
            for key, value in zip(matrix, cell, strict=True):
                line = line.replace(f"${{item.{key}}}", value)
            lines.append(shlex.split(line))
    return lines
