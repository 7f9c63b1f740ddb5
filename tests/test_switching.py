"""Experiments on another study, Oracle or refiner, and interrupted ones: what runs, and that nothing is lost."""

import os
import signal
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest
import yaml
from checkout import Repo, names
from first_run import first_run

from qup.settings import read_yaml

pytestmark = [pytest.mark.slow, pytest.mark.timeout(3600)]

ARM = {"refine", "reward", "compat", "train", "evaluate", "measure"}
PAIRED = '''"""A paired metric: how much longer a trace is than the native one."""

from typing import ClassVar

from pydantic.dataclasses import dataclass

from qup.compat import Pass, Role, Seen
from qup.settings import STRICT


@dataclass(frozen=True, config=STRICT)
class Metric:
    """Characters of the trace minus those of the native trace."""

    role: ClassVar[Role] = Role.NULL
    passes: ClassVar[tuple[Pass, ...]] = ()

    def values(self, seen: Seen) -> dict[str, float]:
        """`growth`; none without a native trace."""
        return {} if seen.native is None else {"growth": float(len(seen.text) - len(seen.native))}
'''
POOLED = '''"""The shortest correct trace of all that there are of a problem."""

from collections.abc import Sequence
from typing import ClassVar

from pydantic.dataclasses import dataclass

from qup.oracles import Reply
from qup.records import Verdict
from qup.refiners import Desk, Draft, Pool
from qup.settings import STRICT


@dataclass(frozen=True, config=STRICT)
class Refiner:
    """Chooses among the learner's samples and the main arms' streams."""

    repairs: ClassVar[bool] = True
    pool: ClassVar[Pool] = Pool.STREAMS

    def propose(self, drafts: Sequence[Draft], desk: Desk, attempt: int) -> list[Reply | None]:
        """The shortest correct candidate, None where there is none."""
        return [_shortest(draft) for draft in drafts]


def _shortest(draft: Draft) -> Reply | None:
    correct = [candidate.text for candidate in draft.pool if candidate.verdict is Verdict.CORRECT]
    return Reply(min(correct, key=len), tokens=0) if correct else None
'''

LEAST: dict[str, Any] = {"rewards": {"answer": {}}, "arms": {}, "controls": {}}
"What the other study does without: it is there to be switched to, and each stage of it is run from nothing."


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> Repo:
    """A repository with a metric, a refiner and two arms of its own, each one file or one line, after a full run."""
    repo = first_run(tmp_path_factory).kept
    (repo.folder / "qup" / "compat" / "growth.py").write_text(PAIRED, encoding="utf-8")
    (repo.folder / "qup" / "refiners" / "shortest.py").write_text(POOLED, encoding="utf-8")
    study = repo.folder / "studies" / "smoke.yaml"
    lines = study.read_text(encoding="utf-8").replace(
        "arms:\n",
        "arms:\n"
        "  pooled: {oracle: home, refiner: shortest}\n"
        "  brief: {oracle: home, refiner: restyled, training: {budget: {tokens: 40}}}\n",
    )
    study.write_text(lines, encoding="utf-8")
    other = read_yaml(study) | {"seed": 2} | LEAST
    (repo.folder / "studies" / "other.yaml").write_text(yaml.safe_dump(other), encoding="utf-8")
    repo.dvc("repro")
    repo.commit()
    repo.run("git", "tag", "first")
    repo.run("dvc", "push", "--run-cache")
    return repo


@pytest.fixture
def repo(ran: Repo) -> Repo:
    """The repository in the state after its full run, whatever the test before did."""
    # A test may have left an experiment staged, and its commits.
    ran.run("git", "reset", "--quiet", "--hard", "first")
    ran.run("git", "clean", "--quiet", "-fd", "results")
    ran.restore()
    return ran


def test_a_metric_a_pool_refiner_and_an_arm_with_its_own_budget_are_one_file_or_line_each(repo: Repo) -> None:
    arms = {arm["name"]: arm for arm in repo.measured("smoke", "further.json")}
    restyled = repo.measured("smoke", "home/restyled.json")[0]
    assert set(arms) == {"pooled", "brief", "unfiltered"}
    assert arms["pooled"]["metrics"]["growth"]
    assert arms["pooled"]["stream"]["outcomes"]["kept"] > 0
    assert arms["pooled"]["stream"]["attempts"] == 0
    assert max(run["tokens"] for run in arms["brief"]["runs"]) < min(run["tokens"] for run in restyled["runs"])
    assert restyled["roles"]["growth"] == "null"
    assert "growth" in (repo.folder / "results" / "smoke" / "report" / "report.md").read_text(encoding="utf-8")


def test_a_refiner_that_wants_others_streams_is_no_cell_and_says_where_it_belongs(repo: Repo) -> None:
    with pytest.raises(AssertionError, match=r"'shortest' chooses from the main arms' streams.*list it in the study"):
        repo.run("qup", "check", "--params", str(_params(repo, "shortest")))


def _params(repo: Repo, refiner: str) -> Path:
    place = repo.folder / ".qup" / "params.yaml"
    place.write_text(f"study: smoke\nrefiner: {refiner}\noracles: [home]\n", encoding="utf-8")
    return place


def test_studies_switched_back_and_forth_keep_each_others_results_and_leave_git_clean(repo: Repo) -> None:
    smoke = repo.results()
    repo.dvc("exp", "run", "-S", "study=other")
    assert repo.results() == smoke
    repo.commit()
    other = repo.results("other")
    assert other
    for chosen in ("smoke", "other"):
        assert names(repo.dvc("exp", "run", "-S", f"study={chosen}")) <= {"track"}
        assert (repo.results(), repo.results("other")) == (smoke, other)
    assert repo.changed() == []


def test_results_that_were_never_committed_survive_an_experiment_on_another_study(repo: Repo) -> None:
    repo.dvc("exp", "run", "-S", "refiner=unfiltered")
    before = repo.results()
    repo.dvc("exp", "run", "-S", "study=other")
    assert repo.results() == before


def test_another_oracle_is_compared_by_naming_it(repo: Repo) -> None:
    before = repo.results()
    ran = repo.dvc("exp", "run", "-S", "oracles=[home,third]")
    assert names(ran) == ARM | {"report", "track"}
    assert not any("-home-" in cell for cell in ran)
    assert "Oracle third" in (repo.folder / "results" / "smoke" / "report" / "report.md").read_text(encoding="utf-8")
    assert names(repo.dvc("exp", "run", "-S", "oracles=[home]")) <= {"report", "track"}
    assert repo.results() == before
    # DVC keeps the hashes of what it ran, and writes a list its own way.
    assert {line.split()[-1] for line in repo.changed()} <= {"dvc.lock", "params.yaml"}


def test_a_fresh_clone_with_a_new_refiner_runs_that_arm_and_the_report(repo: Repo, tmp_path: Path) -> None:
    repo.run("git", "clone", "--quiet", str(repo.folder), str(tmp_path / "clone"))
    clone = Repo(tmp_path / "clone")
    ran = clone.dvc("exp", "run", "--pull", "--allow-missing", "-S", "refiner=unfiltered")
    assert names(ran) == ARM | {"report", "track"}
    assert all("-home-unfiltered" in cell for cell in ran if names({cell}) <= ARM)


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGKILL])
def test_an_interrupted_experiment_is_tidied_up_by_one_command(repo: Repo, how: signal.Signals) -> None:
    before = repo.results()
    # Settings of their own, or what an earlier test made would be restored and there would be nothing to interrupt.
    setting = f"studies/smoke.yaml:rewards.genrm.min_mass={how / 1e6}"
    process = repo.start("dvc", "exp", "run", "-S", "refiner=unfiltered", "-S", setting)
    times = repo.folder / ".qup" / "runs"
    begun = time.time()
    while process.poll() is None and not any(file.stat().st_mtime > begun for file in times.glob("reward@*")):
        time.sleep(0.1)
    assert process.poll() is None, "nothing was left to interrupt"
    os.killpg(process.pid, how)
    try:
        process.wait(timeout=60)
    except subprocess.TimeoutExpired:
        # DVC leaves a first Ctrl-C to the stage that runs, which may have been done already: then it is pressed again.
        os.killpg(process.pid, how)
        process.wait(timeout=60)
    # The command that docs/experiments.md names.
    repo.run("git", "restore", "--staged", "--worktree", "params.yaml", "studies", "dvc.lock")
    assert names(repo.dvc("repro")) <= {"report", "track"}
    assert repo.results() == before
    assert repo.changed() == []
