"""Imports run down: no circle, and no arrow from a lower room to a higher one."""

import ast
import re
from functools import cache
from pathlib import Path

import networkx
import pytest

ROOT = Path(__file__).resolve().parents[1]
FILES = sorted(path.relative_to(ROOT) for path in (ROOT / "qup").rglob("*.py"))
ROOMS = [
    *(
        "errors",
        "whole",
        "kept",
        "repository",
        "seeds",
        "settings",
        "records",
        "templates",
        "lm",
        "prompts",
        "answers",
        "arithmetic",
        "graders",
    ),
    *("stats", "provenance", "store"),
    *(
        "glassbox",
        "backends",
        "learner",
        "problems",
        "objectives",
        "training",
        "sampling",
        "evals",
        "models",
        "oracles",
    ),
    *("refiners", "restyles", "rewards", "compat", "arms", "measured", "paper", "params", "study", "tracking"),
    *("uses", "chain", "report"),
    *("compare", "plan", "preflight", "advise", "running", "doctor", "export", "new"),
    *("reference", "verbs", "__main__"),
]
"The rooms of the house, the ground first: each may use those before it."


@cache
def module_of(file: Path) -> str:
    return ".".join(file.with_suffix("").parts).removesuffix(".__init__")


MODULES = {module_of(file): file for file in FILES}


def imports(file: Path) -> set[str]:
    """Our modules that a file imports anywhere in it, inside functions too."""
    names: set[str] = set()
    for node in ast.walk(ast.parse((ROOT / file).read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            inner = {f"{node.module}.{alias.name}" for alias in node.names}
            # `from qup import seeds` names the module, `from qup.seeds import derive` what is in it.
            names |= {name for name in inner if name in MODULES} or {node.module}
    return {name for name in names if name in MODULES and name != "qup"}


def room_of(module: str) -> str:
    return module.split(".")[1] if "." in module else module


def test_every_room_stands_in_the_order() -> None:
    assert sorted({room_of(module) for module in MODULES} - {"qup"}) == sorted(ROOMS)


@pytest.mark.parametrize("file", FILES, ids=str)
def test_no_room_uses_one_above_it(file: Path) -> None:
    mine = room_of(module_of(file))
    if mine == "qup":
        assert not imports(file)
        return
    above = {name for name in imports(file) if ROOMS.index(room_of(name)) > ROOMS.index(mine)}
    assert above == set()


def test_no_imports_run_in_a_circle() -> None:
    graph = networkx.DiGraph((module_of(file), name) for file in FILES for name in imports(file))
    # A room's `__init__` and its inner modules use each other's names, but never both ways.
    assert list(networkx.simple_cycles(graph)) == []


@pytest.mark.parametrize(
    "file", [*FILES, *sorted(p.relative_to(ROOT) for p in (ROOT / "stages").glob("*.py"))], ids=str
)
def test_no_file_is_longer_than_a_reader_takes_in(file: Path) -> None:
    assert len((ROOT / file).read_text(encoding="utf-8").splitlines()) <= 300


def test_the_pipeline_is_short_enough_to_read() -> None:
    assert len((ROOT / "dvc.yaml").read_text(encoding="utf-8").splitlines()) <= 340


def test_no_drawer_is_called_utils() -> None:
    assert [file for file in FILES if re.fullmatch(r"(utils?|helpers?|misc|common)\.py", file.name)] == []
