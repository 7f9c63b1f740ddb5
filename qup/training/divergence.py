"""How far training moved what the learner says next: KL between learner before and after, both ways.

On the learner's own correct traces of problems that the run did not train on, each read as it stands: at every token of
the completion the whole distribution over the next one is compared, an exact sum over the vocabulary. Nothing is drawn,
and no weight is written to, so a run leaves the same bytes with and without it.
"""

import contextlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from typing import Any

from qup.records import Divergence
from qup.training.examples import Example
from qup.training.probes import batches, predicted

CHUNK = 2**24
"Log-probabilities in memory at once, of either learner: 64 MiB, a hundred tokens of a vocabulary of 150,000."


def divergence(model: Any, traces: Sequence[Example], start: Sequence[Any]) -> Divergence | None:
    """The trained model against what it was, whose trained parameters were `start`; None if there is no trace.

    The model is left in the mode it was in. Weights that were trained whole lie twice on the model's device meanwhile,
    where their gradients were until then; an adapter is switched off instead.
    """
    import torch

    if not traces:
        return None
    tokens, forward, backward = 0, 0.0, 0.0
    training, untrained = model.training, _untrained(model, start)
    model.eval()
    with torch.no_grad():
        for rows in batches(traces):
            batch = [traces[i] for i in rows]
            with untrained():
                before = _completions(model, batch)
            after = _completions(model, batch)
            there, back = between(before, after)
            tokens, forward, backward = tokens + len(before), forward + there, backward + back
    model.train(training)
    return Divergence(tokens, _magnitude(forward), _magnitude(backward))


def between(before: Any, after: Any) -> tuple[float, float]:
    """KL(before || after) and KL(after || before), nats, summed over tokens; both are logits (tokens, vocabulary)."""
    from torch.nn.functional import kl_div

    sums = [0.0, 0.0]
    count = max(1, CHUNK // before.shape[-1])
    for parts in zip(before.split(count), after.split(count), strict=True):
        p, q = (part.float().log_softmax(dim=-1) for part in parts)
        # PyTorch's takes what is compared with first: kl_div(q, p) is KL(p || q).
        for way, (one, other) in enumerate(((p, q), (q, p))):
            sums[way] += float(kl_div(other, one, reduction="none", log_target=True).double().sum())
    return sums[0], sums[1]


def _magnitude(total: float) -> float:
    """A sum that rounding alone may have put below 0. One that is no number stays what it is."""
    return 0.0 if total < 0 else total


def _completions(model: Any, traces: Sequence[Example]) -> Any:
    """Logits of every completion token, (tokens, vocabulary)."""
    logits, labels = predicted(model, traces)
    return logits[labels != -100]


def _untrained(model: Any, start: Sequence[Any]) -> Callable[[], AbstractContextManager[None]]:
    """What makes the model for a while the one that it was before training."""
    if hasattr(model, "disable_adapter"):
        switch: Callable[[], AbstractContextManager[None]] = model.disable_adapter
        return switch
    moved = [parameter for parameter in model.parameters() if parameter.requires_grad]
    first = [values.to(parameter.device) for parameter, values in zip(moved, start, strict=True)]

    @contextlib.contextmanager
    def swapped() -> Iterator[None]:
        # Which numbers a parameter has is swapped; none of them is written to.
        trained = [parameter.data for parameter in moved]
        _point(moved, first)
        try:
            yield
        finally:
            _point(moved, trained)

    return swapped


def _point(parameters: Sequence[Any], values: Sequence[Any]) -> None:
    for parameter, own in zip(parameters, values, strict=True):
        parameter.data = own
