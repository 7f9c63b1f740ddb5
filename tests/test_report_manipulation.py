"""Manipulation checks: what must be equal must be shown to be equal; a real shift fails on few problems too."""

import numpy as np
import pytest
import toyreport
from planted import read
from toyreport import ALIGNED, NATIVE, REFINED, RESTYLED

from qup.report.manipulation import HOLDS
from qup.stats import Crossed

LEVEL = 0.95


def restyled(shifts):
    """The factorial whose restyled traces differ in logic from the native ones of as many problems by these shifts."""
    toy = toyreport.toy(toyreport.FACTORIAL, craft=toyreport.CRAFT)
    for arm in (ALIGNED, REFINED):
        toy = read(toy, arm, "logic", [1.0] * 29)
    # The shares of right steps of the native traces vary as they do.
    native = [0.8 + 0.05 * (-1) ** place for place in range(len(shifts))]
    toy = read(toy, NATIVE, "logic", native)
    return read(toy, RESTYLED, "logic", [a + b for a, b in zip(native, shifts, strict=True)])


def check(toy, patch):
    return toy.summary(patch)["manipulation_checks"]["main"]


def rule(found, start):
    return next(each for each in found["rules"] if each["sentence"].startswith(start))


def test_a_shift_of_a_tenth_on_nineteen_problems_fails_though_its_interval_holds_zero(monkeypatch) -> None:
    # Mean -0.10; SD 0.25, standard error 0.057, t = 1.7: an interval that holds 0, which once was a pass.
    shifts = [-0.1 + 0.25 * (-1) ** place for place in range(18)] + [-0.1]
    found = check(restyled(shifts), monkeypatch)
    equal = rule(found, "logic of restyled equal to native's")
    assert equal["difference"]["n"] == 19
    assert equal["difference"]["value"] == pytest.approx(-0.1)
    assert equal["difference"]["low"] < 0 < equal["difference"]["high"]
    assert equal["passed"] is False
    assert found["passed"] is False


def test_exact_equality_passes(monkeypatch) -> None:
    found = check(restyled([0.0] * 19), monkeypatch)
    assert rule(found, "logic of restyled equal to native's")["passed"] is True
    assert found["passed"] is True


def test_a_shift_inside_the_margin_passes_though_it_is_told_from_zero(monkeypatch) -> None:
    found = check(restyled([-0.02 + 0.01 * (-1) ** place for place in range(28)]), monkeypatch)
    equal = rule(found, "logic of restyled equal to native's")
    assert equal["difference"]["high"] < 0
    assert equal["passed"] is True


def test_no_difference_on_a_few_scattered_problems_is_not_shown_to_be_equal(monkeypatch) -> None:
    found = check(restyled([0.3, -0.3, 0.3, -0.3]), monkeypatch)
    assert rule(found, "logic of restyled equal to native's")["passed"] is False


def estimate(values):
    return Crossed.fixed(np.asarray(values, dtype=float)).estimate(LEVEL)


def test_many_problems_show_what_few_cannot() -> None:
    rng = np.random.default_rng(0)
    few, many = (estimate(rng.normal(-0.02, 0.3, size)) for size in (19, 4000))
    assert HOLDS["equal to"](many, LEVEL) is True
    assert HOLDS["equal to"](few, LEVEL) is False


def test_real_shifts_on_nineteen_problems_are_passed_at_most_one_time_in_twenty() -> None:
    # At the margin itself, which is where a test of equivalence passes most of what it must not.
    rng = np.random.default_rng(1)
    passed = sum(HOLDS["equal to"](estimate(rng.normal(-0.05, 0.05, 19)), LEVEL) for _ in range(1000))
    # Within three standard errors of 5%: 0.05 + 3 sqrt(0.05 x 0.95 / 1000).
    assert passed / 1000 <= 0.071
    assert not any(HOLDS["equal to"](estimate(rng.normal(-0.1, 0.25, 19)), LEVEL) for _ in range(200))


def test_at_least_allows_more_and_forbids_less_than_the_margin() -> None:
    noise = 0.01 * np.tile([-1, 1], 20)
    assert HOLDS["at least"](estimate(0.3 + noise), LEVEL)
    assert HOLDS["at least"](estimate(noise), LEVEL)
    assert not HOLDS["at least"](estimate(-0.06 + noise), LEVEL)
    assert not HOLDS["at least"](estimate(-0.05 + noise), LEVEL)


def test_above_asks_for_an_interval_above_zero() -> None:
    noise = 0.01 * np.tile([-1, 1], 20)
    assert HOLDS["above"](estimate(0.02 + noise), LEVEL)
    assert not HOLDS["above"](estimate(noise), LEVEL)


@pytest.mark.parametrize(
    ("arm", "key", "value", "said"),
    [
        (RESTYLED, "dose", 0.0, "dose of restyled above native's: no"),
        (REFINED, "dose", 0.0, "dose of refined above native's: no"),
        (ALIGNED, "dose", 0.3, "dose of aligned equal to native's: no"),
        (ALIGNED, "logic", 0.5, "logic of aligned at least native's: no"),
        (REFINED, "logic", 0.5, "logic of refined at least native's: no"),
        (RESTYLED, "logic", 1.0, "logic of restyled equal to native's: no"),
    ],
)
def test_every_rule_fails_by_a_stream_that_breaks_it(monkeypatch, arm, key, value, said) -> None:
    toy = toyreport.toy(toyreport.FACTORIAL, craft=toyreport.CRAFT)
    for name in (NATIVE, ALIGNED):
        toy = read(toy, name, "dose", [0.0] * 29)
    toy = read(toy, arm, key, [value] * 29)
    summary = toy.summary(monkeypatch)
    found = summary["manipulation_checks"]["main"]
    assert found["passed"] is False
    assert [text.split(" (")[0] for text in found["reason"].split("; ")] == [said]
    assert any("are not what their names say" in text for text in summary["cautions"])


def test_one_effect_among_the_four_is_judged_with_the_others(monkeypatch) -> None:
    effects = toyreport.toy(toyreport.FACTORIAL).summary(monkeypatch)["factorials"]["main"]["sft"]
    # Four effects under each of two objectives.
    assert {effects[name]["holm"]["family"] for name in ("V", "C", "interaction", "style_on_unrepaired")} == {8}
    assert {each["holm"]["family"] for each in effects["greedy"].values()} == {8}
