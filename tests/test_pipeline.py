"""dvc.yaml says what each stage really uses: its code, its settings, its paths."""

import ast
import importlib
import re
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[1]
STAGES: dict[str, Any] = yaml.safe_load((ROOT / "dvc.yaml").read_text(encoding="utf-8"))["stages"]
MODULES = sorted(p.stem for p in (ROOT / "stages").glob("[!_]*.py") if p.stem not in ("cli", "warm"))

PLUMBING = {
    "qup/__init__.py": "the version number",
    "qup/errors.py": "wording of an error, after which there is no result",
    "qup/params.py": "reads settings, whose values each stage tracks under `params:`",
    "qup/plugins.py": "finds a plug by its name; the plug's own file is tracked",
    "qup/workers.py": "deals runs out to processes; the threads of each run are tracked under `params:`",
    "stages/__init__.py": "a docstring",
    "stages/cli.py": "flags, errors and the time taken",
    "stages/warm.py": "where a stage is run, not what it does",
}
"Modules that every stage uses and that cannot change a result, with the reason. They are not among `deps`."

# A stage that always runs need not say what it runs.
TRACKED = {name: stage for name, stage in STAGES.items() if not stage.get("always_changed")}


def module_of(stage: dict[str, Any]) -> str:
    """The file that a stage's command runs."""
    found = re.match(r"\$\{code\}\.(\w+) ", stage["cmd"])
    assert found
    return f"stages/{found[1]}.py"


def file_of(module: str) -> str | None:
    """The file of one of our modules; None for a name that is not one."""
    path = ROOT.joinpath(*module.split("."))
    for file in (path.with_suffix(".py"), path / "__init__.py"):
        if file.is_file():
            return str(file.relative_to(ROOT))
    return None


@cache
def tree_of(file: str) -> ast.Module:
    return ast.parse((ROOT / file).read_text(encoding="utf-8"))


def imported(file: str) -> set[str]:
    """Our modules that a file names: in imports anywhere in it, as text (`"qup.evals"`), or by loading plugs."""
    names: set[str] = set()
    for node in ast.walk(tree_of(file)):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
        elif isinstance(node, ast.Constant) and re.fullmatch(r"qup(\.\w+)+", str(node.value)):
            names.add(str(node.value))
        elif isinstance(node, ast.Call):
            names |= plugs(node)
    return {name for name in names if name.split(".")[0] in ("qup", "stages")}


def plugs(call: ast.Call) -> set[str]:
    """The modules behind `plugins.load("kind", ...)` and `params.plug("kind", ...)`."""
    loads = ast.unparse(call.func) in ("plugins.load", "load", "params.plug", "plug")
    if not (loads and call.args and isinstance(call.args[0], ast.Constant)):
        return set()
    kind, name = str(call.args[0].value), call.args[1]
    one = isinstance(name, ast.Constant) and file_of(f"qup.{kind}.{name.value}")
    files = (ROOT / "qup" / kind).glob("*.py")
    return {f"qup.{kind}.{name.value}"} if one else {f"qup.{kind}.{f.stem}" for f in files}  # type: ignore[attr-defined]


@cache
def used(start: str) -> frozenset[str]:
    """Every file of ours that running `start` may read, plumbing left out: modules, and texts inside packages."""
    found: set[str] = set()
    todo = [start]
    while todo:
        file = todo.pop()
        if file in found or file in PLUMBING:
            continue
        found.add(file)
        for name in imported(file):
            parts = name.split(".")
            todo += filter(None, (file_of(".".join(parts[:n])) for n in range(1, len(parts) + 1)))
        if file.endswith("__init__.py"):
            found |= texts((ROOT / file).parent)
            todo += called_by_yaml((ROOT / file).parent)
    return frozenset(found)


def texts(folder: Path) -> set[str]:
    """Prompts, tasks and templates in a package, those of packages inside it left to them."""
    inner = [path.parent for path in folder.rglob("*/__init__.py")]
    files = [p for p in folder.rglob("*") if not any(p.is_relative_to(package) for package in inner)]
    return {str(p.relative_to(ROOT)) for p in files if p.suffix in (".txt", ".yaml", ".jinja")}


def called_by_yaml(folder: Path) -> list[str]:
    """Modules that lm-eval's task files name: `!function grading.process_results`."""
    named = [re.findall(r"!function (\w+)\.", p.read_text(encoding="utf-8")) for p in folder.glob("*.yaml")]
    return [str((folder / f"{name}.py").relative_to(ROOT)) for names in named for name in names]


def covered(file: str, deps: list[str]) -> bool:
    """Whether a file is one of `deps` or in a folder that is; `${item.x}` stands for any one name."""
    patterns = (re.sub(r"\\\$\\\{item\\\.\w+\\\}", r"[^/]+", re.escape(dep)) for dep in deps)
    return any(re.fullmatch(f"{pattern}(/.*)?", file) for pattern in patterns)


def test_the_walk_sees_lazy_imports_plugs_and_texts() -> None:
    assert {"qup/harness.py", "qup/evals/heldout.yaml", "qup/evals/grading.py"} <= used("stages/evaluate.py")
    assert {"qup/problems/_content.py", "qup/problems/reasoning_gym.py"} <= used("stages/prepare.py")
    assert {"qup/backends/openai.py", "qup/prompts/oracle/repair.txt"} <= used("stages/refine.py")
    assert not used("stages/prepare.py") & {"qup/training.py", "qup/params.py"}


def test_every_piece_of_plumbing_exists() -> None:
    assert [file for file in PLUMBING if not (ROOT / file).is_file()] == []


@pytest.mark.parametrize("name", TRACKED)
def test_the_code_that_a_stage_runs_is_among_its_deps(name: str) -> None:
    deps = STAGES[name]["deps"]
    assert sorted(file for file in used(module_of(STAGES[name])) if not covered(file, deps)) == []


@pytest.mark.parametrize("name", TRACKED)
def test_a_stage_depends_on_no_code_that_it_does_not_run(name: str) -> None:
    mine = used(module_of(STAGES[name]))
    code = [dep for dep in STAGES[name]["deps"] if dep.startswith(("qup/", "stages/"))]
    assert [dep for dep in code if not any(covered(file, [dep]) for file in mine)] == []


def settings_read(file: str) -> set[str]:
    """Dotted names after `study.` in a file: `sampling.temperature` for `study.sampling.temperature`."""
    chains = {ast.unparse(node) for node in ast.walk(tree_of(file)) if isinstance(node, ast.Attribute)}
    found = {m[1] for chain in chains if (m := re.fullmatch(r"(?:(?:self|inputs)\.)?study\.([\w.]+)", chain))}
    # Of `a` and `a.b` that stand for the same access, only the longer one was read.
    return {name for name in found if not any(other.startswith(f"{name}.") for other in found)}


def settings_tracked(stage: dict[str, Any]) -> list[str]:
    return [key for entry in stage["params"] for keys in entry.values() for key in keys]


@pytest.mark.parametrize("name", TRACKED)
def test_the_settings_that_a_stage_reads_are_among_its_params(name: str) -> None:
    files = [f for f in used(module_of(STAGES[name])) if f.endswith(".py") and not f.startswith("qup/models")]
    tracked = settings_tracked(STAGES[name])
    read = set().union(*map(settings_read, files))
    assert read
    assert {key for key in read if not any(f"{key}.".startswith(f"{known}.") for known in tracked)} == set()


@pytest.mark.parametrize("name", TRACKED)
def test_every_setting_that_a_stage_tracks_is_one_that_studies_have(name: str) -> None:
    from qup.params import Study

    known = Study.__dataclass_fields__
    assert [key for key in settings_tracked(STAGES[name]) if key.split(".")[0] not in known] == []


@pytest.mark.parametrize("path", sorted((ROOT / "studies").glob("*.yaml")), ids=lambda path: path.stem)
def test_every_study_file_holds_every_setting_that_a_stage_tracks(path: Path) -> None:
    # DVC stops at a parameter that is not there, even where our own default would do.
    study = yaml.safe_load(path.read_text(encoding="utf-8"))
    tracked = {key for stage in TRACKED.values() for key in settings_tracked(stage)}
    assert {key for key in tracked if not held(study, key)} == set()


def held(settings: Any, key: str) -> bool:
    """Whether nested settings hold a dotted key."""
    for part in key.split("."):
        if part not in settings:
            return False
        settings = settings[part]
    return True


@pytest.mark.parametrize("name", STAGES)
def test_every_path_in_a_command_is_a_dep_or_an_out(name: str) -> None:
    stage = STAGES[name]
    listed = stage.get("deps", []) + [out for kind in ("outs", "metrics", "plots") for out in stage.get(kind, [])]
    paths = [next(iter(path)) if isinstance(path, dict) else path for path in listed]
    # The study file is tracked section by section; `track` reads the results whenever it runs.
    written = [word for word in stage["cmd"].split() if "/" in word and not word.startswith("studies/")]
    if not stage.get("always_changed"):
        assert [word for word in written if not any(near(word, path) for path in paths)] == []


def test_every_list_of_main_arms_is_the_matrix() -> None:
    # DVC has no way to write a list once and use it in a command and in a matrix.
    arms = STAGES["reward"]["matrix"]["arm"]
    # Controls know only the arms that are always there: another refiner must leave them alone.
    always = [arm for arm in arms if "$" not in arm]
    for name, wanted in (("controls", always), ("report", arms), ("track", arms)):
        words = STAGES[name]["cmd"].split()
        after = words[words.index("--arms") + 1 :]
        given = after[: next(i for i, word in enumerate(after) if word.startswith("--"))]
        assert given == wanted, name


def test_the_report_depends_on_every_file_of_every_main_arm() -> None:
    stages = ("refine", "reward", "compat", "train", "evaluate")
    outs = [out for name in stages for out in STAGES[name]["outs"] if out.startswith("data/")]
    files = {out.rsplit("/", 1)[1] for out in outs}
    wanted = {f"data/${{item.study}}/{arm}/{file}" for arm in STAGES["reward"]["matrix"]["arm"] for file in files}
    assert sorted(wanted - set(STAGES["report"]["deps"])) == []


def near(path: str, other: str) -> bool:
    """Whether one path is the other or holds it."""
    return f"{path}/".startswith(f"{other}/") or f"{other}/".startswith(f"{path}/")


@pytest.mark.parametrize("name", STAGES)
def test_every_stage_says_what_it_does_in_a_sentence(name: str) -> None:
    assert STAGES[name]["desc"].endswith(".")


def test_every_stage_has_its_module() -> None:
    assert {module_of(stage) for stage in STAGES.values()} <= {f"stages/{name}.py" for name in MODULES}


@pytest.mark.parametrize("name", MODULES)
def test_every_stage_has_help(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stop:
        importlib.import_module(f"stages.{name}").main(["--help"])
    assert stop.value.code == 0
    text = capsys.readouterr().out
    assert "--help" in text
    assert (importlib.import_module(f"stages.{name}").__doc__ or "?").split(";")[0].split()[0] in text


@pytest.mark.parametrize("name", MODULES)
def test_a_stage_without_its_flags_says_which_are_missing(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stop:
        importlib.import_module(f"stages.{name}").main([])
    assert stop.value.code == 2
    assert "required: --" in capsys.readouterr().err
