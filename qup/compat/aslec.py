"""ASLEC-drop (2604.06834): the mean log-probability of a trace without the first token of each of its steps.

A step's first token is a fork with a low probability; long steps dilute it, so that `grape` prefers long steps. As we
read the abstract; that its steps are our lines is not checked. Its second variant, ASLEC-casl, which regresses the
share of first tokens out, is not built: the regression was not at hand.
"""

from typing import ClassVar

from pydantic.dataclasses import dataclass

from qup.compat import Pass, Role, Seen, _steps
from qup.settings import STRICT


@dataclass(frozen=True, config=STRICT)
class Metric:
    """sum of log p_t(y_t) over the tokens that begin no step, over how many those are."""

    role: ClassVar[Role] = Role.DRIFT
    passes: ClassVar[tuple[Pass, ...]] = ()

    def values(self, seen: Seen) -> dict[str, float]:
        """`aslec`, nats per token; no value where each token begins a step."""
        first = set(_steps.starts(seen.pieces))
        rest = [logprob for i, logprob in enumerate(seen.stats.logprob) if i not in first]
        return {"aslec": sum(rest) / len(rest)} if rest else {}
