"""How much of an arm's traces a mask leaves to train on: a budget of tokens takes more of them, an epoch has fewer."""

import json
from itertools import islice
from pathlib import Path

from qup.arms import Arm
from qup.plan.oracle_calls import asked_of
from qup.plan.spans import Span, exactly
from qup.study import Study

KEPT = Span(0.4, 0.75, 1.0)
"Share of a trace's tokens that a mask leaves, where its stream is not made yet [assumed]."
READ = 5_000
"Traces of a stream that are read, at most."
ALL = exactly(1.0)


def kept(study: Study, arm: Arm, data: Path) -> Span:
    """Share of the tokens of an arm's traces that are trained on; `data` is the study's folder.

    All of them where its refiner makes no mask, or where the arm takes main arms' traces, none of which is masked.
    """
    if arm.shares or not asked_of(study.refiner_of(arm), study.sampling.n).masked:
        return ALL
    try:
        return _of_stream(data / ("arms" if arm.main else "further") / arm.name / "stream.jsonl") or KEPT
    except (OSError, ValueError, LookupError, TypeError):
        # Not made yet, or not ours, which is for the stages to say.
        return KEPT


def _of_stream(path: Path) -> Span | None:
    """The share in a stream; None where no trace of it has a mask."""
    with path.open(encoding="utf-8") as file:
        masks = [json.loads(line).get("mask") for line in islice(file, READ)]
    tokens = sum(mask["tokens"] for mask in masks if mask)
    left_out = sum(len(mask["left_out"]) for mask in masks if mask)
    return exactly((tokens - left_out) / tokens) if tokens > left_out else None
