"""`qup run`: a line a stage, what failed in its own words, the verdict at the end; nothing that is said is lost."""

import io
import json
import sys
from pathlib import Path

import pytest
from rich.console import Console

from qup import running
from qup.running.events import AsItWas, Begun, Failed, Reader, Working
from qup.running.screen import Expected, Screen, duration

SAID = (
    b"Stage 'check' is cached - skipping run, checking out outputs\n"
    b"Stage 'prepare@toy' didn't change, skipping\n"
    b"Running stage 'sample@toy':\n> python -m stages.sample --study studies/toy.yaml\n"
    b"sample:   0%|          | 0/40 [00:00<?, ?trace/s]\rsample:  50%|#####     | 20/40 [00:01<00:01, 19.0trace/s]"
    b"\rsample: 100%|##########| 40/40 [00:02<00:00, 19.0trace/s]\n40 traces, 12 right\n"
    b"Running stage 'train@toy-home-style_aligned':\n100%|##########| 3/3\n"
)
NOTHING = Expected()
EVENTS = [
    AsItWas("check"),
    AsItWas("prepare@toy"),
    Begun("sample@toy"),
    Working("sample", 0, 40),
    Working("sample", 20, 40),
    Working("sample", 40, 40),
    Begun("train@toy-home-style_aligned"),
    Working("", 3, 3),
]


@pytest.mark.parametrize("size", [1, 7, 10_000])
def test_output_in_pieces_of_any_size_is_the_same_events(size) -> None:
    reader = Reader()
    pieces = [SAID[i : i + size] for i in range(0, len(SAID), size)]
    events = [event for piece in pieces for event in reader.read(piece)]
    assert [*events, *reader.end()] == EVENTS


def test_a_stages_own_words_are_told_from_dvcs_and_a_cut_last_line_counts() -> None:
    reader = Reader()
    said = b"qup: streams.scope: given 'none', expected solved\nERROR: failed to reproduce 'native@toy'\nqup: cut off"
    events = [*reader.read(said), *reader.end()]
    assert [event.ours for event in events] == [True, False, True]
    assert events[-1] == Failed("cut off", ours=True)


def told(events, ahead=NOTHING, times=(0,)) -> list[str]:
    console = Console(file=io.StringIO(), width=200)
    clock = iter([*times, *[times[-1]] * 20])
    with Screen(console, ahead, lambda: next(clock)) as screen:
        for event in events:
            screen.see(event)
    return console.file.getvalue().splitlines()


def test_each_stage_that_ran_is_a_line_and_those_as_before_are_one() -> None:
    labels = {"train@toy-home-style_aligned": "train SAR", "sample@toy": "sample"}
    ahead = Expected({"sample@toy": 10.0, "train@toy-home-style_aligned": 60.0}, 4, labels)
    # Since it began, since the sample began, at each bar, as it ends.
    lines = told([event for event in EVENTS if not isinstance(event, Working)], ahead, (0, 1, 1, 6, 6, 6, 16))
    assert lines == ["2 stages as before", "3 of 4, sample: 5 s", "4 of 4, train SAR: 10 s"]


def test_a_stage_that_failed_is_not_told_as_done() -> None:
    assert told([Begun("native@toy"), Failed("no", ours=True)])[-1].startswith("1, native@toy: stopped after ")


@pytest.mark.parametrize(("seconds", "words"), [(41.2, "41 s"), (700, "12 min"), (12_000, "3 h 20 min")])
def test_a_duration_in_few_words(seconds, words) -> None:
    assert duration(seconds) == words


@pytest.fixture
def asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> running.Run:
    """The smoke study of a repository in which DVC is a script that the test sets."""
    root = Path(__file__).resolve().parents[1]
    (tmp_path / "studies").mkdir()
    (tmp_path / "studies" / "smoke.yaml").write_bytes((root / "studies" / "smoke.yaml").read_bytes())
    (tmp_path / "params.yaml").write_text("study: smoke\nrefiner: style_aligned\noracles: [home]\n", encoding="utf-8")
    monkeypatch.setattr(running, "_expected", lambda asked, console: Expected())
    return running.Run(tmp_path, "smoke")


def ran(asked, monkeypatch, script: str) -> tuple[int, str]:
    monkeypatch.setattr(running.Run, "command", property(lambda self: [sys.executable, "-c", script]))
    console = Console(file=io.StringIO(), width=200)
    return running.run(asked, console), console.file.getvalue()


def test_the_end_says_what_to_train_on_the_verdict_the_page_and_the_time(asked, monkeypatch) -> None:
    (asked.report).mkdir(parents=True)
    which = {"oracle": "home", "objective": "sft"}
    summary = {"choices": [which | {"headline": "train on SAR"}], "verdicts": [which | {"headline": "Paradox shown."}]}
    (asked.report / "report.json").write_text(json.dumps(summary), encoding="utf-8")
    code, said = ran(asked, monkeypatch, "print('all is as it was')")
    assert code == 0
    assert said.splitlines()[:2] == ["SFT, Oracle home: train on SAR.", "SFT, Oracle home: Paradox shown."]
    assert str(asked.report / "index.html") in said
    assert "smoke took 0 s" in said
    assert asked.log.read_text() == "all is as it was\n"


def test_a_stage_that_refuses_is_its_own_line_and_exit_code_2(asked, monkeypatch) -> None:
    script = "import sys; print('qup: no such model'); print('ERROR: failed to reproduce'); sys.exit(255)"
    code, said = ran(asked, monkeypatch, script)
    assert code == 2
    assert "qup: no such model" in said
    assert "failed to reproduce" not in said
    assert str(asked.log) in said


def test_where_only_dvc_has_words_they_are_told_with_its_exit_code(asked, monkeypatch) -> None:
    code, said = ran(asked, monkeypatch, "import sys; print('ERROR: Unable to acquire lock'); sys.exit(255)")
    assert code == 255
    assert "Unable to acquire lock" in said


def test_the_study_of_params_is_reproduced_and_another_or_a_change_is_an_experiment(asked) -> None:
    root = asked.root
    assert running.Run(root, "smoke").command[-2:] == ["dvc", "repro"]
    assert running.Run(root, "other").command[-4:] == ["exp", "run", "-S", "study=other"]
    changed = running.Run(root, "smoke", ("refiner=unfiltered",))
    assert changed.command[-4:] == ["exp", "run", "-S", "refiner=unfiltered"]


WRITES = "from pathlib import Path; Path('params.yaml').write_text('study: nonsense'); import sys; "


def test_a_change_that_is_refused_leaves_no_litter(asked, monkeypatch) -> None:
    monkeypatch.chdir(asked.root)
    before = (asked.root / "params.yaml").read_bytes()
    script = WRITES + "print(\"Running stage 'check':\"); print('qup: unknown study'); sys.exit(1)"
    code, said = ran(asked, monkeypatch, script)
    assert code == 2
    assert (asked.root / "params.yaml").read_bytes() == before
    assert "params.yaml is as it was" in said


def test_an_experiment_says_what_it_has_changed_and_the_way_back_that_the_docs_have(asked, monkeypatch) -> None:
    monkeypatch.chdir(asked.root)
    monkeypatch.setattr(running, "_tell", lambda asked, console: None)
    code, said = ran(asked, monkeypatch, "from pathlib import Path; Path('params.yaml').write_text('study: smoke')")
    assert code == 0
    assert f"params.yaml now say what ran; what Git has comes back by: {running.BACK}" in said
    docs = Path(__file__).parents[1] / "docs" / "experiments.md"
    assert running.BACK in docs.read_text(encoding="utf-8")


def test_a_run_that_failed_later_keeps_its_changes_so_that_it_can_go_on(asked, monkeypatch) -> None:
    monkeypatch.chdir(asked.root)
    script = WRITES + "print(\"Running stage 'sample@smoke':\"); print('qup: no room on the disk'); sys.exit(1)"
    ran(asked, monkeypatch, script)
    assert (asked.root / "params.yaml").read_text() == "study: nonsense"


def test_what_stops_this_process_stops_dvc(asked, monkeypatch) -> None:
    # DVC asks its parent to end, as a scheduler would, and would wait for a minute itself.
    script = "import os, signal, time; os.kill(os.getppid(), signal.SIGTERM); time.sleep(60)"
    code, _ = ran(asked, monkeypatch, script)
    assert code == -15
