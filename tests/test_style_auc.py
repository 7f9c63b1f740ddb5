"""A classifier on style alone: what it tells apart, what it must not see, and where it is silent."""

from dataclasses import replace

import numpy as np
import pytest

from qup.compat import Seen, style_auc
from qup.records import Problem, TokenStats

PROBLEM = Problem("p", "1 + 1?", "2", "toy")
NONE = TokenStats([0], [-1.0])


def stream(texts: list[str], natives: list[str | None]) -> list[Seen]:
    return [
        Seen(replace(PROBLEM, id=f"p{i}"), native, text, NONE, native, {})
        for i, (text, native) in enumerate(zip(texts, natives, strict=True))
    ]


def auc(texts: list[str], natives: list[str | None]) -> float:
    return float(np.mean([values["style_auc"] for values in style_auc.Metric().over(stream(texts, natives))]))


def plain(i: int) -> str:
    return f"so x = {i} + {i % 7}\n" * (1 + i % 3) + "done"


def wordy(i: int) -> str:
    return f"therefore, we have that x = {i} + {i % 7}.\n" * (1 + i % 3) + "hence the answer"


NATIVE: list[str | None] = [plain(i) for i in range(40)]


def test_another_style_is_told_from_the_native_one_every_time() -> None:
    assert auc([wordy(i) for i in range(40)], NATIVE) == 1


def test_the_native_traces_themselves_cannot_be_told_from_their_twins() -> None:
    assert auc([plain(i) for i in range(40)], NATIVE) == 0.5


def test_half_a_stream_in_another_style_lies_between() -> None:
    # Half of the traces look more foreign than each native one (1), the others like theirs (about 1/2).
    half = [wordy(i) if i % 2 else plain(i) for i in range(40)]
    assert auc(half, NATIVE) == pytest.approx(0.75, abs=0.12)


def test_numbers_and_signs_of_operations_are_no_style() -> None:
    assert style_auc.style("so 3 + 4 = 7.") == style_auc.style("so 12 - 5 = 8.")
    assert style_auc.style("so 3 + 4 = 7.") != style_auc.style("so 3 + 4 = 7;")


def test_a_trace_is_told_by_a_classifier_that_saw_nothing_of_its_problem(monkeypatch: pytest.MonkeyPatch) -> None:
    # Where each problem has a word of its own, only who had seen it could tell.
    own = [chr(97 + i // 26) * 3 + chr(97 + i % 26) * 3 for i in range(40)]
    monkeypatch.setattr(style_auc, "WORDS", own)
    assert auc(own, ["x"] * 40) == 0.5


def test_with_few_problems_nothing_is_told_and_one_without_a_native_trace_has_no_value() -> None:
    assert style_auc.Metric().over(stream(["a"] * 9, ["b"] * 9)) == [{}] * 9
    values = style_auc.Metric().over(stream([wordy(i) for i in range(12)], [None, *NATIVE[:11]]))
    assert [bool(each) for each in values] == [False] + [True] * 11


def test_the_same_stream_has_the_same_values_to_the_last_bit() -> None:
    traces = stream([wordy(i) if i % 3 else plain(i) for i in range(40)], NATIVE)
    assert style_auc.Metric().over(traces) == style_auc.Metric().over(traces)
