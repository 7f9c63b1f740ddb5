"""What a run is trained on: traces as token ids, and the order in which the budget is spent on them.

A trace is tokenized exactly as it was scored (`qup.lm.chat`), loss on the completion only, and of that not on what a
mask leaves out. The order of traces and the point where the budget ends are laid out before training, so every arm
spends the same and the tokens seen at each step are known, not estimated.
"""

import itertools
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from qup import seeds
from qup.errors import SettingsError
from qup.lm.chat import format_of
from qup.prompts.learner import ask
from qup.records import Mask, Problem
from qup.training.settings import TrainingSettings

WINDOW = 50
"Batches among which examples are sorted by length, when they are; as in the trainer of transformers."


@dataclass(frozen=True)
class Example:
    """One trace as TRL takes it: ids, and labels that are -100 on the prompt and where a mask leaves a token out."""

    input_ids: list[int]
    labels: list[int]
    truncated: bool
    masked: bool = False
    "Whether a mask leaves out any of it."

    @property
    def trained(self) -> int:
        """Completion tokens that carry loss."""
        return sum(label != -100 for label in self.labels)


def examples(
    encoder: Any,
    traces: Sequence[tuple[Problem, str]],
    prompt: str,
    max_length: int,
    masks: Sequence[Mask | None] | None = None,
) -> list[Example]:
    """Traces of problems as training examples, those longer than `max_length` or all positions cut and marked.

    A prompt that is longer by itself leaves nothing of its trace to train on, nor does a mask of all of it: see
    `trainable`. `masks` are the traces' own; none means that there are none.

    Raises:
        SettingsError: a mask was made of other tokens than these.
    """
    form = format_of(encoder)
    room, traced = form.room(max_length), []
    for (problem, text), mask in zip(traces, masks or [None] * len(traces), strict=True):
        asked, said = form.encode(ask(prompt, problem.question), text)
        # The learner that made the mask saw as much of the trace as it has positions for.
        seen = len(said) if form.positions is None else max(0, min(len(said), form.positions - len(asked)))
        ids, labels = [*asked, *said], [-100] * len(asked) + _unmasked(said, mask, seen, problem.id)
        masked = mask is not None and bool(mask.left_out)
        traced.append(Example(ids[:room], labels[:room], len(ids) > room, masked))
    return traced


def _unmasked(said: Sequence[int], mask: Mask | None, seen: int, problem_id: str) -> list[int]:
    """The labels of a completion: its tokens, and -100 for those that the mask leaves out."""
    if mask is None:
        return list(said)
    if mask.tokens != seen or any(place >= seen for place in mask.left_out):
        raise SettingsError(
            f"the trace of problem {problem_id} has {seen} tokens for this learner, its mask is of {mask.tokens}: it "
            "was made by another learner or prompt: make the stream again (dvc repro)"
        )
    left_out = set(mask.left_out)
    return [-100 if place in left_out else token for place, token in enumerate(said)]


def trainable(traces: Sequence[Example]) -> list[Example]:
    """The traces that have a token to train on: the prompt of any other fills all the room, or its mask all of it.

    Raises:
        SettingsError: none has.
    """
    if not traces:
        raise SettingsError("no draft came to a trace to train on: widen streams.scope or sample more problems")
    kept = [trace for trace in traces if trace.trained]
    if not kept and any(trace.masked for trace in traces):
        raise SettingsError(
            f"the masks leave nothing of {len(traces)} traces to train on: raise the threshold of the refiner"
        )
    if not kept:
        raise SettingsError(
            f"each of the {len(traces)} prompts fills {len(traces[0].input_ids)} tokens by itself, so nothing is left "
            f"to train on: raise training.max_length, as far as the learner has positions"
        )
    return kept


def schedule(traces: Sequence[Example], settings: TrainingSettings, seed: int) -> list[list[int]]:
    """Example numbers of each optimizer step: shuffled epochs, laid end to end until the budget is spent.

    With a token budget the last step is the first one that reaches it, so arms differ by less than one batch. The
    traces are trainable, and the budget is of one quantity.
    """
    lengths = [len(example.input_ids) for example in traces] if settings.group_by_length else None
    order = _endless(len(traces), seed, lengths, settings.batch)
    steps: list[list[int]] = []
    tokens, budget = 0, settings.budget
    left = max(1, round(budget.epochs * len(traces))) if budget.epochs is not None else None
    left = left if budget.steps is None else budget.steps * settings.batch
    while (left is None or left > 0) and (budget.tokens is None or tokens < budget.tokens):
        steps.append(list(itertools.islice(order, settings.batch if left is None else min(left, settings.batch))))
        tokens += sum(traces[i].trained for i in steps[-1])
        left = None if left is None else left - len(steps[-1])
    return steps


def _endless(count: int, seed: int, lengths: Sequence[int] | None, batch: int) -> Iterator[int]:
    for epoch in itertools.count():
        order = list(range(count))
        rng = random.Random(seeds.derive(seed, "epoch", epoch))
        rng.shuffle(order)
        yield from order if lengths is None else _grouped(order, lengths, batch, rng)


def _grouped(order: list[int], lengths: Sequence[int], batch: int, rng: random.Random) -> Iterator[int]:
    """The order rearranged so that examples of a batch are about as long: sorted within `WINDOW` batches at a time."""
    batches: list[list[int]] = []
    for first in range(0, len(order), WINDOW * batch):
        near = sorted(order[first : first + WINDOW * batch], key=lambda i: lengths[i])
        batches += [near[start : start + batch] for start in range(0, len(near), batch)]
    rng.shuffle(batches)
    yield from itertools.chain.from_iterable(batches)
