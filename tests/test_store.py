"""Damage in DVC's cache, workspace and remote is told, with real DVC: which of it DVC itself does not see."""

import os
import re
import shutil
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from dvc.cli import main as dvc

from qup import store
from qup.errors import SettingsError

ROOT = Path(__file__).resolve().parents[1]
PIPELINE = """
stages:
  write:
    cmd: python write.py
    deps: [write.py]
    outs: [data/file.txt, data/folder]
"""
WRITE = """
from pathlib import Path
Path("data/folder").mkdir(parents=True, exist_ok=True)
Path("data/file.txt").write_text("one line of data\\n" * 100)
for name in "abc":
    Path(f"data/folder/{name}.txt").write_text(f"{name}\\n" * 100)
"""


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A pipeline of one stage that has run."""
    folder = tmp_path / "here"
    folder.mkdir()
    monkeypatch.chdir(folder)
    monkeypatch.setenv("DVC_NO_ANALYTICS", "1")
    monkeypatch.setenv("PATH", os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]))
    Path("dvc.yaml").write_text(PIPELINE)
    Path("write.py").write_text(WRITE)
    assert dvc(["init", "--quiet", "--no-scm"]) == 0
    assert dvc(["repro", "--quiet"]) == 0
    yield folder


def in_cache(content: str) -> Path:
    """The object of the cache that holds a text."""
    (found,) = [path for path in Path(".dvc/cache/files").rglob("*") if path.is_file() and content in path.read_text()]
    return found


def flip(path: Path) -> None:
    """Change a byte as a bad block would: size, time and mode stay."""
    before = path.stat()
    path.chmod(0o644)
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    path.chmod(stat.S_IMODE(before.st_mode))
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def cut(path: Path) -> None:
    """Half of it is gone."""
    mode = stat.S_IMODE(path.stat().st_mode)
    path.chmod(0o644)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    path.chmod(mode)


def damaged() -> list[str]:
    return store.check(Path()).damaged


def test_what_dvc_wrote_is_not_damaged(workspace: Path) -> None:
    findings = store.check(Path())
    assert findings.damaged == []
    # The file; the folder's list and its three files.
    assert list(findings.objects.values()) == [True] * 5
    assert findings.outputs == {"data/file.txt": True, "data/folder": True}
    assert findings.summary == "5 objects of the cache and 2 outputs hashed again, 0 damaged; 0 are not here"


@pytest.mark.parametrize("harm", [flip, cut])
@pytest.mark.parametrize(
    ("content", "of"),
    [("one line of data", "data/file.txt"), ("b\nb\n", "data/folder/b.txt"), ("relpath", "data/folder")],
)
def test_a_damaged_object_of_the_cache_is_a_line_though_nobody_may_write_it(
    workspace: Path, harm: Callable[[Path], None], content: str, of: str
) -> None:
    path = in_cache(content)
    harm(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o444
    (line,) = damaged()
    assert line.startswith(f"{path.resolve()} is damaged, which holds {of}: delete it, then `dvc pull {of}`")
    # The remedy where no remote has it.
    path.unlink()
    assert dvc(["repro", "--quiet"]) == 0
    assert damaged() == []


def test_dvc_itself_restores_a_damaged_object_without_a_word(workspace: Path) -> None:
    """The fault that is guarded against; where this fails, DVC has mended it."""
    flip(in_cache("one line of data"))
    Path("data/file.txt").unlink()
    assert dvc(["checkout", "--quiet"]) == 0
    assert Path("data/file.txt").is_file()


@pytest.mark.parametrize("name", ["data/file.txt", "data/folder/c.txt"])
def test_a_damaged_output_is_a_line_though_its_size_and_time_are_the_same(workspace: Path, name: str) -> None:
    flip(Path(name))
    (line,) = damaged()
    assert line.startswith(f"{name} is not what dvc.lock has")
    Path(name).unlink()
    assert dvc(["checkout", "--quiet"]) == 0
    assert damaged() == []


def test_what_is_not_here_is_counted_and_is_no_damage(workspace: Path) -> None:
    shutil.rmtree(".dvc/cache/files")
    shutil.rmtree("data")
    findings = store.check(Path())
    assert findings.damaged == []
    # Nothing says what the folder held.
    assert findings.summary.endswith("0 damaged; 4 are not here")


def test_a_folder_that_dvc_does_not_know_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(SettingsError) as caught:
        store.check(tmp_path)
    assert str(caught.value).startswith(f"{tmp_path}: DVC cannot read it: ")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("harm", [flip, cut])
@pytest.mark.parametrize(("content", "of"), [("one line of data", "data/file.txt"), ("relpath", "data/folder")])
def test_a_remote_that_is_set_up_as_the_docs_say_gives_no_damaged_file(
    workspace: Path, harm: Callable[[Path], None], content: str, of: str
) -> None:
    text = (ROOT / "docs" / "sharing.md").read_text(encoding="utf-8")
    for line in re.findall(r"^dvc (remote .*?) *(?:#.*)?$", text, re.MULTILINE):
        assert dvc(line.replace("/path/to/folder", str(workspace.parent / "store")).split()) == 0
    assert dvc(["push", "--quiet"]) == 0
    harm(workspace.parent / "store" / in_cache(content).relative_to(".dvc/cache"))
    shutil.rmtree(".dvc/cache")
    shutil.rmtree("data")
    assert dvc(["pull"]) != 0
    assert not Path(of).exists()
    assert damaged() == []


def test_the_command_tells_damage_and_exits_with_2(
    workspace: Path,
) -> None:
    Path("studies").symlink_to(ROOT / "studies")
    Path("params.yaml").write_text("{study: smoke, refiner: style_aligned, oracles: [home]}")
    command = [sys.executable, "-m", "qup", "check", "--data"]
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1].startswith("5 objects of the cache and 2 outputs hashed again, 0 damaged")
    flip(in_cache("one line of data"))
    done = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert [line for line in done.stderr.splitlines() if line.startswith("qup: ")] == [f"qup: {damaged()[0]}"]
