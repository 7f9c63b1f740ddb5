"""Generative verifier (arXiv 2408.15240, GenRM without chain of thought): a language model asked "is this correct?".

The value is the judge's probability of Yes against No as its very next token, so it costs one forward pass and no
generation. Any instruction-tuned model will do; how well it judges is for the report to say.
"""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field, PositiveInt
from pydantic.dataclasses import dataclass

from qup.errors import SettingsError
from qup.prompts.judge import ask
from qup.records import Problem, Score
from qup.settings import STRICT, PositiveShare


@dataclass(frozen=True, config=STRICT)
class Reward:
    """P(Yes) / (P(Yes) + P(No)) of a judge; where the judge would say neither, it has failed and there is no value."""

    perceives: ClassVar[bool] = True
    model: str
    "The judge: one of the study's models."
    prompt: str = "genrm"
    "File under qup/prompts/judge, with the fields $question and $solution."
    batch: PositiveInt = 1
    "Traces a pass. At 1 a score depends on its trace alone; above, its last digits depend on the neighbours too."
    dtype: Literal["bfloat16", "float16", "float32"] = "bfloat16"
    max_length: Annotated[int, Field(ge=16)] = 2048
    "Longest judge prompt, tokens, or the judge's positions if fewer; a longer one is a failure, never cut."
    min_mass: PositiveShare = 0.1
    "Least P(Yes) + P(No) that counts as a judgement."

    def score(self, problems: Sequence[Problem], texts: Sequence[str], models: Path) -> list[Score]:
        """One `Score` per trace, in order."""
        from tqdm import tqdm

        from qup.backends.hf import Backend

        # Yes or No takes a position too, the last one where a prompt fills all others.
        judge = Backend(models / self.model, dtype=self.dtype, batch=self.batch, max_length=self.max_length + 1)
        shared, candidates = self._candidates(judge)
        asked = (ask(self.prompt, p.question, text) for p, text in zip(problems, texts, strict=True))
        prompts = [[*judge.encode(chat)[0], *shared] for chat in asked]
        longest = judge.room - 1
        fitting = [i for i, prompt in enumerate(prompts) if len(prompt) <= longest]
        scores: dict[int, list[float]] = {}
        for start in tqdm(range(0, len(fitting), self.batch), desc="judge", unit="batch"):
            rows = fitting[start : start + self.batch]
            scores |= zip(rows, judge.next_logprobs([prompts[i] for i in rows], candidates), strict=True)
        return [self._score(p.id, scores.get(i), longest) for i, p in enumerate(problems)]

    def _candidates(self, judge: Any) -> tuple[list[int], list[int]]:
        """What Yes and No begin with alike, as a line end that a template puts before an answer; then where they part.

        The tokens by which they part are the whole words to all but character tokenizers.
        """
        yes, no = (judge.encode([{"role": "user", "content": "?"}], word)[1] for word in ("Yes", "No"))
        if yes == no:
            raise SettingsError(
                f"rewards.genrm: {self.model} writes Yes and No with the same tokens, so it cannot judge: name another"
            )
        shared = next(i for i, (one, other) in enumerate(zip(yes, no, strict=False)) if one != other)
        return yes[:shared], [yes[shared], no[shared]]

    def _score(self, problem_id: str, logprobs: Sequence[float] | None, longest: int) -> Score:
        if logprobs is None:
            return Score(problem_id, "genrm", None, f"longer than {longest} tokens")
        yes, no = (math.exp(logprob) for logprob in logprobs)
        if yes + no < self.min_mass:
            return Score(problem_id, "genrm", None, f"P(Yes) + P(No) below {self.min_mass:g}")
        return Score(problem_id, "genrm", yes / (yes + no))
