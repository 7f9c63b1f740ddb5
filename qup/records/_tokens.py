"""What a forward pass says of the tokens of one completion; it travels within a stage, never between two."""

from dataclasses import dataclass


@dataclass(frozen=True)
class TokenStats:
    """What one forward pass of the learner says about one completion; lists run over its T tokens."""

    token_ids: list[int]
    logprob: list[float]
    "log p_t(y_t), nats."
    entropy: list[float] | None = None
    "H_t of the learner's next-token distribution, nats; None where the backend cannot say."
    variance: list[float] | None = None
    "Variance of log p_t under p_t, nats squared."
    rank: list[int] | None = None
    "Rank of y_t in p_t, 1 is the most likely."
    collision: list[float] | None = None
    "sum_v p_t(v)^2: how likely two draws from p_t are the same token."
