"""What the prepare stage has laid down to evaluate on: the study's sets, and the tasks whose answers are graded."""

from collections.abc import Sequence
from pathlib import Path

from qup import records
from qup.evals.settings import Asked
from qup.records import Problem


def sets(folder: Path) -> list[str]:
    """The study's own sets, of which the prepare stage has laid down problems in the folder of the evaluation sets."""
    return sorted(path.stem for path in folder.glob("*.jsonl") if not path.with_suffix("").is_dir())


def graded(folder: Path, asked: Sequence[Asked]) -> dict[str, list[Problem]]:
    """The problems of each task whose answers are graded, from the folder of the evaluation sets.

    Raises:
        SettingsError: a set of the study is not there.
    """
    files = {each.name: folder / f"{each.name}.jsonl" for each in asked}
    there = [each.name for each in asked if each.leaf is None or files[each.name].is_file()]
    return {name: records.read(files[name], Problem) for name in there}


def repeats(asked: Sequence[Asked]) -> dict[str, dict[str, int]]:
    """Task to decoding to answers a problem."""
    return {each.name: {decoding.name: decoding.repeats for decoding in each.decodings} for each in asked}
