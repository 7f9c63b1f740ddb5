"""The glass box's problems and what judges their traces: tags, exact shares, the metric, a reward with a set taste."""

import statistics
from pathlib import Path

import pytest
from toyglassbox import MIXED, PROBLEM, QUESTION, SAID, WRONG

from qup import settings as study_settings
from qup import study
from qup.compat import Seen
from qup.compat.glassbox import Metric
from qup.errors import SettingsError
from qup.glassbox import grammar, puzzle
from qup.glassbox.beliefs import misconceived
from qup.glassbox.corpus import Chains
from qup.glassbox.derivation import derive
from qup.glassbox.style import NATIVE, ORACLE
from qup.models.preference import Model as Preference
from qup.models.pretrain import Model as Pretrained
from qup.problems import ProblemSettings, prepare
from qup.problems.glassbox import TAG, Source
from qup.records import Problem, TokenStats
from qup.rewards.taste import Reward as Taste

STUDIES = Path(__file__).resolve().parents[1] / "studies"


def test_the_source_gives_distinct_problems_with_right_solutions() -> None:
    found = drawn(Source(Chains(2, 4)), 200)
    assert len({p.id for p in found}) == 200
    for problem in found:
        read = grammar.parse(problem.solution or "")
        assert read is not None
        assert read.shares[NATIVE] == 1
        assert str(read.answer) == problem.answer


def test_a_problem_that_uses_a_misconceived_fact_has_it_as_a_tag() -> None:
    assert derive(puzzle.read("b2 , e3 , d : + b 10 ? d")).steps[0].fact in misconceived(0.15)
    for problem in drawn(Source(Chains(2, 4)), 200):
        facts = {step.fact for step in derive(puzzle.read(problem.question)).steps}
        assert problem.tags == [TAG] * bool(facts & misconceived(0.15).keys())


@pytest.mark.parametrize("length", [1, 6])
def test_a_source_whose_problems_touch_gives_as_many_as_are_wanted(length: int) -> None:
    for touching in (True, False):
        found = drawn(Source(Chains(length, length), touching=touching), 300)
        assert [bool(problem.tags) for problem in found] == [touching] * 300


def test_problem_i_depends_on_the_seed_and_its_number_only() -> None:
    free = drawn(Source(), 100)
    assert free[:50] == drawn(Source(), 50)
    touching = [problem for problem in free if problem.tags]
    assert drawn(Source(touching=True), len(touching)) == touching
    assert drawn(Source(touching=False), 100 - len(touching)) == [problem for problem in free if not problem.tags]


def test_two_weighted_sources_set_the_share_of_touching_problems_exactly() -> None:
    weighted = [
        {"source": "glassbox", "touching": True, "weight": 0.4},
        {"source": "glassbox", "touching": False, "weight": 0.6},
    ]
    given = {"sources": weighted, "train": 50, "heldout": 20, "sets": {"more": {"sources": weighted, "count": 10}}}
    split = prepare(study_settings.read(ProblemSettings, given), 1, Path())
    counts = [sum(bool(problem.tags) for problem in part) for part in (split.train, split.heldout, split.sets["more"])]
    # 0.4 of 50, of 20 and of 10.
    assert counts == [20, 8, 4]


def test_touching_what_there_is_none_of_is_refused() -> None:
    with pytest.raises(SettingsError, match=r"^touching: no problem uses a misconceived fact at misconceived 0\.0$"):
        study_settings.read(Source, {"misconceived": 0.0, "touching": True})
    with pytest.raises(SettingsError, match=r"^touching: every problem uses a misconceived fact at misconceived 1\.0$"):
        study_settings.read(Source, {"misconceived": 1.0, "touching": False})


@pytest.mark.parametrize("file", sorted(STUDIES.glob("*.yaml")), ids=lambda file: file.stem)
def test_a_shipped_studys_sources_misconceive_what_its_models_do(file: Path) -> None:
    chosen = study.read(file)
    lists = [chosen.problems.sources, *(further.sources for further in chosen.problems.sets.values())]
    sources = {weighted.plug.misconceived for of in lists for weighted in of if isinstance(weighted.plug, Source)}
    models = [model.plug for model in chosen.models.values()]
    beliefs = {model.mix.beliefs for model in models if isinstance(model, Pretrained)}
    beliefs |= {model.beliefs for model in models if isinstance(model, Preference)}
    assert len(beliefs) <= 1
    assert sources == {held.share for held in beliefs}


def test_the_metric_reads_logic_and_dose_of_its_own_world_only() -> None:
    other = Problem("p2", "1 + 1", "2", "jsonl")
    assert Metric().values(seen(PROBLEM, WRONG)) == {
        "glassbox.parsed": 1.0,
        "glassbox.logic": 0.5,
        "glassbox.dose": 0.0,
    }
    assert Metric().values(seen(PROBLEM, MIXED))["glassbox.dose"] == pytest.approx(1 / 3)
    assert Metric().values(seen(PROBLEM, "so so")) == {"glassbox.parsed": 0.0}
    assert Metric().values(seen(other, WRONG)) == {}


def seen(problem: Problem, text: str) -> Seen:
    """A trace as the metric sees it, which reads the text alone."""
    return Seen(problem, None, text, TokenStats([], []), None, {})


def test_a_taste_is_for_what_it_is_set_to_be_for() -> None:
    taste = Taste(logic=1.0, style=0.5, length=0.2, noise=0.0)
    values = [score.value for score in taste.score([PROBLEM] * 3, [WRONG, MIXED, SAID[ORACLE]], Path())]
    # Half of the steps are right, none, a third and all are the Oracle's; 25, 25 and 29 words.
    words = [len(text.split()) for text in (WRONG, MIXED, SAID[ORACLE])]
    assert words == [25, 25, 29]
    assert values == pytest.approx([0.5 + 0.05, 0.5 + 0.5 / 3 + 0.05, 1 + 0.5 + 0.058])


def test_a_taste_has_whims_that_belong_to_the_trace() -> None:
    other = Problem("p2", QUESTION, "8", "glassbox")
    kind = Taste(logic=0.0, style=0.0, noise=0.1)
    first, again, elsewhere = (score.value for score in kind.score([PROBLEM, PROBLEM, other], [WRONG] * 3, Path()))
    assert first == again != elsewhere
    assert first != Taste(logic=0.0, style=0.0, noise=0.1, seed=2).score([PROBLEM], [WRONG], Path())[0].value
    many = [Problem(f"p{i}", QUESTION, "8", "glassbox") for i in range(2000)]
    whims = [score.value or 0.0 for score in kind.score(many, [WRONG] * 2000, Path())]
    assert statistics.fmean(whims) == pytest.approx(0, abs=0.01)
    assert statistics.stdev(whims) == pytest.approx(0.1, abs=0.01)


def test_a_taste_has_no_value_for_what_it_cannot_read() -> None:
    other = Problem("p2", "1 + 1", "2", "jsonl")
    unread, foreign = Taste().score([PROBLEM, other], ["so so", WRONG], Path())
    assert (unread.value, unread.failure) == (None, "unparsed")
    assert (foreign.value, foreign.failure) == (None, "not of the glass box")


def drawn(source: Source, count: int) -> list[Problem]:
    """Problems of a source, which needs no files."""
    return source.problems(count, 5, Path())
