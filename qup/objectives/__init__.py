"""What a training run minimizes, one objective a file: class `Objective`, a frozen dataclass that gives a token's loss.

A run minimizes the mean over the trained tokens of a step. A token's loss is of p, the learner's own probability of it.
Most objectives are a place on one dial (2510.00526): (1 - p^a)/a, whose gradient is -p^a grad log p, so that a says how
much a token counts that the learner finds unlikely: at a -> 0, plain SFT, all count alike; at a = 1 (DFT) each by p.
"""

from typing import TYPE_CHECKING, Any, ClassVar, Literal, Protocol, cast

from pydantic.dataclasses import dataclass

from qup import settings
from qup.settings import STRICT, PositiveShare

if TYPE_CHECKING:
    from torch import Tensor

ON_THE_DIAL = "alpha"
"The objective meant where settings name none: `{alpha: 0.5}`."


class Objective(Protocol):
    """What training and report need of an objective."""

    ready: ClassVar[Literal["nll", "dft"] | None]
    "TRL's own loss that is this one, which a run then takes; None: a run takes `losses`."

    @property
    def name(self) -> str:
        """Under which its learners are kept and told: as in a study, with what sets it apart from its like."""
        ...

    @property
    def alpha(self) -> float | None:
        """Its place on the dial, 0 for the limit; None if it has no single one."""
        ...

    def losses(self, logp: "Tensor", entropy: "Tensor") -> "Tensor":
        """The loss of each token, from log p of it and the entropy of its distribution, nats; all of one shape.

        The entropy passes no gradient.
        """
        ...


@dataclass(frozen=True, config=STRICT)
class ObjectiveSettings:
    """An objective of a study: `dft`, `{alpha: 0.5}` or `{objective: dft, learning_rate: 5e-5}`."""

    learning_rate: PositiveShare | None = None
    "Of runs under this objective: losses differ in size. null: `training.learning_rate`."
    plug: Any = None

    @property
    def objective(self) -> Objective:
        """The objective itself."""
        return cast(Objective, self.plug)

    @property
    def name(self) -> str:
        """The objective's, under which its learners are kept and told."""
        return self.objective.name

    def written(self) -> str | dict[str, Any]:
        """As a study says it: its file's name alone, where that says all."""
        told = settings.declared(self)
        named = told.pop("objective")
        if not told:
            return str(named)
        return told if named == ON_THE_DIAL else {"objective": named, **told}


def on_dial(logp: "Tensor", alpha: "Tensor | float") -> "Tensor":
    """(1 - p^a)/a of each token, from log p in nats, for a above 0 (2510.00526).

    By `expm1`: near a = 0, where it becomes -log p, the difference would lose all its digits.
    """
    return -(alpha * logp.float()).expm1() / alpha
