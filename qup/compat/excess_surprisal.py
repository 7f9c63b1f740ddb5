"""Excess surprisal: the nats by which a trace surprises the learner more than its own correct trace of the problem."""

from typing import ClassVar

from pydantic.dataclasses import dataclass

from qup.compat import Pass, Role, Seen
from qup.settings import STRICT


@dataclass(frozen=True, config=STRICT)
class Metric:
    """NLL of the trace minus that of the native trace, whole traces, end-of-sequence included."""

    role: ClassVar[Role] = Role.DRIFT
    passes: ClassVar[tuple[Pass, ...]] = (Pass.NATIVE,)

    def values(self, seen: Seen) -> dict[str, float]:
        """`excess_surprisal`, nats; no value where the learner has no correct trace to compare with."""
        native = seen.passes.get(Pass.NATIVE)
        if native is None:
            return {}
        return {"excess_surprisal": sum(native.logprob) - sum(seen.stats.logprob)}
