"""Where added surprisal comes from: by hand, for any pair of traces, and in the glass box, whose edits are known."""

import random
from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qup.compat import Pass, Seen, _logic, _spans, attribution, drift_split, excess_surprisal
from qup.glassbox import derivation, grammar, puzzle
from qup.glassbox.style import ORACLE, TWIN
from qup.records import Problem, TokenStats

PROBLEM = Problem("p", "1 + 1?", "2", "toy")


def seen(native: Sequence[str], mine: Sequence[str], before: Sequence[float], after: Sequence[float]) -> Seen:
    """A trace beside a native one, tokens as text, with the nats of each."""
    ids = {piece: i for i, piece in enumerate(sorted({*native, *mine}))}
    stats = [
        TokenStats([ids[piece] for piece in pieces], [-nats for nats in each])
        for pieces, each in ((native, before), (mine, after))
    ]
    return Seen(PROBLEM, None, "", stats[1], "", {Pass.NATIVE: stats[0]}, mine, native)


def split(seen: Seen) -> tuple[float, float, float]:
    values = drift_split.Metric().values(seen)
    return values["drift_split.logic"], values["drift_split.style"], values["drift_split.context"]


def test_logic_style_and_context_by_hand() -> None:
    # "so" (1 nat) becomes "thus" (5): 4 of style. "7" (2) becomes "8" (2.5): 0.5 of logic. " =" goes from 1 to 3.
    assert split(seen(["so", " =", " 7"], ["thus", " =", " 8"], [1, 1, 2], [5, 3, 2.5])) == (0.5, 4, 2)


def test_the_surprisal_of_what_was_deleted_leaves() -> None:
    # "well" took 3 nats with it, and " 4" 2; what is kept is as surprising as it was.
    assert split(seen(["well", " x", " 4"], [" x"], [3, 1, 2], [1])) == (-2, -3, 0)


def test_of_the_native_trace_itself_nothing_is_edited() -> None:
    assert split(seen(["a", " 1"], ["a", " 1"], [1, 2], [1, 2])) == (0, 0, 0)


def test_without_a_native_trace_there_is_nothing_to_split() -> None:
    one = seen(["a"], ["a"], [1], [1])
    for metric in (drift_split.Metric(), attribution.Metric()):
        assert metric.values(replace(one, passes={})) == {}


def test_without_the_tokens_texts_there_is_no_split_but_an_error() -> None:
    with pytest.raises(ValueError, match="the text of each token"):
        split(replace(seen(["a"], ["a"], [1], [1]), pieces=()))


PIECES = st.lists(st.sampled_from(["a", " b", " 1", " 23", " +", " =", ".", "\n", ";", "", " not", "-"]), max_size=25)


@given(PIECES, PIECES, st.randoms(use_true_random=False))
def test_the_three_add_up_to_the_excess_surprisal(native: list[str], mine: list[str], rng: random.Random) -> None:
    given = seen(native, mine, [rng.uniform(0, 30) for _ in native], [rng.uniform(0, 30) for _ in mine])
    (excess,) = excess_surprisal.Metric().values(given).values()
    assert sum(split(given)) == pytest.approx(excess, abs=1e-9)


@given(PIECES, PIECES)
def test_an_alignment_holds_each_token_of_either_side_once_and_in_order(before: list[str], after: list[str]) -> None:
    spans = _spans.align(before, after, (before, after))
    assert [i for span in spans for i in span.before] == list(range(len(before)))
    assert [i for span in spans for i in span.after] == list(range(len(after)))
    kept = [span for span in spans if span.kept]
    assert all([before[i] for i in span.before] == [after[i] for i in span.after] for span in kept)


@pytest.mark.parametrize(
    ("before", "after", "same"),
    [
        (["3", " plus", " 4"], ["3", " +", "4"], True),
        (["3", "\\times", "4"], ["3", " ×", " 4"], True),
        (["1", "25"], ["12", "5"], True),
        ([" 7"], [" 8"], False),
        (["d4"], ["f4"], False),
        ([" is", " even"], [" is", " odd"], False),
        ([" not", " so"], [" so"], False),
        (["3", " +", " 4"], ["3", " -", " 4"], False),
        (["step", "-by", "-step"], ["step", " by", " step"], True),
        (["\n", "-", " so"], ["\n", "so"], True),
        (["\n", "1", ".", " so"], ["\n", "so"], True),
        (["Step", " 2", ":", " so"], ["so"], True),
        (["\n", "1", ".", "5"], ["\n", "2", ".", "5"], False),
    ],
)
def test_what_is_logic(before: list[str], after: list[str], same: bool) -> None:
    assert ("".join(_logic.atoms(before)) == "".join(_logic.atoms(after))) == same


# --- the glass box, whose words are its tokens


def puzzles(count: int) -> list[puzzle.Puzzle]:
    return [puzzle.draw(random.Random(seed), 4) for seed in range(count)]


def glassbox(native: str, mine: str) -> tuple[float, float, float]:
    before, after = [*native.split(), ""], [*mine.split(), ""]
    rng = random.Random(native)
    return split(seen(before, after, [rng.uniform(0, 9) for _ in before], [rng.uniform(0, 9) for _ in after]))


@pytest.mark.parametrize("style", [ORACLE, TWIN])
def test_a_restyled_trace_has_no_nats_of_logic(style: str) -> None:
    for each in puzzles(60):
        made = derivation.derive(each)
        logic, moved, _ = glassbox(grammar.render(made), grammar.render(made.wholly(style), fillers=2))
        assert logic == 0 and moved != 0


def test_a_repair_in_the_learners_own_style_has_no_nats_of_style() -> None:
    for number, each in enumerate(puzzles(60)):
        wrong = derivation.derive(each, derivation.erring({number % 3: number % 13}))
        right = derivation.derive(each)
        if wrong != right:
            logic, moved, _ = glassbox(grammar.render(wrong), grammar.render(right))
            assert logic != 0 and moved == 0


# --- attribution


def test_the_share_of_the_tokens_that_add_most() -> None:
    # Added: " x" 4 - 1 = 3, " 7" is new with 6, "." 1 - 2 < 0 counts as 0. One token (10% of 3, rounded up): 6 of 9.
    found = attribution.Metric().values(seen([" x", "."], [" x", " 7", "."], [1, 2], [4, 6, 1]))
    assert found == pytest.approx(
        {"attribution.top": 6 / 9, "attribution.logic": 6 / 9, "attribution.words": 3 / 9, "attribution.layout": 0}
    )


def test_where_nothing_was_added_nothing_is_attributed() -> None:
    assert attribution.Metric().values(seen(["a"], ["a"], [2], [1])) == {}
