"""What lm-eval has: names of tasks, groups and tags, and what their YAML files say, read without importing it.

lm-eval's own index parses 14,000 files, which takes a minute; every stage checks a study's names.

>>> [leaf.name for leaf in leaves("gsm8k")]
['gsm8k']
"""

import difflib
import functools
import importlib.util
import os
import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from qup.errors import WIDEST, SettingsError, shown, unknown
from qup.settings import pins

NAMED = re.compile(rb"""^["']?(task|group|class)["']?:[ \t]*["']?([^\s"'#\[]+)""", re.MULTILINE)
TAGGED = re.compile(rb"""^["']?tag["']?:""", re.MULTILINE)
OLD_PARSER = b'version("antlr4-python3-runtime").startswith("4.11")'
"What the code of Minerva's tasks asserts when it is imported."
GENERATED = "generate_until"
"The kind of task whose answers are texts; those of the others are log-likelihoods."


@dataclass(frozen=True)
class Leaf:
    """A task, or one of those that a group or a tag stands for."""

    name: str
    path: Path
    "Its YAML file."
    overrides: Mapping[str, Any]
    "What the groups above it set."

    @functools.cached_property
    def config(self) -> dict[str, Any]:
        """Its settings, includes and overrides merged; functions as text."""
        return {**config(self.path), **self.overrides}

    @property
    def output(self) -> str:
        """Its `output_type`."""
        return str(self.config.get("output_type", GENERATED))

    @property
    def repeats(self) -> int:
        """Answers a document of which it makes one score; 1 where each is rated by itself."""
        return int(self.config.get("repeats") or 1)

    @property
    def dataset(self) -> tuple[str, str | None]:
        """The data set that it reads, and the part of it."""
        return str(self.config.get("dataset_path")), self.config.get("dataset_name")

    @property
    def splits(self) -> list[str]:
        """The splits that it needs: the one it evaluates on, and the one its examples are of where it shows any."""
        own = self.config
        named = [
            own.get("test_split") or own.get("validation_split"),
            self.examples if own.get("num_fewshot") else None,
        ]
        # What stands there as settings, beside functions perhaps, cannot be taken out again.
        fewshot = own.get("fewshot_config")
        named += [fewshot.get("split")] if isinstance(fewshot, dict) else []
        return list(dict.fromkeys(str(split) for split in named if split))

    @property
    def examples(self) -> str | None:
        """The split that its few-shot examples are of; None where they stand in its file."""
        own = self.config
        fewshot = own.get("fewshot_config") or {}
        split = fewshot.get("split", own.get("fewshot_split"))
        if split or "samples" in fewshot:
            return split and str(split)
        ways = map(own.get, ("training_split", "validation_split", "test_split"))
        return next((str(way) for way in ways if way), None)


def is_file(name: str) -> bool:
    """Whether a task is named by its YAML file."""
    return name.endswith((".yaml", ".yml"))


def leaves(name: str, beside: Collection[str] = ()) -> list[Leaf]:
    """The tasks that a name, or the YAML file of one, stands for; `beside` are names that stand for something else.

    Raises:
        SettingsError: there is no such name or file, or it is no task that can be run on pinned data.
    """
    path = Path(name) if is_file(name) else _names().get(name)
    if is_file(name) and not pins.is_file(Path(name)):
        below = Path(pins.FOLDER)
        raise unknown("task file", name, (each.as_posix() for each in below.rglob("*.y*ml")))
    if is_file(name) and "group" in config(Path(name)):
        raise SettingsError(f"{name} is a group: name its tasks one by one")
    if path is not None:
        found = list(_of_file(path, {}))
    else:
        found = [leaf for path in _tagged(name) for leaf in _of_file(path, {})]
    if not found:
        raise _unknown(name, beside)
    return found


def groups(name: str) -> list[str]:
    """The names of groups, the outermost first, whose own scores come with a name; none of a task or a tag."""
    path = _names().get(name)
    if path is None or not _is_group(config(path)):
        return []
    own = config(path)
    below = [
        member.get("group", member.get("task")) if isinstance(member, dict) else member for member in _members(own)
    ]
    known = (each for each in below if isinstance(each, str) and each in _names())
    return [str(own["group"]), *(group for each in known for group in groups(each))]


def config_of(name: str) -> dict[str, Any]:
    """What the file of a task or group of lm-eval says."""
    return config(_names()[name])


def _unknown(name: str, beside: Collection[str]) -> SettingsError:
    if is_file(name):
        return SettingsError(f"{name} names no task (`task: NAME`)")
    near = difflib.get_close_matches(name[:WIDEST], [*beside, *_names()], n=3, cutoff=0.6)
    question = f"did you mean {' or '.join(map(repr, near))}? " if near else ""
    return SettingsError(
        f"unknown task {shown(name)}: {question}known: {', '.join(beside)}, what else stands under problems.sets, "
        f"lm-eval's {len(_names()):,} tasks and groups (`lm_eval ls tasks`), and a YAML file below data/problems"
    )


def _of_file(path: Path, overrides: Mapping[str, Any]) -> Iterator[Leaf]:
    own = config(path)
    if _is_group(own):
        for member in _members(own):
            yield from _of_member(member, overrides)
    elif "task" in own:
        leaf = Leaf(str(overrides.get("task", own["task"])), path, dict(overrides))
        _check(leaf)
        yield leaf


def _of_member(member: Any, overrides: Mapping[str, Any]) -> Iterator[Leaf]:
    """The tasks behind an entry of a group: a name, or a name with what it overrides."""
    below = {**overrides, **member} if isinstance(member, dict) else dict(overrides)
    name = below.pop("group", None) or below.pop("task", None) if isinstance(member, dict) else member
    if isinstance(name, str) and name in _names():
        yield from _of_file(_names()[name], below)
    elif isinstance(name, str) and (tagged := _tagged(name)):
        for path in tagged:
            yield from _of_file(path, below)
    else:
        raise SettingsError(f"lm-eval's group holds {shown(name)}, a task written in place: name its tasks one by one")


def _members(own: Mapping[str, Any]) -> list[Any]:
    members = own.get("task")
    return members if isinstance(members, list) else [members]


def _check(leaf: Leaf) -> None:
    if "class" in leaf.config or "custom_dataset" in leaf.config:
        raise SettingsError(f"lm-eval makes the data of {leaf.name!r} by code, which no pin holds: choose another")
    if leaf.config.get("unsafe_code"):
        raise SettingsError(f"{leaf.name!r} runs code that a model wrote, which qup does not do: use lm_eval itself")
    if any(leaf.config.get(key) for key in ("doc_to_image", "doc_to_audio")):
        raise SettingsError(f"{leaf.name!r} shows pictures or sounds, which no learner of qup takes: choose another")
    if any(_needs_old_parser(each.parent) for each in chain(leaf.path)):
        raise SettingsError(
            f"{leaf.name!r} reads formulas by antlr4 4.11, beside which DVC does not run: take a set of the study, "
            "problems.sets, {source: benchmark, set: math500}"
        )
    if leaf.name.startswith(".") or not re.fullmatch(r"[\w.+-]+", leaf.name):
        raise SettingsError(f"{leaf.name!r} cannot be a folder's name: give it another in a YAML of your own")


@functools.cache
def _needs_old_parser(where: Path) -> bool:
    """Whether code of lm-eval's in a folder insists on a version that cannot be installed beside ours."""
    return where.is_relative_to(folder()) and any(OLD_PARSER in path.read_bytes() for path in where.glob("*.py"))


@functools.cache
def folder() -> Path:
    """Where lm-eval keeps its tasks."""
    spec = importlib.util.find_spec("lm_eval")
    if spec is None or not spec.submodule_search_locations:
        raise SettingsError("lm-eval is not installed: set up the environment again (`make test` does)")
    return Path(next(iter(spec.submodule_search_locations))) / "tasks"


@functools.cache
def _texts() -> dict[Path, bytes]:
    """All YAML files and what they include, in the order in which lm-eval lets the first of a name win."""
    walk = os.walk(folder())
    paths = (Path(where, file) for where, _, files in walk for file in files if "yaml" in file)
    return {path: path.read_bytes() for path in sorted(paths, key=str)}


@functools.cache
def _names() -> dict[str, Path]:
    """Name of each task and group to its file."""
    names: dict[str, Path] = {}
    for path, text in _texts().items():
        if path.suffix == ".yaml":
            said = dict(reversed(NAMED.findall(text)))
            # A task that a class makes may name a group that it is of.
            name = said.get(b"task") if b"class" in said else said.get(b"group", said.get(b"task"))
            if name:
                names.setdefault(name.decode(), path)
    return names


def _is_group(own: Mapping[str, Any]) -> bool:
    """Whether a file is of a group, and not of a task that a class makes."""
    return "group" in own and "class" not in own


@functools.cache
def _tagged(tag: str) -> list[Path]:
    """The files of the tasks with a tag, by the names of the tasks; the tag may stand in what a file includes."""
    where = {path.parent for path, text in _texts().items() if tag.encode() in text and TAGGED.search(text)}
    tasks: dict[str, Path] = {}
    for path in (path for path in _texts() if path.suffix == ".yaml" and path.parent in where):
        own = config(path)
        tags = own.get("tag") or []
        if not _is_group(own) and "task" in own and tag in (tags if isinstance(tags, list) else [tags]):
            tasks.setdefault(str(own["task"]), path)
    return [tasks[name] for name in sorted(tasks)]


@functools.cache
def config(path: Path) -> dict[str, Any]:
    """What a task's or group's YAML file says, with what it includes; a function is its name as text.

    Raises:
        SettingsError: it is not there or is no YAML of a mapping.
    """
    merged: dict[str, Any] = {}
    for included in _includes(path):
        merged |= config(included)
    return {**merged, **{key: value for key, value in _alone(path).items() if key != "include"}}


def chain(path: Path) -> list[Path]:
    """A task's YAML file and all that it includes, each once."""
    return list(dict.fromkeys([path, *(each for included in _includes(path) for each in chain(included))]))


def _includes(path: Path) -> list[Path]:
    included = _alone(path).get("include", [])
    return [path.parent / each for each in (included if isinstance(included, list) else [included])]


@functools.cache
def _alone(path: Path) -> dict[str, Any]:
    import yaml

    class Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
        pass

    Loader.add_constructor("!function", lambda loader, node: str(loader.construct_scalar(node)))
    try:
        own = yaml.load(path.read_text(encoding="utf-8"), Loader)
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise SettingsError(
            f"{path} cannot be read as an lm-eval task ({' '.join(str(error).split())[:200]})"
        ) from error
    if not isinstance(own, dict):
        raise SettingsError(f"{path} is no lm-eval task: expected settings (key: value)")
    return own
