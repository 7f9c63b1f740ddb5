"""Grading for our lm-eval tasks: Avg@k over all repeats of a problem, by the same grader that made the training set."""

from collections.abc import Sequence
from typing import Any

from qup.graders import graded
from qup.records import Problem, Verdict, parsed


def process_results(doc: dict[str, Any], results: Sequence[Any]) -> dict[str, float]:
    """`avg_at_k`: share of the k answers that are correct; one that was cut comes as an empty text."""
    texts = list(results[0]) if isinstance(results[0], list | tuple) else list(results)
    problem = parsed(doc["problem"], Problem)
    verdicts = graded([problem] * len(texts), texts, [False] * len(texts))
    return {"avg_at_k": sum(g.verdict is Verdict.CORRECT for g in verdicts) / len(texts)}
