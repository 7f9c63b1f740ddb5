"""Files and folders are written whole or not at all, and a full disk is one line that says which."""

import errno
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from qup import records, whole
from qup.errors import SettingsError
from stages import cli

ROOT = Path(__file__).resolve().parents[1]


class Stop(BaseException):
    """What a signal raises, as `SystemExit` does."""


def files(folder: Path) -> dict[str, str]:
    return {str(path.relative_to(folder)): path.read_text() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("error", [ValueError, Stop])
def test_what_stops_in_the_middle_leaves_the_place_as_it_was(tmp_path: Path, error: type[BaseException]) -> None:
    whole.write(tmp_path / "a.txt", "before")
    with whole.folder(tmp_path / "b") as part:
        whole.write(part / "deep" / "c.txt", "before")
    before = files(tmp_path)
    with pytest.raises(error), whole.file(tmp_path / "a.txt") as part:
        part.write_text("half")
        raise error
    with pytest.raises(error), whole.folder(tmp_path / "b") as part:
        (part / "d.txt").write_text("half")
        raise error
    assert files(tmp_path) == before == {"a.txt": "before", "b/deep/c.txt": "before"}


def test_a_folder_takes_the_place_of_the_one_before_with_all_that_was_in_it(tmp_path: Path) -> None:
    for name in ("old.txt", "new.txt"):
        with whole.folder(tmp_path / "b") as part:
            (part / name).write_text(name)
    assert files(tmp_path) == {"b/new.txt": "new.txt"}


def test_what_a_killed_run_left_is_removed_and_what_it_still_writes_is_not_taken(tmp_path: Path) -> None:
    left, neighbour = tmp_path / ".b.4242.part", tmp_path / ".b.c.4242.part"
    for folder in (left, neighbour):
        folder.mkdir()
        (folder / "half.txt").write_text("half")
    with whole.folder(tmp_path / "b") as part:
        (part / "new.txt").write_text("new")
    assert files(tmp_path) == {"b/new.txt": "new", ".b.c.4242.part/half.txt": "half"}


def test_a_folder_may_be_a_link_to_another_disk(tmp_path: Path) -> None:
    (tmp_path / "disk" / "b").mkdir(parents=True)
    (tmp_path / "b").symlink_to(tmp_path / "disk" / "b")
    with whole.folder(tmp_path / "b") as part:
        (part / "new.txt").write_text("new")
    assert (tmp_path / "b").is_symlink()
    assert files(tmp_path / "disk") == {"b/new.txt": "new"}


@dataclass(frozen=True)
class Free:
    """A record, and what is told of a disk."""

    free: int


FULL = [
    OSError(errno.ENOSPC, "No space left on device"),
    OSError(errno.EDQUOT, "Disk quota exceeded"),
    OSError(errno.EFBIG, "File too large"),
    RuntimeError('Error while serializing: I/O error: IoError(Os { code: 28, message: "No space left on device" })'),
    RuntimeError("database or disk is full"),
]


@pytest.mark.parametrize("error", FULL, ids=str)
def test_a_full_disk_is_one_line_that_names_the_folder(tmp_path: Path, error: Exception) -> None:
    said = f"^no space left on {tmp_path}: free some, then run the same command again$"
    with pytest.raises(SettingsError, match=said), whole.file(tmp_path / "a.txt") as part:
        part.write_text("half")
        raise error
    assert files(tmp_path) == {}


def test_the_fullest_of_some_folders_is_named_and_an_error_behind_another_is_seen(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    room = {Path("a"): 3, Path("b"): 1, Path("c"): 2}
    monkeypatch.setattr("shutil.disk_usage", lambda folder: Free(room[folder]))
    with pytest.raises(SettingsError, match="no space left on b:"), whole.room_in(*room):
        try:
            raise FULL[0]
        except OSError as error:
            raise RuntimeError("the trainer could not save") from error


def test_a_file_in_a_folder_that_is_not_whole_names_the_folder_around_it(tmp_path: Path) -> None:
    said = f"^no space left on {tmp_path}: "
    with pytest.raises(SettingsError, match=said), whole.folder(tmp_path / "b") as part:  # noqa: SIM117
        with whole.file(part / "deep" / "a.txt"):
            raise FULL[0]


def test_another_error_stays_what_it_is(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError), whole.file(tmp_path / "a.txt"):
        raise FileNotFoundError(errno.ENOENT, "no such file")


LIMITED = """
import resource, sys
resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))
from stages import cli, prepare
cli.run(prepare.main)
"""
"The prepare stage where no file may be larger than 20 kB, which is how a test without a disk of its own fills one."


def test_a_stage_on_a_full_disk_ends_with_one_line_and_the_earlier_result(tmp_path: Path) -> None:
    lines = [f'{{"question": "What is {n} + {n}? {"x" * 2000}", "answer": "{2 * n}"}}\n' for n in range(60)]
    (tmp_path / "many.jsonl").write_text("".join(lines), encoding="utf-8")
    study = (ROOT / "studies" / "smoke.yaml").read_text(encoding="utf-8")
    study = study.replace("smoke.jsonl", "many.jsonl").replace("train: 8", "train: 40")
    (tmp_path / "smoke.yaml").write_text(study, encoding="utf-8")
    (tmp_path / "smoke_longer.jsonl").write_bytes((ROOT / "data" / "problems" / "smoke_longer.jsonl").read_bytes())
    out = tmp_path / "out"
    whole.write(out / "train.jsonl", "what an earlier run made\n")
    words = ["--study", str(tmp_path / "smoke.yaml"), "--files", str(tmp_path), "--out", str(out)]
    done = subprocess.run(
        [sys.executable, "-c", LIMITED, *words], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 2, done.stderr[-2000:]
    assert done.stderr.startswith("qup: no space left on ")
    assert done.stderr.endswith(": free some, then run the same command again\n")
    assert len(done.stderr.splitlines()) == 1
    assert files(out) == {"train.jsonl": "what an earlier run made\n"}
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        *("many.jsonl", "out", "smoke.yaml", "smoke_longer.jsonl")
    ]


def test_records_that_fail_half_way_leave_those_of_before(tmp_path: Path) -> None:
    def failing() -> Iterator[Free]:
        yield Free(2)
        raise ValueError("no more")

    records.write(tmp_path / "toy.jsonl", [Free(1)])
    with pytest.raises(ValueError, match="no more"):
        records.write(tmp_path / "toy.jsonl", failing())
    assert files(tmp_path) == {"toy.jsonl": '{"free": 1}\n'}


def test_the_time_of_a_stage_is_left_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DVC_STAGE", "sample@smoke")
    cli.leave_time(0.0)
    assert list(files(tmp_path)) == [".qup/runs/sample@smoke.json"]
