"""Adaptation cost, speed, distance and forgetting, on curves and probes set by hand."""

import dataclasses
import math

import pytest
import toyreport
from toyreport import ALIGNED, NATIVE, REFINED

from qup import measured
from qup.arms import Arm
from qup.measured import Curve
from qup.records import Divergence, Probed, Step, TrainRun
from qup.report import adaptation_plot
from qup.report.dips import Dip, dip, recovery
from qup.report.evidence import Evidence
from qup.report.numbers import Missing
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


def run(replicate=1, *, objective="sft", stream=None, native=None, apart=None):
    path = f"{objective}-{replicate}"
    return TrainRun(objective, replicate, 2, 0, 40, 4, path, 1.5, 0.25, stream, native, divergence=apart)


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


def test_a_dip_is_the_most_that_nll_rises_above_its_start_and_ends_where_it_is_back_for_good() -> None:
    # 10 tokens a probe, 100 trained tokens apart: near is within 0.2 nats of the first.
    assert dip(probed([5.0, 8.0, 6.0, 5.1])) == Dip(pytest.approx(0.3), 300)
    # Back at 200, then away again.
    assert dip(probed([5.0, 8.0, 5.1, 6.0, 5.15, 5.0])) == Dip(pytest.approx(0.3), 400)
    # The deepest is what counts, not the first or the last of it.
    assert dip(probed([5.0, 6.0, 9.0, 7.0, 4.0])) == Dip(pytest.approx(0.4), 400)


def test_a_run_that_is_not_back_by_its_last_probe_is_censored_not_as_long_as_the_run() -> None:
    assert dip(probed([5.0, 5.1, 8.0])) == Dip(pytest.approx(0.3), None)
    assert dip(probed([5.0, 8.0, 5.1, 5.3])) == Dip(pytest.approx(0.3), None)


def test_a_run_that_was_never_away_is_back_from_the_start() -> None:
    assert dip(probed([5.0, 5.1, 5.15])) == Dip(pytest.approx(0.015), 0)
    # NLL that only falls has no depth.
    assert dip(probed([5.0, 4.0, 3.0])) == Dip(0.0, 0)


def test_recovery_is_a_mean_of_runs_that_are_all_back_and_else_a_count() -> None:
    both = recovery([Dip(0.3, 300), Dip(0.1, 100)], 0.95, "none")
    assert (both.tokens.value, both.back, both.runs) == (200, 2, 2)
    # Not 300, the mean of who is back, and not some length of the run.
    assert recovery([Dip(0.3, 300), Dip(0.4, None)], 0.95, "none") == adaptation.Recovery(
        Missing("back in 1 of 2 runs"), 1, 2
    )
    assert recovery([], 0.95, "none").tokens == Missing("none")


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
    assert {each["n"] for name, each in found.items() if name != "tasks"} == {3}


def test_kl_is_told_a_token_each_way_and_a_run_of_before_it_was_measured_has_none(monkeypatch) -> None:
    def by_hand(own: TrainRun) -> TrainRun:
        # Of 50 tokens: 0.1, 0.2 and 0.3 a token there, 0.02, 0.04 and 0.06 back.
        return dataclasses.replace(own, divergence=Divergence(50, 5.0 * own.replicate, 1.0 * own.replicate))

    toy = with_runs(toyreport.toy(), by_hand)
    toy = toy.replaced(REFINED, runs=[dataclasses.replace(own, divergence=None) for own in toy.arms[REFINED].runs])
    built = toy.plain(monkeypatch)
    found = built.summary["adaptation"]
    assert (found[NATIVE]["forward"]["value"], found[NATIVE]["backward"]["value"]) == pytest.approx((0.2, 0.04))
    assert found[REFINED]["forward"] == {"value": None, "reason": "the learner before and after was not compared"}
    row = next(line for line in section(built).splitlines() if line.startswith("| RFT |"))
    assert "| 0.2000 [" in row
    assert "| 0.0400 [" in row


def section(built) -> str:
    """The text of the section."""
    return built.markdown.partition("## Adaptation cost\n")[2].partition("\n## ")[0]


def test_dips_are_of_native_traces_and_a_stream_that_rises_first_is_told_apart(monkeypatch) -> None:
    def by_hand(own: TrainRun) -> TrainRun:
        away = own.replicate == 3
        native = probed([5.0, 6.0, 5.5 if away else 5.0])
        return dataclasses.replace(own, native=native, stream=probed([9.0, 12.0, 2.0]))

    toy = toyreport.toy()
    changed = toy.replaced(REFINED, runs=[by_hand(own) for own in toy.arms[REFINED].runs])
    built = changed.plain(monkeypatch)
    found = built.summary["adaptation"][REFINED]
    assert found["dip"]["value"] == pytest.approx(0.1)
    assert found["recovery"] == {"value": None, "reason": "back in 2 of 3 runs", "back": 2, "runs": 3}
    assert found["stream_dip"]["value"] == pytest.approx(0.3)
    assert (found["stream_recovery"]["value"], found["stream_recovery"]["back"]) == (200, 3)
    assert "rose by more than 0.02 nats per token on the way: Refined (0.300, back in 3 of 3 runs)." in section(built)
    assert "rose by more" not in section(toy.plain(monkeypatch))


def test_accuracy_on_another_task_is_told_after_minus_before_or_that_there_is_none(monkeypatch) -> None:
    built = toyreport.toy(tasks=("heldout", "longer")).plain(monkeypatch)
    found = built.summary["adaptation"][REFINED]["tasks"]
    # The same number as in the table of that set: one thing, measured once.
    assert list(found) == ["longer"]
    assert found["longer"] == built.summary["arms"][REFINED]["sets"]["longer"]["sft"]["utility"]
    points = 100 * found["longer"]["value"]
    assert points < -1e-9 or points > 1e-9
    row = next(line for line in section(built).splitlines() if line.startswith("| Refined |"))
    assert f"| {points:+.1f} [" in row
    alone = toyreport.toy().plain(monkeypatch)
    assert alone.summary["adaptation"][REFINED]["tasks"] == {}
    assert "No task but the main one is evaluated" in section(alone)


def drawn(toy):
    """The plot's rows."""
    return adaptation_plot.rows(Evidence(toy.study, toy.base(), {arm.name: arm for arm in toy.main_arms()}))


def test_the_plot_has_nll_by_probe_and_costs_less_rfts_paired_by_replicate() -> None:
    def by_hand(own: TrainRun, arm: str) -> TrainRun:
        # Replicates differ by 5, arms by 1 + a tenth of the replicate: pairing leaves 1.1, 1.2 and 1.3.
        more = 0.0 if arm == NATIVE else 1 + own.replicate / 10
        return dataclasses.replace(own, distance=5.0 * own.replicate + more, native=probed([5.0, own.replicate, 7.0]))

    toy = toyreport.toy()
    for name, own in toy.arms.items():
        toy = toy.replaced(name, runs=[by_hand(each, name) for each in own.runs])
    rows = drawn(toy)
    native = [row for row in rows if row.get("panel") == "held-out native traces" and row["arm"] == "RFT"]
    assert [(row["tokens"], row["nll"]) for row in native] == [(0, 0.5), (100, 0.2), (200, 0.7)]
    gaps = {row["arm"]: row for row in rows if row.get("cost") == "distance"}
    assert set(gaps) == {toy.measured(arm, toy.arms[arm]).label for arm in (REFINED, ALIGNED)}
    # Mean 1.2, standard error 0.1 / sqrt(3), t(0.975, 2) = 4.3027.
    reach = 4.3027 * 0.1 / math.sqrt(3)
    assert gaps["Refined"]["value"] == pytest.approx(1.2)
    assert gaps["Refined"]["high"] == pytest.approx(1.2 + reach, abs=1e-4)


def test_runs_of_fewer_probes_share_their_ends_and_nothing_held_out_is_no_plot() -> None:
    few, more = probed([4.0, 2.0]), probed([6.0, 5.0, 4.0])
    assert adaptation_plot._averaged([few, more]) == [{"tokens": 0.0, "nll": 0.5}, {"tokens": 150.0, "nll": 0.3}]
    assert adaptation_plot._averaged([]) == []
    assert drawn(toyreport.toy(replicates=1)) == []


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


def test_without_an_sft_run_the_reason_is_that_and_not_that_nothing_was_held_out(monkeypatch) -> None:
    built = toyreport.toy(objectives=("dft",)).plain(monkeypatch)
    assert "Not measured: no sft run." in built.markdown
    arm = built.summary["adaptation"][NATIVE]
    assert {arm[measure]["reason"] for measure in ("cost", "forward", "dip")} == {"no sft run"}
