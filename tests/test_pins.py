"""Pins of data: what is missing, none, or of another file is one line with the command that prints the right one."""

import hashlib
from pathlib import Path
from typing import Any

import pytest

from qup import settings
from qup.errors import SettingsError
from qup.settings.pins import PinnedFile, check_digest, require_commit

WHOLE = b'{"question": "1+1?", "answer": "2"}\n'
DIGEST = hashlib.sha256(WHOLE).hexdigest()
COMMIT = "0123456789abcdef" * 2 + "01234567"


def pinned(**given: Any) -> PinnedFile:
    return settings.read(PinnedFile, {"file": "own.jsonl", **given})


def refused(**given: Any) -> str:
    with pytest.raises(SettingsError) as raised:
        pinned(**given)
    return str(raised.value)


def test_a_file_that_has_its_hash_is_read(tmp_path: Path) -> None:
    (tmp_path / "own.jsonl").write_bytes(WHOLE)
    assert pinned(sha256=DIGEST).read(tmp_path) == WHOLE


def test_a_pinned_file_that_differs_is_refused_with_the_hash_it_has(tmp_path: Path) -> None:
    (tmp_path / "own.jsonl").write_bytes(WHOLE)
    with pytest.raises(SettingsError) as raised:
        pinned(sha256="0" * 64).read(tmp_path)
    told = str(raised.value)
    assert told.startswith(f"own.jsonl is not the pinned file: expected SHA-256 {'0' * 64}, got {DIGEST}")
    assert told.endswith(f"pin it: sha256: {DIGEST}")


def test_a_pinned_file_that_is_not_there_names_the_near_one(tmp_path: Path) -> None:
    (tmp_path / "owm.jsonl").write_bytes(WHOLE)
    with pytest.raises(SettingsError, match=r"unknown problem file .* 'own\.jsonl': did you mean 'owm\.jsonl'"):
        pinned(sha256=DIGEST).read(tmp_path)


def test_a_missing_hash_says_the_command_that_prints_it() -> None:
    assert refused() == "sha256: needs the SHA-256 of own.jsonl: `sha256sum data/problems/own.jsonl` prints it"
    assert "`sha256sum 'data/problems/my own.jsonl'` prints it" in refused(file="my own.jsonl")


@pytest.mark.parametrize("sha256", ["abc", "0" * 63, DIGEST.upper(), f"{DIGEST}\n", ""])
def test_what_is_no_hash_is_shown_with_the_command_that_prints_one(sha256: str) -> None:
    told = refused(sha256=sha256)
    assert told.startswith(f"sha256: expected 64 hex digits, got {sha256!r}")
    assert "`sha256sum data/problems/own.jsonl` prints" in told


@pytest.mark.parametrize("file", ["../own.jsonl", "/etc/passwd", "", "C:\\own.jsonl"])
def test_a_pinned_file_stays_in_its_folder(file: str) -> None:
    assert "file: expected a file below the folder" in refused(file=file, sha256=DIGEST)


def test_a_file_may_go_without_a_hash_where_none_is_asked_for() -> None:
    check_digest(None, "own.jsonl")


def test_a_commit_is_taken_as_it_is() -> None:
    assert require_commit(COMMIT, "openai/gsm8k") == COMMIT


@pytest.mark.parametrize("revision", [None, "main", COMMIT[:7], COMMIT.upper(), f"{COMMIT}\n", 12345678])
def test_what_is_no_commit_says_the_commands_that_print_one(revision: object) -> None:
    with pytest.raises(SettingsError) as raised:
        require_commit(revision, "openai/gsm8k")
    told = str(raised.value)
    was = "which is not pinned" if revision is None else f"got {revision!r}"
    assert told.startswith(f"revision: expected a commit of openai/gsm8k, 40 hex digits, {was}: ")
    assert "`git ls-remote https://huggingface.co/datasets/openai/gsm8k main` prints the newest" in told
    assert "https://huggingface.co/api/datasets/openai/gsm8k" in told
