"""`qup doctor`: each planted fault is a line with its remedy, and no key is ever in it."""

import importlib.machinery
import json
import shutil
import subprocess
from collections.abc import Callable
from importlib import metadata
from pathlib import Path

import pytest
from typer.testing import CliRunner

from qup import doctor
from qup.__main__ import app

ROOT = Path(__file__).resolve().parents[1]
PIN = f"typer=={metadata.version('typer')}\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A repository with a study, a lock of one package, and DVC."""
    (tmp_path / "studies").mkdir()
    shutil.copy(ROOT / "studies" / "smoke.yaml", tmp_path / "studies" / "smoke.yaml")
    (tmp_path / "params.yaml").write_text("study: smoke\nrefiner: style_aligned\noracles: [home]\n", encoding="utf-8")
    (tmp_path / "requirements.lock").write_text(PIN, encoding="utf-8")
    for command in (
        ["git", "init", "-q"],
        ["git", "-c", "user.name=n", "-c", "user.email=e@e", "commit", "-qm", "first", "--allow-empty"],
        ["dvc", "init", "-q"],
    ):
        subprocess.run(command, cwd=tmp_path, check=True, capture_output=True)
    return tmp_path


def found(folder: Path, part: str) -> doctor.Finding:
    (finding,) = [each for each in doctor.examine(folder) if each.part == part]
    return finding


def test_where_all_is_there_nothing_is_amiss(folder: Path) -> None:
    assert {each.state for each in doctor.examine(folder)} <= {"ok", "note"}


@pytest.mark.parametrize(
    ("part", "plant", "state", "said"),
    [
        ("packages", lambda f: (f / "requirements.lock").write_text("typer==0.0.1\n"), "note", "others: typer"),
        ("packages", lambda f: (f / "requirements.lock").write_text("no-such==1\n"), "amiss", "absent: no-such"),
        ("study", lambda f: (f / "params.yaml").write_text("study: smoke\n"), "amiss", "params.yaml"),
        ("Git", lambda f: shutil.rmtree(f / ".git"), "amiss", "no repository"),
        ("packages", lambda f: (f / "requirements.lock").unlink(), "amiss", "requirements.lock"),
    ],
)
def test_a_planted_fault_is_seen_and_has_a_remedy(
    folder: Path, part: str, plant: Callable[[Path], object], state: str, said: str
) -> None:
    plant(folder)
    finding = found(folder, part)
    assert finding.state == state
    assert said in finding.seen
    assert finding.remedy


@pytest.mark.parametrize(
    ("plant", "said"),
    [
        (lambda f: shutil.rmtree(f / ".dvc"), "no workspace of DVC"),
        (lambda f: (f / ".dvc" / "config").write_text("sk-very-secret\n[core"), "cannot be opened: ConfigError"),
        (lambda f: (f / ".dvc" / "config").write_text("[cor]\nremote = sk-very-secret\n"), "ConfigError"),
    ],
    ids=["absent", "syntax", "section"],
)
def test_a_workspace_that_dvc_cannot_open_is_amiss_and_its_configuration_is_not_told(
    folder: Path, plant: Callable[[Path], object], said: str
) -> None:
    plant(folder)
    finding = found(folder, "DVC")
    assert finding.state == "amiss" and said in finding.seen and finding.remedy
    every = doctor.examine(folder)
    assert "very-secret" not in repr(every)
    # The parts behind it are looked at all the same.
    assert "MLflow" in {each.part for each in every}


def test_a_system_that_does_not_say_its_memory_is_looked_at_too(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(doctor.os, "sysconf")
    assert "unknown memory" in found(folder, "machine").seen


def test_a_full_disk_is_noted(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor.shutil, "disk_usage", lambda path: shutil._ntuple_diskusage(1, 1, 10**9))
    assert found(folder, "disk").state == "note"


@pytest.mark.parametrize(
    ("built_for", "newest", "said"),
    [
        (None, "13.0", "make .venv/ready GPU=1"),
        ("13.0", "12.8", "renew the driver"),
        ("13.0", "13.0", ""),
        # Within a major version drivers run what is newer (CUDA's minor version compatibility).
        ("13.1", "13.0", ""),
        ("9.2", "13.0", ""),
        ("13.0", None, ""),
    ],
)
def test_the_torch_beside_an_accelerator_must_be_for_it_and_for_its_driver(
    folder: Path, monkeypatch: pytest.MonkeyPatch, built_for: str | None, newest: str | None, said: str
) -> None:
    monkeypatch.setattr("qup.plan.machine.accelerators", lambda: ["NVIDIA H100", "NVIDIA H100"])
    monkeypatch.setattr("qup.plan.machine.newest_cuda", lambda: newest)
    monkeypatch.setattr(doctor, "_cuda_of_torch", lambda: built_for)
    finding = found(folder, "accelerator")
    assert finding.state == ("amiss" if said else "ok")
    assert said in finding.remedy
    assert bool(finding.remedy) == bool(said)
    assert "NVIDIA H100, NVIDIA H100" in finding.seen


@pytest.mark.parametrize(
    ("line", "cuda"),
    [("cuda: Optional[str] = '13.0'", "13.0"), ("cuda = None", None), ("cuda: str | None = None", None)],
)
def test_the_cuda_of_torch_is_read_from_its_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, line: str, cuda: str | None
) -> None:
    (tmp_path / "version.py").write_text(f"__version__ = '2.13.0'\ndebug = False\n{line}\nhip = None\n")
    spec = importlib.machinery.ModuleSpec("torch", None, origin=str(tmp_path / "__init__.py"))
    monkeypatch.setattr(doctor, "find_spec", lambda name: spec)
    assert doctor._cuda_of_torch() == cuda


def test_the_lock_for_gpus_counts_where_its_vllm_is_installed(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "requirements-gpu.lock").write_text("typer==0.0.1\n", encoding="utf-8")
    assert found(folder, "packages").state == "ok"
    monkeypatch.setattr(doctor, "_installed", lambda name: "0.32.0" if name == "vllm" else metadata.version(name))
    assert "others: typer" in found(folder, "packages").seen


def test_a_remote_whose_files_are_not_verified_is_noted_and_its_address_is_not_told(folder: Path) -> None:
    add = ["dvc", "remote", "add", "-d", "ours", "s3://somebody-private/data"]
    subprocess.run(add, cwd=folder, check=True, capture_output=True)
    finding = found(folder, "DVC remote")
    assert (finding.state, finding.seen) == ("note", "ours (s3)")
    assert "verify true" in finding.remedy
    subprocess.run(["dvc", "remote", "modify", "ours", "verify", "true"], cwd=folder, check=True, capture_output=True)
    assert found(folder, "DVC remote").state == "ok"


def test_a_key_is_told_to_be_there_and_never_what_it_is(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = folder / "studies" / "smoke.yaml"
    api = "{oracle: prompted, api: {model: gpt, base_url: 'https://api.openai.com/v1', budget: 1000}}"
    text = file.read_text(encoding="utf-8").replace("{oracle: scripted, phrase: therefore}", api)
    file.write_text(text, encoding="utf-8")
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    assert found(folder, "Oracle third").state == "note"
    monkeypatch.setenv("OPENAI_API_KEY", "sk-very-secret")
    every = doctor.examine(folder)
    assert "OPENAI_API_KEY is set" in {each.seen for each in every}
    assert "very-secret" not in repr(every)


def test_the_command_prints_every_part_and_ends_with_2_where_one_is_amiss(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folder)
    runner = CliRunner()
    done = runner.invoke(app, ["doctor", "--json"])
    assert done.exit_code == 0
    parts = [each["part"] for each in json.loads(done.stdout)]
    assert {"Python", "machine", "disk", "packages", "accelerator", "Git", "study", "models", "data", "MLflow"} <= {
        *parts
    }
    (folder / "params.yaml").unlink()
    done = runner.invoke(app, ["doctor"])
    assert done.exit_code == 2
    assert "amiss study" in done.stdout
