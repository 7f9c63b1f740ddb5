"""What learners are asked: the settings of evaluation, and of each of its tasks."""

import dataclasses
from collections.abc import Collection, Mapping
from dataclasses import dataclass as plain_dataclass
from typing import Annotated, Any, cast

from pydantic import Field, GetCoreSchemaHandler, GetJsonSchemaHandler, NonNegativeFloat, PositiveInt
from pydantic.dataclasses import dataclass
from pydantic_core import core_schema

from qup import settings
from qup.errors import SettingsError, hint, shown
from qup.evals import library
from qup.evals.library import GENERATED, Leaf
from qup.evals.pinned import example, pinned
from qup.prompts.learner import ask
from qup.records import GREEDY, HELDOUT, SAMPLED
from qup.settings import STRICT
from qup.settings.pins import FOLDER, PinnedFile, require_commit

COMPLETION = "completion"
"A task of lm-eval as a text to go on with, as lm-eval puts it unless told otherwise."
CHAT = "chat"
"As one turn of a chat: its `--apply_chat_template --fewshot_as_multiturn false`."
MULTITURN = "multiturn"
"As a chat in which each example is a turn: its `--apply_chat_template`."
FORMS = (COMPLETION, CHAT, MULTITURN)
REVISION = "revision"
LOGLIKELIHOOD = "loglikelihood"
"What stands for a decoding where a task asks for log-likelihoods."
THEIR_LONGEST = 256
"Tokens of an answer where a task of lm-eval says nothing (its `DEFAULT_MAX_GEN_TOKS`)."


@dataclass(frozen=True, config=STRICT)
class TaskEntry:
    """A task by its name, or with what is its own."""

    task: str
    "`heldout`, a set under problems.sets, a task, group or tag of lm-eval, or a YAML file of one below data/problems."
    k: PositiveInt | None = None
    "Drawn answers a problem; null: the section's, or a task of lm-eval's own `repeats`, where nothing else is taken."
    temperature: NonNegativeFloat | None = None
    "null: the section's, or its own of a task of lm-eval that draws by itself."
    max_tokens: PositiveInt | None = None
    "null: the section's; of a task of lm-eval its own `max_gen_toks`, or lm-eval's 256."
    greedy: bool | None = None
    "null: the section's."
    prompt: str | None = None
    "null: the section's; of a task of lm-eval `completion` (if null), `chat` or `multiturn`."
    data: dict[str, Any] = dataclasses.field(default_factory=dict)
    "The pinned data of a task of lm-eval: `{revision: <commit>}`, or a `{file: ..., sha256: ...}` for each split."

    def __post_init__(self) -> None:
        self.pins()

    @property
    def revision(self) -> str | None:
        """The commit of its data set."""
        return self.data.get(REVISION)

    def pins(self) -> dict[str, PinnedFile]:
        """Split to the file that it is in.

        Raises:
            SettingsError: below `data`.
        """
        if REVISION in self.data:
            return {}
        try:
            return {split: pinned(split, given) for split, given in self.data.items()}
        except SettingsError as error:
            raise error.below("data") from error

    def check(self, sets: Collection[str] = ()) -> list[Leaf]:
        """What this entry, which names none of the study's `sets`, stands for in lm-eval.

        Raises:
            SettingsError: no such task, or its data are not pinned.
        """
        found = library.leaves(self.task, sets)
        if self.prompt not in (None, *FORMS):
            raise SettingsError(f"unknown value {shown(self.prompt)}: {hint(str(self.prompt), FORMS)}", "prompt")
        datasets = sorted({leaf.dataset[0] for leaf in found})
        if len(datasets) > 1:
            raise SettingsError(f"reads {len(datasets)} data sets ({', '.join(datasets)}): name its tasks one by one")
        if REVISION in self.data or not self.data:
            if set(self.data) - {REVISION}:
                raise SettingsError("expected a revision or files, not both", "data")
            try:
                require_commit(self.revision, datasets[0])
            except SettingsError as error:
                raise self._unpinned(error, found) from error
            return found
        self._check_splits(found)
        return found

    def _unpinned(self, error: SettingsError, found: list[Leaf]) -> SettingsError:
        files = example(found[0].splits)
        return SettingsError(f"{error.problem}; or, of files in {FOLDER}: {files}", "data", *error.path)

    def _check_splits(self, found: list[Leaf]) -> None:
        parts = sorted({str(leaf.dataset[1]) for leaf in found})
        if len(parts) > 1:
            raise SettingsError(f"reads {len(parts)} parts of a data set: pin a revision, or name its tasks one by one")
        needed = list(dict.fromkeys(split for leaf in found for split in leaf.splits))
        if missing := [split for split in needed if split not in self.data]:
            problem = f"needs {', '.join(missing)}, got {', '.join(self.data)}; of files in {FOLDER}: {example(needed)}"
            raise SettingsError(problem, "data")


@plain_dataclass(frozen=True)
class AsEntry:
    """The annotation of a task entry: a name alone, or settings."""

    def make(self, given: Any) -> TaskEntry:
        """The entry."""
        if isinstance(given, TaskEntry):
            return given
        if not isinstance(given, str | Mapping):
            raise SettingsError(f"expected a name, or settings with the key `task`, got {shown(given)}")
        return settings.read(TaskEntry, {"task": given} if isinstance(given, str) else given)

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> core_schema.CoreSchema:
        return core_schema.no_info_plain_validator_function(self.make)

    def __get_pydantic_json_schema__(
        self, schema: core_schema.CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        """A name, or all settings."""
        return {"anyOf": [{"type": "string"}, handler(cast(Any, TaskEntry).__pydantic_core_schema__)]}


@plain_dataclass(frozen=True)
class Terms:
    """What is said of a task, by its entry, itself or the section."""

    k: int
    temperature: float
    max_tokens: int
    greedy: bool
    prompt: str | None

    @property
    def decodings(self) -> tuple["Decoding", ...]:
        """k drawn answers and, if set, one greedy."""
        drawn = Decoding(SAMPLED, self.k, self.temperature, self.max_tokens)
        return (drawn, *[Decoding(GREEDY, 1, 0.0, self.max_tokens)] * self.greedy)


@plain_dataclass(frozen=True)
class Decoding:
    """How a task is answered."""

    name: str
    "`sampled`, `greedy`, or `loglikelihood` where nothing is decoded."
    repeats: int
    "Answers a problem."
    temperature: float
    max_tokens: int


@plain_dataclass(frozen=True)
class Asked:
    """A task as it is put to learners: a set of the study, or a task of lm-eval."""

    name: str
    "In records and tables."
    entry: TaskEntry
    prompt: str | None
    "File under qup/prompts/learner; of a task of lm-eval one of `FORMS`."
    decodings: tuple[Decoding, ...]
    leaf: Leaf | None = None
    "Of lm-eval's."


@dataclass(frozen=True, config=STRICT)
class EvaluationSettings:
    """What the learners are asked."""

    tasks: tuple[Annotated[TaskEntry, AsEntry()], ...] = Field((HELDOUT,), validate_default=True)
    "Each a name (`heldout`, a further set, a task or group of lm-eval) or `{task: name, ...what is its own}`."
    k: PositiveInt = 4
    "Drawn answers a problem: Avg@k."
    temperature: NonNegativeFloat = 1.0
    max_tokens: PositiveInt = 256
    "Longest answer, tokens."
    greedy: bool = True
    "Whether a greedy answer stands beside the k drawn ones."
    prompt: str | None = None
    "File under qup/prompts/learner, where answers are asked for otherwise than traces are; null: the study's `prompt`."

    def __post_init__(self) -> None:
        try:
            if self.prompt is not None:
                ask(self.prompt, "")
        except SettingsError as error:
            raise error.below("prompt") from error
        if not self.tasks or len(set(self.names)) != len(self.tasks):
            raise SettingsError(f"expected one or more, each once, got {list(self.names)}", "tasks")

    @property
    def names(self) -> tuple[str, ...]:
        """The tasks, by the names that the study gives them."""
        return tuple(entry.task for entry in self.tasks)

    @property
    def main(self) -> str:
        """The task that utility is of: `heldout` where it is named, else the first."""
        return HELDOUT if HELDOUT in self.names else self.names[0]

    @property
    def of_main(self) -> Terms:
        """What is said of the main task."""
        entry = next(entry for entry in self.tasks if entry.task == self.main)
        return self._terms(entry, library.leaves(entry.task)[0] if entry.data else None)

    def asked(self, sets: Collection[str]) -> list[Asked]:
        """Every task; `sets` are those that the study makes itself, the others are lm-eval's.

        Raises:
            SettingsError: below `tasks`; one is none, its data are not pinned, or two are of one name.
        """
        asked: list[Asked] = []
        for place, entry in enumerate(self.tasks):
            try:
                asked += self._set(entry) if entry.task in sets else self._leaves(entry, sets)
            except SettingsError as error:
                raise error.below("tasks", f"[{place}]") from error
        names = [each.name for each in asked]
        if twice := sorted({name for name in names if names.count(name) > 1}):
            raise SettingsError(
                f"{', '.join(twice)} would be there twice: by itself and in a group, or as a set", "tasks"
            )
        main = next((each for each in asked if each.name == self.main), None)
        if main is None or (main.leaf and main.leaf.output != GENERATED):
            raise SettingsError(
                f"{self.main!r} gives no graded answers, which utility is of: name a set first", "tasks"
            )
        return asked

    def _set(self, entry: TaskEntry) -> list[Asked]:
        if entry.data:
            raise SettingsError("a set of the study pins its data under problems.sets", "data")
        terms = self._terms(entry)
        if terms.prompt is not None:
            try:
                ask(terms.prompt, "")
            except SettingsError as error:
                raise error.below("prompt") from error
        return [Asked(entry.task, entry, terms.prompt, terms.decodings)]

    def _leaves(self, entry: TaskEntry, sets: Collection[str]) -> list[Asked]:
        form, asked = entry.prompt or COMPLETION, []
        for leaf in entry.check(sets):
            _check_repeats(entry, leaf)
            scored = (Decoding(LOGLIKELIHOOD, 1, 0.0, 0),)
            decodings = self._terms(entry, leaf).decodings if leaf.output == GENERATED else scored
            asked.append(Asked(leaf.name, entry, form, decodings, leaf))
        return asked

    def _terms(self, entry: TaskEntry, leaf: Leaf | None = None) -> Terms:
        """What the entry says, else what lm-eval's task does, else what the section says."""
        names = ("k", "temperature", "max_tokens", "greedy", "prompt")
        said = {name: getattr(self, name) for name in names}
        own = (leaf.config.get("generation_kwargs") or {}) if leaf else {}
        if leaf:
            said["max_tokens"] = longest(own)
        if leaf and own.get("do_sample"):
            said |= {"k": leaf.repeats, "temperature": float(own.get("temperature", 1.0))}
        if leaf and leaf.repeats > 1:
            said |= {"k": leaf.repeats, "greedy": False}
        stated = {name: getattr(entry, name) for name in names if getattr(entry, name) is not None}
        return Terms(**{**said, **stated})


def _check_repeats(entry: TaskEntry, leaf: Leaf) -> None:
    """A task that makes one score of several answers is asked for as many: its filters count on them."""
    if leaf.repeats == 1:
        return
    reason = f"{leaf.name!r} makes one score of its own {leaf.repeats} answers a document"
    if entry.k not in (None, leaf.repeats):
        raise SettingsError(f"{reason}, got {entry.k}: leave k out, or include the task in a YAML of your own", "k")
    if entry.greedy:
        raise SettingsError(f"{reason}, so there is no greedy one: leave greedy out", "greedy")


def longest(generation: Mapping[str, Any]) -> int:
    """The tokens that a task of lm-eval lets an answer have, under the names and in the order in which it looks."""
    names = ("max_gen_toks", "max_new_tokens", "max_tokens", "max_completion_tokens")
    return int(next((generation[name] for name in names if generation.get(name) is not None), THEIR_LONGEST))
