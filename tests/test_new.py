"""`qup new`: a first study that is in order, from what a user has; or one line, with nothing written."""

import json
import re
from pathlib import Path

import pytest
from typer.testing import CliRunner

from qup import new, study
from qup.__main__ import app
from qup.errors import SettingsError

ENDPOINT = "https://api.openai.com/v1"


@pytest.fixture
def problems(tmp_path: Path) -> Path:
    """Sixty problems."""
    rows = [{"question": f"What is {i} + {i + 1}?", "answer": str(2 * i + 1)} for i in range(60)]
    place = tmp_path / "given" / "mine.jsonl"
    place.parent.mkdir()
    place.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return place


def wishes(usual: Path, **changes) -> new.Wishes:
    given = {"name": "mine", "learner": "owner/small", "oracle": "gpt-5.2", "endpoint": ENDPOINT, "problems": usual}
    return new.Wishes(**given | changes)


def test_the_study_is_in_order_and_its_problems_lie_where_studies_look(problems: Path, tmp_path: Path) -> None:
    drafted = new.draft(wishes(problems), tmp_path)
    written = study.read(drafted.file)
    # 60: a fifth held out, the rest in three.
    assert (written.problems.heldout, written.problems.train, written.problems.replicates) == (12, 16, 3)
    assert written.oracles["home"].api.base_url == ENDPOINT
    assert (tmp_path / "data" / "problems" / "mine.jsonl").read_bytes() == problems.read_bytes()
    assert any("owner/small is not pinned" in note for note in drafted.notes)
    assert any("export OPENAI_API_KEY" in note for note in drafted.notes)


def test_a_model_as_oracle_judges_too_and_a_folder_is_a_folder(problems: Path, tmp_path: Path) -> None:
    (tmp_path / "weights").mkdir()
    asked = wishes(problems, learner=str(tmp_path / "weights"), oracle="owner/big@" + "a" * 40, endpoint=None)
    drafted = new.draft(asked, tmp_path)
    written = study.read(drafted.file)
    assert written.models["learner"].source.path == str(tmp_path / "weights")
    assert written.models["oracle"].source.revision == "a" * 40
    assert written.rewards["genrm"].model == "oracle"
    assert not any("not pinned" in note for note in drafted.notes)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"replicates": 7}, r"60 usable problems: 7 replicates of 8 .* need 69; bring more"),
        ({"name": "a/b"}, "study"),
        ({"learner": "./nowhere"}, r"\./nowhere is no folder"),
        ({"learner": "owner/small@main"}, "40 hex digits"),
        ({"problems": Path("nowhere.jsonl")}, r"nowhere\.jsonl is not there"),
        ({"endpoint": "https://me:secret@host/v1"}, "base_url"),
        ({"answer_after": "@@"}, "mine"),
        ({"replicates": 0}, "replicates"),
    ],
)
def test_what_does_not_fit_is_one_line_and_nothing_is_written(problems, tmp_path, changes, words) -> None:
    with pytest.raises(SettingsError, match=words) as raised:
        new.draft(wishes(problems, **changes), tmp_path)
    assert "secret" not in str(raised.value)
    assert not list(tmp_path.rglob("*.yaml"))
    assert not (tmp_path / "data").exists()


def worked(place: Path, answer: str, count: int = 60, good: int = 0) -> Path:
    """A file of so many answers that end as given, and others that can be graded."""
    rows = [{"question": f"What is {i} + {i}?", "answer": answer.format(2 * i)} for i in range(count)]
    rows += [{"question": f"What is {i} - {i}?", "answer": "0"} for i in range(good)]
    place.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return place


@pytest.mark.parametrize(
    ("answer", "cure"),
    [
        ("We add.\nSo: {}", "name the mark that its final answer follows, --answer-after"),
        ("}}{}", "write the final answer alone"),
    ],
)
def test_answers_that_cannot_be_graded_are_refused_with_an_example_and_the_likely_cure(
    tmp_path: Path, answer: str, cure: str
) -> None:
    file = worked(tmp_path / "worked.jsonl", answer)
    example = re.escape(repr(answer.format("N"))).replace("N", r"\d+")
    words = f"worked.jsonl has 0 usable problems: .*60 more cannot be used.* such as {example}; .*{cure}"
    with pytest.raises(SettingsError, match=words):
        new.draft(wishes(file), tmp_path)
    assert not (tmp_path / "studies").exists()


def test_the_cure_for_a_mark_works(tmp_path: Path) -> None:
    file = worked(tmp_path / "worked.jsonl", "We add.\nSo: {}")
    assert new.draft(wishes(file, answer_after="So:"), tmp_path).notes[0].startswith("60 usable problems")


def test_rows_that_cannot_be_graded_are_counted_beside_those_that_can(tmp_path: Path) -> None:
    drafted = new.draft(wishes(worked(tmp_path / "some.jsonl", "So\nit is {}", 5, good=60)), tmp_path)
    assert drafted.notes[0].startswith("60 usable problems")
    assert drafted.notes[1].startswith(
        "5 more cannot be used: our grader rejects their own answer, such as 'So\\nit is"
    )
    assert study.read(drafted.file).problems.heldout == 12


def test_a_study_and_a_file_of_the_same_name_are_left_alone(problems: Path, tmp_path: Path) -> None:
    new.draft(wishes(problems), tmp_path)
    with pytest.raises(SettingsError, match="there already"):
        new.draft(wishes(problems), tmp_path)
    (tmp_path / "data" / "problems" / "mine.jsonl").write_text("{}", encoding="utf-8")
    with pytest.raises(SettingsError, match="another file of that name"):
        new.draft(wishes(problems, name="other"), tmp_path)
    assert not (tmp_path / "studies" / "other.yaml").exists()


def test_what_is_not_said_is_asked(problems: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    answers = f"owner/small\n{problems}\ngpt-5.2\n"
    done = CliRunner().invoke(app, ["new", "mine", "--endpoint", ENDPOINT], input=answers)
    assert done.exit_code == 0, done.output
    assert "then `qup plan mine` and `qup run mine`" in done.output
    assert study.read(tmp_path / "studies" / "mine.yaml").title == "small on mine.jsonl, Oracle gpt-5.2"
