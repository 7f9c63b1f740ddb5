"""Records that were damaged are refused in one line, or are without effect: none gives other numbers in silence."""

import json
import random
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from conftest import Tally
from toyfiles import Files, laid_out
from toyreport import ALIGNED, REFINED

from qup.errors import SettingsError

TRIES = 20
"Of each kind of damage."
Lines = list[str]
Row = dict[str, Any]


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory, patch: pytest.MonkeyPatch) -> Files:
    return laid_out(tmp_path_factory.mktemp("study"), patch)


@pytest.fixture(scope="module")
def before(whole: Files) -> list[bytes]:
    """What the stages make of records that are whole."""
    return whole.all()


def refusal(call: Callable[[], Any]) -> str:
    """The one line that something is refused with."""
    with pytest.raises(SettingsError) as caught:
        call()
    assert "\n" not in str(caught.value)
    return str(caught.value)


# --- damage by kind


def cut(lines: Lines, rng: random.Random) -> Lines:
    """The file ends after a whole line."""
    return lines[: rng.randrange(len(lines))]


def cut_within(lines: Lines, rng: random.Random) -> Lines:
    """The file ends within a line."""
    text = "".join(lines)
    return text[: rng.randrange(1, len(text) - 1)].splitlines(keepends=True)


def dropped(lines: Lines, rng: random.Random) -> Lines:
    gone = rng.sample(range(len(lines)), min(len(lines), rng.randint(1, 3)))
    return [line for place, line in enumerate(lines) if place not in gone]


def doubled(lines: Lines, rng: random.Random) -> Lines:
    place = rng.randrange(len(lines))
    return [*lines[:place], lines[place], *lines[place:]]


def reordered(lines: Lines, rng: random.Random) -> Lines:
    return rng.sample(lines, len(lines))


def swapped_ids(lines: Lines, rng: random.Random) -> Lines:
    """Two lines have each other's id: the same keys are there, in other places."""
    rows = [json.loads(line) for line in lines]
    key = id_of(rows[0])
    one, other = rng.sample(rows, 2)
    one[key], other[key] = other[key], one[key]
    return written(rows)


def edited_id(lines: Lines, rng: random.Random) -> Lines:
    """An id of nothing, or of another record."""
    rows = [json.loads(line) for line in lines]
    key, row = id_of(rows[0]), rng.choice(rows)
    row[key] = rng.choice([f"{row[key]}0", rng.choice(rows)[key]]) if isinstance(row[key], str) else row[key] + 7
    return written(rows)


def other_number(change: Callable[[Any], Any]) -> Callable[[Lines, random.Random], Lines]:
    """A number of a line is something that it cannot be."""

    def damage(lines: Lines, rng: random.Random) -> Lines:
        rows = [json.loads(line) for line in lines]
        holder, key = rng.choice(numbers(rng.choice([row for row in rows if numbers(row)])))
        holder[key] = change(holder[key])
        return written(rows)

    return damage


def unknown_name(lines: Lines, rng: random.Random) -> Lines:
    """A verdict, an objective or the like that there is not."""
    rows = [json.loads(line) for line in lines]
    row = rng.choice(rows)
    row[rng.choice([key for key in NAMES if isinstance(row.get(key), str)])] = "pelican"
    return written(rows)


def lost_field(lines: Lines, rng: random.Random) -> Lines:
    rows = [json.loads(line) for line in lines]
    row = rng.choice(rows)
    del row[rng.choice(sorted(row.keys() - OPTIONAL))]
    return written(rows)


def undecodable(lines: Lines, rng: random.Random) -> Lines:
    """A byte that is no text."""
    text = "".join(lines)
    place = rng.randrange(len(text))
    return [text[:place] + "\udcff" + text[place + 1 :]]


KINDS: dict[str, Callable[[Lines, random.Random], Lines]] = {
    "cut after a line": cut,
    "cut within a line": cut_within,
    "lines dropped": dropped,
    "a line doubled": doubled,
    "lines in another order": reordered,
    "two ids swapped": swapped_ids,
    "an id edited": edited_id,
    "a number made NaN": other_number(lambda number: float("nan")),
    "a number made infinite": other_number(lambda number: float("inf")),
    "a number made negative": other_number(lambda number: -abs(number) - 1),
    "a number made text": other_number(str),
    "a number of 400 digits": other_number(lambda number: 10**400),
    "a name that is unknown": unknown_name,
    "a field lost": lost_field,
    "a byte that is no text": undecodable,
}
NAMES = ("verdict", "finish", "outcome", "stratum", "objective", "task", "decoding", "reward", "training_set")
OPTIONAL = {"solution", "tags", "training_set", "replicate", "failure", "index", "entropy", "token_accuracy"}
OPTIONAL |= {"stream", "native"}
SIGNED = ("value", "values")
"Rewards and metrics may be below 0, so that a changed one is but another possible number: see `qup check --data`."


def id_of(row: Row) -> str:
    return next(key for key in ("id", "problem_id", "replicate") if key in row)


def numbers(row: Row) -> list[tuple[Any, Any]]:
    """Where the numbers of a record stand."""
    found: list[tuple[Any, Any]] = []
    for key, value in row.items():
        if isinstance(value, dict) and key not in SIGNED:
            found += numbers(value)
        elif isinstance(value, list):
            found += [(value, place) for place, item in enumerate(value) if isinstance(item, int | float)]
        elif isinstance(value, int | float) and key not in SIGNED:
            found.append((row, key))
    return found


def written(rows: list[Row]) -> Lines:
    return [json.dumps(row, sort_keys=True) + "\n" for row in rows]


def outcome(whole: Files, file: Path, before: list[bytes]) -> str:
    """What became of a study of which one file was damaged."""
    arm = file.parent.relative_to(whole.folder / "arms").as_posix() if "arms" in file.parts else REFINED
    try:
        after = [whole.measure_base(), whole.measure(arm)]
    except SettingsError as error:
        assert "\n" not in str(error)
        assert str(whole.folder) in str(error)
        return "refused"
    return "no effect" if after == [before[0], before[1 + [*whole.toy.arms].index(arm)]] else "OTHER NUMBERS"


def struck(files: list[Path], kind: str, rng: random.Random) -> tuple[Path, str, Lines]:
    """A file that can be damaged like this, what it held, and its lines after the damage."""
    while True:
        file = rng.choice(files)
        original = file.read_text()
        try:
            return file, original, KINDS[kind](original.splitlines(keepends=True), rng)
        except IndexError:
            # It has no number, or no name.
            continue


@pytest.mark.parametrize("kind", KINDS)
def test_damaged_records_are_refused_or_without_effect(
    whole: Files, before: list[bytes], kind: str, tally: Tally
) -> None:
    rng, counts, wrong = random.Random(kind), Counter[str](), []
    # A study without tasks of lm-eval has no line of theirs.
    files = sorted(path for path in whole.folder.rglob("*.jsonl") if path.stat().st_size)
    for _ in range(TRIES):
        file, original, damaged = struck(files, kind, rng)
        file.write_text("".join(damaged), encoding="utf-8", errors="surrogateescape")
        try:
            found = outcome(whole, file, before)
        finally:
            file.write_text(original)
        wrong += [(file, damaged)] if found == "OTHER NUMBERS" else []
        counts[found] += 1
    tally(f"records, {kind}", counts)
    assert not wrong


# --- measured arms, which Git keeps


def other(path: Path, change: Callable[[Any], None]) -> None:
    """Change what the one block of a measured file holds."""
    (block,) = json.loads(path.read_text())
    change(block)
    path.write_text(json.dumps([block]))


def cut_to_two(base: Row) -> None:
    """Two problems are left of each table of answers."""
    for answers in base["answers"]:
        answers["problems"] = answers["problems"][:2]
        for name in ("answers", "correct", "truncated", "unparsed", "majority"):
            answers[name] = [row[:2] for row in answers[name]]


def places(value: Any) -> list[tuple[Any, Any]]:
    """Where lists, numbers and texts stand in a measured arm."""
    if isinstance(value, dict):
        pairs = list(value.items())
    else:
        pairs = list(enumerate(value)) if isinstance(value, list) else []
    here = [(value, key) for key, _ in pairs]
    return here + [place for _, item in pairs for place in places(item)]


def shortened(holder: Any, key: Any, rng: random.Random) -> None:
    if isinstance(holder[key], list) and holder[key]:
        holder[key].pop(rng.randrange(len(holder[key])))
    elif isinstance(holder, list):
        holder.pop(key)


def lengthened(holder: Any, key: Any, rng: random.Random) -> None:
    if isinstance(holder[key], list) and holder[key]:
        holder[key].insert(0, rng.choice(holder[key]))
    elif isinstance(holder, list):
        holder.insert(key, holder[key])


BLOWS: dict[str, Callable[[Any, Any, random.Random], None]] = {
    "shortened": shortened,
    "lengthened": lengthened,
    "text": lambda holder, key, rng: holder.__setitem__(key, "pelican"),
    "negative": lambda holder, key, rng: holder.__setitem__(key, -5),
    "gone": lambda holder, key, rng: holder.__setitem__(key, None),
}
FREE = {
    "label",
    "checks",
    "samples",
    "solved",
    "tags",
    "failures",
    "verdicts",
    "epoch",
    "loss",
    "name",
    "plugs",
    "restyled",
    "roles",
}
"What is shown as it is, or what nothing else says."
POSSIBLE = {"rewards", "metrics", "judged"}
"Any number, and none, is a possible one there."


@pytest.mark.slow
@pytest.mark.parametrize("blow", BLOWS)
def test_damaged_measured_arms_are_refused_or_without_effect(whole: Files, blow: str, tally: Tally) -> None:
    whole.all()
    before, rng, counts = whole.report(), random.Random(blow), Counter[str]()
    for _ in range(TRIES):
        path = rng.choice(sorted((whole.folder / "measured").rglob("*[!r].json")))
        original = path.read_text()
        (block,) = json.loads(original)
        top = rng.choice(sorted(block.keys() - FREE - (POSSIBLE if blow in ("negative", "gone") else set())))
        spots = [spot for spot in places({top: block[top]}) if spot[1] not in FREE]
        holder, key = rng.choice(spots)
        BLOWS[blow](block if holder == {top: block[top]} else holder, key, rng)
        path.write_text(json.dumps([block]))
        try:
            found = "no effect" if whole.report() == before else f"other numbers: {path.name} {top} {key}"
        except SettingsError as error:
            assert "\n" not in str(error)
            found = "refused"
        finally:
            path.write_text(original)
        counts[found] += 1
    tally(f"measured arms, {blow}", counts)
    assert counts.keys() <= {"refused", "no effect"}


def test_a_base_cut_to_two_problems_is_refused(whole: Files) -> None:
    whole.all()
    other(whole.folder / "measured" / "base.json", cut_to_two)
    assert ": base: heldout has 2 of 12 problems: damaged" in refusal(whole.report)


def test_base_answers_cut_to_two_are_refused_by_name(whole: Files) -> None:
    path = whole.folder / "base" / "evals.jsonl"
    original = path.read_text()
    path.write_text("".join(original.splitlines(keepends=True)[:2]))
    said = refusal(whole.measure_base)
    path.write_text(original)
    start = f"{path} lacks 58 of 60 records, the first: Eval of objective 'base', replicate 0, task 'heldout', "
    assert said.startswith(start + "decoding 'sampled', problem_id 'h000', repeat 2: damaged, or of another run")


def test_a_file_of_another_arm_in_its_place_is_refused(whole: Files) -> None:
    whole.all()
    path = whole.folder / "measured" / f"{ALIGNED}.json"
    path.write_bytes((whole.folder / "measured" / f"{REFINED}.json").read_bytes())
    assert f"{ALIGNED}: it is of ('{REFINED}'" in refusal(whole.report)
