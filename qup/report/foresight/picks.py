"""Pick rates: how often a metric picks the better of two streams, and the rule that advice goes by.

A metric picks by its mean on the problems that both streams have. Whether its lower or its higher value is the better
one is not told beforehand: `lower` is how often the lower one was, and a direction, or a metric, that was chosen by
looking is judged on the studies that it was not chosen on.
"""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass

from qup.report.foresight.draws import LEVEL, Bootstrapped, Rate
from qup.report.foresight.races import Pair
from qup.stats import ZERO

LENGTH = "null.tokens"
"What a metric has to beat."
PROXY, LOWER = "ppl", True
"""The rule that is taken from the paper (2606.16152), not found by looking at these studies: perplexity stands for what
adaptation costs, and the stream of the lower one is picked."""
COIN = 0.5


Choose = Callable[[Sequence[Pair]], str | None]
"The metric to go by, seen from some pairs."


@dataclass(frozen=True)
class Pick:
    """How well one metric picks."""

    lower: Rate
    "How often the stream of the lower value is the better one; below a half, the higher one is."
    foreseen: Rate | None
    "How often it picks the better one in the direction that the other studies give; None of a single study."
    against_length: Rate | None
    "Its pick rate minus that of length alone, both with the direction that fits these pairs best."


@dataclass(frozen=True)
class Rule:
    """What advice goes by, and how often it was right."""

    metric: str
    lower: bool
    "Whether the stream of the lower value is picked."
    declared: bool
    "Whether it is the paper's proxy; else a metric that is told from it."
    right: Rate
    """How often it picks the better stream: each study's pairs by what all other studies would have chosen, where any;
    so are `against_length`, `agreeing` and `disagreeing`."""
    length: Rate
    "How often length alone does, its better direction taken by looking."
    shorter: bool
    "That direction."
    against_length: Rate
    "The rule's rate minus that of length."
    agreeing: Rate | None
    "How often it is right where length picks the same stream; None where it never does."
    disagreeing: Rate | None
    "How often where length picks the other one."

    @property
    def beats_coin(self) -> bool:
        """Whether it is told from a coin."""
        return self.right.low > COIN

    @property
    def beats_length(self) -> bool:
        """Whether it is told from length alone."""
        return self.against_length.low > 0


def hits(pairs: Sequence[Pair], metric: str) -> list[float]:
    """Of each pair: 1 if the lower value of the metric is the better stream, 0 if the higher is, 0.5 of a tie."""
    return [COIN if abs(gap := pair.gaps[metric]) < ZERO else float((gap < 0) == (pair.gap > 0)) for pair in pairs]


def pick_rates(pairs: Sequence[Pair], drawn: Bootstrapped) -> dict[str, Pick]:
    """Every metric's pick rate over the resolved ones of some pairs."""
    resolved = [pair for pair in pairs if pair.resolved]
    metrics = sorted({metric for pair in resolved for metric in pair.gaps})
    return {metric: pick for metric in metrics if (pick := _pick(resolved, metric, drawn))}


def _pick(pairs: Sequence[Pair], metric: str, drawn: Bootstrapped) -> Pick | None:
    own = [pair for pair in pairs if metric in pair.gaps]
    lower = drawn.rate(own, hits(own, metric))
    if lower is None:
        return None
    beside = [pair for pair in own if LENGTH in pair.gaps]
    against = drawn.difference(beside, _fitted(beside, metric), _fitted(beside, LENGTH))
    return Pick(lower, foreseen(own, lambda _: metric, drawn), against)


def _fitted(pairs: Sequence[Pair], metric: str) -> list[float]:
    """Hits of a metric with the direction that fits these pairs best."""
    return _directed(hits(pairs, metric), lower_is_better(pairs, metric))


def _directed(lower: Sequence[float], better: bool | None) -> list[float]:
    """Hits once a direction is chosen; without one each is a tie."""
    if better is None:
        return [COIN] * len(lower)
    return list(lower) if better else [1 - hit for hit in lower]


def lower_is_better(pairs: Sequence[Pair], metric: str) -> bool | None:
    """Whether the lower value is the better one in most of some pairs; None where neither is."""
    own = hits([pair for pair in pairs if metric in pair.gaps], metric)
    excess = sum(own) - COIN * len(own)
    return None if abs(excess) < ZERO else excess > 0


def foreseen(pairs: Sequence[Pair], choose: Choose, drawn: Bootstrapped) -> Rate | None:
    """How often picks are right where metric and direction are chosen without the study at hand; None of one study."""
    held = held_out(pairs, choose)
    return drawn.rate(*held) if held else None


def held_out(pairs: Sequence[Pair], choose: Choose) -> tuple[list[Pair], list[float]] | None:
    """The pairs of each study with the hits of what is chosen on all other studies; None of a single study."""
    studies = {pair.study for pair in pairs}
    if len(studies) < 2:
        return None
    ordered: list[Pair] = []
    right: list[float] = []
    for study in sorted(studies):
        others = [pair for pair in pairs if pair.study != study]
        metric = choose(others)
        held = [pair for pair in pairs if pair.study == study and metric in pair.gaps]
        if metric is not None and held:
            ordered += held
            right += _directed(hits(held, metric), LOWER if metric == PROXY else lower_is_better(others, metric))
    return ordered, right


def chosen(pairs: Sequence[Pair], among: Collection[str], drawn: Bootstrapped) -> str | None:
    """The metric that advice goes by, seen from some pairs: the proxy, unless others are told to pick better than it.

    Of the others each is held against the proxy at a level that counts how many there are (Bonferroni); of those that
    pass, the one that is right most often, and of equals the first in the alphabet.
    """
    everywhere = sorted(metric for metric in among if all(metric in pair.gaps for pair in pairs))
    if PROXY not in everywhere:
        return None
    mine = _directed(hits(pairs, PROXY), LOWER)
    others = [metric for metric in everywhere if metric != PROXY]
    tail = (1 - LEVEL) / 2 / max(len(others), 1)
    gaps = {metric: drawn.difference(pairs, _fitted(pairs, metric), mine, tail) for metric in others}
    better = [metric for metric, gap in gaps.items() if gap is not None and gap.low > 0]
    return max(better, key=lambda metric: sum(_fitted(pairs, metric)), default=PROXY)


def rule(pairs: Sequence[Pair], among: Collection[str], drawn: Bootstrapped) -> Rule | None:
    """The rule of some metrics, those that advice can compute; None where no pair is resolved or has the proxy.

    A single study has nothing to judge a choice on: only the declared proxy can be its rule.
    """
    resolved = [pair for pair in pairs if pair.resolved and LENGTH in pair.gaps]
    if len({pair.study for pair in resolved}) < 2:
        among = [metric for metric in among if metric == PROXY]
    metric = chosen(resolved, among, drawn) if resolved else None
    if metric is None:
        return None
    lower = LOWER if metric == PROXY else lower_is_better(resolved, metric) is not False
    held = held_out(resolved, lambda others: chosen(others, among, drawn))
    own, mine = held if held and held[0] else (resolved, _directed(hits(resolved, metric), lower))
    shorter = lower_is_better(resolved, LENGTH)
    length = _directed(hits(own, LENGTH), shorter)
    right, alone, against = drawn.rate(own, mine), drawn.rate(own, length), drawn.difference(own, mine, length)
    assert right and alone and against
    rows = list(zip(own, mine, length, strict=True))
    sides = [[(pair, hit) for pair, hit, other in rows if (hit == other) is same] for same in (True, False)]
    agreeing, disagreeing = (drawn.rate([p for p, _ in side], [hit for _, hit in side]) for side in sides)
    told = shorter is not False
    return Rule(metric, lower, metric == PROXY, right, alone, told, against, agreeing, disagreeing)
