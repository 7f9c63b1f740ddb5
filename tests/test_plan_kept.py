"""What is kept of further arms is not planned again, and a plan says which arms are."""

from pathlib import Path

from qup import study
from qup.plan import lengths
from qup.plan.counts import Counting
from qup.plan.planner import _kept
from qup.plan.spans import exactly
from qup.plan.work import Kind, Stage

ROOT = Path(__file__).resolve().parents[1]
TINY = study.read(ROOT / "studies" / "glassbox-tiny.yaml")


def further(left: dict[str, list[str]]) -> Stage:
    """The stage as it is planned."""
    counting = Counting(TINY, lengths.Lengths("toy", exactly(20), (10,)), Path("nowhere"), "hf", left)
    stages = counting.stages(list(TINY.main_arms(["home"]).values()))
    return next(stage for stage in stages if stage.name == "further")


def test_of_arms_that_are_kept_only_what_is_left_is_counted() -> None:
    first, *others = TINY.further
    assert others, "the study has one further arm only"
    everything, none = further({}), further({name: [] for name in TINY.further})
    metrics = further({name: [] for name in others} | {first: ["compat"]})
    assert (none.works, none.jobs) == ((), 1)
    assert {work.kind for work in metrics.works} == {Kind.SCORE}
    assert {work.kind for work in everything.works} >= {Kind.SCORE, Kind.TRAIN, Kind.GENERATE}
    # An arm that nothing is known of is counted whole.
    one = further({name: [] for name in others})
    assert 0 < one.sum(Kind.TRAIN).mid < everything.sum(Kind.TRAIN).mid


def test_a_plan_says_which_arms_are_kept() -> None:
    assert _kept({}) == []
    said = "further arms that are kept from before: 2 whole, c but for compat, d but for train and evaluate"
    assert _kept({"a": [], "b": [], "c": ["compat"], "d": ["train", "evaluate"]}) == [said]
