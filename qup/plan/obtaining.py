"""What the obtain stage computes: models made on the spot are trained, others are fetched or copied."""

from typing import Any

from qup.plan.lengths import Lengths
from qup.plan.spans import exactly
from qup.plan.work import Kind, Load, Stage, Work
from qup.settings import name_of
from qup.study import Study


def making(study: Study, lengths: Lengths) -> Stage:
    """The stage, with the training runs of the models that are made in it."""
    works = [work for name, entry in study.models.items() for work in _made(study, name, entry.source, lengths)]
    return Stage("obtain", (Load.TRAINER if works else Load.MODELS,), tuple(works))


def _made(study: Study, name: str, source: Any, lengths: Lengths) -> list[Work]:
    """The run that makes a model."""
    kind = name_of(source)
    if kind not in ("pretrain", "preference"):
        return []
    # A preference is two traces, the chosen and the rejected one.
    each = 2 if kind == "preference" else 1
    items = source.pairs if kind == "preference" else source.examples
    steps, traces = -(-items // source.batch), exactly(items * each)
    answer = lengths.answer(study.sampling.max_tokens)
    return [
        Work(
            kind=Kind.TRAIN,
            model=name,
            items=traces,
            prompt=traces * lengths.question,
            completion=traces * answer,
            passes=exactly(steps),
            batch=source.batch * each,
            begun=exactly(1),
            padding=1.05,
        )
    ]
