"""Semantic retention: how much of what the learner's own trace says a refined one keeps, from 1 to 5, by a judge.

The judge takes the native trace apart into atoms of information and says how many of them the trace keeps, as
2606.16152 measures it, as we read it: its prompt was not at hand, ours is `qup/prompts/judge/retention.txt`. It says
what an edit leaves of the draft, which is similarity and not quality: a trace of other reasoning is no worse for it.

Example: `{reward: retention, model: judge}`.
"""

import dataclasses
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, ClassVar, Literal

from pydantic import Field, PositiveInt
from pydantic.dataclasses import dataclass

from qup.prompts.judge import ask
from qup.records import Problem, Score
from qup.rewards import Known
from qup.settings import STRICT

SCORE = re.compile(r"score\W*(\d[\d.,]*)(?:\s*/\s*5\b)?", re.IGNORECASE)
"The last of these in a reply counts, if it is a whole number from 1 to 5."
NONE, UNREAD = "no native trace of this problem", "no score from 1 to 5 in the judge's reply"


@dataclass(frozen=True, config=STRICT)
class Reward:
    """A score from 1 (nothing kept) to 5 (all kept); a reply without one is a failure, and so is a problem unsolved."""

    perceives: ClassVar[bool] = False
    model: str
    "The judge: one of the study's models, tuned to follow instructions. It decodes greedily."
    prompt: str = "retention"
    "File under qup/prompts/judge, with the fields $question, $native and $solution."
    max_tokens: PositiveInt = 512
    "Longest reply, tokens; one that is cut before its score is a failure."
    batch: PositiveInt = 8
    "Replies at a time."
    dtype: Literal["bfloat16", "float16", "float32"] = "bfloat16"
    max_length: Annotated[int, Field(ge=16)] = 4096
    "Longest judge prompt with its reply, tokens, or the judge's positions if fewer; a longer prompt is a failure."

    def knowing(self, known: Known) -> "Comparing":
        """The reward that compares with these native traces."""
        return Comparing(self, known)

    def score(self, problems: Sequence[Problem], texts: Sequence[str], models: Path) -> list[Score]:
        """One `Score` per trace, in order; without native traces each is a failure."""
        return self.knowing(Known()).score(problems, texts, models)


@dataclasses.dataclass(frozen=True, eq=False)
class Comparing:
    """The reward beside the native traces of a stream."""

    settings: Reward
    known: Known
    perceives: ClassVar[bool] = False

    def score(self, problems: Sequence[Problem], texts: Sequence[str], models: Path) -> list[Score]:
        """One `Score` per trace of that stream, in order."""
        natives = self.known.natives or [None] * len(problems)
        rows = [i for i, native in enumerate(natives) if native is not None]
        chats = [ask(self.settings.prompt, problems[i].question, texts[i], natives[i]) for i in rows]
        said = dict(zip(rows, self._replies(chats, models), strict=True))
        return [_score(problem.id, said.get(i, NONE)) for i, problem in enumerate(problems)]

    def _replies(self, chats: Sequence[list[dict[str, str]]], models: Path) -> list[int | str]:
        """The score that the judge gives in each chat, or why there is none."""
        if not chats:
            return []
        from qup.backends import Sampling
        from qup.backends.hf import Backend

        own = self.settings
        judge = Backend(models / own.model, dtype=own.dtype, batch=own.batch, max_length=own.max_length)
        greedy = Sampling(temperature=0.0, max_tokens=own.max_tokens, seed=0)
        long = [len(judge.encode(chat)[0]) >= judge.room for chat in chats]
        replies = judge.generate(chats, greedy, [str(i) for i in range(len(chats))])
        too_long = f"longer than {judge.room - 1} tokens"
        return [too_long if cut else read(reply.text) for cut, reply in zip(long, replies, strict=True)]


def read(reply: str) -> int | str:
    """The score that a reply ends in, or why it has none.

    >>> read("Missing: 2 + 3 = 5. Score: 4")
    4
    """
    found = SCORE.findall(reply)
    last = found[-1].rstrip(".,") if found else ""
    return int(last) if last in ("1", "2", "3", "4", "5") else UNREAD


def _score(problem_id: str, said: int | str) -> Score:
    if isinstance(said, str):
        return Score(problem_id, "retention", None, said)
    return Score(problem_id, "retention", float(said))
