"""The hub as a source of weights: one commit, whose cache is used, and what cannot be had in one line; no network."""

import os
import subprocess
import sys
from collections.abc import Callable
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import pytest
from modelfolder import contents, model

from qup import models
from qup.errors import SettingsError

COMMIT = "0" * 40
Calls = list[dict[str, Any]]


@pytest.fixture
def hub(learner: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Calls]:
    """Puts a repository of some of the learner's files in place of the hub; the calls made of it are returned."""
    for name in ("HF_HOME", "HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "users"))

    def put(*names: str) -> Calls:
        calls: Calls = []

        def snapshot_download(repo: str, **how: Any) -> str:
            calls.append({"repo": repo, **how})
            (tmp_path / "snapshot").mkdir(exist_ok=True)
            for name in names:
                (tmp_path / "snapshot" / name).write_bytes((learner / name).read_bytes())
            return str(tmp_path / "snapshot")

        monkeypatch.setattr("huggingface_hub.snapshot_download", snapshot_download)
        return calls

    return put


def obtain(tmp_path: Path) -> None:
    model("hub", repo="a/b", revision=COMMIT).obtain(tmp_path / "m", tmp_path / "cache")


def cached(store: Path, learner: Path, *, but: str = "") -> Path:
    """A cache of the hub's that has the learner at the commit, as its own download leaves it."""
    snapshot = store / "models--a--b" / "snapshots" / COMMIT
    snapshot.mkdir(parents=True)
    for path in learner.iterdir():
        if path.name not in (but, "ORIGIN.md"):
            blob = store / "models--a--b" / "blobs" / path.name
            blob.parent.mkdir(exist_ok=True)
            blob.write_bytes(path.read_bytes())
            (snapshot / path.name).symlink_to(blob)
    return store


def test_only_safetensors_and_text_are_asked_of_the_hub_at_one_commit(
    tmp_path: Path, hub: Callable[..., Calls]
) -> None:
    calls = hub("model.safetensors", "config.json")
    obtain(tmp_path)
    (call,) = calls
    assert call["revision"] == COMMIT
    for refused in ("pytorch_model.bin", "modeling.py", "model.pth", "model.gguf"):
        assert not any(fnmatch(refused, pattern) for pattern in call["allow_patterns"])
    assert any(fnmatch("consolidated.safetensors", pattern) for pattern in call["ignore_patterns"])
    assert set(contents(tmp_path / "m")) == {"model.safetensors", "config.json", "ORIGIN.md"}
    assert COMMIT in (tmp_path / "m/ORIGIN.md").read_text()


def test_a_repository_without_weights_is_refused(tmp_path: Path, hub: Callable[..., Calls]) -> None:
    calls = hub("config.json")
    with pytest.raises(SettingsError, match=r"a/b at 00000000: expected config\.json and model\.safetensors or"):
        obtain(tmp_path)
    # Pickled weights are asked for only then.
    assert ["pytorch_model*.bin" in call["allow_patterns"] for call in calls] == [False, True]


@pytest.mark.parametrize("revision", ["main", "v1.0", "0" * 39, "G" * 40])
def test_a_revision_that_may_move_is_refused(revision: str) -> None:
    with pytest.raises(SettingsError, match="expected a commit of 40 hex digits"):
        model("hub", repo="a/b", revision=revision)


def test_a_model_that_is_not_pinned_can_be_planned_and_not_obtained(tmp_path: Path, hub: Callable[..., Calls]) -> None:
    calls = hub("model.safetensors", "config.json")
    unpinned = model("hub", repo="a/b", revision=None)
    pinned = model("hub", repo="a/a", revision="0" * 40)
    named = {"first": pinned, "learner": unpinned, "judge": unpinned}
    with pytest.raises(SettingsError, match=r"^models: not pinned") as told:
        models.obtain({k: models.ModelSettings(plug=m) for k, m in named.items()}, tmp_path / "out", tmp_path / "cache")
    command = "`git ls-remote https://huggingface.co/a/b main`"
    assert str(told.value).endswith(f": models.learner.revision: {command}; models.judge.revision: {command}")
    with pytest.raises(SettingsError, match=rf"^revision: a/b is not pinned.*{command} prints the newest commit"):
        unpinned.obtain(tmp_path / "out", tmp_path / "cache")
    assert calls == []


@pytest.mark.parametrize(
    "repo",
    [
        *("/data/models/x", "./x", "../x", "~/x", "~", ".", "a/b/", "models/mine/x", "C:\\models\\x", "a b", "", "ä/b"),
        "https://huggingface.co/a/b",
        "a/b\n",
    ],
)
def test_a_repository_that_is_a_path_is_told_of_the_source_for_folders(repo: str) -> None:
    with pytest.raises(SettingsError, match=r"expected owner/name as on the hub, got .*source: folder, path: "):
        model("hub", repo=repo, revision=COMMIT)


@pytest.mark.parametrize("repo", ["gpt2", "Qwen/Qwen2.5-Math-1.5B", "a_b/C.d-3"])
def test_names_of_repositories_are_taken(repo: str) -> None:
    assert model("hub", repo=repo, revision=COMMIT).repo == repo


@pytest.mark.parametrize("error", ["LocalEntryNotFoundError", "HFValidationError", "OfflineModeIsEnabled"])
def test_the_hub_out_of_reach_is_one_clear_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: str) -> None:
    import huggingface_hub.errors

    def unreachable(*args: Any, **how: Any) -> None:
        raise getattr(huggingface_hub.errors, error)("no\nnetwork")

    monkeypatch.setattr("huggingface_hub.snapshot_download", unreachable)
    with pytest.raises(SettingsError, match="a/b at 00000000 cannot be downloaded: no network"):
        obtain(tmp_path)


# --- whose cache


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({}, "cache/hub"),
        ({"HF_HOME": "home"}, "home/hub"),
        ({"HF_HUB_CACHE": "hubs"}, "hubs"),
        ({"HF_HOME": "home", "HF_HUB_CACHE": "hubs"}, "hubs"),
    ],
)
def test_a_cache_that_the_environment_names_is_downloaded_to(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    hub: Callable[..., Calls],
    environment: dict[str, str],
    expected: str,
) -> None:
    calls = hub("model.safetensors", "config.json")
    for name, place in environment.items():
        monkeypatch.setenv(name, str(tmp_path / place))
    obtain(tmp_path)
    assert calls[0]["cache_dir"] == tmp_path / expected


@pytest.mark.parametrize("place", ["users", "cache/hub"])
def test_the_cache_that_has_the_commit_is_taken(
    tmp_path: Path, learner: Path, monkeypatch: pytest.MonkeyPatch, hub: Callable[..., Calls], place: str
) -> None:
    calls = hub("model.safetensors", "config.json")
    cached(tmp_path / place, learner)
    if place == "cache/hub":
        monkeypatch.setenv("HF_HOME", str(tmp_path / "empty"))
    obtain(tmp_path)
    assert calls[0]["cache_dir"] == tmp_path / place


STUDY = """
import sys
from pathlib import Path
from qup.errors import SettingsError
from qup.models.hub import Model
try:
    Model("a/b", "0" * 40).obtain(Path(sys.argv[1]), Path(sys.argv[2]))
except SettingsError as error:
    print(error)
    sys.exit(2)
"""


def offline(home: Path, out: Path) -> Any:
    """What a process makes of a cache that it may not fill."""
    environment = {**os.environ, "HF_HOME": str(home), "HF_HUB_OFFLINE": "1"}
    environment = {name: value for name, value in environment.items() if name not in ("HF_HUB_CACHE",)}
    command = [sys.executable, "-c", STUDY, str(out), str(out.parent / "cache")]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)


def test_offline_a_filled_cache_is_enough_and_one_that_lacks_the_commit_is_one_line(
    tmp_path: Path, learner: Path
) -> None:
    cached(tmp_path / "home" / "hub", learner)
    done = offline(tmp_path / "home", tmp_path / "m")
    assert (done.returncode, done.stdout) == (0, ""), done.stderr
    original = contents(learner)
    assert {name: text for name, text in contents(tmp_path / "m").items() if name != "ORIGIN.md"} == {
        name: text for name, text in original.items() if name != "ORIGIN.md"
    }
    # A copy: DVC makes what it keeps read-only.
    assert not any(path.is_symlink() for path in (tmp_path / "m").iterdir())
    done = offline(tmp_path / "bare", tmp_path / "n")
    assert done.returncode == 2
    assert done.stdout.startswith("a/b at 00000000 cannot be downloaded: ")
    assert done.stdout.count("\n") == 1
