"""Adaptation cost, speed, distance and forgetting, on curves and probes set by hand."""

import dataclasses
import math

import pytest
import toyreport
from toyreport import NATIVE, REFINED

from qup import measured
from qup.arms import Arm
from qup.measured import Curve
from qup.records import Probed, Step, TrainRun
from qup.report.sections import adaptation
from qup.stats import t_interval
from qup.training.settings import Budget, TrainingSettings


def curve(losses, *, epochs, tokens=10, objective="sft"):
    """Steps of equal tokens that share `epochs` evenly."""
    steps = range(1, len(losses) + 1)
    epoch = [round(epochs * i / len(losses), 6) for i in steps]
    return Curve(objective, 1, epoch, [tokens * i for i in steps], losses)


def probed(nll=(20.0, 15.0), *, tokens=30, before=60.0, after=45.0):
    """Held-out traces of 30 tokens, 10 of them scored at each probe, which are 100 trained tokens apart."""
    return Probed(tokens, before, after, 10, [100 * i for i in range(len(nll))], list(nll))


def run(replicate=1, *, objective="sft", stream=None, native=None, distance=1.5, first=0.25):
    path = f"{objective}-{replicate}"
    return TrainRun(objective, replicate, 2, 0, 40, 4, path, distance, first, stream, native)


def arm(losses, *runs):
    """An arm whose every run has these losses, on steps of 10 tokens over two epochs."""
    steps = [
        Step(r.objective, r.replicate, i, 2 * i / len(losses), 10 * i, loss, 1.0, 1e-4)
        for r in runs
        for i, loss in enumerate(losses, start=1)
    ]
    own = Arm("home/restyled", "home", "restyled", TrainingSettings(Budget(epochs=2)), "all")
    return measured.measure(own, {}, [], [], [], steps, runs, [])


def test_adaptation_cost_is_the_first_epochs_loss_above_a_given_floor() -> None:
    # (3 - 0.75) * 10 + (2 - 0.75) * 10 = 35; the second epoch's losses do not matter.
    assert adaptation.prequential(curve([3.0, 2.0, 1.0, 0.5], epochs=2), 0.75) == pytest.approx(35)
    assert adaptation.prequential(curve([3.0, 2.0, 9.0, 9.0], epochs=2), 0.75) == pytest.approx(35)


def test_a_step_across_two_epochs_counts_where_it_starts() -> None:
    # Steps start at epochs 0, 2/3 and 4/3: two in the first. (3 - 1) * 10 + (2 - 1) * 10 = 30.
    assert adaptation.prequential(curve([3.0, 2.0, 1.0], epochs=2), 1.0) == pytest.approx(30)


def test_a_run_of_less_than_an_epoch_counts_whole() -> None:
    assert adaptation.prequential(curve([3.0, 2.0], epochs=0.5), 1.0) == pytest.approx(30)


def test_the_cost_weighs_steps_by_their_tokens() -> None:
    uneven = Curve("sft", 1, epoch=[0.5, 1.0, 1.5, 2.0], tokens=[10, 40, 50, 80], loss=[3, 2, 1, 0.6])
    # Steps of 10, 30, 10, 30 tokens; 2.3 * 10 + 1.3 * 30 = 62.
    assert adaptation.prequential(uneven, 0.7) == pytest.approx(62)


def test_a_loss_below_the_floor_takes_off_the_cost() -> None:
    # (3 - 2) * 10 + (1.5 - 2) * 10 = 5.
    assert adaptation.prequential(curve([3.0, 1.5, 1.0, 1.0], epochs=2), 2.0) == pytest.approx(5)


def test_the_floor_is_the_exact_pass_after_training_over_all_held_out_traces() -> None:
    # 45 nats of 30 tokens: 1.5 a token, whatever the few traces of the probes say. (3 - 1.5 + 2 - 1.5) * 10 = 20.
    assert adaptation.costs(arm([3.0, 2.0, 1.0, 0.5], run(stream=probed([99.0, 98.0])))) == {1: pytest.approx(20)}


def test_runs_without_held_out_traces_and_other_objectives_have_no_cost() -> None:
    runs = [run(1), run(2, stream=probed()), run(3, objective="dft", stream=probed())]
    assert set(adaptation.costs(arm([3.0, 2.0], *runs))) == {2}
    assert adaptation.cost({}, 0.95).reason == "no held-out trace of the stream"


def test_a_stream_is_learnt_at_the_first_probe_from_which_all_are_near_the_last() -> None:
    # 10 tokens a probe: near is within 0.02 * 10 = 0.2 nats of the last.
    assert adaptation.speed(probed([9.0, 5.0, 2.1, 2.0])) == 200
    assert adaptation.speed(probed([9.0, 2.1, 5.0, 2.0])) == 300
    assert adaptation.speed(probed([2.1, 2.1, 2.1, 2.0])) == 0
    assert adaptation.speed(probed([9.0, 2.3, 2.0])) == 200


def test_a_probe_below_the_last_one_is_learnt_too() -> None:
    # A learner that is past its best has learnt the stream all the same.
    assert adaptation.speed(probed([9.0, 1.0, 2.0])) == 100


def test_two_costs_are_paired_by_replicate() -> None:
    gap = adaptation.gap({1: 10.0, 2: 20.0, 3: 9.0}, {1: 7.0, 2: 15.0}, 0.95)
    # On replicates 1 and 2: 3 and 5.
    assert (gap.value, gap.n) == (4, 2)
    assert adaptation.gap({1: 10.0}, {2: 7.0}, 0.95) is None


def test_the_interval_of_a_cost_is_of_replicates() -> None:
    # Mean 20, standard error 10 / sqrt(3), t(0.975, 2) = 4.3027.
    found = t_interval([10.0, 20.0, 30.0], 0.95)
    assert (found.value, found.n) == (20, 3)
    assert found.high - 20 == pytest.approx(4.3027 * 10 / math.sqrt(3), rel=1e-4)
    assert t_interval([7.0], 0.95).excludes_zero() is False


def with_runs(toy, make):
    """Every arm's runs as `make` has them."""
    for name, records in {**toy.arms, **toy.further}.items():
        toy = toy.replaced(name, runs=[make(own) for own in records.runs])
    return toy


def test_speed_distance_gradient_and_forgetting_are_means_over_replicates_of_the_sft_runs(monkeypatch) -> None:
    def by_hand(own: TrainRun) -> TrainRun:
        if own.objective == "dft":
            return dataclasses.replace(own, distance=99.0, stream=None, native=None)
        # 3, 6 and 9 nats of 30 tokens are 0.1, 0.2 and 0.3 a token.
        native = probed(before=60.0, after=60.0 + 3 * own.replicate)
        stream = probed([9.0, 2.0, 2.0] if own.replicate == 1 else [9.0, 5.0, 2.0])
        changed = {"distance": float(own.replicate), "first_grad_norm": 0.5, "stream": stream, "native": native}
        return dataclasses.replace(own, **changed)

    found = with_runs(toyreport.toy(), by_hand).summary(monkeypatch)["adaptation"][NATIVE]
    # Speeds of 100, 200 and 200 tokens.
    hand = {"speed": 500 / 3, "distance": 2.0, "first_gradient": 0.5, "forgetting": 0.2}
    assert {key: found[key]["value"] for key in hand} == pytest.approx(hand, abs=1e-5)
    assert {each["n"] for each in found.values()} == {3}


def test_with_one_replicate_there_is_no_floor_and_the_report_says_so(monkeypatch) -> None:
    built = toyreport.toy(replicates=1).plain(monkeypatch)
    found = built.summary["adaptation"][REFINED]
    absent = {"value": None, "reason": "no held-out trace of the stream"}
    assert (found["cost"], found["speed"], found["forgetting"]) == (absent, absent, absent)
    assert found["distance"]["n"] == 1
    assert "Not measured: no held-out trace of the stream." in built.markdown


def test_a_cost_of_one_replicate_has_no_interval_and_says_so() -> None:
    held = toyreport.probed(1.6, 0.2)
    toy = with_runs(toyreport.controlled(replicates=1), lambda own: dataclasses.replace(own, stream=held))
    built = toy.build()
    found = built.summary["adaptation"][REFINED]["cost"]
    assert (found["low"], found["high"], found["n"]) == (None, None, 1)
    assert built.summary["controls"]["dose"]["results"]["adaptation"]["outcome"] == "not resolved"
    assert any("no interval" in text for text in built.summary["verdicts"][0]["sentences"])
    assert "no interval n 1 replicate |" in built.markdown
    costs = [row for row in built.plots["dose-response"].rows if row["quantity"] == "adaptation"]
    assert all(row["low"] == row["value"] == row["high"] for row in costs)
