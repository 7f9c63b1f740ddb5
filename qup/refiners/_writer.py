"""The untrained learner at work for a refiner: it writes as it was sampled, and scores as compatibility is measured."""

from collections.abc import Sequence
from dataclasses import dataclass

from qup.backends import Message, Sampling
from qup.learner import Learner
from qup.lm.progress import show
from qup.oracles import Reply
from qup.records import Finish, Problem, TokenStats
from qup.sampling import SamplingSettings


@dataclass(frozen=True)
class LearnerAtWork:
    """A `Writer`. The learner's weights are loaded at its first word, once to write and once to score."""

    learner: Learner
    sampling: SamplingSettings
    "The study's: it writes at the temperature and the length of its samples."
    seed: int
    "The refiner's own."

    def ask(self, question: str) -> list[Message]:
        """The chat by which the study puts a question to it."""
        return self.learner.ask(question)

    def write(
        self, task: str, chats: Sequence[list[Message]], problems: Sequence[Problem], attempt: int
    ) -> list[Reply]:
        """Its answer to each chat, in order; what it cost stands in `Reply.learner_tokens`."""
        if not chats:
            return []
        decoding = Sampling(self.sampling.temperature, self.sampling.max_tokens, self.seed, self.sampling.top_p)
        ids = [f"{task}:{problem.id}#{attempt}" for problem in problems]
        completions = self.learner.runner.generate(chats, decoding, ids)
        if attempt == 0:
            show(chats[0], completions[0].text)
        return [Reply(c.text, 0, c.finish is Finish.LENGTH, c.failure, learner_tokens=c.tokens) for c in completions]

    def score(self, problems: Sequence[Problem], texts: Sequence[str]) -> list[TokenStats]:
        """Per-token statistics (nats) of each trace after its problem."""
        pairs = [self.learner.encode(p.question, text) for p, text in zip(problems, texts, strict=True)]
        return self.learner.score(pairs)
