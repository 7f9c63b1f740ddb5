"""The pinned data of lm-eval's tasks, laid down beside the study's own evaluation sets, and what is asked of them.

For a task `gsm8k` the prepare stage writes into the folder of the evaluation sets

    gsm8k/test.jsonl     a file per split that the task reads: the pinned file, or the pinned commit's as Parquet
    gsm8k/sources.txt    of a user's task: the hashes of its YAML file and of what that may use
    gsm8k.jsonl          its documents as problems, where each has a gold answer that our graders take; else none
"""

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from qup import records, whole
from qup.answers import extract
from qup.errors import SettingsError
from qup.evals import library, tasks
from qup.evals.library import GENERATED, Leaf
from qup.evals.settings import Asked
from qup.graders import verdicts
from qup.problems import contaminated, from_hub
from qup.records import Problem, Verdict

SOURCES = "sources.txt"


def lay(asked: Sequence[Asked], train: Sequence[Problem], ngram: int, files: Path, folder: Path) -> dict[str, Any]:
    """Write all tasks' data below the folder of the evaluation sets; the account of each, for the problems' checks.

    `files` is the folder of users' files; how many documents share `ngram` words in a row with a problem of `train` is
    counted as it is of the study's own sets.

    Raises:
        SettingsError: a file is not the pinned one, the data set cannot be fetched, or does not fit the task.
    """
    accounts = {}
    for each in asked:
        if each.leaf is not None:
            try:
                _pinned(each, each.leaf, files, folder / each.name)
                documents, account = _documents(each, each.leaf, folder / each.name)
            except SettingsError as error:
                raise error.below("evaluation", "tasks", each.name) from error
            account["sharing_an_ngram"] = len(contaminated(train, documents, ngram))
            accounts[each.name] = account
            if account["graded"]:
                records.write(folder / f"{each.name}.jsonl", documents)
    return accounts


def require_graded(task: str, accounts: Mapping[str, Any]) -> None:
    """Refuse a main task without a gold answer to each document: utility is of graded answers.

    Raises:
        SettingsError: it is a task of lm-eval, and not graded.
    """
    if not accounts.get(task, {}).get("graded", True):
        raise SettingsError(
            f"{task!r} comes first, so utility is of it, but not each of its documents has a gold answer that our "
            "graders take: name a set first",
            "evaluation",
            "tasks",
        )


def _pinned(asked: Asked, leaf: Leaf, files: Path, folder: Path) -> None:
    """A task's pinned splits in a folder, and the task's own files where it is the user's."""
    folder.mkdir(parents=True, exist_ok=True)
    pins = asked.entry.pins()
    for split in leaf.splits if pins else ():
        file = pins[split]
        suffix = Path(file.file).suffix
        if suffix not in tasks.KINDS:
            raise SettingsError(f"{file.file}: expected a name that ends in {', '.join(tasks.KINDS)}", "data", split)
        whole.write(folder / f"{split}{suffix}", file.read(files))
    if not pins:
        _fetch(leaf, str(asked.entry.revision), folder)
    if library.is_file(asked.entry.task):
        _note(leaf, files, folder)


def _fetch(leaf: Leaf, revision: str, folder: Path) -> None:
    """The splits of a data set of the hub at a commit, as Parquet."""
    path, name = leaf.dataset
    own = dict(leaf.config.get("dataset_kwargs") or {})
    own.pop("trust_remote_code", None)
    for split in leaf.splits:
        try:
            rows = from_hub(path, name, split, revision, **own)
        except SettingsError as error:
            raise SettingsError(
                f"{error.problem}; without a network pin files instead, data: {{{split}: {{file: ..., sha256: ...}}}}"
            ) from error
        rows.to_parquet(folder / f"{split}.parquet")


def _note(leaf: Leaf, files: Path, folder: Path) -> None:
    """The hashes of a user's YAML file and of all that it may use, for an edit of any must be seen."""
    root = files.resolve()
    used = {path.resolve() for path in library.chain(leaf.path)}
    own = sorted(path for path in used if not path.is_relative_to(library.folder().resolve()))
    if outside := [path for path in own if not path.is_relative_to(root)]:
        raise SettingsError(f"{outside[0]} must stand below {files}, where its edits are seen: move it there")
    beside = _beside(leaf.path.resolve().parent, deep=leaf.path.resolve().parent != root)
    lines = [
        f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.relative_to(root).as_posix()}\n"
        for path in sorted({*own, *beside})
    ]
    whole.write(folder / SOURCES, "".join(lines))


def _beside(where: Path, *, deep: bool) -> list[Path]:
    """What a task's file may use of its folder: all but data; of the folder of everything, code alone."""
    found = [path for path in (where.rglob("*") if deep else where.glob("*.py")) if path.is_file()]
    parts = {path: path.relative_to(where).parts for path in found}
    return [
        path
        for path, names in parts.items()
        if path.suffix not in tasks.KINDS and not any(name.startswith((".", "__pycache__")) for name in names)
    ]


def _documents(asked: Asked, leaf: Leaf, folder: Path) -> tuple[list[Problem], dict[str, Any]]:
    """(A task's documents as problems, its account); what has no gold answer that can be graded has an empty one.

    A gold answer is what stands after `####` or in the last box of a document's target, else the whole of a short one.
    """
    with tasks.opened(leaf, folder) as task:
        if library.is_file(asked.entry.task):
            tasks.require_given(task)
        documents = list(task.eval_docs)
        asks = [str(task.doc_to_text(document)) for document in documents]
        generated = leaf.output == GENERATED
        golds = [gold(_target(task, document)) if generated else None for document in documents]
        version = str(task.VERSION)
    source = f"lm-eval/{asked.name}"
    made = [
        Problem(_id(asked.name, number, question, answer or ""), question, answer or "", source)
        for number, (question, answer) in enumerate(zip(asks, golds, strict=True))
    ]
    graded = bool(made) and all(golds) and _pass(made)
    return made, {"count": len(made), "graded": graded, "version": version, "data": _named(asked, leaf)}


def _id(task: str, number: int, question: str, answer: str) -> str:
    """A document's id; the same document may stand in a data set twice, and in two of a study's tasks."""
    return hashlib.sha256("\n".join([task, str(number), question, answer]).encode()).hexdigest()[:16]


def _target(task: Any, document: Any) -> Any:
    """A document's target; where it is the number of a choice, that choice, as lm-eval rates answers in words."""
    target = task.doc_to_target(document)
    if task.config.doc_to_choice is None or not isinstance(target, int):
        return target
    choices = task.doc_to_choice(document)
    return choices[target] if 0 <= target < len(choices) else None


def gold(target: Any) -> str | None:
    """The answer in a document's target; None where there is none that a grader could compare."""
    if not isinstance(target, str | int | float) or isinstance(target, bool):
        return None
    text = str(target).rpartition("####")[2].strip()
    return tasks.short(extract(text) or text)


def _pass(made: Sequence[Problem]) -> bool:
    """Whether every gold answer passes its own grader."""
    given = [f"\\boxed{{{problem.answer}}}" for problem in made]
    return all(verdict is Verdict.CORRECT for verdict in verdicts(made, given, [False] * len(made)))


def _named(asked: Asked, leaf: Leaf) -> str:
    """Where a task's data come from, in words."""
    path, name = leaf.dataset
    if asked.entry.revision:
        return f"{path}{f' ({name})' if name else ''} at {asked.entry.revision}"
    pins = asked.entry.pins()
    return ", ".join(f"{split}: {pins[split].file} ({str(pins[split].sha256)[:12]})" for split in leaf.splits)
