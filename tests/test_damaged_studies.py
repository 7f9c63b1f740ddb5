"""Whatever stands in a study file or params.yaml, it is settings or one line and exit code 2: no other error."""

import json
import random
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from conftest import Tally
from typer.testing import CliRunner

from qup import __main__ as command
from qup import study
from qup.errors import SettingsError
from qup.params import read_params
from qup.settings import read_yaml

ROOT = Path(__file__).resolve().parents[1]
SMOKE = ROOT / "studies" / "smoke.yaml"
TEXT = SMOKE.read_text(encoding="utf-8")
TITLE = "title: Smoke test (random models, scripted Oracle)"
BOMB = "a: &a [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{name}: &{name} [{', '.join([f'*{before}'] * 10)}]\n" for before, name in zip("abcdefgh", "bcdefghi", strict=True)
)
"Ten values, ten times ten times: a billion in nine lines."


def titled(value: str) -> str:
    return TEXT.replace(TITLE, f"title: {value}")


def seeded(value: str) -> str:
    return TEXT.replace("seed: 1", f"seed: {value}", 1)


def heated(value: str) -> str:
    return TEXT.replace("temperature: 1.0", f"temperature: {value}", 1)


ODD: dict[str, tuple[bytes | str, str]] = {
    "brackets in brackets": ("[" * 200_000, "too many brackets"),
    "braces in braces": ("{" * 200_000, "too many brackets"),
    "brackets, fewer": ("[" * 2_000, "too many settings within settings"),
    "lists in lists": ("- " * 100_000, "too many settings within settings"),
    "settings within settings": ("a: " + "[" * 60 + "]" * 60, "at most 50 settings within"),
    "a number of 400 digits": (seeded("9" * 400), "seed: expected a number of at most 9"),
    "a negative one": (seeded("-" + "9" * 400), "seed: expected a number of at most 9"),
    "of 5,000 digits": (seeded("9" * 5000), "Exceeds the limit"),
    "hexadecimal": (seeded("0x" + "f" * 9000), "seed: expected a number of at most 9"),
    "for a decimal": (heated("9" * 400), "temperature: expected a number of at most 9"),
    "with a point": (heated("9" * 400 + ".0"), "a finite number, got inf"),
    "an exponent": (heated("1e999"), "a finite number, got inf"),
    "for a text": (titled("9" * 400), "title: expected a number of at most"),
    "an alias bomb": (BOMB, r"more than 100,000 values, aliases"),
    "an alias in itself": ("a: &a [*a]\n", "at most 50 settings within"),
    "a study in itself": ("&a {title: *a}\n", "at most 50 settings within"),
    "a merge with itself": ("a: &a {<<: *a}\n", "needs 'title'"),
    "tabs": ("title: x\n\tseed: 1\n", r"is not YAML: .*'\\t'"),
    "a key twice": ("seed: 1\nseed: 2\n", "duplicate key"),
    "latin-1": ("title: café\n".encode("latin-1"), r"is not UTF-8 \(byte 0xe9 at 10\): save it as UTF-8"),
    "UTF-16": ("title: x\n".encode("utf-16"), r"is not UTF-8"),
    "a NUL": ("title: \0\n", "is not YAML: unacceptable character"),
    "a NUL in writing": (titled(r'"a\0b"'), "title: expected text without control characters"),
    "half a character": (titled(r'"a\ud800b"'), "title: expected text without control characters"),
    "a 13th month": (titled("2001-13-45"), "is not YAML: month must be in 1..12"),
    "no base64": (titled("!!binary x"), "is not YAML: failed to decode base64"),
    "a Python object": (titled("!!python/object/apply:os.system [ls]"), "could not determine a constructor"),
    "a set": (TEXT.replace("models:", "models: !!set {a}\nm:", 1), "models: expected settings"),
    "a list for a key": ("? [a, b]\n: c\n", r"expected text for a key, got \('a', 'b'\): put it in quotes"),
    "settings for a key": ("? {a: b}\n: c\n", "unhashable key"),
    "null for a key": ("~: c\n", "expected text for a key, got None"),
    "a number for a name": (
        TEXT.replace("  judge: {", "  1: {"),
        "models: expected text for a key, got 1: put it",
    ),
    "a line break in a key": ('"a\\nb": 1\n', "needs 'title'"),
    "a long key": ("a" * 500 + ": 1\n", "needs 'title'"),
    "two documents": (f"{TEXT}\n---\n{TEXT}", "expected a single document"),
    "nothing": (b"", "expected settings"),
    "a comment": ("# nothing\n", "expected settings"),
    "a word": ("smoke\n", "expected settings"),
    "a number": ("5\n", "expected settings"),
    "a list": ("[1, 2]\n", "expected settings"),
    "an ordered list": ("!!omap [a: 1]", "needs 'title'"),
    "eleven megabytes": ("#" * 11_000_000, "more than 10,000,000 bytes"),
}
"What stands in the file, and what the one line must say."
NO_NAMES = ["1", "1.5", "true", "null", "[hub]", "{a: b}", "''", "..", '"\\n"', "'jsonl '", "2001-01-01", "0x10"]
"What may stand where the name of a plug is expected."
PLUGS = {
    "a model": "judge: {source: random",
    "a reward": "answer: {reward: answer",
    "a metric": "compat: {rsr: {metric: rsr",
    "an Oracle": "home: {oracle: scripted",
    "a backend": "backend: {name: hf",
    "a refiner": "unfiltered: {oracle: home, refiner: unfiltered",
    "a problem source": "- {source: jsonl",
    "a prompt": "prompt: boxed",
}
FULL = TEXT.replace("answer: {}", "answer: {reward: answer}").replace("{rsr: {cap", "{rsr: {metric: rsr, cap")
"The smoke study with every name written out."


def read(path: Path, content: bytes | str) -> str | None:
    """The one line for a study of this content; None if it was read."""
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    try:
        study.read(path)
    except SettingsError as error:
        assert len(str(error).splitlines()) == 1, str(error)
        assert len(str(error)) < 1500, str(error)
        return str(error)
    return None


@pytest.mark.parametrize("name", ODD)
def test_a_file_that_holds_no_settings_is_one_line(tmp_path: Path, name: str) -> None:
    content, expected = ODD[name]
    said = read(tmp_path / "odd.yaml", content)
    assert said
    with pytest.raises(SettingsError, match=expected):
        raise SettingsError(said)


@pytest.mark.parametrize("kind", PLUGS)
def test_what_is_no_name_of_a_plug_is_one_line(tmp_path: Path, kind: str) -> None:
    before = PLUGS[kind]
    assert before in FULL
    where = before[: before.rindex(":")]
    for given in NO_NAMES:
        said = read(tmp_path / "odd.yaml", FULL.replace(before, f"{where}: {given}", 1))
        # A metric is one by its entry's name, which it may repeat, so null is none given.
        assert said or (kind == "a metric" and given == "null"), given


@pytest.mark.parametrize("content", [b"\xef\xbb\xbf" + TEXT.encode(), TEXT.replace("\n", "\r\n")])
def test_a_byte_order_mark_and_line_ends_of_windows_are_no_damage(tmp_path: Path, content: bytes | str) -> None:
    assert read(tmp_path / "odd.yaml", content) is None


def test_a_folder_for_a_file_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "odd.yaml").mkdir()
    with pytest.raises(SettingsError, match="is a folder or a device, expected a file"):
        study.read(tmp_path / "odd.yaml")
    with pytest.raises(SettingsError, match="is a folder or a device, expected a file"):
        read_params(tmp_path)


def test_a_file_that_may_not_be_read_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "odd.yaml").write_text(TEXT, encoding="utf-8")

    def refused(*_: Any, **__: Any) -> str:
        raise PermissionError(13, "Permission denied")

    # The superuser may read any file.
    monkeypatch.setattr(Path, "read_text", refused)
    with pytest.raises(SettingsError, match=r"cannot be read \(Permission denied\): see who may read it"):
        study.read(tmp_path / "odd.yaml")


def flipped(draw: random.Random, text: bytes) -> bytes:
    """A few bits turned over."""
    spoilt = bytearray(text)
    for _ in range(draw.randint(1, 4)):
        spoilt[draw.randrange(len(spoilt))] ^= 1 << draw.randrange(8)
    return bytes(spoilt)


def cut(draw: random.Random, text: bytes) -> bytes:
    """A piece missing, anywhere or at the end."""
    start = draw.randrange(len(text))
    return text[:start] + (text[start + draw.randint(1, 200) :] if draw.random() < 0.5 else b"")


def shuffled(draw: random.Random, text: bytes) -> bytes:
    """Lines swapped, doubled, moved to the right."""
    lines = text.split(b"\n")
    for _ in range(draw.randint(1, 3)):
        i, j = draw.randrange(len(lines)), draw.randrange(len(lines))
        lines[i], lines[j] = draw.choice([(lines[j], lines[i]), (lines[j], lines[j]), (b"  " + lines[i], lines[j])])
    return b"\n".join(lines)


def marked(draw: random.Random, text: bytes) -> bytes:
    """YAML's own marks where they do not belong."""
    where = draw.randrange(len(text))
    return text[:where] + draw.choice(MARKS) + text[where:]


MARKS = [
    b"&a ",
    b"*a",
    b"!!int ",
    b"!x ",
    b"<<: ",
    b"- ",
    b"? ",
    b": ",
    b"---\n",
    b"|\n",
    b"'",
    b'"',
    b"[",
    b"{",
    b"\t",
]
VALUES = [None, True, 0, -1, 1.5, 10**400, float("inf"), "", "x", "..", "\n", [], [[]], {}, {"a": 1}, [None], "9" * 400]


def retyped(draw: random.Random, text: bytes) -> bytes:
    """One value anywhere replaced by one of another kind."""
    given = json.loads(json.dumps(read_yaml(SMOKE)))
    holder, key = draw.choice(list(places(given)))
    holder[key] = draw.choice(VALUES)
    # JSON is YAML, but for numbers that are none.
    return json.dumps(given).replace("Infinity", ".inf").encode()


def places(value: Any) -> list[tuple[Any, Any]]:
    """(What holds it, under which key) of every value."""
    keys = value.keys() if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ()
    return [place for key in keys for place in [(value, key), *places(value[key])]]


DAMAGES: list[Callable[[random.Random, bytes], bytes]] = [flipped, cut, shuffled, marked, retyped]


def test_a_damaged_study_is_read_or_one_line(tmp_path: Path, tally: Tally) -> None:
    counts: Counter[str] = Counter()
    for damage in DAMAGES:
        for seed in range(60):
            spoilt = damage(random.Random(seed), TEXT.encode())
            outcome = "read" if read(tmp_path / "odd.yaml", spoilt) is None else "refused"
            counts[f"{damage.__name__} {outcome}"] += 1
    tally("damaged study files", counts)
    # Both ends are met: a comment may change, a number may not become a list.
    assert all(counts[f"{damage.__name__} refused"] > 10 for damage in DAMAGES)
    assert sum(number for name, number in counts.items() if name.endswith("read")) > 20


@pytest.mark.parametrize("name", ["brackets in brackets", "a number of 400 digits", "latin-1", "a folder"])
def test_every_command_says_it_in_one_line_with_exit_code_2(tmp_path: Path, name: str) -> None:
    (tmp_path / "params.yaml").write_text("study: odd\nrefiner: style_aligned\noracles: [home]\n", encoding="utf-8")
    (tmp_path / "studies").mkdir()
    odd = tmp_path / "studies" / "odd.yaml"
    if name == "a folder":
        odd.mkdir()
    else:
        read(odd, ODD[name][0])
    stage = ["-m", "stages.prepare", "--study", odd, "--files", tmp_path, "--out", tmp_path / "out"]
    check = ["-m", "qup", "check", "--params", tmp_path / "params.yaml", "--studies", tmp_path / "studies"]
    for words in (stage, check):
        done = subprocess.run([sys.executable, *words], cwd=ROOT, capture_output=True, text=True, check=False)
        assert (done.returncode, done.stdout, len(done.stderr.splitlines())) == (2, "", 1), done.stderr[-2000:]
        assert done.stderr.startswith("qup: ")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    "content", ["", "[", "[]", "5", "null", "{}", '{"study": 1}', '{"study": {"title": 1}}', "\xff"]
)
def test_a_damaged_report_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: str) -> None:
    report = tmp_path / "results" / "odd" / "report" / "report.json"
    report.parent.mkdir(parents=True)
    report.write_text(content, encoding="latin-1")
    monkeypatch.chdir(tmp_path)
    raised = CliRunner().invoke(command.app, ["show", "odd"]).exception
    assert isinstance(raised, SettingsError)
    assert "is no report of this version" in str(raised)
