"""The learner: a model folder, how it is asked, how it is run. What sampling, scoring and evaluation share."""

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from qup.backends import BackendSettings, Completion, LocalBackend, Message, Sampling, open_backend
from qup.backends.hf import Backend as Transformers
from qup.prompts.learner import ask
from qup.records import TokenStats


@dataclass(frozen=True)
class Learner:
    """pi0: the untrained learner, or with `weights` at a call a fine-tuned one. Nothing is loaded before its use."""

    folder: Path
    prompt: str
    "File under qup/prompts/learner."
    backend: BackendSettings

    def ask(self, question: str) -> list[Message]:
        """The chat that puts a question to it."""
        return ask(self.prompt, question)

    def asking(self, prompt: str) -> "Learner":
        """The same learner asked by another prompt; the model that is loaded stays loaded."""
        other = dataclasses.replace(self, prompt=prompt)
        vars(other)["runner"] = self.runner
        return other

    def generate(
        self, questions: Sequence[str], sampling: Sampling, ids: Sequence[str], weights: Path | None = None
    ) -> list[Completion]:
        """One completion per question, in order; see `Backend.generate`."""
        return self.runner.generate([self.ask(question) for question in questions], sampling, ids, weights)

    def encode(self, question: str, text: str) -> tuple[list[int], list[int]]:
        """(prompt ids, completion ids) of a trace, as it is scored and trained on; what ends a turn included."""
        return self.scorer.encode(self.ask(question), text)

    def rewritten(self, completions: Sequence[Completion]) -> int:
        """How many of its own completions are other tokens once their text is encoded again."""
        return sum(not self.scorer.chat.comes_back(completion.token_ids) for completion in completions)

    def score(self, pairs: Sequence[tuple[list[int], list[int]]]) -> list[TokenStats]:
        """Per-token statistics (nats) of each completion given its prompt, both as token ids."""
        return self.scorer.score(pairs)

    def gradients(self, pairs: Sequence[tuple[list[int], list[int]]], dimension: int) -> list[list[float]]:
        """The gradient of each completion's mean NLL given its prompt, projected to `dimension` numbers."""
        return self.scorer.gradients(pairs, dimension)

    def pieces(self, token_ids: Sequence[int]) -> list[str]:
        """The text of each token by itself; empty for one that frames a message, as end-of-sequence does."""
        chat, known = self.scorer.chat, self._texts
        if new := sorted(set(token_ids) - known.keys()):
            texts = chat.tokenizer.batch_decode([[token] for token in new], clean_up_tokenization_spaces=False)
            known |= {token: "" if token in chat.frame else text for token, text in zip(new, texts, strict=True)}
        return [known[token] for token in token_ids]

    @cached_property
    def _texts(self) -> dict[int, str]:
        """Tokens that were asked for before: to decode one by itself is slow."""
        return {}

    @cached_property
    def runner(self) -> LocalBackend:
        """What generates: the backend that the study names."""
        return open_backend(self.backend, self.folder)

    @cached_property
    def scorer(self) -> Transformers:
        """What scores: always transformers, which alone tells entropy and variance."""
        return Transformers(self.folder, self.backend.dtype, self.backend.score_batch, self.backend.max_length)
