"""Perceived quality, its numbers: of the streams by each reward, of the rewards among one another, of style alone.

Every quantity of a stream is judged in a family of its own over all rewards and streams of an Oracle.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from qup import stats
from qup.records import OMITTED
from qup.report import selection
from qup.report.evidence import MIN_ARMS, SAMPLES, Evidence
from qup.report.numbers import Difference, Missing, Number
from qup.report.traces import PANEL, POPULATION
from qup.stats import Array, Estimate

REFERENCE = Missing("the reference")
EVEN = 0.5
"Share of wins between two streams that a reward does not tell apart."


@dataclass(frozen=True)
class Stream:
    """One stream by one reward; what is said of others is against RFT, on problems that both have."""

    z: Difference | Missing
    "Mean z of its traces among the traces of the same problem, over problems that every stream of the Oracle has."
    win: Difference | Missing
    "Share of problems on which it scores above RFT, a tie counting half; judged against one half."
    gap: Difference | Missing
    "Q minus Q(RFT), in the reward's unit."
    adjusted: Difference | Missing
    "The same at equal length."
    beyond_style: bool | None
    "Whether the whole interval of the gap lies beyond the mean shift of a restyle; None where that was not tried."


@dataclass(frozen=True)
class Agreement:
    """Kendall's W of the reward models that perceive quality."""

    rewards: list[str]
    traces: Number
    "Of the traces of a problem, mean over problems."
    streams: Number
    "Of the streams by their means."


@dataclass(frozen=True)
class Style:
    """What restyling alone does to a reward."""

    shift: Number
    "Mean |R(y) - R(restyle(y))| over the learner's samples, in the reward's unit."
    relative: Number
    "The same in standard deviations of R over those samples: the style sensitivity."
    restyles: dict[str, Number]
    "Restyle to its mean R(restyle(y)) - R(y), in the reward's unit: which way it pulls."


@dataclass(frozen=True)
class Quality:
    """By Oracle, reward and arm; agreement by Oracle, style by reward."""

    streams: dict[str, dict[str, dict[str, Stream]]]
    slopes: dict[str, dict[str, Number]]
    "By Oracle and reward: of R by log tokens, within problem and stream."
    agreement: dict[str, Agreement]
    style: dict[str, Style]
    valid: dict[str, bool]
    "By reward, whether it tells the learner's right samples from its wrong ones; no claim rests on one that does not."
    partial: dict[str, list[str]] = field(default_factory=dict, metadata=OMITTED)
    "By arm, the rewards that it was chosen by, the panel among them: it wins by them whatever its traces are."


def numbers(evidence: Evidence) -> Quality:
    """Of the main arms, by every reward that perceives quality and the panel."""
    rewards = [reward for reward in evidence.traces.reward_names if evidence.traces.perceives(reward)]
    style = {reward: _style(evidence, reward) for reward in rewards if reward != PANEL}
    groups = {oracle: evidence.group(oracle) for oracle in evidence.oracles}
    adjusted = {
        oracle: {reward: _adjusted(evidence, arms, reward) for reward in rewards} for oracle, arms in groups.items()
    }
    return Quality(
        streams={oracle: _streams(evidence, arms, adjusted[oracle], style) for oracle, arms in groups.items()},
        slopes={
            oracle: {reward: each if isinstance(each, Missing) else each.slope for reward, each in own.items()}
            for oracle, own in adjusted.items()
        },
        agreement={oracle: _agreement(evidence, arms, list(style)) for oracle, arms in groups.items()},
        style=style,
        valid={reward: reward == PANEL or evidence.valid(reward) for reward in rewards},
        partial=selection.partial(evidence.study, evidence.traces),
    )


def _columns(evidence: Evidence, arms: Sequence[str], reward: str) -> Array:
    """(arms, problems)."""
    return np.array([evidence.traces.reward_columns[arm, reward] for arm in arms])


def _scored(evidence: Evidence, arms: Sequence[str], reward: str) -> list[str]:
    """The arms that have any value: one without would leave no problem whole."""
    columns = evidence.traces.reward_columns
    return [arm for arm in arms if (arm, reward) in columns and np.isfinite(columns[arm, reward]).any()]


def _streams(
    evidence: Evidence,
    arms: Sequence[str],
    adjusted: Mapping[str, "stats.Adjusted | Missing"],
    style: Mapping[str, Style],
) -> dict[str, dict[str, Stream]]:
    """Every quantity is a family of its own over all rewards and arms of the Oracle."""
    cells = [(reward, arm) for reward in adjusted for arm in arms]
    standard = {reward: _standard(evidence, arms, reward) for reward in adjusted}
    z = evidence.judge([standard[reward][arm] for reward, arm in cells])
    win = _shares(evidence, [_win(evidence, arm, reward) for reward, arm in cells])
    gap = evidence.judge([_gap(evidence, arm, reward) for reward, arm in cells])
    fixed = evidence.judge([_at_length(evidence, arms, arm, reward, adjusted[reward]) for reward, arm in cells])
    told: dict[str, dict[str, Stream]] = {reward: {} for reward in adjusted}
    for place, (reward, arm) in enumerate(cells):
        beyond = _beyond(gap[place], style.get(reward))
        told[reward][arm] = Stream(z[place], win[place], gap[place], fixed[place], beyond)
    return told


def _standard(evidence: Evidence, arms: Sequence[str], reward: str) -> dict[str, Number]:
    """Mean z of each arm."""
    there = _scored(evidence, arms, reward)
    if len(there) < 2:
        return dict.fromkeys(arms, Missing("fewer than two streams have a value"))
    nothing = Missing("no problem has a value of every stream")
    scores = dict(zip(there, stats.within_problem_z(_columns(evidence, there, reward)), strict=True))
    means = {arm: stats.mean(values, evidence.level) or nothing for arm, values in scores.items()}
    return {arm: means.get(arm, Missing("no trace has a value")) for arm in arms}


def _win(evidence: Evidence, arm: str, reward: str) -> Number:
    native, columns = evidence.native, evidence.traces.reward_columns
    if native is None or arm == native:
        return REFERENCE if native else Missing("no native stream")
    share = stats.win_share(columns[arm, reward], columns[native, reward], evidence.level)
    return share or Missing("no problem has both")


def _shares(evidence: Evidence, shares: Sequence[Number]) -> list[Difference | Missing]:
    """Shares judged by their distance to one half, and shown as shares again."""
    judged = evidence.judge([_moved(share, -EVEN) if isinstance(share, Estimate) else share for share in shares])
    return [_back(each) if isinstance(each, Difference) else each for each in judged]


def _back(judged: Difference) -> Difference:
    """An end that Student's t puts beyond 0 or 1 is put there."""
    low, high = max(0.0, judged.holm.low + EVEN), min(1.0, judged.holm.high + EVEN)
    return replace(judged, estimate=_moved(judged.estimate, EVEN), holm=replace(judged.holm, low=low, high=high))


def _moved(share: Estimate, by: float) -> Estimate:
    return replace(share, value=share.value + by, low=share.low + by, high=share.high + by)


def _gap(evidence: Evidence, arm: str, reward: str) -> Number:
    native, traces = evidence.native, evidence.traces
    if native is None or arm == native:
        return REFERENCE if native else Missing("no native stream")
    paired = traces.paired(traces.reward_columns, reward, [(arm, native)])
    return paired.get((arm, native), Missing("no problem has both"))


def _adjusted(evidence: Evidence, arms: Sequence[str], reward: str) -> "stats.Adjusted | Missing":
    """The fit over the streams that are scored."""
    there = _scored(evidence, arms, reward)
    if evidence.native not in there or len(there) < 2:
        return Missing("RFT and another stream are not both scored")
    logs = np.log(np.maximum(evidence.traces.lengths(there), 1.0))
    rewards, native = _columns(evidence, there, reward), there.index(evidence.native)
    fit = stats.length_adjusted(rewards, logs, native, evidence.boot, POPULATION)
    return fit or Missing("lengths do not vary within streams, or no problem has a value of every stream")


def _at_length(
    evidence: Evidence, arms: Sequence[str], arm: str, reward: str, fit: "stats.Adjusted | Missing"
) -> Number:
    if arm == evidence.native:
        return REFERENCE
    if isinstance(fit, Missing):
        return fit
    there = _scored(evidence, arms, reward)
    return fit.gaps[there.index(arm)] if arm in there else Missing("no trace has a value")


def _beyond(gap: Difference | Missing, style: Style | None) -> bool | None:
    if isinstance(gap, Missing) or style is None or isinstance(style.shift, Missing):
        return None
    return max(gap.holm.low, -gap.holm.high) > style.shift.value


def _agreement(evidence: Evidence, arms: Sequence[str], rewards: Sequence[str]) -> Agreement:
    """Over the streams and rewards that have values."""
    seen = [reward for reward in rewards if _scored(evidence, arms, reward)]
    there = [arm for arm in arms if all(arm in _scored(evidence, arms, reward) for reward in seen)]
    if len(seen) < 2:
        return Agreement(seen, *[Missing(f"needs two reward models, has {len(seen)}")] * 2)
    if len(there) < MIN_ARMS:
        return Agreement(seen, *[Missing(f"needs {MIN_ARMS} streams with all rewards, has {len(there)}")] * 2)
    ratings = np.array([_columns(evidence, there, reward) for reward in seen])
    nothing = Missing("no problem has every reward of every stream, or all tie")
    whole = np.moveaxis(ratings[:, :, np.isfinite(ratings).all(axis=(0, 1))], 2, 0)
    by_problem = stats.mean(stats.concordance(whole), evidence.level) if len(whole) else None
    return Agreement(
        seen, by_problem or nothing, stats.stream_concordance(ratings, evidence.boot, POPULATION) or nothing
    )


def _style(evidence: Evidence, reward: str) -> Style:
    """From the restyled samples of the untrained learner."""
    own = [each for each in evidence.base.restyled if each.reward == reward]
    judged = next((each for each in evidence.base.judged if each.reward == reward), None)
    if not own or judged is None:
        untried = Missing("no restyled sample was scored")
        return Style(untried, untried, {})
    shifts = np.concatenate([each.after - each.before for each in own])
    owners = [problem for each in own for problem in each.problems]
    found = stats.sensitivity((shifts, owners), (judged.values, judged.problems), evidence.boot, SAMPLES)
    failed = Missing("no restyled sample has a value")
    if found is None:
        return Style(failed, failed, {})
    pulls = {each.restyle: stats.mean(each.after - each.before, evidence.level) or failed for each in own}
    return Style(found.shift, found.relative or Missing("the reward is the same of all samples"), pulls)
