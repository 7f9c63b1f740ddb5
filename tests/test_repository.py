"""State that outlives a run is kept by the repository, whatever copy of it the run works in."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from endpoint import Endpoint, serving

from qup import repository


def git(folder: Path, *words: str) -> None:
    who = ["-c", "user.name=us", "-c", "user.email=us@example.org"]
    subprocess.run(["git", *who, *words], cwd=folder, check=True, capture_output=True)


def test_a_folder_without_git_is_its_own_root(tmp_path: Path) -> None:
    assert repository.root(tmp_path) == tmp_path.resolve()


def test_a_repository_that_the_environment_names_is_none_of_a_folder_outside_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("main", "checkout", "elsewhere"):
        (tmp_path / name).mkdir()
    git(tmp_path / "main", "init", "--quiet")
    monkeypatch.setenv("GIT_DIR", str(tmp_path / "main" / ".git"))
    monkeypatch.setenv("GIT_WORK_TREE", str(tmp_path / "checkout"))
    assert repository.root(tmp_path / "elsewhere") == (tmp_path / "elsewhere").resolve()


@pytest.mark.parametrize("below", ["tmpabc", "standalone/tmpabc", "tmpabc/sub"])
def test_a_copy_that_dvc_runs_an_experiment_in_belongs_to_the_repository(tmp_path: Path, below: str) -> None:
    inside = tmp_path / "home" / ".dvc" / "tmp" / "exps" / below
    inside.mkdir(parents=True)
    git(inside, "init", "--quiet")
    assert repository.root(inside) == (tmp_path / "home").resolve()


def test_a_worktree_belongs_to_the_repository_and_a_folder_in_it_to_the_same_folder_there(tmp_path: Path) -> None:
    main = tmp_path / "main"
    (main / "sub").mkdir(parents=True)
    (main / "sub" / "a").write_text("1")
    git(main, "init", "--quiet")
    git(main, "add", "--all")
    git(main, "commit", "--quiet", "--message", "one")
    git(main, "worktree", "add", "--quiet", "../other", "-b", "other")
    assert repository.root(tmp_path / "other") == main.resolve()
    assert repository.root(tmp_path / "other" / "sub") == (main / "sub").resolve()
    assert repository.root(main) == main.resolve()
    inside = tmp_path / "other" / ".dvc" / "tmp" / "exps" / "tmpabc"
    inside.mkdir(parents=True)
    assert repository.root(inside) == main.resolve()


PIPELINE = """
stages:
  ask:
    cmd: python ask.py
    deps: [ask.py]
    params: [names]
    outs: [said.txt]
"""
ASKING = """
import json
import os
from pathlib import Path
from qup import repository
from qup.backends import Sampling
from qup.backends.openai import Backend
from qup import tracking
from qup.tracking import Mirror, attempt
from ruamel.yaml import YAML
from stages import cli

# Of a machine that is busy with other tests.
tracking.ANSWER = 60.0
names = YAML(typ="safe").load(Path("params.yaml"))["names"]
backend = Backend("toy", os.environ["QUP_TEST_URL"], 10_000, "QUP_TEST_KEY")
answers = backend.generate([[{"role": "user", "content": name}] for name in names], Sampling(0, 50, 1), names)
Path("said.txt").write_text(json.dumps([answer.text for answer in answers]))
print(attempt(Mirror("qup/toy", "".join(names), {"arms": {}}, {"seed": 1}, {}), repository.root()))
cli.runs().mkdir(parents=True, exist_ok=True)
(cli.runs() / f"{len(names)}.json").write_text("{}")
"""


@pytest.mark.slow
def test_experiments_in_temporary_copies_pay_for_what_is_new_alone_and_leave_their_state_in_the_repository(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = Path(__file__).resolve().parents[1]
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    env = {"PATH": path, "PYTHONPATH": str(project), "DVC_NO_ANALYTICS": "1", "QUP_TEST_KEY": "x"}
    for name, value in env.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)

    def dvc(*words: str) -> None:
        done = subprocess.run(["dvc", *words], cwd=tmp_path, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr

    (tmp_path / "dvc.yaml").write_text(PIPELINE)
    (tmp_path / "ask.py").write_text(ASKING)
    (tmp_path / "params.yaml").write_text("names: [a, b]\n")
    (tmp_path / ".gitignore").write_text(".qup/\nmlflow.db\nmlruns/\nsaid.txt\n")
    git(tmp_path, "init", "--quiet")
    for name, value in (("user.name", "us"), ("user.email", "us@example.org")):
        git(tmp_path, "config", name, value)
    dvc("init", "--quiet")
    with serving(Endpoint()) as endpoint:
        monkeypatch.setenv("QUP_TEST_URL", endpoint.url)
        git(tmp_path, "add", "--all")
        git(tmp_path, "commit", "--quiet", "--message", "one")
        dvc("exp", "run")
        assert endpoint.asked() == ["a", "b"] or endpoint.asked() == ["b", "a"]
        dvc("exp", "run", "--temp", "-S", "names=[a,b,c]")
        assert endpoint.asked()[2:] == ["c"]
        dvc("exp", "run", "--queue", "-S", "names=[a,b,c,d]")
        dvc("exp", "run", "--run-all")
        assert endpoint.asked()[3:] == ["d"]
    assert len(list((tmp_path / ".qup" / "openai").iterdir())) == 4
    assert sorted(file.name for file in (tmp_path / ".qup" / "runs").iterdir()) == ["2.json", "3.json", "4.json"]
    from mlflow.tracking import MlflowClient

    client = MlflowClient(f"sqlite:///{tmp_path / 'mlflow.db'}")
    experiment = client.get_experiment_by_name("qup/toy")
    states = {run.data.tags["qup.state"] for run in client.search_runs([experiment.experiment_id])}
    assert states == {"ab", "abc", "abcd"}
