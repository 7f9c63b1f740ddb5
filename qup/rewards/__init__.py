"""Reward models, one per file: class `Reward`, a frozen dataclass of settings with one method."""

import dataclasses
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import ClassVar, Protocol, runtime_checkable

from qup import restyles
from qup.records import Problem, Refined, Score, Trace, Verdict, due, traces_of
from qup.records.restyled import Restyled


class Reward(Protocol):
    """What the reward stage needs of a reward model."""

    perceives: ClassVar[bool]
    "Whether it judges by how a trace looks; one that checks the answer is no part of perceived quality."

    def score(self, problems: Sequence[Problem], texts: Sequence[str], models: Path) -> list[Score]:
        """One `Score` per trace, in order; a failure has value None and says why. `models` holds the study's models."""
        ...


@dataclasses.dataclass(frozen=True)
class Known:
    """The learner's own traces, for a reward that needs more than a problem and a trace."""

    problems: Sequence[Problem] = ()
    "To train on, of all training sets."
    samples: Sequence[Trace] = ()
    "All of the learner's samples of them."
    natives: Sequence[str | None] = ()
    "Of each trace to be scored, the learner's own correct one that it was made from; empty where samples are scored."


@runtime_checkable
class Informed(Protocol):
    """A reward that needs the learner's traces has this verb too; without them every trace is a failure to it."""

    def knowing(self, known: Known) -> Reward:
        """The reward that scores by them."""
        ...


def score(
    rewards: Mapping[str, Reward],
    problems: Sequence[Problem],
    stream: Sequence[Refined],
    models: Path,
    traces: Sequence[Trace] = (),
) -> list[Score]:
    """Every reward of the study on every trace of a stream, under the names that the study gives them.

    `traces` are all of the learner's samples, for the rewards that ask for them.
    """
    known = Known(problems, traces, _natives(stream, traces))
    slots = [refined.slot for refined in stream if refined.text is not None]
    scores = scores_of(_told(rewards, known), *traces_of(stream, problems), models)
    return [dataclasses.replace(score, slot=slot) for score, slot in zip(scores, slots * len(rewards), strict=True)]


def _natives(stream: Sequence[Refined], traces: Sequence[Trace]) -> list[str | None]:
    """Of each trace of a stream the draft that it was made from, where that is correct: the one RFT trains on."""
    right: dict[tuple[str, int | None], str] = {
        (trace.problem_id, trace.index): trace.text for trace in traces if trace.verdict is Verdict.CORRECT
    }
    return [right.get((own.problem_id, own.draft_index)) for own in stream if own.text is not None]


def _told(rewards: Mapping[str, Reward], known: Known) -> dict[str, Reward]:
    return {name: reward.knowing(known) if isinstance(reward, Informed) else reward for name, reward in rewards.items()}


def score_samples(
    rewards: Mapping[str, Reward], problems: Sequence[Problem], traces: Sequence[Trace], models: Path
) -> list[Score]:
    """Every reward on the learner's own samples of the main training set, right and wrong: a reward that cannot tell
    them apart says nothing of logic, whatever else it prefers.
    """
    by_id = {problem.id: problem for problem in problems}
    tried = due.tried(problems, traces)
    asked, texts = [by_id[trace.problem_id] for trace in tried], [trace.text for trace in tried]
    scores = scores_of(_told(rewards, Known(problems, traces)), asked, texts, models)
    blind = {name for name, reward in rewards.items() if not reward.perceives}
    rows = zip(scores, tried * len(rewards), strict=True)
    return [dataclasses.replace(_uncut(score, trace, blind), index=trace.index) for score, trace in rows]


def score_restyled(
    rewards: Mapping[str, Reward], problems: Sequence[Problem], traces: Sequence[Trace], models: Path
) -> list[Restyled]:
    """Every reward on restyles of some of the samples that it is tried on: what style alone is worth to it."""
    made = restyles.chosen(problems, due.tried(problems, traces))
    by_id = {problem.id: problem for problem in problems}
    asked, texts = [by_id[trace.problem_id] for trace, _, _ in made], [text for _, _, text in made]
    print(f"{len(made)} restyles of {len({trace.problem_id for trace, _, _ in made})} samples:")
    scores = scores_of(_told(rewards, Known(problems, traces)), asked, texts, models) if made else []
    return [
        Restyled(trace.problem_id, trace.index, name, score.reward, score.value, score.failure)
        for score, (trace, name, _) in zip(scores, made * len(rewards), strict=True)
    ]


def _uncut(score: Score, trace: Trace, blind: set[str]) -> Score:
    """A score, but none of a cut sample by a reward that checks the answer: it has given none, whatever it boxed."""
    if score.value is None or trace.verdict is not Verdict.TRUNCATED or score.reward not in blind:
        return score
    return dataclasses.replace(score, value=None, failure=Verdict.TRUNCATED.value)


def scores_of(
    rewards: Mapping[str, Reward], problems: Sequence[Problem], texts: Sequence[str], models: Path
) -> list[Score]:
    """Each reward of each trace, reward by reward, under the names that they are given by; a line is said of each."""
    scores: list[Score] = []
    for name, reward in rewards.items():
        # A plug does not know what the study calls it.
        named = [dataclasses.replace(_finite(score), reward=name) for score in reward.score(problems, texts, models)]
        print(_summary(name, named))
        scores += named
    return scores


def _finite(score: Score) -> Score:
    """A reward that is no number has failed."""
    if score.value is None or math.isfinite(score.value):
        return score
    return dataclasses.replace(score, value=None, failure=f"the reward was {score.value}")


def _summary(name: str, scores: Sequence[Score]) -> str:
    """One line: mean over the traces that have a value, how many have, how many failed and of what."""
    values = [score.value for score in scores if score.value is not None]
    mean = f"{sum(values) / len(values):.3f}" if values else "none"
    failures = sorted({score.failure for score in scores if score.failure is not None})
    why = f" ({', '.join(failures)})" if failures else ""
    return f"{name}: mean {mean}, n {len(values)}, failed {len(scores) - len(values)}{why}"
