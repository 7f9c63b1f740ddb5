"""What a budget comes to: steps, traces and tokens of a run, without laying it out."""

import math

from qup.plan.spans import Span, exactly
from qup.plan.work import batches
from qup.training.settings import TrainingSettings


def spent(settings: TrainingSettings, traces: Span, answer: Span) -> tuple[Span, Span, Span]:
    """(steps, traces, completion tokens) of a run, by the rule of `qup.training.examples.schedule`.

    `answer` is what of a trace is trained on. A token budget is overrun by less than a step.
    """
    budget, batch = settings.budget, settings.batch
    if budget.steps is not None:
        run = exactly(budget.steps)
        return run, run * batch, run * batch * answer
    if budget.epochs is not None:
        items = Span(*(max(1, round(each * budget.epochs)) for each in (traces.low, traces.mid, traces.high)))
        return batches(items, batch), items, items * answer
    wanted = budget.tokens or 0
    # The longer the traces, the fewer steps.
    steps = Span(*(math.ceil(wanted / (batch * each)) for each in (answer.high, answer.mid, answer.low)))
    tokens = Span(wanted, wanted + batch * answer.mid / 2, wanted + batch * answer.high)
    return steps, steps * batch, tokens
