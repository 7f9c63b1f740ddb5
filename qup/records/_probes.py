"""What a training run's account says of traces that the run did not train on."""

from dataclasses import dataclass

from qup.records._values import Count, Magnitude, Ordinal


@dataclass(frozen=True)
class Probed:
    """Held-out traces under the learner as it trains; NLL is a sum over their completion tokens, nats."""

    tokens: Count
    "Completion tokens of all held-out traces."
    before: Magnitude
    "Their NLL under the untrained learner."
    after: Magnitude
    "Their NLL after the last step: one exact pass."
    probe_tokens: Count
    "Completion tokens of the fewer traces that are scored on the way."
    at: list[Count]
    "Completion tokens trained on at each probe; the first is 0, the last the whole run."
    nll: list[Magnitude]
    "NLL of those fewer traces at each probe."

    def __post_init__(self) -> None:
        if len(self.at) != len(self.nll):
            raise ValueError(f"probed at {len(self.at)} points, with {len(self.nll)} values")


@dataclass(frozen=True)
class Divergence:
    """Kullback-Leibler divergence of next-token distributions, learner before and after training, on held-out traces.

    Both are sums over completion tokens, nats, of the exact divergence over the whole vocabulary.
    """

    tokens: Ordinal
    "Completion tokens, at each of which the two distributions are compared."
    forward: Magnitude
    "KL(before || after): the learner before is who is asked."
    backward: Magnitude
    "KL(after || before): the learner after is."
