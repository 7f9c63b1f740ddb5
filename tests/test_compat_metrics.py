"""The metrics of papers by hand, on three tokens, and which forward passes they cost."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from qup import compat, settings
from qup.backends import BackendSettings
from qup.backends.hf import Backend
from qup.compat import (
    Pass,
    Role,
    Seen,
    _passes,
    _steps,
    _texts,
    aslec,
    equation_jaccard,
    grace,
    grape,
    ifd,
    lalp,
    lark,
    r_ifd,
    retained_tokens,
    rsr,
    sppl,
)
from qup.evals.cells import Cells
from qup.learner import Learner
from qup.prompts.learner import ask
from qup.records import Finish, Problem, Refined, TokenStats, Trace, Verdict

LN2 = math.log(2)
PROBLEM = Problem("p", "1 + 1?", "2", "toy")


def stats(logprob: list[float], **others: Any) -> TokenStats:
    return TokenStats(list(range(len(logprob))), logprob, **others)


def seen(
    stats: TokenStats,
    text: str = "",
    passes: Mapping[Pass, TokenStats] = {},
    pieces: Sequence[str] = ("a", "b", "c"),
    draft: str | None = None,
) -> Seen:
    return Seen(PROBLEM, draft, text, stats, draft, passes, pieces)


THREE = stats([-LN2, -3 * LN2, -2 * LN2], collision=[0.5, 0.25, 0.375], rank=[1, 4, 500])
"Three tokens of probabilities 1/2, 1/8 and 1/4."


def test_grape_is_the_mean_log_probability() -> None:
    # -(1 + 3 + 2) ln 2 / 3.
    assert grape.Metric().values(seen(THREE)) == {"grape": pytest.approx(-2 * LN2)}


def test_aslec_leaves_out_the_first_token_of_each_step() -> None:
    # "x" opens the first line and "z" the second: what is left is "y" with its line break, -3 ln 2.
    assert aslec.Metric().values(seen(THREE, pieces=["x", " y\n", "z"])) == {"aslec": pytest.approx(-3 * LN2)}
    # All on one line: (-3 - 2) ln 2 / 2.
    assert aslec.Metric().values(seen(THREE, pieces=["x", " y", " z"])) == {"aslec": pytest.approx(-2.5 * LN2)}
    assert aslec.Metric().values(seen(stats([-1.0]), pieces=["x"])) == {}


@pytest.mark.parametrize(
    ("pieces", "first"),
    [
        (["a", "b"], [0]),
        (["a", "\n", "b"], [0, 2]),
        (["a", ".\n\n", "b", "\n", "\n", "c", ""], [0, 2, 5]),
        (["\n", "a", "\nb", "c"], [1, 2]),
        (["a", "\n", "  ", ""], [0]),
        (["", ""], [0]),
    ],
)
def test_a_step_starts_at_the_first_token_of_a_line_with_something_on_it(pieces: list[str], first: list[int]) -> None:
    assert _steps.starts(pieces) == first


def test_lark_is_the_brier_score_over_the_loss() -> None:
    # Brier: (1 - 1 + 0.5) + (1 - 0.25 + 0.25) + (1 - 0.5 + 0.375) = 0.5 + 1 + 0.875 = 2.375; loss 6 ln 2.
    assert lark.Metric().values(seen(THREE)) == {"lark": pytest.approx(2.375 / (6 * LN2))}
    assert lark.Metric().values(seen(stats([0.0], collision=[1.0]))) == {}
    with pytest.raises(ValueError, match="score with the hf"):
        lark.Metric().values(seen(stats([-1.0])))


def test_the_mean_clipped_rank_stands_beside_the_ratio() -> None:
    # (1 + 4 + 100) / 3, and over 6 ln 2 nats.
    found = rsr.Metric().values(seen(THREE))
    assert found == {"rsr": pytest.approx(105 / (6 * LN2)), "rsr.rank": 35}


def test_ifd_is_the_perplexity_with_the_question_over_that_without() -> None:
    # PPL 2^2 with the question; alone 1/16 each, PPL 16: 4 / 16.
    given = seen(THREE, passes={Pass.ALONE: stats([-4 * LN2] * 3)})
    assert ifd.Metric().values(given) == {"ifd": pytest.approx(0.25)}
    assert ifd.Metric().values(seen(THREE)) == {}


def test_reversed_ifd_is_of_the_questions_tokens() -> None:
    # The question costs 6 ln 2 alone and 3 ln 2 after the trace, over three tokens: PPL 2 over PPL 4.
    given = seen(stats([-9.0]), passes={Pass.REVERSED: stats([-LN2] * 3), Pass.QUESTION: THREE})
    assert r_ifd.Metric().values(given) == {"r_ifd": pytest.approx(0.5)}


def test_reversed_ifd_of_a_question_that_was_cut_does_not_exist() -> None:
    given = seen(stats([-9.0]), passes={Pass.REVERSED: stats([-LN2] * 2), Pass.QUESTION: THREE})
    assert r_ifd.Metric().values(given) == {}


def test_local_log_probability_and_self_aligned_perplexity_are_those_of_their_passes() -> None:
    given = seen(stats([-9.0] * 3), passes={Pass.LOCAL: THREE, Pass.EXAMPLE: THREE})
    assert lalp.Metric().values(given) == {"lalp": pytest.approx(-2 * LN2)}
    assert sppl.Metric().values(given) == {"sppl": pytest.approx(4)}


def test_retained_tokens_are_the_drafts_words_that_are_left() -> None:
    # Of "so", "x", "=", "4" the last is gone.
    assert retained_tokens.Metric().values(seen(THREE, "Now so x = 5", draft="so x = 4")) == {"retained_tokens": 0.75}
    assert retained_tokens.Metric().values(seen(THREE, "x")) == {}


def test_equation_jaccard_is_over_the_equations_of_both() -> None:
    # 3*4=12 in both, 12+1=13 and 12+1=14 in one each: 1 of 3.
    draft, text = "3 × 4 = 12\nso 12+1 = 14", "We get $3 \\times 4=12$, then 12 + 1 = 13."
    assert equation_jaccard.Metric().values(seen(THREE, text, draft=draft)) == {
        "equation_jaccard": pytest.approx(1 / 3)
    }
    assert equation_jaccard.Metric().values(seen(THREE, "no sums", draft="none")) == {}


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("1. 3 + 4 = 7", {"3+4=7"}),
        ("x = 5", set()),
        ("(2 + 3) * 4 = 5 * 4 = 20", {"(2+3)*4=5*4", "5*4=20"}),
        ("3 = 3\n= 4", {"3=3"}),
        ("1{,}000 − 1 = 999", {"1000-1=999"}),
        ("12% = 0.12.", {"12%=0.12"}),
    ],
)
def test_equations_between_numbers_are_read_in_one_notation(text: str, found: set[str]) -> None:
    assert _texts.equations(PROBLEM, text) == found


def test_in_the_glass_box_an_equation_is_a_step() -> None:
    problem = replace(PROBLEM, source="glassbox")
    native, restyled = (
        r"d : + b 7 4 = 11 d11 ; so \boxed{ 11 }",
        r"as + b 7 4 gives 11 for d11 . thus the answer is \boxed{ 11 } done",
    )
    assert _texts.equations(problem, native) == _texts.equations(problem, restyled) == {"d b + 4 7 4 11"}


# --- what passes cost

OTHER = Problem("q", "2?", "2", "toy")
SAMPLES = [
    Trace("p", 0, "p right", 2, Finish.STOP, "2", Verdict.CORRECT),
    Trace("q", 0, "q right", 2, Finish.STOP, "2", Verdict.CORRECT),
]
STREAM = [
    Refined("p", 1, "solved", "p one\nand two", "changed", 0, 1, 9, Verdict.CORRECT),
    Refined("q", 1, "solved", None, "failed", 0, 1, 9, Verdict.WRONG),
]


class Toy:
    """A learner whose tokens are characters; it notes which (prompt, completion) it scores."""

    def __init__(self) -> None:
        self.scored: list[list[tuple[str, str]]] = []

    def encode(self, question: str, text: str) -> tuple[list[int], list[int]]:
        return [ord(c) for c in f"<{question}>"], [ord(c) for c in text]

    def pieces(self, token_ids: Sequence[int]) -> list[str]:
        return [chr(token) for token in token_ids]

    def score(self, pairs: Sequence[tuple[list[int], list[int]]]) -> list[TokenStats]:
        self.scored.append([("".join(map(chr, prompt)), "".join(map(chr, text))) for prompt, text in pairs])
        return [TokenStats(text, [-1.0] * len(text)) for _, text in pairs]


@dataclass
class Asking:
    """A metric that asks for a pass for a share of the problems and counts what it gets."""

    passes: tuple[Pass, ...]
    share: float = 1.0
    role: Role = Role.DRIFT

    def values(self, seen: Seen) -> dict[str, float]:
        return {f"got.{self.share}": float(len(seen.passes))}


def measured(metrics: Sequence[Any], stream: Sequence[Refined] = STREAM) -> tuple[Toy, list[dict[str, float]]]:
    learner: Any = Toy()
    rows = compat.measure(learner, metrics, [PROBLEM, OTHER], SAMPLES, stream)
    return learner, [row.values for row in rows]


@pytest.mark.parametrize(
    ("name", "scored"),
    [
        (Pass.ALONE, [("<>", "p one\nand two")]),
        (Pass.LOCAL, [("<1 + 1?>", "p one\n"), ("<>p one\n", "and two")]),
        (Pass.REVERSED, [("<p one\nand two>", "1 + 1?")]),
        (Pass.QUESTION, [("<>", "1 + 1?")]),
    ],
)
def test_what_a_pass_puts_to_the_learner(name: Pass, scored: list[tuple[str, str]]) -> None:
    learner, values = measured([Asking((name,))])
    assert sorted(learner.scored) == sorted([scored, [("<1 + 1?>", "p one\nand two")]])
    assert values == [{"got.1.0": 1}]


def test_the_steps_of_a_trace_come_back_as_one() -> None:
    _, (values,) = measured([lalp.Metric(share=1.0)])
    assert values == {"lalp": -1}


def test_the_example_is_the_learners_own_trace_of_another_problem() -> None:
    both = [STREAM[0], replace(STREAM[1], text="q text", outcome="changed")]
    learner, _ = measured([Asking((Pass.EXAMPLE,))], both)
    shown = [prompt for prompt, _ in learner.scored[0]]
    assert ["q right" in prompt for prompt in shown] == [True, False]
    assert ["p right" in prompt for prompt in shown] == [False, True]
    # With no other problem there is nothing to show.
    assert measured([Asking((Pass.EXAMPLE,))], STREAM[:1])[1] == [{"got.1.0": 0}]


def test_the_example_is_the_same_in_an_arm_that_has_no_trace_of_that_problem() -> None:
    learner, values = measured([Asking((Pass.EXAMPLE,))])
    assert ["q right" in prompt for prompt, _ in learner.scored[0]] == [True]
    assert values == [{"got.1.0": 1}]


def test_the_example_is_of_the_next_problem_that_has_a_native_trace_round_the_end() -> None:
    def posed(name: str, native: str | None) -> _passes.Posed:
        right = Trace(name, 0, native, 2, Finish.STOP, "2", Verdict.CORRECT) if native else None
        return _passes.Posed(replace(PROBLEM, id=name), right, None)

    # a has two drafts, of which the first stands for it; b has none.
    every = [posed("a", "a0"), posed("a", "a1"), posed("b", None), posed("c", "c0"), posed("d", "d0")]
    assert _passes.examples(every) == {"a": "c0", "b": "c0", "c": "d0", "d": "a0"}
    assert _passes.examples([posed("b", None), posed("c", "c0"), posed("d", None)]) == {"b": "c0", "d": "c0"}


def test_native_traces_are_scored_for_all_problems_so_that_every_arm_asks_for_the_same() -> None:
    # The second problem's refiner failed, and its native trace is scored all the same.
    learner, _ = measured([Asking((Pass.NATIVE,))])
    natives = [("<1 + 1?>", "p right"), ("<2?>", "q right")]
    assert learner.scored[0] == natives
    kept = [replace(refined, text=f"{refined.problem_id} right") for refined in STREAM]
    learner, _ = measured([Asking((Pass.NATIVE,))], kept)
    # In the native arm they are the traces themselves: one pass in all.
    assert learner.scored == [natives]


def test_a_costly_pass_is_made_for_a_share_of_the_problems_and_the_same_ones_in_every_arm() -> None:
    many = [replace(PROBLEM, id=f"p{i}") for i in range(2000)]
    assert sum(_passes.drawn(problem, 0.1) for problem in many) == pytest.approx(200, abs=50)
    assert [_passes.drawn(problem, 0.0) for problem in many[:50]] == [False] * 50
    assert [_passes.drawn(problem, 1.0) for problem in many[:50]] == [True] * 50


def test_a_metric_sees_a_pass_on_its_own_share_even_where_another_asked_for_more() -> None:
    metrics = [Asking((Pass.ALONE,), 1.0), Asking((Pass.ALONE,), 1e-9)]
    assert measured(metrics)[1] == [{"got.1.0": 1, f"got.{1e-9}": 0}]
    assert compat.shares(metrics) == {Pass.ALONE: 1.0}


def test_with_their_defaults_the_metrics_ask_for_a_seventh_of_a_pass_beside_the_native_one() -> None:
    own: list[Any] = [settings.load("compat", name)() for name in settings.names("compat")]
    shares = {name: share for name, share in compat.shares(own).items() if name is not Pass.NATIVE}
    assert sum(shares.values()) <= 0.15


def test_the_learner_tells_each_token_by_itself_and_nothing_of_what_frames_an_answer(learner: Path) -> None:
    made = Learner(learner, "boxed", BackendSettings(dtype="float32", max_length=256))
    _, ids = made.encode("1?", "ab\n1")
    pieces = made.pieces(ids)
    assert ("".join(pieces), pieces[-1]) == ("ab\n1", "")


def test_the_collision_probability_is_that_of_a_plain_forward_pass(learner: Path) -> None:
    import torch

    backend = Backend(learner, "float32", batch=3, max_length=512)
    prompt, completion = backend.encode(ask("boxed", "What is 1 + 1?"), "so \\boxed{2}")
    with torch.no_grad():
        logits = backend.model(torch.tensor([prompt + completion])).logits[0, len(prompt) - 1 : -1].double()
    (found,) = backend.score([(prompt, completion)])
    assert found.collision == pytest.approx(logits.softmax(-1).square().sum(-1).tolist(), abs=1e-6)


# --- gradients


def test_grace_is_a_gradient_against_the_spread_of_others() -> None:
    # K of (2, 0) and (0, 5), each scaled to length 1: half the identity, which smoothing leaves. (3, 4): 25 / 0.5.
    assert grace.scores(np.array([[2.0, 0.0], [0.0, 5.0]]), np.array([[3.0, 4.0]])) == pytest.approx([50])
    # Of (1, 0) alone: eigenvalues 1 and 0, smoothed to 0.999 + 0.0005 and 0.0005. (1, 1): 1 / 0.9995 + 1 / 0.0005.
    found = grace.scores(np.array([[1.0, 0.0]]), np.array([[1.0, 1.0]]))
    assert found == pytest.approx([1 / 0.9995 + 2000], rel=1e-6)


def test_without_a_dimension_no_gradient_is_made() -> None:
    # The toy has none to give.
    assert measured([grace.Metric()])[1] == [{}]
    with pytest.raises(AttributeError, match="gradients"):
        measured([grace.Metric(dimension=2)])


def test_each_trace_is_measured_against_other_problems() -> None:
    stream = [
        replace(seen(THREE), problem=replace(PROBLEM, id=f"p{i}"), gradient=[float(i % 2), 1.0 - i % 2])
        for i in range(40)
    ]
    values = [each["grace"] for each in grace.Metric(dimension=2).over(stream)]
    # About half of the others lie along it: 1 / (1/2).
    assert values == pytest.approx([2] * 40, rel=0.25)
    assert grace.Metric(dimension=2).over(stream[:19]) == [{}] * 19


def test_a_projected_gradient_is_that_of_training(learner: Path) -> None:
    import torch

    made = Learner(learner, "boxed", BackendSettings(dtype="float32", max_length=256))
    pairs = [made.encode(question, "so \\boxed{2}") for question in ("1 + 1?", "1 + 1?", "What is 7 - 5?")]
    one, twin, other = map(np.array, made.gradients(pairs, 4096))
    assert one.tolist() == twin.tolist() and one.tolist() != other.tolist()
    model, (prompt, completion) = made.scorer.model, pairs[0]
    loss = model(torch.tensor([prompt + completion]), labels=torch.tensor([[-100] * len(prompt) + completion])).loss
    gradients = torch.autograd.grad(loss, list(model.parameters()))
    # A sketch of 4096 numbers keeps a squared length to about sqrt(2 / 4096) = 2%.
    assert (one**2).sum() == pytest.approx(sum(float(g.square().sum()) for g in gradients), rel=0.1)


def test_what_was_scored_for_one_arm_is_not_scored_again(
    learner: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = Cells(Learner(learner, "boxed", BackendSettings(dtype="float32", max_length=256)), 1, tmp_path)
    pairs = [kept.learner.encode("1 + 1?", text) for text in ("so \\boxed{2}", "2")]
    found = kept.score(pairs)
    monkeypatch.setattr(Learner, "score", lambda self, pairs: pytest.fail("scored again"))
    assert kept.score(pairs) == found
    with pytest.raises(pytest.fail.Exception, match="scored again"):
        kept.score(pairs[:1])
