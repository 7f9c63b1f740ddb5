"""Scores of groups of lm-eval's tasks, `mmlu` say, from those of their tasks, by lm-eval's own rules."""

from collections.abc import Iterator, Sequence
from typing import Any

from qup.evals import library
from qup.evals.settings import Asked
from qup.records import TaskScore


def totals(asked: Sequence[Asked], scores: Sequence[TaskScore]) -> list[TaskScore]:
    """The score of each group that the study names, and of the groups in it; of those that lm-eval sums up."""
    names = dict.fromkeys(each.entry.task for each in asked if each.leaf is not None)
    groups = dict.fromkeys(group for name in names for group in library.groups(name))
    return [total for group in groups for total in _totals(group, scores)]


def _totals(group: str, scores: Sequence[TaskScore]) -> Iterator[TaskScore]:
    members = {leaf.name for leaf in library.leaves(group)}
    listed = library.config_of(group).get("aggregate_metric_list") or []
    for rule in listed if isinstance(listed, list) else [listed]:
        own = [each for each in scores if each.task in members and each.metric == rule["metric"]]
        for decoding, name in dict.fromkeys((each.decoding, each.filter) for each in own):
            parts = [each for each in own if (each.decoding, each.filter) == (decoding, name)]
            if name in _filters(rule, name) and all(part.value is not None for part in parts):
                yield _total(group, parts, weighted=rule.get("weight_by_size", True))


def _filters(rule: dict[str, Any], every: str) -> Sequence[str]:
    """The filters whose values a rule sums up; all where it names none."""
    named = rule.get("filter_list") or [every]
    return [named] if isinstance(named, str) else list(named)


def _total(group: str, parts: Sequence[TaskScore], *, weighted: bool) -> TaskScore:
    from lm_eval.api.metrics import aggregate_subtask_metrics, pooled_sample_stderr, unweighted_mean_stderr

    sizes = [part.n for part in parts]
    value = float(aggregate_subtask_metrics([part.value for part in parts], sizes, weighted))
    errors = [part.stderr for part in parts if part.stderr is not None]
    error = None
    if len(errors) == len(parts):
        error = float(pooled_sample_stderr(errors, sizes) if weighted else unweighted_mean_stderr(errors))
    first = parts[0]
    at = (first.objective, first.replicate, group, first.decoding, first.metric, first.filter)
    return TaskScore(*at, value, error, sum(sizes), None, sum(part.shortened for part in parts))
