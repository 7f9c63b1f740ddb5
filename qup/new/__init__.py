"""`qup new`: a first study of your own, written from a learner, a file of problems and an Oracle, with a reason beside
each choice. It is checked as any study is, and its problems are read and graded, before anything is written.
"""

import json
import shutil
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

from qup import study, whole
from qup.errors import SettingsError
from qup.problems import gold_passes
from qup.problems.jsonl import Source
from qup.records import Problem
from qup.settings import naming

STUDIES, PROBLEMS = Path("studies"), Path("data", "problems")
EVERY = 1_000_000
"Rows that are read to see how many can be used."
HELDOUT, TRAIN = 200, 300
"Most problems to evaluate on, and to train on in a replicate, that are asked for; the file may hold fewer."
FEWEST = 8
"Training problems of a replicate below which there is nothing to compare."
SHARE = 5
"One problem of so many is held out."
EXAMPLE = 60
"Characters of an answer that are shown."
TOKENS = 250
"Completion tokens of a trace, about: the budget is three passes over a replicate's problems at that length."


@dataclass(frozen=True)
class Wishes:
    """What a user has and wants."""

    name: str
    learner: str
    "A folder, or a hub id `owner/name`, with `@` and a commit to pin it."
    problems: Path
    "A file that the `jsonl` source reads."
    oracle: str
    "As `learner`; with an endpoint the name that it has for its model."
    endpoint: str | None = None
    "Base URL of an OpenAI-compatible API."
    key_env: str = "OPENAI_API_KEY"
    "The variable of the environment that holds its key."
    budget: int = 2_000_000
    "Tokens that the endpoint may cost."
    answer_after: str | None = None
    "The mark after which the final answer stands, as `####`."
    replicates: int = 3


@dataclass(frozen=True)
class Supply:
    """What a file of problems gives."""

    source: dict[str, Any]
    "The source's settings."
    usable: int
    "Problems whose own answer our grader marks as right."
    rejected: list[Problem]
    "Those whose own answer it does not."

    @property
    def losses(self) -> str:
        """Why problems cannot be used, an example, and the likely cure; empty where all can be."""
        if not self.rejected:
            return ""
        first = self.rejected[0]
        answer = first.answer if len(first.answer) <= EXAMPLE else f"{first.answer[:EXAMPLE]}..."
        count = f"{len(self.rejected)} more cannot be used: our grader rejects their own answer"
        return f"{count}, such as {answer!r}; {_cure(first.answer)}"


@dataclass(frozen=True)
class Drafted:
    """A study that was written."""

    file: Path
    notes: list[str]
    "What to know or do before the first run."


def draft(wishes: Wishes, root: Path) -> Drafted:
    """Write the study below `root`, and its problems where studies look for them.

    Raises:
        SettingsError: the name is taken or cannot be a file's, the problems cannot be used, or what is asked for does
            not fit together. Nothing is written then.
    """
    naming.check([wishes.name], "study")
    file = root / STUDIES / f"{wishes.name}.yaml"
    if file.exists():
        raise SettingsError(f"{file} is there already: edit it, or choose another name")
    supply = _supply(wishes)
    usable = supply.usable
    heldout = min(HELDOUT, usable // SHARE)
    train = min(TRAIN, (usable - heldout) // max(1, wishes.replicates))
    if train < FEWEST:
        raise SettingsError(
            f"{wishes.problems} has {usable} usable problems: {wishes.replicates} replicates of {FEWEST} and as many "
            f"held out as one of {SHARE} need {_needed(wishes.replicates)}; "
            f"{supply.losses or 'bring more, or ask for fewer replicates'}"
        )
    given = _chosen(wishes, supply.source) | {"usable": usable, "train": train, "heldout": heldout}
    text = _filled(given | {"tokens": 3 * TOKENS * train, "replicates": wishes.replicates, "dtype": "bfloat16"})
    place = root / PROBLEMS / wishes.problems.name
    new = not place.exists()
    if not new and place.read_bytes() != wishes.problems.read_bytes():
        raise SettingsError(f"{place} is another file of that name: rename yours")
    whole.write(file, text)
    try:
        study.read(file)
    except SettingsError:
        file.unlink()
        raise
    if new:
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(wishes.problems, place)
    return Drafted(file, _notes(wishes, supply, train, heldout))


def _needed(replicates: int) -> int:
    """The fewest usable problems of which each replicate gets its `FEWEST`."""
    return next(n for n in range(EVERY) if (n - min(HELDOUT, n // SHARE)) // max(1, replicates) >= FEWEST)


def _supply(wishes: Wishes) -> Supply:
    """Every problem of the file, graded against its own answer."""
    if not wishes.problems.is_file():
        raise SettingsError(f"{wishes.problems} is not there: expected a file of problems, JSON Lines say")
    source: dict[str, Any] = {"source": "jsonl", "file": wishes.problems.name}
    if wishes.answer_after:
        source["answer_after"] = wishes.answer_after
    read = Source(file=wishes.problems.name, answer_after=wishes.answer_after)
    problems = read.problems(EVERY, 0, wishes.problems.parent)
    passes = gold_passes(problems)
    rejected = [problem for problem, passed in zip(problems, passes, strict=True) if not passed]
    return Supply(source, sum(passes), rejected)


def _cure(answer: str) -> str:
    """What is likely to make an answer one that can be graded."""
    if "\n" in answer:
        return "it is worked out: name the mark that its final answer follows, --answer-after, or end it with `#### 12`"
    return r"write the final answer alone, as 12 or \frac{1}{2}"


def _chosen(wishes: Wishes, source: dict[str, Any]) -> dict[str, Any]:
    """What the template is filled with, as YAML in one line: JSON is YAML."""
    local = wishes.endpoint is None
    api = {"model": wishes.oracle, "base_url": wishes.endpoint, "key_env": wishes.key_env, "budget": wishes.budget}
    oracle = {"oracle": "prompted", **({"model": "oracle"} if local else {"api": api}), "max_tokens": 512}
    return {
        "title": json.dumps(f"{_short(wishes.learner)} on {wishes.problems.name}, Oracle {_short(wishes.oracle)}"),
        "learner": json.dumps(_model(wishes.learner)),
        "oracle_model": json.dumps(_model(wishes.oracle)) if local else "",
        "oracle": json.dumps(oracle),
        "source": json.dumps(source),
    }


def _short(model: str) -> str:
    return model.partition("@")[0].rstrip("/").rpartition("/")[2]


def _model(named: str) -> dict[str, Any]:
    """A folder that is there, else a repository of the hub."""
    if Path(named).expanduser().is_dir():
        return {"source": "folder", "path": named}
    repo, _, revision = named.partition("@")
    if repo.startswith((".", "/", "~")):
        raise SettingsError(
            f"{named} is no folder: expected one with config.json, tokenizer and weights, or owner/name"
        )
    return {"source": "hub", "repo": repo, "revision": revision or None}


def _filled(given: dict[str, Any]) -> str:
    from jinja2 import Environment, StrictUndefined

    template = resources.files("qup.new").joinpath("study.yaml.jinja").read_text(encoding="utf-8")
    # Not a page: YAML, whose values are JSON already.
    text = Environment(undefined=StrictUndefined, autoescape=False).from_string(template).render(given)
    return f"{text}\n"


def _notes(wishes: Wishes, supply: Supply, train: int, heldout: int) -> list[str]:
    rows = f"{supply.usable} usable problems: {wishes.replicates} training sets of {train}, {heldout} held out"
    local = [wishes.learner, *([wishes.oracle] if wishes.endpoint is None else [])]
    loose = [each for each in local if _model(each).get("revision", "") is None]
    pins = [
        f"{each} is not pinned: write its commit in the study (`revision`), or obtain will say how" for each in loose
    ]
    key = [f"export {wishes.key_env}=... before the run"] if wishes.endpoint else []
    return [rows, *[supply.losses] * bool(supply.rejected), *pins, *key]
