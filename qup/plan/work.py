"""What a stage asks of models, counted: answers, tokens, passes and steps, whoever runs them and however fast."""

import enum
from dataclasses import dataclass

from qup.plan.spans import NONE, Span, total

RECOMPUTED = 4 / 3
"Passes of a step with gradient checkpoints, forward twice and backward, to those of one without."


class Kind(enum.StrEnum):
    """What a model is asked to do."""

    GENERATE = "generate"
    "Answers, a token after the other."
    SCORE = "score"
    "Forward passes over given tokens."
    TRAIN = "train"
    "Optimizer steps."
    CALL = "call"
    "Answers of an endpoint, which somebody else computes."


class Load(enum.IntEnum):
    """What a stage imports before its first work; each brings those before it."""

    NOTHING = 0
    "Our own code."
    MODELS = 1
    "Torch and transformers."
    TRAINER = 2
    "TRL and its data sets."
    HARNESS = 3
    "lm-eval."


@dataclass(frozen=True)
class Work:
    """Work of one kind for one model."""

    kind: Kind
    model: str
    "One of the study's models, or an endpoint's by `<model> at <address>`."
    items: Span
    "Generations, traces scored, traces trained on, or calls."
    prompt: Span = NONE
    "Tokens of all prompts."
    completion: Span = NONE
    "Tokens generated, scored or trained on, prompts left aside."
    masked: Span = NONE
    "Tokens of completions that a step computes and does not train on, not among `completion`."
    passes: Span = NONE
    "Of the model, one after the other, each over a batch: steps of decoding, forward passes or optimizer steps."
    batch: int = 1
    "Items in a pass, at most."
    begun: Span = NONE
    "Times that something is begun: a run of training, a decoding of a task by a learner."
    padding: float = 1.0
    "Tokens that a pass computes to those that count."

    @property
    def computed(self) -> Span:
        """Tokens that passes go over, those that only fill a batch included; of generation without its prompts."""
        if self.kind is Kind.GENERATE:
            return self.completion * self.padding
        return (self.prompt + self.masked + self.completion) * self.padding


@dataclass(frozen=True)
class Stage:
    """A stage of the pipeline with what it asks of models."""

    name: str
    "As in dvc.yaml, without the study: `train@home-oracle_refined`."
    loads: tuple[Load, ...]
    "What is imported, by each set of processes that it starts one after the other."
    works: tuple[Work, ...] = ()
    jobs: int = 1
    "Shares of the work that may go side by side."

    @property
    def step(self) -> str:
        """The stage's own name: `train`."""
        return self.name.partition("@")[0]

    def sum(self, *kinds: Kind, what: str = "items") -> Span:
        """The sum of a quantity of `Work` over its works of some kinds."""
        return total(getattr(work, what) for work in self.works if work.kind in kinds)

    @property
    def generations(self) -> Span:
        """Answers asked for, of models here and of endpoints."""
        return self.sum(Kind.GENERATE, Kind.CALL)


def batches(items: Span, size: int) -> Span:
    """Passes that so many items make, each of at most `size`.

    >>> batches(exactly(65), 64).mid
    2
    """
    return Span(*(-(-value // size) for value in (items.low, items.mid, items.high)))
