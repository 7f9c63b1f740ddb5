"""What a run does to traces that it does not train on: how fast a stream is learnt, to what floor, what is forgotten.

Forward passes between optimizer steps; they draw nothing at random, so a run's weights are the same without them.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from qup.records import Probed
from qup.training.examples import Example
from qup.training.settings import Probes

TOKENS = 2048
"Of a forward pass, padding counted: the logits of many more over a large vocabulary would not fit in memory."


@dataclass
class Heldout:
    """Held-out traces of a run's stream, and native ones, with what the learner makes of them as it trains."""

    stream: Sequence[Example]
    native: Sequence[Example]
    settings: Probes
    _at: list[int] = field(default_factory=list)
    _nll: dict[str, list[list[float]]] = field(default_factory=lambda: {"stream": [], "native": []})
    "NLL of each trace, nats, by probe; more traces at the ends than on the way."

    def due(self, steps: int) -> set[int]:
        """Of a run of that many steps, those after which the learner is probed; 0 is before the first."""
        last = self.settings.count - 1
        return {round(i * steps / last) for i in range(last + 1)}

    @property
    def compared(self) -> Sequence[Example]:
        """The native traces on which the trained learner is compared with the untrained one."""
        return self.native[: self.settings.divergence]

    def probe(self, model: Any, tokens: int, *, end: bool) -> None:
        """Score the held-out traces under the model as it is after `tokens` completion tokens."""
        count = self.settings.ends if end else self.settings.traces
        self._at.append(tokens)
        for name, traces in (("stream", self.stream), ("native", self.native)):
            self._nll[name].append(nll(model, traces[: max(count, self.settings.traces)]))

    @property
    def of_stream(self) -> Probed | None:
        """What became of the stream's traces; None if there are none."""
        return self._probed("stream", self.stream)

    @property
    def of_native(self) -> Probed | None:
        """What became of the native traces; None if there are none."""
        return self._probed("native", self.native)

    def _probed(self, name: str, traces: Sequence[Example]) -> Probed | None:
        probes, few = self._nll[name], self.settings.traces
        if not traces or not probes:
            return None
        return Probed(
            tokens=sum(example.trained for example in traces[: len(probes[0])]),
            before=sum(probes[0]),
            after=sum(probes[-1]),
            probe_tokens=sum(example.trained for example in traces[:few]),
            at=list(self._at),
            nll=[sum(each[:few]) for each in probes],
        )


def nll(model: Any, traces: Sequence[Example]) -> list[float]:
    """-log p of each trace's completion, nats; the model is left in the mode it was in."""
    import torch

    values = [0.0] * len(traces)
    training = model.training
    model.eval()
    with torch.no_grad():
        for rows in batches(traces):
            for row, value in zip(rows, _batch(model, [traces[i] for i in rows]), strict=True):
                values[row] = value
    model.train(training)
    return values


def batches(traces: Sequence[Example]) -> list[list[int]]:
    """Trace numbers of each forward pass, in order of length, so that little of it is padding."""
    batches: list[list[int]] = []
    for i in sorted(range(len(traces)), key=lambda i: len(traces[i].input_ids)):
        # It is the longest of its batch.
        if batches and (len(batches[-1]) + 1) * len(traces[i].input_ids) <= TOKENS:
            batches[-1].append(i)
        else:
            batches.append([i])
    return batches


def _batch(model: Any, traces: Sequence[Example]) -> list[float]:
    import torch

    logits, labels = predicted(model, traces)
    losses = torch.nn.functional.cross_entropy(logits.float().transpose(1, 2), labels, reduction="none")
    return [float(value) for value in losses.sum(dim=1)]


def predicted(model: Any, traces: Sequence[Example]) -> tuple[Any, Any]:
    """Logits of each next token (traces, positions, vocabulary), and which it is, -100 where none counts."""
    import torch

    longest = max(len(trace.input_ids) for trace in traces)

    def padded(rows: list[list[int]], filler: int) -> Any:
        return torch.tensor([[*row, *[filler] * (longest - len(row))] for row in rows], device=model.device)

    ids, labels = padded([t.input_ids for t in traces], 0), padded([t.labels for t in traces], -100)
    mask = padded([[1] * len(t.input_ids) for t in traces], 0)
    return model(input_ids=ids, attention_mask=mask).logits[:, :-1], labels[:, 1:]
