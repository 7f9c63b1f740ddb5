"""A prompted language model as Oracle: one of the study's models on the study's backend, or any OpenAI-compatible API.

A *voice* is a style directive (a file of qup/prompts/oracle/voices) given as the system message of every call: the same
weights make an Oracle at home in the learner's style and one that is not.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any

from qup import params, plugins
from qup.backends import Backend, Message, Sampling, open_backend
from qup.errors import SettingsError
from qup.oracles import Reply, Setting
from qup.params import at_least
from qup.progress import show
from qup.prompts.oracle import tell
from qup.records import Finish, Problem


@dataclass(frozen=True)
class Oracle:
    """Exactly one of `model` and `api` is set."""

    model: str | None = None
    "One of the study's models."
    api: dict[str, Any] = field(default_factory=dict)
    "Settings of the openai backend."
    voice: str | None = None
    "File under qup/prompts/oracle/voices; none: the model speaks as it does."
    temperature: Annotated[float, at_least(0)] | None = None
    "None: the learner's, or a difference in entropy passes for a difference in style."
    max_tokens: Annotated[int, at_least(1)] = 512
    solve_prompt: str = "solve"
    repair_prompt: str = "repair"
    keep_style_prompt: str = "repair_keep_style"
    restyle_prompt: str = "restyle"

    def __post_init__(self) -> None:
        if (self.model is None) == (not self.api):
            raise SettingsError("a prompted oracle needs exactly one of model (a name) and api (endpoint settings)")
        if self.api:
            params.plug("backends", "backend", {"backend": "openai", **self.api}, "api")
        for prompt in (self.solve_prompt, self.repair_prompt, self.keep_style_prompt, self.restyle_prompt):
            tell(prompt, "", "", self.voice)

    def start(self, setting: Setting) -> "Speaker":
        """The Oracle with its model at hand; weights are loaded at the first question."""
        temperature = setting.temperature if self.temperature is None else self.temperature
        sampling = Sampling(temperature, self.max_tokens, setting.seed)
        if self.model is not None:
            return Speaker(self, open_backend(setting.backend, setting.models / self.model), sampling)
        return Speaker(self, params.section(plugins.load("backends", "openai"), self.api, "api"), sampling)


@dataclass(frozen=True)
class Speaker:
    """A prompted Oracle at work: verbs become chats."""

    oracle: Oracle
    backend: Backend
    sampling: Sampling

    def solve(self, problems: Sequence[Problem], attempt: int) -> list[Reply]:
        """A derivation from scratch for each problem."""
        chats = [tell(self.oracle.solve_prompt, p.question, "", self.oracle.voice) for p in problems]
        return self._reply("solve", chats, problems, attempt)

    def repair(self, problems: Sequence[Problem], drafts: Sequence[str], keep_style: bool, attempt: int) -> list[Reply]:
        """Each draft repaired, under the prompt that asks to keep the draft's style or the one that does not."""
        prompt = self.oracle.keep_style_prompt if keep_style else self.oracle.repair_prompt
        return self._edit(prompt, problems, drafts, attempt)

    def restyle(self, problems: Sequence[Problem], drafts: Sequence[str], attempt: int) -> list[Reply]:
        """Each draft in the Oracle's own words and layout, with nothing in it corrected."""
        return self._edit(self.oracle.restyle_prompt, problems, drafts, attempt)

    def _edit(self, prompt: str, problems: Sequence[Problem], drafts: Sequence[str], attempt: int) -> list[Reply]:
        pairs = zip(problems, drafts, strict=True)
        chats = [tell(prompt, p.question, draft, self.oracle.voice) for p, draft in pairs]
        return self._reply(prompt, chats, problems, attempt)

    def _reply(self, verb: str, chats: list[list[Message]], problems: Sequence[Problem], attempt: int) -> list[Reply]:
        ids = [f"{verb}:{problem.id}#{attempt}" for problem in problems]
        completions = self.backend.generate(chats, self.sampling, ids)
        if completions and attempt == 0:
            show(chats[0], completions[0].text)
        return [Reply(c.text, c.tokens, c.finish is Finish.LENGTH) for c in completions]
