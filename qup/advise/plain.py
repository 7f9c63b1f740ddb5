"""Advice as JSON, `qup-advise/1`: described key by key in docs/advise.md; keys are added, never renamed."""

import dataclasses
from typing import Any

from qup.advise.comparing import Pair
from qup.advise.made import Advice
from qup.advise.scoring import Scores
from qup.records import Verdict
from qup.report.numbers import to_json
from qup.stats import Estimate

SCHEMA = "qup-advise/1"


def plain(advice: Advice) -> dict[str, Any]:
    """All of it, for programs; equal input gives equal output."""
    opened, verdict, compared = advice.opened, advice.verdict, advice.compared
    told: dict[str, Any] = {
        "schema": SCHEMA,
        "advice": {
            "pick": verdict.pick,
            "headline": verdict.headline,
            "why": verdict.why,
            "situation": verdict.situation,
            "right": verdict.right,
        },
        "record": {
            "quoted": advice.quoted,
            "rule": advice.record.rule,
            "views": advice.record.views,
            "studies": list(advice.record.studies),
        },
        "unknown": advice.unknown,
        "learner": {
            "name": opened.name,
            "family": opened.family,
            "parameters": opened.parameters,
            "template": opened.template,
            "prompt": opened.learner.prompt,
            "dtype": opened.learner.backend.dtype,
            "notes": opened.notes,
        },
        "reference": advice.reference,
        "sampling": {"limit": advice.asked.limit, "seed": advice.asked.seed},
        "shared": compared.shared,
        "streams": {each.stream.name: _stream(each) for each in compared.scores},
        "pairs": [_pair(pair) for pair in compared.pairs],
    }
    for name, means in compared.means.items():
        told["streams"][name]["metrics"] = {metric: _mean(mean) for metric, mean in means.items()}
    return dict(to_json(told))


def _stream(scores: Scores) -> dict[str, Any]:
    stream = scores.stream
    verdicts = {str(v): sum(t.verdict is v for t in scores.traces) for v in (Verdict.CORRECT, Verdict.WRONG)}
    unread = sum(trace.verdict is Verdict.UNPARSED for trace in scores.traces)
    return {
        "file": stream.file,
        "columns": stream.columns,
        "rows": stream.rows,
        "left_out": stream.left_out,
        "traces": len(stream.traces),
        "problems": len(stream.problems),
        "scored": len(scores.traces),
        "not_drawn": scores.not_drawn,
        "too_long": scores.too_long,
        "tokens": sum(len(trace.stats.token_ids) for trace in scores.traces),
        "answers": verdicts | {"unread": unread, "not_graded": sum(t.verdict is None for t in scores.traces)},
    }


def _pair(pair: Pair) -> dict[str, Any]:
    told = {field.name: getattr(pair, field.name) for field in dataclasses.fields(pair) if field.name != "gaps"}
    return told | {"metrics": dict(pair.gaps)}


def _mean(mean: Estimate) -> dict[str, Any]:
    return {"value": mean.value, "low": mean.low, "high": mean.high, "n": mean.n}
