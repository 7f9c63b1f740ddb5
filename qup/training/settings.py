"""How the learner is fine-tuned on a stream."""

import dataclasses
from collections.abc import Mapping
from dataclasses import field
from typing import Annotated, Any, Literal

from pydantic import Field, NonNegativeFloat, NonNegativeInt, PositiveFloat, PositiveInt
from pydantic.dataclasses import dataclass

from qup import settings
from qup.errors import SettingsError
from qup.objectives import ON_THE_DIAL, Objective, ObjectiveSettings
from qup.settings import STRICT, Plug, PositiveShare, Share

Decay = Annotated[float, Field(ge=0, lt=1)]


@dataclass(frozen=True, config=STRICT)
class Budget:
    """When training ends; exactly one of the two is set."""

    epochs: Annotated[float, Field(gt=0, le=1000)] | None = None
    tokens: PositiveInt | None = None
    "Completion tokens trained on, epochs counted."

    def __post_init__(self) -> None:
        if (self.epochs is None) == (self.tokens is None):
            raise SettingsError(
                f"needs exactly one of epochs and tokens, got epochs={self.epochs} tokens={self.tokens}"
            )


@dataclass(frozen=True, config=STRICT)
class Probes:
    """Traces that a run does not train on, those of other replicates, scored by forward passes while it trains."""

    count: Annotated[int, Field(ge=2)] = 8
    "Times, the first before any step and the last after all."
    traces: PositiveInt = 32
    "Traces scored at each; how fast a stream is learnt is read off these."
    ends: PositiveInt = 256
    "Traces scored before the first and after the last step; the floor of the adaptation cost is of these."
    divergence: NonNegativeInt = 64
    "Native traces over which the learner's predictions before and after training are compared, whole; 0: they are not."


@dataclass(frozen=True, config=STRICT)
class TrainingSettings:
    """Fine-tuning of the learner on a stream."""

    budget: Budget
    objectives: tuple[
        Annotated[ObjectiveSettings, Plug("objectives", default=ON_THE_DIAL, holder=ObjectiveSettings, bare=True)], ...
    ] = Field(default=("sft", "dft"), validate_default=True)
    "Files of qup/objectives, a run each: by name, or `{alpha: 0.5}`; each may have a `learning_rate` of its own."
    method: Literal["lora", "full"] = "lora"
    rank: PositiveInt = 16
    "Of LoRA, on all linear layers."
    alpha: NonNegativeFloat = 32
    "Of LoRA."
    learning_rate: PositiveShare = 5e-5
    warmup: Share = 0.0
    "Share of steps."
    adam_beta1: Decay = 0.9
    "How long Adam remembers gradients."
    adam_beta2: PositiveShare = 0.999
    "How long Adam remembers the size of gradients."
    weight_decay: NonNegativeFloat = 0.0
    "Of AdamW: the share of a weight, times the learning rate, that a step takes off it; norms and biases are spared."
    clip: PositiveFloat = 1.0
    "Longest gradient, Euclidean; a longer one is cut to it."
    batch: PositiveInt = 8
    "Traces a step."
    micro_batch: PositiveInt | None = None
    "Traces of a step that are in memory at once, a divisor of `batch`; null: all. Gradients are of the whole step."
    gradient_checkpointing: bool = False
    "Whether activations are computed again on the way back: a third slower, and a long trace takes little memory."
    group_by_length: bool = False
    "Whether the traces of a step are about as long, which saves padding and leaves order a little less random."
    max_length: Annotated[int, Field(ge=16)] = 1024
    "Longest prompt plus trace, tokens; a longer trace is cut, one after too long a prompt left out, and both counted."
    dtype: Literal["bfloat16", "float32"] = "bfloat16"
    "What is computed in, and what full weights are saved in; the weights that move, an adapter's or all, are float32."
    probes: Probes = field(default_factory=Probes)
    "Held-out traces scored while the learner trains."
    arms: dict[str, dict[str, Any]] = field(default_factory=dict)
    "Main arm (`<oracle>/<refiner>`) to the settings of this section that are different for it."

    def __post_init__(self) -> None:
        names = self.objective_names
        if not names or len(set(names)) != len(names):
            raise SettingsError(f"expected one or more, each once, got {list(names)}", "objectives")
        if self.batch % (self.micro_batch or 1):
            raise SettingsError(f"expected a divisor of batch, {self.batch}, got {self.micro_batch}", "micro_batch")
        for name in self.arms:
            self.of_arm(name)

    @property
    def objective_names(self) -> tuple[str, ...]:
        """Under which the learners of each objective are kept and told."""
        return tuple(each.name for each in self.objectives)

    def under(self, objective: str) -> tuple["TrainingSettings", Objective]:
        """These settings as they are in a run under the objective of this name, and the objective."""
        own = next(each for each in self.objectives if each.name == objective)
        rate = own.learning_rate
        return (self if rate is None else dataclasses.replace(self, learning_rate=rate)), own.objective

    def of_arm(self, name: str) -> "TrainingSettings":
        """How an arm of this name is trained."""
        return self.changed(self.arms.get(name, {}), "arms", name)

    def changed(self, overrides: Mapping[str, Any], *path: str) -> "TrainingSettings":
        """These settings with some of them replaced; `path` is where in a study the overrides stand."""
        if not overrides:
            return dataclasses.replace(self, arms={})
        try:
            return settings.changed(TrainingSettings, self, {"arms": {}, **overrides})
        except SettingsError as error:
            raise error.below(*path) from error
