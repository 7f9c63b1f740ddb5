"""A process reward model such as Qwen2.5-Math-PRM (2501.07301): how likely each step of a trace is right.

Its checkpoint comes with code of its own, which is neither fetched nor run: see `qup.lm.step_scorer`. How a trace is
laid out decides what its steps are, so its layout moves the value: one more reason to read it beside other rewards.

Example: `{reward: process, model: prm, value: min}`.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, ClassVar, Literal

from pydantic import Field
from pydantic.dataclasses import dataclass

from qup.errors import SettingsError
from qup.lm import step_scorer
from qup.lm.chat import ChatFormat
from qup.lm.checkpoint import open_chat
from qup.records import Problem, Score
from qup.settings import STRICT

MARK = "<extra_0>"
"The token after each step, at which the model says whether the step is right."
BETWEEN = {"paragraph": "\n\n", "line": "\n"}


@dataclass(frozen=True, config=STRICT)
class Reward:
    """The least, or the mean, of the probabilities that a trace's steps are right; a trace too long is a failure."""

    perceives: ClassVar[bool] = True
    model: str
    "The process reward model: one of the study's models."
    value: Literal["min", "mean"] = "min"
    "Of the steps' probabilities. A long trace has a lower least by chance alone, and a wordy one a higher mean."
    step: Literal["paragraph", "line"] = "paragraph"
    "What is one step: what stands between blank lines, as the model was trained, or each line, as `null.steps` counts."
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
            steps = split(text, self.step)
            chat = _encode(form, problem, steps)
            failure = _misfit(chat, mark, len(steps), longest)
            value = None if failure else self._value(step_scorer.right(body, top, chat, mark))
            scores.append(Score(problem.id, "process", value, failure))
        return scores

    def _value(self, right: Sequence[float]) -> float:
        return min(right) if self.value == "min" else sum(right) / len(right)


def split(text: str, step: str) -> list[str]:
    """The steps of a trace, none of them empty: paragraphs, or lines."""
    return [part.strip() for part in text.strip().split(BETWEEN[step]) if part.strip()]


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
