"""Training sets of a study: their replicates have nothing in common, are alike in source, and arms train on one."""

import dataclasses
from collections import Counter
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from qup import chain, evals, problems, records, settings, study
from qup.arms import ArmSettings
from qup.chain import Shared
from qup.errors import SettingsError
from qup.problems import ProblemSettings, _splits
from qup.problems._content import normalized, problem
from qup.records import Finish, Problem, Refined, Trace, Verdict
from qup.refiners import StreamSettings
from qup.sampling import SamplingSettings
from qup.training.settings import Budget, Probes
from stages import native

SMOKE = study.read(Path(__file__).parents[1] / "studies" / "smoke.yaml")
SUMS = [{"source": "reasoning_gym", "tasks": {"chain_sum": {}}}, {"source": "reasoning_gym", "tasks": {"lcm": {}}}]


def pool(name: str, count: int, weight: float = 1, tags: tuple[str, ...] = ()) -> _splits.Pool:
    made = [dataclasses.replace(problem(f"{name}{i}?", "1", name), tags=list(tags)) for i in range(count)]
    return _splits.Pool(name, weight, made)


def made() -> _splits.Split:
    """Three replicates of 6 and 6 held out, two of b to one of a; a further set of two replicates of 4, all of c."""
    main = _splits.split([pool("a", 20), pool("b", 30, 2, ("hard",))], 6, 3, 6, seed=1)
    return _splits.with_training_set(main, "again", [pool("c", 10, tags=("x", "hard"))], 4, 2, seed=2)


def test_training_sets_and_their_replicates_have_no_question_in_common() -> None:
    split = made()
    questions = [normalized(p.question) for p in (*split.train, *split.heldout)]
    # 3 x 6 + 2 x 4 + 6.
    assert len(set(questions)) == len(questions) == 32


def test_replicates_are_numbered_across_training_sets() -> None:
    counts = Counter((p.training_set, p.replicate) for p in made().train)
    assert counts == {("train", 1): 6, ("train", 2): 6, ("train", 3): 6, ("again", 4): 4, ("again", 5): 4}
    more = _splits.with_training_set(made(), "more", [pool("d", 4)], 2, 1, seed=3)
    assert {p.replicate for p in more.train if p.training_set == "more"} == {6}


def test_every_replicate_has_the_same_share_of_each_source() -> None:
    counts = Counter((p.replicate, p.source) for p in made().train if p.training_set == "train")
    assert counts == {(r, name): share for r in (1, 2, 3) for name, share in (("a", 2), ("b", 4))}
    # 7 in thirds is 3, 2, 2: the odd one is of the first source in every replicate.
    uneven = _splits.split([pool(name, 20) for name in "abc"], 7, 4, 1, seed=1).train
    assert Counter((p.replicate, p.source) for p in uneven) == {
        (r, name): share for r in (1, 2, 3, 4) for name, share in (("a", 3), ("b", 2), ("c", 2))
    }


def test_problems_to_evaluate_on_are_of_no_training_set() -> None:
    split = _splits.with_set(made(), "longer", [pool("e", 3)], 3, seed=4)
    for found in (split.heldout, split.sets["longer"]):
        assert {(p.training_set, p.replicate) for p in found} == {(None, None)}


def test_a_further_set_draws_no_question_that_is_there_already() -> None:
    main = _splits.split([pool("a", 6)], 2, 2, 2, seed=1)
    shared = _splits.Pool("b", 1, [*pool("a", 6).problems, *pool("b", 2).problems])
    further = _splits.with_training_set(main, "again", [shared], 1, 2, seed=2)
    assert {p.source for p in further.train if p.training_set == "again"} == {"b"}
    with pytest.raises(SettingsError, match=r"2 usable problems of the 3 .* lower problems\.training_sets\.again"):
        _splits.with_training_set(main, "again", [shared], 1, 3, seed=2)


def test_the_checks_count_sets_replicates_tags_and_sources() -> None:
    split = _splits.checked(_splits.with_set(made(), "longer", [pool("e", 3)], 2, seed=4), ngram=13)
    counted = {"gold_failed": 0, "repeated": 0}
    hard = {"hard": 4}
    assert split.checks == {
        "ngram": 13,
        "in_both": 0,
        "evaluation": {
            "heldout": {"count": 6, "sharing_an_ngram": 0, "tags": hard},
            "longer": {"count": 2, "sharing_an_ngram": 0, "tags": {}},
        },
        "training": {
            "train": {"count": 18, "replicates": [1, 2, 3], "tags": {"hard": 12}},
            "again": {"count": 8, "replicates": [4, 5], "tags": {"hard": 8, "x": 8}},
        },
        "sources": {
            "train": [{"source": "a", "given": 20, **counted}, {"source": "b", "given": 30, **counted}],
            "again": [{"source": "c", "given": 10, **counted}],
            "longer": [{"source": "e", "given": 3, **counted}],
        },
    }


def test_a_problem_that_an_evaluation_set_shares_with_training_is_counted() -> None:
    split = made()
    both = dataclasses.replace(split, heldout=[*split.heldout, split.train[-1]])
    assert _splits.checked(both, ngram=13).checks["in_both"] == 1


def settled(**others: Any) -> ProblemSettings:
    given: dict[str, Any] = {"sources": SUMS, "train": 4, "heldout": 3, "replicates": 2}
    made: ProblemSettings = settings.read(ProblemSettings, {**given, **others})
    return made


def test_a_further_training_set_has_the_main_ones_sources_count_and_replicates_if_not_said(tmp_path: Path) -> None:
    own = {"sources": [SUMS[1]], "count": 3, "replicates": 1}
    split = problems.prepare(settled(training_sets={"again": {}, "own": own}), 1, tmp_path)
    counts = Counter((p.training_set, p.replicate, p.source) for p in split.train)
    chain_sum, lcm = "reasoning_gym/chain_sum", "reasoning_gym/lcm"
    halves = {
        (name, r, source): 2
        for name, r in (("train", 1), ("train", 2), ("again", 3), ("again", 4))
        for source in (chain_sum, lcm)
    }
    assert counts == {**halves, ("own", 5, lcm): 3}
    assert len({p.id for p in (*split.train, *split.heldout)}) == 8 + 8 + 3 + 3


def test_a_source_is_asked_for_what_all_replicates_take_of_it(tmp_path: Path) -> None:
    # 2 in thirds is 1, 1, 0: 60 replicates take 60 of the first source, whose third of 120 is 40.
    three = [*SUMS, {"source": "reasoning_gym", "tasks": {"gcd": {}}}]
    split = problems.prepare(settled(sources=three, train=2, heldout=1, replicates=60), 1, tmp_path)
    assert Counter(p.source for p in split.train) == {"reasoning_gym/chain_sum": 60, "reasoning_gym/lcm": 60}


def test_of_a_set_are_its_problems_alone() -> None:
    split = made()
    assert [p.replicate for p in records.of_set(split.train, "again")] == [4] * 4 + [5] * 4
    assert records.of_set(split.train, "none") == []


# --- arms on a training set


def trained_on() -> list[Problem]:
    """Two problems of each of two replicates of each of two sets."""
    return [
        Problem(f"p{i}", f"What is {i} + 1?", "2", "toy", training_set=name, replicate=1 + i // 2)
        for i, name in enumerate(["train"] * 4 + ["again"] * 4)
    ]


def sampled() -> list[Trace]:
    return [Trace(p.id, 0, f"so {p.id[1]} \\boxed{{2}}", 5, Finish.STOP, "2", Verdict.CORRECT) for p in trained_on()]


def test_the_native_arm_is_of_the_main_training_set(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    own = SimpleNamespace(sampling=SamplingSettings(n=1), streams=StreamSettings("all"), seed=1)
    monkeypatch.setattr("stages.cli.start", lambda args: own)
    records.write(tmp_path / "train.jsonl", trained_on())
    records.write(tmp_path / "traces.jsonl", sampled())
    flags = [("problems", "train"), ("traces", "traces"), ("out", "stream")]
    native.main(["--study=toy.yaml", *(f"--{flag}={tmp_path / name}.jsonl" for flag, name in flags)])
    stream = records.read(tmp_path / "stream.jsonl", Refined)
    assert [(refined.problem_id, refined.replicate) for refined in stream] == [
        ("p0", 1),
        ("p1", 1),
        ("p2", 2),
        ("p3", 2),
    ]


def test_an_arm_with_a_training_set_trains_on_its_replicates_only(
    learner: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("qup.evals.evaluate", lambda *_: evals.Results([], []))
    own = dataclasses.replace(
        SMOKE,
        problems=dataclasses.replace(SMOKE.problems, training_sets={"again": problems.TrainingSet()}),
        rewards={"answer": SMOKE.rewards["answer"]},
        training=dataclasses.replace(
            SMOKE.training, objectives=("sft",), budget=Budget(epochs=1), probes=Probes(2, 1, 1)
        ),
        arms={"mine": ArmSettings("home", "unfiltered", training_set="again")},
        controls={},
    )
    records.write(tmp_path / "evaluation" / "heldout.jsonl", [])
    shared = Shared(own, trained_on(), tmp_path / "evaluation", sampled(), {}, learner.parent)
    arm = chain.make(own.further["mine"], shared, tmp_path / "mine")
    assert (arm.problems, arm.replicates) == (["p4", "p5", "p6", "p7"], [3, 3, 4, 4])
    assert [(run.replicate, run.traces) for run in arm.runs] == [(3, 2), (4, 2)]
    # Each is probed on the two traces of the other; the main set's are not among them.
    (first, second) = arm.runs
    assert first.stream
    assert first.stream.at == [0, first.tokens]
    assert [refined.replicate for refined in records.read(tmp_path / "mine" / "stream.jsonl", Refined)] == [3, 3, 4, 4]
    assert second.native


def test_an_unknown_training_set_is_one_error_that_names_the_near_ones() -> None:
    given = settings.read_yaml(Path(__file__).parents[1] / "studies" / "smoke.yaml")
    given["problems"]["training_sets"] = {"again": {}}
    given["arms"]["unfiltered"] = {"oracle": "home", "refiner": "unfiltered", "training_set": "agian"}
    with pytest.raises(SettingsError) as caught:
        settings.read(study.Study, given)
    said = str(caught.value)
    assert said.startswith("arms.unfiltered.training_set: unknown training set 'agian': did you mean 'again'")
    assert "\n" not in said
