"""A process reward model such as Qwen2.5-Math-PRM (2501.07301): how likely each step of a trace is right.

Its checkpoint comes with code of its own, which is neither fetched nor run: see `qup.lm.step_scorer`. Steps are those
that a trace is given in: by the grammar of its source, by its lines, or by the separator that the study states. Blank
lines are layout, which some writers set and others do not; how far layout moves the value the report says (`restyles`).

Example: `{reward: process, model: prm, value: min}`, and beside it `{reward: process, model: prm, value: mean}`.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Annotated, ClassVar, Literal

from pydantic import Field
from pydantic.dataclasses import dataclass

from qup.errors import SettingsError
from qup.glassbox import SOURCE, grammar
from qup.lm import step_scorer
from qup.lm.chat import ChatFormat
from qup.lm.checkpoint import open_chat
from qup.records import Problem, Score
from qup.settings import STRICT

MARK = "<extra_0>"
"The token after each step, at which the model says whether the step is right."
BETWEEN = {"given": "\n", "line": "\n", "paragraph": "\n\n"}
AGGREGATES: Mapping[str, Callable[[Sequence[float]], float]] = {
    "min": min,
    "mean": lambda right: sum(right) / len(right),
    "product": math.prod,
}


@dataclass(frozen=True, config=STRICT)
class Reward:
    """The least, the mean or the product of the probabilities that steps are right; a trace too long is a failure."""

    perceives: ClassVar[bool] = True
    model: str
    "The process reward model: one of the study's models."
    value: Literal["min", "mean", "product"] = "min"
    "Of the steps' probabilities: 2305.20050 takes the product. With more steps min and product fall by chance alone."
    step: Literal["given", "line", "paragraph"] = "given"
    "One step: as the source's grammar has it, else a line (`null.steps` counts those); or what blank lines set apart."
    separator: Annotated[str, Field(min_length=1)] | None = None
    "What stands between two steps, instead of `step`; null: as `step` says."
    max_length: Annotated[int, Field(ge=16)] = 4096
    "Longest chat, tokens, or the model's positions if fewer; a longer one is a failure, never cut."
    dtype: Literal["bfloat16", "float16", "float32"] = "bfloat16"

    def score(self, problems: Sequence[Problem], texts: Sequence[str], models: Path) -> list[Score]:
        """One `Score` per trace, in order."""
        from tqdm import tqdm

        form = open_chat(models / self.model)
        mark = _mark(form, self.model)
        body, top = step_scorer.opened(models / self.model, self.dtype)
        longest, scores = form.room(self.max_length), []
        for problem, text in tqdm(list(zip(problems, texts, strict=True)), desc="process", unit="trace"):
            steps = self.steps(problem, text)
            chat = _encode(form, problem, steps)
            failure = _misfit(chat, mark, len(steps), longest)
            value = None if failure else self._value(step_scorer.right(body, top, chat, mark))
            scores.append(Score(problem.id, "process", value, failure))
        return scores

    def steps(self, problem: Problem, text: str) -> list[str]:
        """The steps of a trace, none of them empty."""
        if self.step == "given" and self.separator is None and problem.source == SOURCE:
            # What is not of the grammar has no steps of its own.
            return grammar.split(text) or [text]
        between = self.separator or BETWEEN[self.step]
        return [part.strip() for part in text.strip().split(between) if part.strip()]

    def _value(self, right: Sequence[float]) -> float:
        return AGGREGATES[self.value](right)


def _mark(form: ChatFormat, model: str) -> int:
    """The token that stands after each step."""
    token = form.tokenizer.convert_tokens_to_ids(MARK)
    if token is None or token == form.tokenizer.unk_token_id:
        raise SettingsError(
            f"rewards.process: {model} has no token {MARK}, so it is no process reward model of this kind"
        )
    return int(token)


def _encode(form: ChatFormat, problem: Problem, steps: Sequence[str]) -> list[int]:
    said = "".join(f"{step}{MARK}" for step in steps)
    chat = [{"role": "user", "content": problem.question}, {"role": "assistant", "content": said}]
    return form.ids(chat, add_generation_prompt=False)


def _misfit(chat: Sequence[int], mark: int, steps: int, longest: int) -> str | None:
    """Why a chat cannot be scored."""
    if not steps:
        return "no step"
    if len(chat) > longest:
        return f"longer than {longest} tokens"
    # A problem or a trace may write the mark out.
    return None if chat.count(mark) == steps else f"{MARK} stands in problem or trace"
