"""What would stop a study hours later is a line before it begins: a fault is planted for each check."""

import importlib
import io
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from endpoint import KEY, Endpoint, completion
from rich.console import Console
from typer.testing import CliRunner

from qup import plan as planning
from qup import preflight, running, study
from qup.__main__ import app
from qup.backends import Sampling
from qup.errors import SettingsError
from qup.plan import Plan, Row
from qup.plan.changes import Change, State
from qup.plan.machine import Machine
from qup.plan.runs import Estimate
from qup.plan.spans import exactly
from qup.plan.work import Kind, Load, Stage, Work
from qup.preflight.ahead import Ahead
from qup.records import Finish, Problem, Trace, Verdict
from qup.running.screen import Expected
from qup.sampling import require_solved

ROOT = Path(__file__).resolve().parents[1]
ROWS = [{"question": f"What is {i} + {i + 1}?", "answer": str(2 * i + 1)} for i in range(40)]
CALL = (Work(Kind.CALL, "toy", exactly(8)),)
STAGES = {"prepare": (), "obtain": (), "sample": (), "refine@home-style_aligned": CALL, "train-native": ()}


def planned(*cached: str, disk: float = 1e6, **works: Any) -> Plan:
    """A plan of the study `mine` in which these stages are cached."""
    rows = []
    for name, own in (STAGES | works).items():
        state = State.CACHED if name in cached else State.RUNS
        stage = Stage(name, (Load.NOTHING,), own)
        seconds = Estimate(exactly(60), "as assumed")
        rows.append(Row(stage, Change(name, state), seconds, exactly(1e9), exactly(disk), None))
    machine = Machine(2, None)
    return Plan("mine", machine, "", "", tuple(rows), tuple(row.change for row in rows if row.change), ())


@pytest.fixture
def mine(tmp_path: Path, endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Path]:
    """A function from changes of the study's text to a repository whose Oracle is the endpoint of this machine."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("QUP_TEST_KEY", KEY)
    for folder in ("studies", "data/problems", "weights"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "weights/config.json").write_text("{}")
    save({"w": [1.0, 2.0]}, tmp_path / "weights/model.safetensors")
    (tmp_path / "params.yaml").write_text("study: mine\nrefiner: style_aligned\noracles: [home]\n", encoding="utf-8")
    problems(tmp_path, ROWS)
    api = {"model": "toy", "base_url": endpoint.url, "key_env": "QUP_TEST_KEY", "budget": 10_000}
    text = (ROOT / "studies/smoke.yaml").read_text(encoding="utf-8")
    oracle = f"home: {{oracle: prompted, api: {json.dumps(api)}}}"
    text = text.replace("home: {oracle: scripted, phrase: so the answer is, breaks: 1}", oracle)
    text = text.replace(
        "{source: random, architecture: qwen2, seed: 1, hidden: 32, layers: 2}",
        "&learner {source: folder, path: weights}",
    )
    text = text.replace("file: smoke.jsonl", "file: mine.jsonl").replace("train: 8", "train: 8\n  replicates: 2")
    shutil.copy(ROOT / "data/problems/smoke_longer.jsonl", tmp_path / "data/problems")

    def write(*changes: tuple[str, str]) -> Path:
        changed = text
        for old, new in changes:
            assert old in changed, old
            changed = changed.replace(old, new)
        (tmp_path / "studies/mine.yaml").write_text(changed, encoding="utf-8")
        return tmp_path

    write()
    return write


def save(tensors: dict[str, list[float]], place: Path) -> None:
    import numpy as np
    from safetensors.numpy import save_file

    save_file({name: np.array(values) for name, values in tensors.items()}, place)


def problems(folder: Path, rows: list[dict[str, str]]) -> None:
    lines = "".join(json.dumps(row) + "\n" for row in rows)
    (folder / "data/problems/mine.jsonl").write_text(lines, encoding="utf-8")


def test_where_all_is_there_nothing_is_said_and_the_endpoint_was_asked_once(
    mine: Callable[..., Path], endpoint: Endpoint, capsys: pytest.CaptureFixture[str]
) -> None:
    assert preflight.preflight(mine(), planned()) == []
    assert endpoint.asked() == ["What is 1 + 1?"]
    assert endpoint.requests[0]["max_tokens"] == 16
    # No bar and no line of its own.
    assert capsys.readouterr() == ("", "")
    # An answer of an hour ago says nothing of today's key.
    assert preflight.preflight(mine(), planned()) == []
    assert len(endpoint.requests) == 2


def test_what_is_cached_asks_no_endpoint_and_reads_no_file(mine: Callable[..., Path], endpoint: Endpoint) -> None:
    root = mine(("file: mine.jsonl", "file: nowhere.jsonl"))
    shutil.rmtree(root / "weights")
    assert preflight.preflight(root, planned(*STAGES)) == []
    assert endpoint.requests == []


def test_only_oracles_that_are_to_be_asked_are_asked(mine: Callable[..., Path], endpoint: Endpoint) -> None:
    assert preflight.preflight(mine(), planned("refine@home-style_aligned")) == []
    assert endpoint.requests == []
    # An arm of the study's own names it too.
    assert preflight.preflight(mine(), planned("refine@home-style_aligned", further=CALL)) == []
    assert len(endpoint.requests) == 1


def test_an_oracle_whose_name_begins_like_anothers_is_not_taken_for_it_and_a_mixture_asks_nobody(
    mine: Callable[..., Path],
) -> None:
    mixture = "mixed: {oracle: home, mixture: {rejection_sampling: 0.5, oracle_refined: 0.5}}"
    mine(
        ("  third: {", '  home-2: {oracle: scripted, phrase: "hence"}\n  third: {'),
        ("unfiltered: {oracle: home, ", f"{mixture}\n  unfiltered: {{oracle: home-2, "),
    )
    root, own = Path(), study.read(Path("studies/mine.yaml"))
    cells = planned("refine@home-style_aligned", **{"refine@home-2-style_aligned": CALL})
    assert Ahead(root, own, cells).asked == ["home-2"]
    assert Ahead(root, own, planned("refine@home-style_aligned", further=CALL)).asked == ["home-2"]


def test_what_is_stored_needs_no_key_no_network_and_no_money_before_the_run_either(
    mine: Callable[..., Path], endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = mine()
    api = study.read(root / "studies/mine.yaml").oracles["home"].api  # type: ignore[attr-defined]
    api.generate([[{"role": "user", "content": "2 + 2?"}]], Sampling(1.0, 8, 0), ["p1"])
    asked = len(endpoint.requests)
    monkeypatch.delenv("QUP_TEST_KEY")
    assert preflight.preflight(root, planned()) == []
    assert len(endpoint.requests) == asked
    (note,) = preflight.notes_on(root, planned(*[name for name in STAGES if name.startswith("train")]))
    assert note.startswith("Oracle home: QUP_TEST_KEY is not set: stored answers need no key")
    # Of other settings nothing is stored.
    root = mine(('"budget": 10000', '"budget": 10000, "extra": {"note": "x"}'))
    (fault,) = preflight.preflight(root, planned())
    assert "QUP_TEST_KEY is not set" in fault


@pytest.mark.parametrize("key", ["", "  "])
def test_a_key_that_is_not_there_is_told_by_its_variable(
    mine: Callable[..., Path], endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch, key: str
) -> None:
    monkeypatch.setenv("QUP_TEST_KEY", key)
    (fault,) = preflight.preflight(mine(), planned())
    assert fault.startswith("Oracle home: environment variable QUP_TEST_KEY is not set")
    assert endpoint.requests == []


@pytest.mark.parametrize(
    ("status", "words"),
    [(401, "check the key in QUP_TEST_KEY"), (404, "check base_url and model"), (402, "put money in")],
)
def test_an_endpoint_that_refuses_whoever_asks_is_told_with_the_way_out_and_no_key(
    mine: Callable[..., Path], endpoint: Endpoint, status: int, words: str
) -> None:
    endpoint.failures = [(status, {})]
    (fault,) = preflight.preflight(mine(), planned())
    assert fault.startswith("Oracle home: toy at ")
    assert words in fault
    assert KEY not in fault


def test_an_endpoint_that_is_not_there_is_told_in_seconds(mine: Callable[..., Path], endpoint: Endpoint) -> None:
    root = mine((endpoint.url, "http://127.0.0.1:9/v1"))
    (fault,) = preflight.preflight(root, planned())
    assert fault.startswith("Oracle home: toy at http://127.0.0.1:9/v1: Connection error")


def test_a_budget_that_is_used_up_is_told(mine: Callable[..., Path], endpoint: Endpoint) -> None:
    (fault,) = preflight.preflight(mine(('"budget": 10000', '"budget": 20')), planned())
    assert "budget of 20 tokens reached" in fault
    assert endpoint.requests == []


def test_an_endpoint_that_refuses_the_request_is_told_in_its_words(
    mine: Callable[..., Path], endpoint: Endpoint
) -> None:
    endpoint.odd = lambda request: (400, {"error": {"message": "temperature is not supported"}})
    (fault,) = preflight.preflight(mine(), planned())
    assert "temperature is not supported" in fault


@pytest.mark.parametrize(
    "odd", [(200, completion("", "length")), (400, {"error": {"message": "Could not finish: max_tokens was reached"}})]
)
def test_a_model_that_thinks_before_it_speaks_answers_all_the_same(
    mine: Callable[..., Path], endpoint: Endpoint, odd: tuple[int, Any]
) -> None:
    # It has answered before: else a refusal of the first chat is taken for one of the settings.
    assert preflight.preflight(mine(), planned()) == []
    endpoint.odd = lambda request: odd
    assert preflight.preflight(mine(), planned()) == []


@pytest.mark.parametrize(
    ("answer", "cure"),
    [
        ("3 + 4 is 7.\nThe answer is 7", 'set `answer_after: "The answer is"`'),
        ("first 3,\nthen 4, so 7", "set `answer_after` to the mark"),
        ("$\\frac{1}{$", "write the final answer alone"),
    ],
)
def test_answers_that_the_grader_rejects_are_shown_with_the_likely_cure(
    mine: Callable[..., Path], endpoint: Endpoint, answer: str, cure: str
) -> None:
    root = mine()
    problems(root, [row | {"answer": answer} for row in ROWS[:30]] + ROWS[30:])
    (fault,) = preflight.preflight(root, planned())
    assert fault.startswith("problems.sources[0]: the grader rejects the file's own answer of 30 of 40 problems")
    assert cure in fault
    # What is paid comes last.
    assert endpoint.requests == []


def test_a_few_answers_that_are_rejected_stop_nothing(mine: Callable[..., Path]) -> None:
    root = mine()
    problems(root, [{"question": "Why?", "answer": "so\nit is"}, *ROWS])
    assert preflight.preflight(root, planned()) == []


def test_a_file_that_is_not_there_is_told(mine: Callable[..., Path]) -> None:
    (fault,) = preflight.preflight(mine(("file: mine.jsonl", "file: nowhere.jsonl")), planned())
    assert "nowhere.jsonl" in fault


@pytest.mark.parametrize(
    ("plant", "said"),
    [
        (lambda f: shutil.rmtree(f / "weights"), "weights is not there"),
        (lambda f: (f / "weights/config.json").unlink(), "expected config.json"),
        (lambda f: (f / "weights/model.safetensors").write_bytes(b"\x08\0\0\0\0\0\0\0{}"), "is damaged"),
    ],
)
def test_a_folder_that_is_no_whole_checkpoint_is_told_by_its_models_name(
    mine: Callable[..., Path], plant: Callable[[Path], object], said: str
) -> None:
    root = mine()
    plant(root)
    (fault,) = preflight.preflight(root, planned())
    assert fault.startswith("model learner: ")
    assert said in fault


def test_a_model_that_was_obtained_and_damaged_since_is_told(mine: Callable[..., Path]) -> None:
    root = mine()
    place = root / "models/mine/base/learner"
    shutil.copytree(root / "weights", place)
    assert preflight.preflight(root, planned("obtain")) == []
    (place / "model.safetensors").write_bytes((place / "model.safetensors").read_bytes()[:-1])
    (fault,) = preflight.preflight(root, planned("obtain"))
    assert "run `dvc repro --force obtain@mine`" in fault


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("QUP_REPORT_TO", "wandbb", "unknown reporter 'wandbb': did you mean 'wandb'"),
        ("QUP_RUNS_PER_GPU", "many", "expected a number of runs, 1 or more, got 'many'"),
    ],
)
def test_a_variable_that_training_would_refuse_is_told_before_it(
    mine: Callable[..., Path], monkeypatch: pytest.MonkeyPatch, name: str, value: str, said: str
) -> None:
    monkeypatch.setenv(name, value)
    (fault,) = preflight.preflight(mine(), planned())
    assert fault.startswith(name) and said in fault
    assert preflight.preflight(mine(), planned("train-native")) == []


def test_a_disk_that_is_too_small_is_told_in_gigabytes(mine: Callable[..., Path]) -> None:
    (fault,) = preflight.preflight(mine(), planned(disk=1e18))
    assert fault.startswith("disk: the plan expects 5000000000.0 GB to be written, and ")
    assert "make room" in fault


def test_a_cache_on_another_disk_is_told_apart_and_moving_it_is_of_no_use_to_the_first(
    mine: Callable[..., Path], tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    root, other = mine(), tmp_path_factory.mktemp("other")
    (root / ".dvc").mkdir()
    (root / ".dvc/config.local").write_text(f"[cache]\n    dir = {other / 'made' / 'later'}\n")
    # The module; the room calls its function by the same name.
    monkeypatch.setattr(importlib.import_module("qup.preflight.disk"), "_device", lambda folder: folder == other)
    free = {root: 6 * 10**6, other: 4 * 10**6}
    monkeypatch.setattr("shutil.disk_usage", lambda place: SimpleNamespace(free=free[place]))
    # Five stages of a megabyte: DVC links to what it keeps, so they lie on a disk once.
    (fault,) = preflight.preflight(root, planned())
    assert fault.startswith("disk of DVC's cache: the plan expects 0.0 GB to be written, and 0.0 GB are free: make")
    free |= {root: 4 * 10**6, other: 6 * 10**6}
    (fault,) = preflight.preflight(root, planned())
    assert fault.startswith("disk: ") and "cache" not in fault


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ([("replicates: 2", "replicates: 1")], "one replicate: nothing is resolved"),
        ([("budget: {epochs: 1}", "budget: {epochs: 1.5}")], "a run passes over its traces 1.5 times"),
        # 4 steps of 4 traces are two epochs of 8 problems.
        ([("budget: {epochs: 1}", "budget: {steps: 4}")], "a run of 4 steps is probed 5 times, not 8"),
    ],
)
def test_what_a_study_will_not_tell_is_a_note(mine: Callable[..., Path], changes: list[Any], said: str) -> None:
    root = mine(*changes)
    (note,) = preflight.notes_on(root, planned())
    assert note.startswith(said)
    assert preflight.notes_on(root, planned(*STAGES)) == []


def test_enough_epochs_are_no_note(mine: Callable[..., Path]) -> None:
    assert preflight.notes_on(mine(("budget: {epochs: 1}", "budget: {epochs: 2}")), planned()) == []


def test_a_run_stops_before_dvc_with_a_line_each_and_shows_its_plan(
    mine: Callable[..., Path], endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = mine()
    monkeypatch.setattr(planning, "plan", lambda *_: planned())
    monkeypatch.setattr(running.Run, "command", property(lambda self: pytest.fail("DVC was started")))
    endpoint.failures = [(401, {})]
    said = io.StringIO()
    assert running.run(running.Run(root, "mine"), Console(file=said, width=200)) == 2
    lines = said.getvalue().splitlines()
    assert lines[-2].startswith("qup: Oracle home: toy at ") and "check the key in QUP_TEST_KEY" in lines[-2]
    assert lines[-1].startswith("nothing was run")
    assert "5 of 5 stages may run, some 300 s" in lines[0] or "5 min" in lines[0]
    assert lines[1].startswith("plan: prepare 60 s, obtain 60 s")
    assert any(line.startswith("plan: endpoints: no price is given") for line in lines)


def test_the_check_asks_only_if_it_is_told_to(
    mine: Callable[..., Path], endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    mine()
    monkeypatch.setattr(planning, "plan", lambda *_: planned())
    runner = CliRunner()
    assert runner.invoke(app, ["check"]).exit_code == 0
    assert endpoint.requests == []
    done = runner.invoke(app, ["check", "--preflight"])
    assert (done.exit_code, "all is there" in done.stdout) == (0, True)
    endpoint.failures = [(401, {})]
    done = runner.invoke(app, ["check", "--preflight"])
    assert done.exit_code == 2
    assert "check the key in QUP_TEST_KEY" in done.output


def test_no_stage_is_asked_of_where_the_plan_does_not_say(mine: Callable[..., Path]) -> None:
    ahead = Ahead(mine(), study.read(Path("studies/mine.yaml")), planned("sample"))
    assert ahead.runs("obtain") and not ahead.runs("sample") and not ahead.runs("evaluate")
    assert ahead.asked == ["home"]
    assert Expected().line == "all None stages are as they were"


PROBLEMS = [Problem("p1", "What is 1 + 2?", "3", "toy"), Problem("p2", "What is 2 + 2?", "4", "toy")]


def traces(*verdicts: Verdict) -> list[Trace]:
    return [
        Trace(PROBLEMS[i % 2].id, i // 2, f"so it is {i}", 5, Finish.STOP, "9", verdict)
        for i, verdict in enumerate(verdicts)
    ]


@pytest.mark.parametrize(
    ("verdicts", "counts", "remedy"),
    [
        (
            (Verdict.WRONG, Verdict.WRONG, Verdict.UNPARSED, Verdict.TRUNCATED),
            "2 wrong, 1 without a",
            "easier problems",
        ),
        ((Verdict.UNPARSED, Verdict.UNPARSED), "0 wrong, 2 without a readable answer", "asks for one"),
        ((Verdict.TRUNCATED,) * 4, "4 cut by max_tokens", "raise sampling.max_tokens"),
    ],
)
def test_a_learner_that_solves_nothing_stops_the_study_with_counts_an_example_and_what_to_do(
    verdicts: tuple[Verdict, ...], counts: str, remedy: str
) -> None:
    with pytest.raises(SettingsError) as caught:
        require_solved(PROBLEMS, traces(*verdicts))
    said = str(caught.value)
    assert said.startswith(f"the learner solves none of 2 problems in {len(verdicts)} samples")
    assert counts in said and remedy in said
    assert "'What is 1 + 2?', whose answer is '3', it said 'so it is 0'" in said
    assert "\n" not in said


def test_one_right_sample_is_enough_to_go_on() -> None:
    require_solved(PROBLEMS, traces(Verdict.WRONG, Verdict.CORRECT, Verdict.TRUNCATED))
