"""Study files that hold no settings: undecodable, too deep, too large, or no YAML at all; each is one line."""

from pathlib import Path

import pytest

from qup import study
from qup.errors import SettingsError
from qup.settings import read_yaml

SMOKE = (Path(__file__).parents[1] / "studies" / "smoke.yaml").read_text(encoding="utf-8")
BOMB = "a0: &a0 [x]\n" + "".join(f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]\n" for i in range(1, 10))
FRENCH = SMOKE.replace("Smoke test", "Épreuve")

CASES: dict[str, tuple[bytes, str]] = {
    "latin-1": (
        FRENCH.encode("latin-1"),
        r"a\.yaml is not UTF-8 \(byte 0xc9 in line 3\): it looks like Windows-1252 or l",
    ),
    "utf-16": (
        FRENCH.encode("utf-16"),
        r"a\.yaml is not UTF-8: it looks like UTF-16; convert it with: iconv -f UTF-16 ",
    ),
    "any bytes": (bytes(range(1, 256)), r"a\.yaml is not "),
    "null bytes": (b"title: a\0b\n", r"a\.yaml is not YAML"),
    "nested": (b"title: " + b"[" * 200_000, r"nested too deeply"),
    "nested mappings": (b"title: " + b"{a: " * 200_000, r"nested too deeply"),
    "nested by lines": (b"".join(b" " * i + b"a:\n" for i in range(2000)), r"nested too deeply"),
    "nested a little": (b"title: " + b"[x, " * 60 + b"]" * 60, r"a\.title.*: nested more than 50 deep"),
    "holds itself": (b"title: &a [*a]\n", r"a\.title.*: nested more than 50 deep, or it holds itself"),
    "aliases": (BOMB.encode(), r"got more than 1000000 values: do aliases repeat each other"),
    "400 digits": (b"seed: " + b"9" * 400, r"^a\.seed: expected a number below 2\^63, got one of 1329 bits"),
    "5000 digits": (b"seed: " + b"9" * 5000, r"a\.yaml is not YAML: .*5000 digits"),
    "inf by size": (b"seed: 1e999", r"^a\.seed: expected a finite number, got inf"),
    "nan": (b"x: {y: [1, .nan]}", r"^a\.x\.y\[1\]: expected a finite number, got nan"),
    "month 13": (b"title: 2024-13-45", r"a\.yaml is not YAML: .*month"),
    "a list for a key": (b"? [1, 2]\n: 3\n", r"^a: expected a name before the colon, got \(1, 2\)"),
    "a date for a key": (b"2024-01-01: 3\n", r"^a: expected a name before the colon"),
    "a foreign tag": (b"title: !!python/object:os.system {}\n", r"a\.yaml is not YAML"),
    "a tag that does not fit": (b"seed: !!int many\n", r"a\.yaml is not YAML"),
    "two documents": (b"seed: 1\n---\nseed: 2\n", r"a\.yaml is not YAML"),
}


@pytest.mark.parametrize(("raw", "said"), CASES.values(), ids=CASES)
def test_a_study_file_that_holds_no_settings_is_one_line(tmp_path: Path, raw: bytes, said: str) -> None:
    path = tmp_path / "a.yaml"
    path.write_bytes(raw)
    with pytest.raises(SettingsError, match=said) as raised:
        study.read(path)
    assert len(str(raised.value).splitlines()) == 1


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
@pytest.mark.parametrize("line_end", ["\n", "\r\n"])
def test_marks_and_line_ends_are_read_over(tmp_path: Path, encoding: str, line_end: str) -> None:
    path = tmp_path / "a.yaml"
    path.write_bytes(FRENCH.replace("\n", line_end).encode(encoding))
    assert study.read(path).title.startswith("Épreuve")


def test_aliases_are_read_as_long_as_they_are_few(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("a: &a {b: 1}\nc: [*a, *a]\n", encoding="utf-8")
    assert read_yaml(tmp_path / "a.yaml") == {"a": {"b": 1}, "c": [{"b": 1}, {"b": 1}]}
