"""A prompted language model as Oracle: one of the study's models on the study's backend, or any OpenAI-compatible API.

A *voice* is a style directive (a file of qup/prompts/oracle/voices) given as the system message of every call: the same
weights make an Oracle at home in the learner's style and one that is not.
"""

import dataclasses
from collections.abc import Sequence
from pathlib import Path

from pydantic import NonNegativeFloat, PositiveInt
from pydantic.dataclasses import dataclass

from qup.backends import Backend, Message, Sampling, open_backend
from qup.backends.openai import Backend as Endpoint
from qup.errors import SettingsError
from qup.lm.progress import show
from qup.oracles import Reply, Setting
from qup.prompts.oracle import tell, texts
from qup.records import Finish, Problem
from qup.settings import STRICT


@dataclass(frozen=True, config=STRICT)
class Oracle:
    """Exactly one of `model` and `api` is set."""

    model: str | None = None
    "One of the study's models."
    api: Endpoint | None = None
    "An endpoint: settings of the openai backend."
    voice: str | None = None
    "File under qup/prompts/oracle/voices; none: the model speaks as it does."
    temperature: NonNegativeFloat | None = None
    "None: the learner's, or a difference in entropy passes for a difference in style."
    max_tokens: PositiveInt = 512
    solve_prompt: str = "solve"
    repair_prompt: str = "repair"
    keep_style_prompt: str = "repair_keep_style"
    restyle_prompt: str = "restyle"
    fewest_prompt: str = "minimum_change"
    locate_prompt: str = "locate"
    proceed_prompt: str = "proceed"

    def __post_init__(self) -> None:
        if (self.model is None) == (self.api is None):
            raise SettingsError("a prompted oracle needs exactly one of model (a name) and api (endpoint settings)")
        for prompt in self.prompts:
            tell(prompt, "", "", self.voice)

    @property
    def prompts(self) -> tuple[str, ...]:
        """The names of all that it may be asked by."""
        edits = (self.repair_prompt, self.keep_style_prompt, self.restyle_prompt, self.fewest_prompt)
        return (self.solve_prompt, *edits, self.locate_prompt, self.proceed_prompt)

    def texts(self) -> list[Path]:
        """Its prompts and its voice."""
        return texts(self.prompts, self.voice)

    def start(self, setting: Setting) -> "Voice":
        """The Oracle with its model at hand; weights are loaded at the first question."""
        temperature = setting.temperature if self.temperature is None else self.temperature
        sampling = Sampling(temperature, self.max_tokens, setting.seed)
        backend = self.api or open_backend(setting.backend, setting.models / str(self.model))
        return Voice(self, backend, sampling)


@dataclasses.dataclass(frozen=True)
class Voice:
    """A prompted Oracle at work: verbs become chats."""

    oracle: Oracle
    backend: Backend
    sampling: Sampling

    def solve(self, problems: Sequence[Problem], attempt: int) -> list[Reply]:
        """A derivation from scratch for each problem."""
        chats = [tell(self.oracle.solve_prompt, p.question, "", self.oracle.voice) for p in problems]
        return self._reply("solve", chats, problems, attempt)

    def repair(
        self, problems: Sequence[Problem], drafts: Sequence[str], keep_style: bool, attempt: int, fewest: bool = False
    ) -> list[Reply]:
        """Each draft repaired, by the prompt for the fewest changes, for keeping the style, or for neither."""
        prompt = self.oracle.keep_style_prompt if keep_style else self.oracle.repair_prompt
        prompt = self.oracle.fewest_prompt if fewest else prompt
        return self._edit(prompt, problems, drafts, attempt)

    def restyle(self, problems: Sequence[Problem], drafts: Sequence[str], attempt: int) -> list[Reply]:
        """Each draft in the Oracle's own words and layout, with nothing in it corrected."""
        return self._edit(self.oracle.restyle_prompt, problems, drafts, attempt)

    def locate(self, problems: Sequence[Problem], drafts: Sequence[Sequence[str]], attempt: int) -> list[Reply]:
        """The number of each draft's first wrong step, if the model keeps to what it is asked."""
        numbered = ["\n".join(f"[{i}] {step.strip()}" for i, step in enumerate(steps, 1)) for steps in drafts]
        return self._edit(self.oracle.locate_prompt, problems, numbered, attempt)

    def proceed(self, problems: Sequence[Problem], prefixes: Sequence[str], attempt: int) -> list[Reply]:
        """What the model writes after each beginning; where nothing stands there, it solves the problem."""
        pairs = zip(problems, prefixes, strict=True)
        prompts = self.oracle.solve_prompt, self.oracle.proceed_prompt
        chats = [tell(prompts[bool(b.strip())], p.question, b, self.oracle.voice) for p, b in pairs]
        return self._reply("proceed", chats, problems, attempt)

    def _edit(self, prompt: str, problems: Sequence[Problem], drafts: Sequence[str], attempt: int) -> list[Reply]:
        pairs = zip(problems, drafts, strict=True)
        chats = [tell(prompt, p.question, draft, self.oracle.voice) for p, draft in pairs]
        return self._reply(prompt, chats, problems, attempt)

    def _reply(self, verb: str, chats: list[list[Message]], problems: Sequence[Problem], attempt: int) -> list[Reply]:
        ids = [f"{verb}:{problem.id}#{attempt}" for problem in problems]
        completions = self.backend.generate(chats, self.sampling, ids)
        if completions and attempt == 0:
            show(chats[0], completions[0].text)
        return [Reply(c.text, c.tokens, c.finish is Finish.LENGTH, c.failure) for c in completions]
