"""Compatibility metrics by hand, and the statistics under them against a plain forward pass."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from qup import compat, settings
from qup.backends import BackendSettings, Sampling
from qup.backends.hf import Backend, _even_batches
from qup.compat import Pass, Role, Seen, excess_surprisal, null, onpolicy_z, ppl, quarter, rsr
from qup.learner import Learner
from qup.prompts.learner import ask
from qup.records import Compat, Finish, Problem, Refined, TokenStats, Trace, Verdict

LN2 = math.log(2)
PROBLEM = Problem("p", "1 + 1?", "2", "toy")


def stats(logprob: list[float], **others: Any) -> TokenStats:
    return TokenStats(list(range(len(logprob))), logprob, **others)


def seen(stats: TokenStats, text: str = "", passes: Mapping[Pass, TokenStats] = {}) -> Seen:
    """A trace whose forward pass is known."""
    return Seen(PROBLEM, None, text, stats, None, passes)


def test_perplexity_is_the_inverse_geometric_mean_of_the_probabilities() -> None:
    # Probabilities 1/2, 1/8, 1/4: mean NLL (1 + 3 + 2) ln 2 / 3 = 2 ln 2, so PPL 4.
    assert ppl.Metric().values(seen(stats([-LN2, -3 * LN2, -2 * LN2]))) == {"ppl": pytest.approx(4)}
    assert ppl.Metric().values(seen(stats([0.0, 0.0]))) == {"ppl": 1}


def test_quarters_of_a_length_that_four_does_not_divide() -> None:
    # 6 tokens: quarters hold tokens [0], [1, 2], [3], [4, 5].
    found = quarter.Metric().values(seen(stats([-1.0, -2.0, -4.0, -8.0, -16.0, -32.0])))
    assert found == {"quarter.1": 1, "quarter.2": 3, "quarter.3": 8, "quarter.4": 24}


def test_a_trace_of_three_tokens_has_no_first_quarter() -> None:
    # floor(3/4) = 0, floor(6/4) = 1, floor(9/4) = 2: quarters [], [0], [1], [2].
    found = quarter.Metric().values(seen(stats([-1.0, -2.0, -4.0])))
    assert found == {"quarter.2": 1, "quarter.3": 2, "quarter.4": 4}


def test_rank_surprisal_ratio_caps_the_rank() -> None:
    # (1 + 40 + 100) / (0.5 + 2.5 + 7) = 14.1; the third rank, 5000, counts as 100.
    given = stats([-0.5, -2.5, -7.0], rank=[1, 40, 5000])
    assert rsr.Metric().values(seen(given))["rsr"] == pytest.approx(14.1)
    assert rsr.Metric(cap=10).values(seen(given))["rsr"] == pytest.approx(2.1)


def test_rank_surprisal_ratio_of_a_certain_trace_does_not_exist() -> None:
    assert rsr.Metric().values(seen(stats([0.0, 0.0], rank=[1, 1]))) == {"rsr.rank": 1}


def test_onpolicy_z_is_the_sum_of_surprise_over_expectation_in_standard_deviations() -> None:
    # phi = (-1 + 0.5) + (-3 + 1.5) = -2; variances 1.5 + 2.5 = 4; z = -2 / 2.
    given = stats([-1.0, -3.0], entropy=[0.5, 1.5], variance=[1.5, 2.5])
    assert onpolicy_z.Metric().values(seen(given)) == {"onpolicy_z": pytest.approx(-1)}


def test_onpolicy_z_of_a_certain_learner_does_not_exist() -> None:
    assert onpolicy_z.Metric().values(seen(stats([0.0], entropy=[0.0], variance=[0.0]))) == {}


def test_null_metrics_count_tokens_characters_and_lines_with_something_on_them() -> None:
    found = null.Metric().values(seen(stats([-1.0] * 9), "1 + 1\n\n = 2\n  \n"))
    assert found == {"null.tokens": 9, "null.chars": 15, "null.steps": 2}


@pytest.mark.parametrize("metric", [rsr.Metric(), onpolicy_z.Metric()])
def test_a_metric_without_what_it_needs_fails_instead_of_giving_a_number(metric: Any) -> None:
    with pytest.raises(ValueError, match="score with the hf"):
        metric.values(seen(stats([-1.0])))


def test_every_metrics_keys_start_with_its_name() -> None:
    given = stats([-1.0] * 5, entropy=[1.0] * 5, variance=[1.0] * 5, rank=[2] * 5, collision=[0.5] * 5)
    passes, pieces = dict.fromkeys(Pass, stats([-2.0] * 3)), ["a", " 1", "\n", "b", ""]
    stream = [
        Seen(replace(PROBLEM, id=f"p{i}"), "a = 2", "1 + 1 = 2", given, "a = 2", passes, pieces, ["a", " 2", ""])
        for i in range(12)
    ]
    for name in settings.names("compat"):
        metric: Any = settings.load("compat", name)()
        (values, *_) = metric.over(stream) if hasattr(metric, "over") else [metric.values(stream[0])]
        # The glass box's truth is not for these problems, and gradients are made on demand only.
        told = metric.role is not Role.TRUTH and not hasattr(metric, "dimension")
        assert all(key == name or key.startswith(f"{name}.") for key in values) and bool(values) == told, name


def test_excess_surprisal_is_the_nats_that_a_trace_costs_above_the_learners_own() -> None:
    # The trace costs 1 + 4 + 2 = 7 nats, the native one 0.5 + 1.5 = 2, whatever their lengths.
    given = seen(stats([-1.0, -4.0, -2.0]), passes={Pass.NATIVE: stats([-0.5, -1.5])})
    assert excess_surprisal.Metric().values(given) == {"excess_surprisal": 5}


def test_excess_surprisal_of_the_native_trace_itself_is_zero() -> None:
    own = stats([-0.1, -0.7, -3.3])
    assert excess_surprisal.Metric().values(seen(own, passes={Pass.NATIVE: own})) == {"excess_surprisal": 0}


def test_excess_surprisal_without_a_native_trace_does_not_exist() -> None:
    assert excess_surprisal.Metric().values(seen(stats([-1.0]))) == {}


# --- what a metric sees

OTHER = Problem("q", "2?", "2", "toy")
SAMPLES = [
    Trace("p", 0, "p right", 2, Finish.STOP, "2", Verdict.CORRECT),
    Trace("p", 1, "p wrong", 2, Finish.STOP, "7", Verdict.WRONG),
    Trace("q", 0, "q wrong", 2, Finish.STOP, "7", Verdict.WRONG),
]
"The learner solved p at its first try and never q."
SOLVED = Refined("p", 1, "solved", "p refined", "changed", 0, 1, 9, Verdict.CORRECT)
FAILED = Refined("q", 1, "failed", "q refined", "changed", 0, 1, 9, Verdict.CORRECT)


class Toy:
    """A learner whose every word costs a nat more than the one before; it notes which (question, text) it scores."""

    def __init__(self) -> None:
        self.scored: list[list[tuple[str, str]]] = []

    def encode(self, question: str, text: str) -> tuple[list[int], list[int]]:
        return [ord(c) for c in question], [ord(c) for c in text]

    def pieces(self, token_ids: Sequence[int]) -> list[str]:
        return [chr(token) for token in token_ids]

    def score(self, pairs: Sequence[tuple[list[int], list[int]]]) -> list[TokenStats]:
        read = [("".join(map(chr, prompt)), "".join(map(chr, text))) for prompt, text in pairs]
        self.scored.append(read)
        return [stats([-1.0 - i for i in range(len(text.split()))]) for _, text in read]


@dataclass
class Noting:
    """A metric that asks for passes and notes what it sees."""

    passes: tuple[Pass, ...] = ()
    role: Role = Role.DRIFT
    found: list[Seen] = field(default_factory=list)

    def values(self, seen: Seen) -> dict[str, float]:
        self.found.append(seen)
        return {}


def measure(metrics: Sequence[Any], *stream: Refined, samples: Sequence[Trace] = SAMPLES) -> tuple[Toy, list[Compat]]:
    learner: Any = Toy()
    return learner, compat.measure(learner, metrics, [PROBLEM, OTHER], samples, stream)


def test_a_trace_without_a_token_scored_is_measured_by_nothing() -> None:
    metrics = [metric.Metric() for metric in (ppl, quarter, rsr, onpolicy_z)]
    assert compat._measured(metrics, [seen(TokenStats([], [], [], [], []))]) == [Compat("p", 0, 0.0, {})]


def test_a_trace_carries_its_token_count_and_total_surprisal() -> None:
    # Three words at 1, 2 and 3 nats.
    _, (made,) = measure([null.Metric()], replace(SOLVED, text="so it is"))
    assert (made.problem_id, made.tokens, made.nll, made.values["null.chars"]) == ("p", 3, 6, 8)


def test_each_trace_is_seen_with_its_problem_and_a_problem_without_one_is_passed_over() -> None:
    metric = Noting()
    _, made = measure([metric], FAILED, replace(SOLVED, text=None, outcome="failed"), SOLVED)
    assert [(seen.problem.question, seen.text) for seen in metric.found] == [
        ("2?", "q refined"),
        ("1 + 1?", "p refined"),
    ]
    assert [row.problem_id for row in made] == ["q", "p"]


def test_the_draft_is_the_sample_that_the_refiner_started_from_and_native_it_is_only_if_it_is_correct() -> None:
    metric = Noting()
    measure([metric], SOLVED, FAILED)
    assert [(seen.draft, seen.native) for seen in metric.found] == [("p right", "p right"), ("q wrong", None)]


def test_a_stream_without_a_draft_has_neither_draft_nor_native_trace() -> None:
    metric = Noting()
    measure([metric], replace(SOLVED, draft_index=None))
    measure([metric], SOLVED, samples=[])
    assert [(seen.draft, seen.native) for seen in metric.found] == [(None, None)] * 2


def test_a_pass_is_made_once_for_all_metrics_that_ask_for_it() -> None:
    metrics = [Noting((Pass.NATIVE, Pass.ALONE)), Noting((Pass.NATIVE,)), Noting()]
    learner, _ = measure(metrics, SOLVED, FAILED)
    common = [("1 + 1?", "p refined"), ("2?", "q refined")]
    # Alone is after an empty question; the failed problem has no native trace to score.
    alone, native = [("", "p refined"), ("", "q refined")], [("1 + 1?", "p right")]
    assert sorted(learner.scored) == sorted([alone, native, common])
    solved, failed = metrics[0].found
    assert solved.passes == {Pass.NATIVE: stats([-1.0, -2.0]), Pass.ALONE: stats([-1.0, -2.0])}
    assert failed.passes == {Pass.ALONE: stats([-1.0, -2.0])}


def test_a_pass_that_nobody_asks_for_is_not_made() -> None:
    learner, _ = measure([Noting(), null.Metric()], SOLVED, FAILED)
    assert len(learner.scored) == 1


def test_the_native_arm_has_no_excess_surprisal_and_a_failed_problem_no_value() -> None:
    native = replace(SOLVED, text="p right", outcome="kept")
    # The refined trace has three words: 1 + 2 + 3 nats, against the native 1 + 2.
    _, made = measure([excess_surprisal.Metric()], native, replace(SOLVED, text="p is refined"), FAILED)
    assert [row.values for row in made] == [{"excess_surprisal": 0}, {"excess_surprisal": 3}, {}]


# --- under the metrics: one forward pass


@pytest.fixture(scope="module")
def backend(learner: Path) -> Backend:
    return Backend(learner, "float32", batch=3, max_length=512)


@pytest.mark.filterwarnings("error")
def test_statistics_are_those_of_a_plain_forward_pass(backend: Backend) -> None:
    import torch

    texts = ["so \\boxed{2}", "1", "a rather longer trace,\nof two lines \\boxed{3}", "b" * 30]
    pairs = [backend.encode(ask("boxed", f"What is {i} + 1?"), text) for i, text in enumerate(texts)]
    for (prompt, completion), found in zip(pairs, backend.score(pairs), strict=True):
        with torch.no_grad():
            logits = backend.model(torch.tensor([prompt + completion])).logits[0, len(prompt) - 1 : -1].double()
        logp = logits.log_softmax(-1)
        taken = logp[range(len(completion)), completion]
        entropy = -(logp.exp() * logp).sum(-1)
        variance = (logp.exp() * (logp + entropy[:, None]) ** 2).sum(-1)
        assert found.token_ids == completion
        assert found.logprob == pytest.approx(taken.tolist(), abs=1e-4)
        assert found.entropy == pytest.approx(entropy.tolist(), abs=1e-4)
        assert found.variance == pytest.approx(variance.tolist(), abs=1e-4)
        assert found.rank == [1 + int((row > row[token]).sum()) for row, token in zip(logp, completion, strict=True)]


def test_a_completion_is_scored_to_its_end_of_sequence(backend: Backend) -> None:
    _, completion = backend.encode(ask("boxed", "1?"), "ab")
    assert [backend.tokenizer.decode([token]) for token in completion] == ["a", "b", "<|im_end|>"]


def test_the_learner_scores_a_trace_after_its_own_prompt_in_batches_of_their_own_size(learner: Path) -> None:
    made = Learner(learner, "boxed", BackendSettings(dtype="float32", batch=7, score_batch=3, max_length=256))
    assert made.encode("1?", "ab") == made.scorer.encode(ask("boxed", "1?"), "ab")
    assert made.scorer == Backend(learner, "float32", batch=3, max_length=256)


def test_a_row_that_is_much_shorter_than_the_longest_of_its_batch_is_not_padded_to_it() -> None:
    lengths = [10, 100, 100, 80, 79, 10, 64, 10, 10]
    # By fours from the longest; 79 is below four fifths of 100, 80 is not.
    assert [*_even_batches(lengths, 4)] == [[1, 2, 3], [4], [6], [0, 5, 7], [8]]


def test_the_learners_own_traces_have_no_excess_surprisal_to_the_last_bit(learner: Path) -> None:
    problems = [replace(PROBLEM, id=f"p{i}", question="1 + " * i + "1?") for i in range(5)]
    samples = [Trace(p.id, 0, f"so {p.question}", 9, Finish.STOP, "2", Verdict.CORRECT) for p in problems]
    stream = [replace(SOLVED, problem_id=t.problem_id, text=t.text, outcome="kept") for t in samples]
    real = Learner(learner, "boxed", BackendSettings(dtype="float32", score_batch=2))
    made = compat.measure(real, [excess_surprisal.Metric()], problems, samples, stream)
    assert [row.values for row in made] == [{"excess_surprisal": 0.0}] * 5
    assert min(row.nll for row in made) > 1


def test_the_next_tokens_log_probs_are_those_of_scoring_it(backend: Backend) -> None:
    prompt, completion = backend.encode(ask("boxed", "1?"), "x")
    scored = backend.score([(prompt, completion)])[0].logprob[0]
    assert backend.next_logprobs([prompt], [completion[0]])[0] == pytest.approx([scored], abs=1e-5)


def test_z_is_standard_normal_on_the_learners_own_samples(backend: Backend) -> None:
    chats = [ask("boxed", "What is 1 + 1?")] * 96
    done = replace(backend, batch=48).generate(chats, Sampling(1.0, 24, seed=7), [f"p#{i}" for i in range(96)])
    prompt = backend.encode(chats[0])[0]
    scored = backend.score([(prompt, c.token_ids) for c in done])
    z = [onpolicy_z.Metric().values(seen(s))["onpolicy_z"] for s in scored]
    mean = sum(z) / len(z)
    # The mean of 96 has standard error 1 / sqrt(96) = 0.10: four of them.
    assert abs(mean) < 0.41
    # The standard deviation's is about 1 / sqrt(2 * 96) = 0.07.
    assert math.sqrt(sum((v - mean) ** 2 for v in z) / len(z)) == pytest.approx(1, abs=0.3)
