"""dvc.yaml says what each stage really uses: its code, its settings, its paths."""

import ast
import contextlib
import dataclasses
import importlib
import re
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from qup import arms, settings, uses
from qup.errors import SettingsError
from qup.settings import read_yaml
from qup.study import Study

ROOT = Path(__file__).resolve().parents[1]
STAGES: dict[str, Any] = read_yaml(ROOT / "dvc.yaml")["stages"]
MODULES = sorted(p.stem for p in (ROOT / "stages").glob("[!_]*.py") if p.stem != "cli")

PLUMBING = {
    "qup/__init__.py": "the version number",
    "qup/errors.py": "wording of an error, after which there is no result",
    "qup/kept.py": "keeps what was computed; who computed it names all that it follows from",
    "qup/lm/lifeline.py": "ends a process with the one that started it",
    "qup/lm/workers.py": "deals runs out to processes; the threads of each run are tracked under `params:`",
    "qup/params.py": "checks what params.yaml chooses",
    "qup/repository.py": "where state is kept that no result depends on: paid answers, MLflow's store, times",
    "qup/settings/__init__.py": "reads settings, whose values each stage tracks under `params:`",
    "qup/settings/misfits.py": "wording of an error",
    "qup/settings/rooms.py": "finds a plug by its name; the plug's own file is tracked",
    "qup/settings/naming.py": "refuses names",
    "qup/settings/pins.py": "refuses data that are not the pinned ones; the pins are tracked, and what is read",
    "qup/settings/written.py": "settings as text; their values are tracked",
    "qup/settings/yaml_file.py": "reads settings, as `__init__`",
    "qup/study.py": "checks settings and hands them on: what a stage asks of it is followed, see `asked_of_study`",
    "qup/training/settings.py": "settings, tracked under `params:`",
    "stages/__init__.py": "a docstring",
    "qup/whole.py": "puts a file in its place when it is whole; what is in it is not its matter",
    "stages/cli.py": "flags, errors, signals and the time taken",
}
"Modules that every stage uses and that cannot change a result, with the reason. They are not among `deps`."

# A stage that always runs need not say what it runs.
TRACKED = {name: stage for name, stage in STAGES.items() if not stage.get("always_changed")}
# This one hashes the code of plugs and runs none of it.
RUNNING = [name for name in TRACKED if name != "uses"]


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


def imported(file: str) -> set[tuple[str, bool]]:
    """(Module of ours that a file names, whether it runs code of it): imports anywhere in the file, and plugs loaded.

    Who takes a settings class, a protocol or a constant from a module depends on its text, not on what it imports.
    """
    names: set[tuple[str, bool]] = set()
    for node in running(tree_of(file)):
        if isinstance(node, ast.Import):
            names |= {(alias.name, True) for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {origin(node.module, alias.name) for alias in node.names}
        elif isinstance(node, ast.Constant) and re.fullmatch(r"qup(\.\w+)+", str(node.value)):
            names.add((str(node.value), True))
        elif isinstance(node, ast.Call):
            names |= {(name, True) for name in plugs(node)}
    return {(name, runs) for name, runs in names if name.split(".")[0] in ("qup", "stages")}


def origin(module: str, name: str) -> tuple[str, bool]:
    """The module behind `from module import name`, and whether taking that name runs code of it."""
    if file_of(f"{module}.{name}"):
        return f"{module}.{name}", True
    file = file_of(module)
    return module, not (file and declares(file, name))


def declares(file: str, name: str) -> bool:
    """Whether a module's name is one that does nothing: a constant, a protocol, an enum, settings, a bare record."""
    for node in tree_of(file).body:
        if isinstance(node, ast.Assign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            if name in {ast.unparse(target) for target in targets}:
                return True
        if isinstance(node, ast.ClassDef) and node.name == name:
            heads = {ast.unparse(part) for part in (*node.bases, *node.decorator_list)}
            still = not any(isinstance(part, ast.FunctionDef) for part in node.body)
            return still or any(re.search(r"Protocol|Enum|STRICT", head) for head in heads)
    return False


def running(tree: ast.AST) -> list[ast.AST]:
    """All nodes but those under `if TYPE_CHECKING`, which never run."""
    if isinstance(tree, ast.If) and ast.unparse(tree.test) == "TYPE_CHECKING":
        return []
    return [tree, *(node for child in ast.iter_child_nodes(tree) for node in running(child))]


def plugs(call: ast.Call) -> set[str]:
    """The modules behind `settings.load("room", ...)`."""
    loads = ast.unparse(call.func) in ("settings.load", "load")
    if not (loads and call.args and isinstance(call.args[0], ast.Constant)):
        return set()
    return room(str(call.args[0].value))


def room(name: str) -> set[str]:
    """The plugs of a room."""
    folder = ROOT / "qup" / name
    files = [*folder.glob("*.py"), *(inner.parent for inner in folder.glob("*/__init__.py"))]
    return {f"qup.{name}.{file.stem}" for file in files}


STUDY = next(node for node in tree_of("qup/study.py").body if isinstance(node, ast.ClassDef) and node.name == "Study")
METHODS = {node.name: node for node in STUDY.body if isinstance(node, ast.FunctionDef)}
FIELDS = {
    node.target.id: node for node in STUDY.body if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name)
}


def asked_of_study(file: str) -> set[str]:
    """Dotted names after `study.` in a file, methods followed: `sampling.temperature`, `oracles`."""
    chains = {ast.unparse(node) for node in ast.walk(tree_of(file)) if isinstance(node, ast.Attribute)}
    asked = {match[1] for chain in chains if (match := re.fullmatch(r"(?:\w+\.)?study\.([\w.]+)", chain))}
    # The report has a section of that name too, whose attributes are no settings.
    own = {name for name in longest(asked) if name.split(".", maxsplit=1)[0] in {*FIELDS, *METHODS}}
    return {name for start in own for name in fields_behind(start)}


def longest(names: set[str]) -> set[str]:
    """Of `a` and `a.b`, which stand for the same access, only the longer."""
    return {name for name in names if not any(other.startswith(f"{name}.") for other in names)}


def fields_behind(name: str) -> set[str]:
    """The settings that an attribute of a study is, or that its method reads."""
    method = METHODS.get(name.split(".", maxsplit=1)[0])
    if method is None:
        return {name}
    chains = {ast.unparse(node) for node in ast.walk(method) if isinstance(node, ast.Attribute)}
    read = longest({match[1] for chain in chains if (match := re.fullmatch(r"self\.([\w.]+)", chain))})
    return {field for inner in read - {name} for field in fields_behind(inner)}


def modules_behind(name: str) -> set[tuple[str, bool]]:
    """The modules that a study's method uses, those its body names, and whether their code runs."""
    method = METHODS.get(name)
    if method is None:
        return set()
    words = {node.id for node in ast.walk(method) if isinstance(node, ast.Name)}
    brought = {
        alias.asname or alias.name: origin(node.module, alias.name)
        for node in ast.walk(tree_of("qup/study.py"))
        if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("qup")
        for alias in node.names
    }
    own = [node for node in ast.walk(method) if isinstance(node, ast.Attribute) and ast.unparse(node.value) == "self"]
    inner = {node.attr for node in own} & set(METHODS) - {name}
    mine = {brought[word] for word in words & set(brought)}
    mine |= {(module, True) for node in ast.walk(method) if isinstance(node, ast.Call) for module in plugs(node)}
    return mine.union(*(modules_behind(other) for other in inner))


@cache
def used(start: str) -> frozenset[str]:
    """Every file of ours that the outcome of `start` may depend on, plumbing left out: modules, texts in packages."""
    followed: set[str] = set()
    named: set[str] = set()
    todo = [start]
    while todo:
        file = todo.pop()
        followed.add(file)
        for other, runs in reached(file):
            named.add(other)
            todo += [other] if runs and other not in followed and other not in PLUMBING else []
        if not todo:
            # A study's plugs run where their room is at work; where it is but named they are asked what they are.
            named |= plugs_of(rooms_asked(followed) & rooms_in(named))
            at_work = rooms_started(followed) | (rooms_asked(followed) & rooms_in(followed))
            todo = [other for other in plugs_of(at_work) if other not in followed]
    return frozenset((followed | named) - set(PLUMBING))


def reached(file: str) -> set[tuple[str, bool]]:
    """The files that one file leads to, and whether their code runs."""
    if not file.endswith(".py"):
        return set()
    chains = {ast.unparse(node) for node in ast.walk(tree_of(file)) if isinstance(node, ast.Attribute)}
    methods = {match[1] for chain in chains if (match := re.fullmatch(r"(?:\w+\.)?study\.(\w+)", chain))}
    modules = imported(file).union(*(modules_behind(method) for method in methods))
    places = {(place, runs) for module, runs in modules if (place := file_of(module))}
    # A package is read when one of its modules is, but does nothing.
    parents = {module.rpartition(".")[0] for module, _ in modules if file_of(module) not in PLUMBING}
    places |= {(place, False) for parent in parents if (place := file_of(parent))}
    if file.endswith("__init__.py"):
        folder = (ROOT / file).parent
        places |= {(inner, True) for inner in (*texts(folder), *called_by_yaml(folder))}
    return places


def rooms_asked(files: set[str]) -> set[str]:
    """The rooms whose plugs these files ask a study for."""
    python = [file for file in files if file.endswith(".py")]
    return plug_rooms({name.split(".")[0] for file in python for name in asked_of_study(file)})


def rooms_started(files: set[str]) -> set[str]:
    """The rooms whose plugs a study's method puts to work for these files, as `study.speaker` does an Oracle's."""
    python = [file for file in files if file.endswith(".py")]
    chains = {ast.unparse(node) for f in python for node in ast.walk(tree_of(f)) if isinstance(node, ast.Attribute)}
    methods = {match[1] for chain in chains if (match := re.fullmatch(r"(?:\w+\.)?study\.(\w+)", chain))} & set(METHODS)
    return plug_rooms({field.split(".")[0] for method in methods for field in fields_behind(method)})


def plug_rooms(fields: set[str]) -> set[str]:
    """The rooms of the plugs that some fields of a study hold; the problems' sources stand one level down."""
    calls = [node for name in fields & set(FIELDS) for node in ast.walk(FIELDS[name]) if isinstance(node, ast.Call)]
    return {str(call.args[0].value) for call in calls if isinstance(call.args[0], ast.Constant)} | (
        {"problems"} & fields
    )


def rooms_in(files: set[str]) -> set[str]:
    """The rooms whose `__init__` is among some files."""
    return {Path(file).parent.name for file in files if re.fullmatch(r"qup/\w+/__init__.py", file)}


def plugs_of(rooms: set[str]) -> set[str]:
    """The plug files of some rooms."""
    return {file for name in rooms for module in room(name) if (file := file_of(module))}


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


def asks_uses(stage: dict[str, Any]) -> bool:
    """Whether a stage depends on what `uses` has written of its arms."""
    return any(dep.startswith("data/${item.study}/uses/") for dep in stage.get("deps", []))


def plug(room: str, name: str, **given: Any) -> Any:
    """A plug with its defaults and a model where it must have one."""
    kind = settings.load(room, name)
    needed = {f.name for f in dataclasses.fields(kind)} & {"model"}
    return kind(**dict.fromkeys(needed, "learner") | given)


@cache
def hashed() -> frozenset[str]:
    """Every file that can stand in what `uses` writes of an arm: of all Oracles, voices, refiners and rewards."""
    folder = ROOT / "qup" / "prompts" / "oracle" / "voices"
    voices = [plug("oracles", "prompted", voice=path.stem) for path in folder.glob("*.txt")]
    oracles = [*voices, *(plug("oracles", name) for name in settings.names("oracles"))]
    rewards = {name: plug("rewards", name) for name in settings.names("rewards")}
    refiners = [plug("refiners", name) for name in settings.names("refiners")]
    refiners += [plug("refiners", arms.PREFERRED, reward=name) for name in rewards]
    files: set[str] = set()
    for oracle in oracles:
        study: Any = SimpleNamespace(oracles={"home": oracle}, rewards=rewards)
        for refiner in refiners:
            # One that no refiner can choose by is none that an arm depends on.
            with contextlib.suppress(SettingsError):
                files |= {key for key in uses.of(study, "home", refiner) if "/" in key}
    return frozenset(files | {f"qup/rewards/{name}.py" for name in rewards})


def test_the_walk_sees_lazy_imports_plugs_and_texts() -> None:
    assert {"qup/evals/harness.py", "qup/evals/heldout.yaml", "qup/evals/grading.py"} <= used("stages/evaluate.py")
    assert {"qup/problems/_content.py", "qup/problems/reasoning_gym.py"} <= used("stages/prepare.py")
    assert {"qup/backends/openai/__init__.py", "qup/backends/openai/calls.py", "qup/prompts/oracle/repair.txt"} <= used(
        "stages/refine.py"
    )
    assert {"qup/models/wheel.py", "qup/glassbox/corpus.py"} <= used("stages/obtain.py")
    assert not used("stages/prepare.py") & {"qup/training/__init__.py", "qup/study.py"}
    assert not used("stages/obtain.py") & {"qup/learner.py", "qup/backends/hf.py"}
    assert "qup/oracles/prompted.py" not in used("stages/native.py")


def test_every_piece_of_plumbing_exists() -> None:
    assert [file for file in PLUMBING if not (ROOT / file).is_file()] == []


@pytest.mark.parametrize("name", RUNNING)
def test_the_code_that_a_stage_runs_is_among_its_deps(name: str) -> None:
    deps, by_uses = STAGES[name]["deps"], hashed() if asks_uses(STAGES[name]) else frozenset()
    missing = (file for file in used(module_of(STAGES[name])) - by_uses if not covered(file, deps))
    assert sorted(missing) == []


def test_what_uses_hashes_and_what_hashes_it_are_among_its_deps() -> None:
    own = {file for name in ("stages/uses.py", "qup/uses.py") for file, _ in reached(name)} | {"qup/uses.py"}
    files = (hashed() | own) - set(PLUMBING)
    assert sorted(file for file in files if not covered(file, STAGES["uses"]["deps"])) == []


def test_what_plugs_share_is_hashed_for_every_arm() -> None:
    # A dep with an item in it stands for the item's own file when DVC runs the stage, never for these.
    study: Any = SimpleNamespace(oracles={"home": plug("oracles", "scripted")}, rewards={})
    shared = {str(p.relative_to(ROOT)) for room in ("oracles", "refiners") for p in (ROOT / "qup" / room).glob("_*.py")}
    assert shared <= set(uses.of(study, "home", plug("refiners", "restyled")))


@pytest.mark.parametrize("name", RUNNING)
def test_a_stage_depends_on_no_code_that_it_does_not_run(name: str) -> None:
    mine = used(module_of(STAGES[name]))
    code = [dep for dep in STAGES[name]["deps"] if dep.startswith(("qup/", "stages/"))]
    assert [dep for dep in code if not any(covered(file, [dep]) for file in mine)] == []


def settings_tracked(stage: dict[str, Any]) -> list[str]:
    """The sections of a study that a stage tracks."""
    entries = [entry for entry in stage["params"] if "params.yaml" not in entry]
    return [key for entry in entries for keys in entry.values() for key in keys]


@pytest.mark.parametrize("name", TRACKED)
def test_the_settings_that_a_stage_reads_are_among_its_params(name: str) -> None:
    files = [file for file in used(module_of(STAGES[name])) if file.endswith(".py")]
    tracked = settings_tracked(STAGES[name])
    if asks_uses(STAGES[name]):
        # Of these it depends on what its arms need, see test_uses.
        tracked += ["oracles", "rewards"]
    # Every stage limits its process to the study's threads.
    read = {"threads"}.union(*map(asked_of_study, files))
    assert read
    assert {key for key in read if not any(f"{key}.".startswith(f"{known}.") for known in tracked)} == set()


@pytest.mark.parametrize("name", TRACKED)
def test_every_setting_that_a_stage_tracks_is_one_that_studies_have(name: str) -> None:
    known = Study.__dataclass_fields__
    # Whole sections: an Oracle may be called gpt-5.2, and to DVC a dot is a level.
    assert [key for key in settings_tracked(STAGES[name]) if key not in known] == []


@pytest.mark.parametrize("path", sorted((ROOT / "studies").glob("*.yaml")), ids=lambda path: path.stem)
def test_every_study_file_holds_every_setting_that_a_stage_tracks(path: Path) -> None:
    # DVC stops at a parameter that is not there, even where our own default would do.
    study = read_yaml(path)
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
    # The study file is tracked section by section, an arm's name is none; `track` reads the results whenever it runs.
    words = [word for word in stage["cmd"].split() if "/" in word and not word.startswith("studies/")]
    written = [word for word in words if word != "${item.oracle}/${item.refiner}"]
    if not stage.get("always_changed"):
        assert [word for word in written if not any(near(word, path) for path in paths)] == []


def test_the_main_refiners_are_those_of_the_code() -> None:
    assert STAGES["refine"]["matrix"]["refiner"] == [*sorted(arms.MAIN), "${refiner}"]
    assert STAGES["native"]["matrix"]["refiner"] == [arms.NATIVE]
    assert STAGES["native"]["matrix"]["oracle"] == [arms.LEARNER]


def test_the_native_arm_goes_through_every_stage_of_an_arm() -> None:
    for_arms = {name for name, stage in STAGES.items() if stage.get("matrix") == STAGES["refine"]["matrix"]}
    natives = {name for name, stage in STAGES.items() if stage.get("matrix") == STAGES["native"]["matrix"]}
    assert natives == {"native", *(f"{name}-native" for name in for_arms - {"refine"})}
    for name in for_arms - {"refine"}:
        assert {**STAGES[name], "matrix": None} == {**STAGES[f"{name}-native"], "matrix": None}


def test_no_stage_depends_on_a_folder_of_which_another_needs_a_part() -> None:
    # On a fresh clone `--pull` brings the part, and the folder that is half there counts as changed.
    deps = {dep for stage in STAGES.values() for dep in stage.get("deps", []) if dep.startswith("data/${item.study}/")}
    assert [(whole, part) for whole in deps for part in deps if part.startswith(f"{whole}/")] == []


def test_what_git_keeps_is_measured_arms_and_few_numbers() -> None:
    kept = {path for stage in STAGES.values() for out in stage.get("metrics", []) for path in out}
    assert all(path.startswith("results/${item.study}/") for path in kept)
    assert {path for path in kept if "/arms/" not in path} == {"results/${item.study}/metrics.json"}
    assert "results/${item.study}/arms" in STAGES["report"]["deps"]


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
