"""Memory of a stage's largest moment, and what a stage leaves on disk, by the usual rules of thumb.

Weights in training: float32 masters, their gradients and Adam's two moments, 16 bytes a parameter that moves
(1910.02054, section 3.1; ours hold no second copy in bfloat16, autocast makes it as it goes). Activations: 34 bytes a
token, layer and unit of width at two bytes a number (2205.05198, equation 2, without the attention matrices, which
PyTorch's kernels do not keep); with checkpoints two. Logits: float32, with their gradient.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from qup.plan.lengths import Lengths
from qup.plan.shapes import BYTES, Shape
from qup.plan.spans import Span, exactly, total
from qup.plan.work import Kind, Stage, Work
from qup.records import LEARNER
from qup.settings import name_of
from qup.study import Study
from qup.training.settings import TrainingSettings

MOVED = 16
"Bytes of training state a parameter that moves."
ACTIVATION, CHECKPOINTED = 34, 2
"Bytes a token, layer and unit of width, at two bytes a number."
PROCESS = 0.7e9
"Bytes of a process that has loaded torch and transformers, before any model."
RECORD = 250
"Bytes of a record's keys and numbers beside its text [assumed]."
TOKENIZER = 8e6
"Bytes of a tokenizer's files [assumed]; a small model's are fewer."


@dataclass(frozen=True)
class Needs:
    """What stages of a study need."""

    study: Study
    lengths: Lengths
    shapes: Mapping[str, Shape | None]

    def memory(self, stage: Stage) -> Span | None:
        """Bytes of one of the stage's processes at its largest moment; None where a model's size is not known.

        The least of generation is what one answer at a time takes: an engine fills a batch as far as there is room.
        """
        needed = [exactly(PROCESS if stage.works else PROCESS / 10)]
        for work in stage.works:
            shape = self.shapes.get(work.model)
            if work.kind is Kind.CALL:
                continue
            if shape is None:
                return None
            needed.append(exactly(PROCESS) + self._of(work, shape, making=stage.step == "obtain"))
        return max(needed, key=lambda span: span.mid)

    def _of(self, work: Work, shape: Shape, *, making: bool) -> Span:
        """Bytes for one work; `making`: it makes one of the study's models, in float32."""
        dtype = self.study.backend.dtype
        nbytes, rows = BYTES[dtype], min(work.batch, max(1.0, work.items.mid))
        answer = _each(work.completion, work.items)
        width = _each(work.prompt + work.masked + work.completion, work.items)
        if work.kind is Kind.TRAIN:
            settings = None if making else self.study.training
            return Span(*(training(shape, settings, work.batch * each) for each in (width.low, width.mid, width.high)))
        held = exactly(shape.weights(dtype))
        if work.kind is Kind.GENERATE:
            one, batch = (width * (shape.cached * nbytes * count) for count in (1, rows))
            return held + Span(one.mid, batch.mid, batch.high) + exactly(rows * shape.vocabulary * 4)
        return held + width * (rows * shape.hidden * nbytes * 12) + answer * (shape.vocabulary * nbytes)

    def disk(self, stage: Stage) -> Span:
        """Bytes that a stage leaves; DVC's cache holds links to them, or as many again on a disk of its own."""
        step = stage.step.removesuffix("-native")
        if step == "obtain":
            return exactly(sum(self._obtained(name) for name in self.study.models))
        if step == "train":
            runs = stage.sum(Kind.TRAIN, what="begun")
            return runs * self._trained() + stage.sum(Kind.TRAIN, what="passes") * RECORD
        return self._records(stage)

    def _obtained(self, name: str) -> float:
        shape = self.shapes.get(name)
        made = name_of(self.study.models[name].source) in ("pretrain", "preference", "random")
        if shape is None:
            return 0.0
        return shape.parameters * BYTES["float32"] + 1e5 if made else shape.weights("bfloat16") + TOKENIZER

    def _trained(self) -> float:
        """Bytes of one trained learner."""
        shape, settings = self.shapes.get(LEARNER), self.study.training
        if shape is None:
            return 0.0
        if settings.method == "full":
            return shape.parameters * BYTES[settings.dtype] + min(TOKENIZER, shape.parameters)
        return adapter(shape, settings.rank) * 4 + min(TOKENIZER, shape.parameters)

    def _records(self, stage: Stage) -> Span:
        """Bytes of records: a text of each generation, numbers of each trace."""
        generated = [work for work in stage.works if work.kind in (Kind.GENERATE, Kind.CALL)]
        texts = total(work.completion * self.lengths.characters for work in generated)
        rows = total(work.items for work in stage.works if work.kind is not Kind.TRAIN)
        return texts + rows * RECORD


def _each(tokens: Span, items: Span) -> Span:
    """Tokens of an item."""
    pairs = ((tokens.low, items.low), (tokens.mid, items.mid), (tokens.high, items.high))
    low, mid, high = (part / count if count else 0.0 for part, count in pairs)
    return Span(min(low, mid), mid, max(mid, high))


def training(shape: Shape, settings: TrainingSettings | None, tokens: float) -> float:
    """Bytes of a run of training, a pass of which has so many tokens; None: one that makes a model, in float32.

    >>> seven = Shape(7e9, 28, 3584, 0, 0, "")
    >>> training(seven, None, tokens=0) / 1e9
    112.0
    """
    nbytes = 4 if settings is None else BYTES[settings.dtype]
    kept = CHECKPOINTED if settings and settings.gradient_checkpointing else ACTIVATION
    activations = tokens * (shape.layers * shape.hidden * kept * nbytes / 2 + shape.vocabulary * 4 * 2)
    if settings is None or settings.method == "full":
        return shape.parameters * MOVED + activations
    return shape.parameters * nbytes + adapter(shape, settings.rank) * MOVED + activations


def adapter(shape: Shape, rank: int) -> float:
    """Parameters of LoRA on all linear layers: four of attention, three about 8/3 as wide of the perceptron."""
    return shape.layers * rank * shape.hidden * (4 * 2 + 3 * (1 + 8 / 3))
