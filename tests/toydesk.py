"""A learner and judges that say what a test sets, for refiners; both note what they are asked."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from qup.oracles import Reply
from qup.records import Problem, Score, TokenStats

SPENT = 7
"Tokens of each answer of the learner."


@dataclass
class Writing:
    """Answers by problem and attempt, `\\boxed{2}` where none is set; log p of the tokens by text."""

    script: Mapping[str, Sequence[str]] = field(default_factory=dict)
    logprobs: Mapping[str, list[float]] = field(default_factory=dict)
    cut: bool = False
    asked: list[str] = field(default_factory=list)
    "What the learner was told, whole."
    scored: list[str] = field(default_factory=list)

    def ask(self, question: str) -> list[dict[str, str]]:
        return [{"role": "system", "content": "Be brief."}, {"role": "user", "content": f"{question} Box it."}]

    def write(
        self, task: str, chats: Sequence[list[dict[str, str]]], problems: Sequence[Problem], attempt: int
    ) -> list[Reply]:
        self.asked += ["\n".join(message["content"] for message in chat) for chat in chats]
        texts = [self.script.get(p.id, ["so \\boxed{2}"] * 9)[attempt] for p in problems]
        return [Reply(text, tokens=0, truncated=self.cut, learner_tokens=SPENT) for text in texts]

    def score(self, problems: Sequence[Problem], texts: Sequence[str]) -> list[TokenStats]:
        self.scored += texts
        given = [self.logprobs.get(text, [-1.0]) for text in texts]
        return [TokenStats(list(range(len(logprob))), logprob) for logprob in given]


@dataclass
class Judging:
    """Values by text, 0 where none is set."""

    values: Mapping[str, float | None] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    names: list[str] = field(default_factory=list)
    "Of the problems, as they were asked."

    def score(self, problems: Sequence[Problem], texts: Sequence[str], reward: str | None = None) -> list[Score]:
        self.asked += texts
        self.names += [problem.id for problem in problems]
        return [Score(p.id, "toy", self.values.get(t, 0.0)) for p, t in zip(problems, texts, strict=True)]
