"""Compatibility metrics by hand, and the statistics under them against a plain forward pass."""

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from qup import compat, plugins
from qup.backends import Sampling
from qup.backends.hf import Backend
from qup.compat import null, onpolicy_z, ppl, quarter, rsr
from qup.prompts.learner import ask
from qup.records import Problem, Refined, TokenStats, Verdict

LN2 = math.log(2)
PROBLEM = Problem("p", "1 + 1?", "2", "toy")


def stats(logprob: list[float], **others: Any) -> TokenStats:
    return TokenStats(list(range(len(logprob))), logprob, **others)


def test_perplexity_is_the_inverse_geometric_mean_of_the_probabilities() -> None:
    # Probabilities 1/2, 1/8, 1/4: mean NLL (1 + 3 + 2) ln 2 / 3 = 2 ln 2, so PPL 4.
    assert ppl.Metric().values(stats([-LN2, -3 * LN2, -2 * LN2]), PROBLEM, "") == {"ppl": pytest.approx(4)}
    assert ppl.Metric().values(stats([0.0, 0.0]), PROBLEM, "") == {"ppl": 1}


def test_quarters_of_a_length_that_four_does_not_divide() -> None:
    # 6 tokens: quarters hold tokens [0], [1, 2], [3], [4, 5].
    found = quarter.Metric().values(stats([-1.0, -2.0, -4.0, -8.0, -16.0, -32.0]), PROBLEM, "")
    assert found == {"quarter.1": 1, "quarter.2": 3, "quarter.3": 8, "quarter.4": 24}


def test_a_trace_of_three_tokens_has_no_first_quarter() -> None:
    # floor(3/4) = 0, floor(6/4) = 1, floor(9/4) = 2: quarters [], [0], [1], [2].
    found = quarter.Metric().values(stats([-1.0, -2.0, -4.0]), PROBLEM, "")
    assert found == {"quarter.2": 1, "quarter.3": 2, "quarter.4": 4}


def test_rank_surprisal_ratio_caps_the_rank() -> None:
    # (1 + 40 + 100) / (0.5 + 2.5 + 7) = 14.1; the third rank, 5000, counts as 100.
    given = stats([-0.5, -2.5, -7.0], rank=[1, 40, 5000])
    assert rsr.Metric().values(given, PROBLEM, "") == {"rsr": pytest.approx(14.1)}
    assert rsr.Metric(cap=10).values(given, PROBLEM, "") == {"rsr": pytest.approx(2.1)}


def test_rank_surprisal_ratio_of_a_certain_trace_does_not_exist() -> None:
    assert rsr.Metric().values(stats([0.0, 0.0], rank=[1, 1]), PROBLEM, "") == {}


def test_onpolicy_z_is_the_sum_of_surprise_over_expectation_in_standard_deviations() -> None:
    # phi = (-1 + 0.5) + (-3 + 1.5) = -2; variances 1.5 + 2.5 = 4; z = -2 / 2.
    given = stats([-1.0, -3.0], entropy=[0.5, 1.5], variance=[1.5, 2.5])
    assert onpolicy_z.Metric().values(given, PROBLEM, "") == {"onpolicy_z": pytest.approx(-1)}


def test_onpolicy_z_of_a_certain_learner_does_not_exist() -> None:
    assert onpolicy_z.Metric().values(stats([0.0], entropy=[0.0], variance=[0.0]), PROBLEM, "") == {}


def test_null_metrics_count_tokens_characters_and_lines_with_something_on_them() -> None:
    found = null.Metric().values(stats([-1.0] * 9), PROBLEM, "1 + 1\n\n = 2\n  \n")
    assert found == {"null.tokens": 9, "null.chars": 15, "null.steps": 2}


@pytest.mark.parametrize("metric", [rsr.Metric(), onpolicy_z.Metric()])
def test_a_metric_without_what_it_needs_fails_instead_of_giving_a_number(metric: Any) -> None:
    with pytest.raises(ValueError, match="score with the hf"):
        metric.values(stats([-1.0]), PROBLEM, "")


def test_every_metrics_keys_start_with_its_name() -> None:
    given = stats([-1.0] * 5, entropy=[1.0] * 5, variance=[1.0] * 5, rank=[2] * 5)
    for name in plugins.names("compat"):
        values = plugins.load("compat", name)().values(given, PROBLEM, "a\nb")
        assert all(key == name or key.startswith(f"{name}.") for key in values)


def test_a_trace_carries_its_token_count_and_total_surprisal() -> None:
    row = Refined("p", "solved", "x", "kept", 0, 0, 0, Verdict.CORRECT)
    (made,) = compat.measure([null.Metric()], [row], [stats([-1.0, -2.5])], {"p": PROBLEM})
    assert (made.problem_id, made.tokens, made.nll, made.values["null.chars"]) == ("p", 2, 3.5, 1)


@dataclass(frozen=True)
class Asked:
    """A metric that looks at the problem."""

    def values(self, stats: TokenStats, problem: Problem, text: str) -> dict[str, float]:
        return {"asked": len(problem.question)}


def test_a_metric_is_given_the_problem_of_its_trace() -> None:
    rows = [Refined(name, "solved", "x", "kept", 0, 0, 0, Verdict.CORRECT) for name in ("q", "p")]
    problems = {"p": PROBLEM, "q": Problem("q", "2?", "2", "toy")}
    made = compat.measure([Asked()], rows, [stats([-1.0])] * 2, problems)
    assert [(m.problem_id, m.values) for m in made] == [("q", {"asked": 2}), ("p", {"asked": 6})]


# --- under the metrics: one forward pass


@pytest.fixture(scope="module")
def backend(learner: Path) -> Backend:
    return Backend(learner, "float32", batch=3)


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


def test_the_next_tokens_log_probs_are_those_of_scoring_it(backend: Backend) -> None:
    prompt, completion = backend.encode(ask("boxed", "1?"), "x")
    scored = backend.score([(prompt, completion)])[0].logprob[0]
    assert backend.next_logprobs([prompt], [completion[0]])[0] == pytest.approx([scored], abs=1e-5)


def test_z_is_standard_normal_on_the_learners_own_samples(backend: Backend) -> None:
    chats = [ask("boxed", "What is 1 + 1?")] * 96
    done = Backend(backend.folder, "float32", batch=48).generate(
        chats, Sampling(1.0, 24, seed=7), [f"p#{i}" for i in range(96)]
    )
    prompt = backend.encode(chats[0])[0]
    scored = backend.score([(prompt, c.token_ids) for c in done])
    z = [onpolicy_z.Metric().values(s, PROBLEM, "")["onpolicy_z"] for s in scored]
    mean = sum(z) / len(z)
    # The mean of 96 has standard error 1 / sqrt(96) = 0.10: four of them.
    assert abs(mean) < 0.41
    # The standard deviation's is about 1 / sqrt(2 * 96) = 0.07.
    assert math.sqrt(sum((v - mean) ** 2 for v in z) / len(z)) == pytest.approx(1, abs=0.3)
