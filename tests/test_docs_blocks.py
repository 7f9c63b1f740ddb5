"""Every block of code in README and docs is run, or checked against what it is for with a reason why it is not run."""

import itertools
import json
import re
import shlex
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import typer
from pages import PAGES, ROOT, Block, blocks, commands
from ruamel.yaml import YAML
from toyglassbox import QUESTION, SAID
from typer.testing import CliRunner

from qup import settings, study
from qup.__main__ import app

TREE = "dvc.yaml params.yaml "
"How the README's tree begins, which is no command; test_readme compares it with the rooms."
BLOCKS = [block for page in PAGES for block in blocks(page) if not block.text.startswith(TREE)]
LINES = [(block, line) for block in BLOCKS if block.language == "sh" for line in commands(block)]
VERBS: Any = typer.main.get_command(app)
MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8").replace("$(VENV)", ".venv")
SET = re.compile(r"([A-Z_]+=\S* +)*")
"What is set for one command, before it."

RUN = (
    r"qup list \w+",
    r"qup show glassbox",
    r"qup compare( --json| glassbox glassbox-strata)?",
    r"qup plan smoke --no-status --json",
    r"qup check",
    r"qup doctor",
)
"Commands that are run here, as they stand: they change nothing and take seconds."
NOT_RUN = {
    r"qup run|make repro|dvc repro": "a whole run: test_end_to_end by the README's lines, test_tutorial by its page",
    r"dvc exp run": "an experiment: test_end_to_end and test_switching run them",
    r"qup new|qup plan mine|export |qup show mine|qup export mine": "test_tutorial, test_new",
    r"qup plan": "asks DVC of every stage, or measures the machine: test_plan, test_plan_changes",
    r"qup compare": "another folder, an experiment or a page that is written: test_compare",
    r"qup check --data": "hashes all data: test_store",
    r"qup (export|card) glassbox": "needs the default study's data: test_export",
    r"qup advise": "a model: test_advise",
    r"make (?!repro)": "CI itself, or tools that tests of their own name",
    r"git clone|cd |source |pip |python |nvidia-smi": "the reader's machine: test_end_to_end clones",
    r"git restore": "test_switching",
    r"dvc (?!repro|exp run)": "the reader's store and experiments: test_store, test_end_to_end, test_tracking",
    r"cp studies": "a copy is what it was",
    r"lm_eval|mlflow": "a trained learner, a server: test_tasks_pipeline, test_tracking",
    r"curl": "the network",
}
"Command (the beginning of it) to why it is only checked; the first that fits counts."


def one(line: str) -> bool:
    """Whether it is run."""
    return any(re.fullmatch(pattern, line) for pattern in RUN)


def reason(line: str) -> str | None:
    """Under which it stands in NOT_RUN."""
    fitting = [pattern for pattern in NOT_RUN if re.match(pattern, SET.sub("", line, count=1))]
    return max(fitting, key=len, default=None)


def test_every_command_is_run_or_has_a_reason_and_no_reason_is_idle() -> None:
    aside = [(block.name, line) for block, line in LINES if not one(line)]
    assert [(name, line) for name, line in aside if reason(line) is None] == []
    assert set(NOT_RUN) - {reason(line) for _, line in aside} == set()
    assert [pattern for pattern in RUN if not any(re.fullmatch(pattern, line) for _, line in LINES)] == []


@pytest.mark.parametrize("line", sorted({line for _, line in LINES if one(line)}))
def test_a_command_that_changes_nothing_runs_as_it_stands(line: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    done = CliRunner().invoke(app, shlex.split(line)[1:])
    # What the doctor finds amiss of this machine is none of the page's faults.
    assert done.exit_code == 0 or (line == "qup doctor" and done.exit_code == 2), done.output
    assert done.stdout.strip()


@pytest.mark.parametrize(("block", "line"), LINES, ids=[f"{block.name} {line[:40]}" for block, line in LINES])
def test_a_command_exists_with_these_options(block: Block, line: str) -> None:
    known = {"qup": _qup, "dvc": _dvc, "make": _make, "lm_eval": _lm_eval, "python": _python}
    for words in _parts(line):
        if words[0] in known:
            known[words[0]](words[1:], _own_studies(block.page))


@pytest.mark.parametrize(
    ("line", "fault"),
    [
        ("qup paln smoke", "paln"),
        ("qup run --fast", "--fast"),
        ("qup plan nosuch", "nosuch"),
        ("qup run -S refiner=nosuch", "nosuch"),
        ("qup run smoke -S studies/smoke.yaml:training.bach=2", "bach"),
        ("make nosuch", "nosuch"),
        ("dvc exp run --nosuch", "dvc exp run --nosuch"),
        ("source x && qup paln smoke", "paln"),
        ("lm_eval run --nosuch", "lm_eval run --nosuch"),
        ("A=1 B=2 python -m stages.nosuch", "nosuch"),
    ],
)
def test_a_command_that_does_not_exist_is_seen(line: str, fault: str) -> None:
    with pytest.raises(AssertionError, match=fault):
        test_a_command_exists_with_these_options(Block("README.md", 1, "sh", line), line)


def _parts(line: str) -> Iterator[list[str]]:
    """The commands of a line, what is to be filled in by a word."""
    words = shlex.split(re.sub(r"<[^<>]*>", "smoke", line))
    while words:
        end = words.index("&&") if "&&" in words else len(words)
        yield list(itertools.dropwhile(re.compile("[A-Z_]+=").match, words[:end]))
        words = words[end + 1 :]


@cache
def _own_studies(page: str) -> frozenset[str]:
    """Studies that there are, and those that a page has its reader make."""
    text = (ROOT / page).read_text(encoding="utf-8")
    made = re.findall(r"qup new (\w[\w-]*)|studies/([\w-]+)\.yaml", text)
    shipped = [path.stem for path in (ROOT / "studies").glob("*.yaml")]
    return frozenset([*shipped, *(name for pair in made for name in pair if name)])


def _qup(words: list[str], studies: frozenset[str]) -> None:
    verb, *rest = words
    command = VERBS.commands.get(verb)
    assert command is not None, f"no such verb: {verb}"
    # What is not said is asked.
    asked = [option for option in command.params if getattr(option, "prompt", None)]
    rest += [word for option in asked if option.opts[0] not in rest for word in (option.opts[0], "x")]
    try:
        given = command.make_context(verb, rest).params
    except typer.TyperException as error:
        raise AssertionError(f"qup {verb} {' '.join(rest)}: {error}") from error
    if verb in ("plan", "run", "show", "export", "card") and given["name"]:
        assert given["name"] in studies, f"no such study: {given['name']}"
    _changes(given.get("changes") or (), studies)


def _dvc(words: list[str], studies: frozenset[str]) -> None:
    from dvc.cli.parser import get_main_parser

    given, unknown = get_main_parser().parse_known_args(words)
    assert not unknown, f"dvc {' '.join(words)}: no such option {unknown}"
    _changes(getattr(given, "set_param", None) or (), studies)
    for target in getattr(given, "targets", None) or ():
        stage = target.partition("@")[0]
        assert stage in settings.read_yaml(ROOT / "dvc.yaml")["stages"], f"no such stage: {stage}"


def _changes(changes: tuple[str, ...] | list[str], studies: frozenset[str]) -> None:
    """What `-S` sets is there."""
    for change in changes:
        key, _, value = change.partition("=")
        if key == "study":
            assert value in studies, f"no such study: {value}"
        elif key == "refiner":
            assert value == "smoke" or value in settings.names("refiners"), f"no such refiner: {value}"
        elif key != "oracles":
            file, _, path = key.partition(":")
            place: Any = study.read(ROOT / file)
            for part in path.removeprefix("+").split("."):
                there = part in place if isinstance(place, dict) else hasattr(place, part)
                assert there, f"no such key: {key}"
                place = place[part] if isinstance(place, dict) else getattr(place, part)


def _make(words: list[str], studies: frozenset[str]) -> None:
    for word in words:
        name, is_variable, _ = word.partition("=")
        pattern = rf"^{name} *[:?]?=|\$\({name}\)|\(if \$\({name}\)" if is_variable else rf"^{re.escape(name)} *:"
        assert re.search(pattern, MAKEFILE, re.MULTILINE), f"no such target or variable: {name}"


def _python(words: list[str], studies: frozenset[str]) -> None:
    """A module or a file of ours."""
    file = ROOT / (words[1].replace(".", "/") if words[0] == "-m" else words[0])
    assert file.is_dir() or file.with_suffix(".py").is_file(), f"no such program: {' '.join(words)}"


def _lm_eval(words: list[str], studies: frozenset[str]) -> None:
    from lm_eval._cli.harness import HarnessCLI

    try:
        HarnessCLI()._parser.parse_args(words)
    except SystemExit as error:
        raise AssertionError(f"lm_eval {' '.join(words)}") from error


INLINE = re.compile(r"`(qup|make) ([a-z]+)((?: [^`]*)?)`")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_a_command_within_a_sentence_exists_with_these_options(page: Path) -> None:
    for program, name, rest in INLINE.findall(page.read_text(encoding="utf-8")):
        if program == "make":
            _make([name], frozenset())
            continue
        assert name in VERBS.commands, f"no such verb: {name}"
        known = {opt for param in VERBS.commands[name].params for opt in (*param.opts, *param.secondary_opts)}
        assert set(re.findall(r"(?<!\S)--?[a-zA-Z][\w-]*", rest)) - known == set()


@cache
def _schema() -> jsonschema.Draft202012Validator:
    """The study's schema, for parts of a study: nothing is required, and several kinds may fit a part alike."""

    def eased(node: Any) -> Any:
        if isinstance(node, list):
            return [eased(each) for each in node]
        if not isinstance(node, dict):
            return node
        named = node.get("properties") is not None
        kept = {key: value for key, value in node.items() if not (key == "required" and (named or "type" in node))}
        return {("anyOf" if key == "oneOf" else key): eased(value) for key, value in kept.items()}

    schema = json.loads((ROOT / "studies" / "schema.json").read_text(encoding="utf-8"))
    return jsonschema.Draft202012Validator(eased(schema))


def part_of_a_study(text: str) -> None:
    """Whether YAML is part of a study, what is to be filled in by as many digits."""
    filled = re.sub(r"<(\d+) hex digits>", lambda digits: "'" + "a" * int(digits[1]) + "'", text)
    fault = jsonschema.exceptions.best_match(_schema().iter_errors(YAML(typ="safe").load(filled)))
    assert fault is None, f"{fault.json_path}: {fault.message}"


STUDIES = [block for block in BLOCKS if block.language == "yaml" and not re.search("^task:", block.text, re.MULTILINE)]
"But for a task file of lm-eval, which test_library reads."


@pytest.mark.parametrize("block", STUDIES, ids=lambda block: block.name)
def test_yaml_is_part_of_a_study(block: Block) -> None:
    part_of_a_study(block.text)


@pytest.mark.parametrize(
    "text",
    [
        "trainings: {}",
        "training: {rates: 1}",
        "training: {budget: {tokens: many}}",
        "streams: {scope: some}",
        "problems: {sources: [{source: jsonl, flie: a.jsonl}]}",
        "oracles: {home: {oracle: prompted, api: {modle: x}}}",
        "rewards: {least: {reward: process, value: median}}",
    ],
)
def test_yaml_that_is_no_part_of_a_study_is_seen(text: str) -> None:
    with pytest.raises(AssertionError, match=r"^\$"):
        part_of_a_study(text)


@pytest.mark.parametrize("block", [b for b in BLOCKS if b.language == "json"], ids=lambda block: block.name)
def test_json_is_json_a_line(block: Block) -> None:
    assert all(json.loads(line) for line in block.text.splitlines())


@pytest.mark.parametrize("block", [b for b in BLOCKS if b.language == "python"], ids=lambda block: block.name)
def test_python_compiles(block: Block) -> None:
    compile(block.text, block.name, "exec")


def test_the_walk_through_of_advise_makes_its_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (block,) = [b for b in BLOCKS if b.language == "python" and b.page == "docs/advise.md"]
    rows = [
        {"question": f"How many is {i} and {i}?", "answer": f"{i}+{i}=<<{i}+{i}={2 * i}>>{2 * i}. So.\n#### {2 * i}"}
        for i in range(30)
    ]
    (tmp_path / "gsm8k_train.jsonl").write_text("".join(f"{json.dumps(row)}\n" for row in rows), encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    exec(compile(block.text, block.name, "exec"), {})
    lines = {name: (tmp_path / f"{name}.jsonl").read_text().splitlines() for name in ("reference", "plain", "florid")}
    assert {name: len(each) for name, each in lines.items()} == {"reference": 24, "plain": 24, "florid": 24}
    assert json.loads(lines["plain"][3]) == {
        "question": "How many is 3 and 3?",
        "response": "3+3=6. So.\nThe answer is \\boxed{6}.",
        "answer": "6",
    }
    assert "Quod erat demonstrandum." in lines["florid"][0]


PYTHON_NOT_RUN = {"docs/weights.md": "a trained learner of smoke: test_end_to_end has its folder"}
TEXT = {
    "docs/advise.md": "what a command printed at the commit that is named",
    "docs/glassbox.md": "traces: checked below",
}
"Page to why its Python is compiled and no more, and what its text is."


def test_what_is_no_language_to_check_has_a_reason() -> None:
    languages = {"sh", "yaml", "json", "python", "text"}
    assert [(block.name, block.language) for block in BLOCKS if block.language not in languages] == []
    assert {block.page for block in BLOCKS if block.language == "text"} == set(TEXT)
    assert {block.page for block in BLOCKS if block.language == "python"} == {"docs/advise.md", *PYTHON_NOT_RUN}


def test_the_traces_of_the_glass_box_are_those_that_its_tests_parse() -> None:
    (block,) = [block for block in BLOCKS if block.page == "docs/glassbox.md"]
    assert block.text.splitlines() == [
        f"{'question':10}{QUESTION}",
        *(f"{name:10}{text}" for name, text in SAID.items()),
    ]
