"""A study file becomes frozen dataclasses; what does not fit is one clear error before any model is loaded.

Each section of a study has its dataclass here; a plug's own settings are checked against the plug's own fields.
Ranges are written once, beside the field: `n: Annotated[int, at_least(1)]`.
"""

import dataclasses
import types
import typing
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal, TypeVar

from qup import plugins
from qup.errors import SettingsError, unknown

T = TypeVar("T")
Check = Callable[[Any], str | None]
Scope = Literal["solved", "failed", "all"]
"Problems by whether the learner solved them."
Objective = Literal["sft", "dft"]
"What training minimizes."


def at_least(low: float) -> Check:
    """A range check: the value is `low` or more."""
    return lambda value: None if value >= low else f"a number of at least {low:g}"


def at_most(high: float) -> Check:
    """A range check: the value is `high` or less."""
    return lambda value: None if value <= high else f"a number of at most {high:g}"


def between(low: float, high: float) -> Check:
    """A range check: low < value <= high."""
    return lambda value: None if low < value <= high else f"a number above {low:g} and at most {high:g}"


@dataclass(frozen=True)
class BackendSettings:
    """How models are run: `auto` takes vLLM where it is installed, else hf, and says which."""

    name: str = "auto"
    dtype: Literal["bfloat16", "float16", "float32"] = "bfloat16"
    batch: Annotated[int, at_least(1)] = 16
    "Sequences a step (hf: batch; vllm: max_num_seqs)."
    score_batch: Annotated[int, at_least(1)] = 8
    "Traces a forward pass, when scoring."
    max_length: Annotated[int, at_least(16)] = 1024
    "Longest prompt plus completion, tokens."

    def __post_init__(self) -> None:
        local = [name for name in plugins.names("backends") if _runs_folders(plugins.load("backends", name))]
        if self.name not in ("auto", *local):
            raise unknown("backend", self.name, ("auto", *local))


def _runs_folders(backend: type[Any]) -> bool:
    """Whether a backend runs a model folder; one behind an API can be an Oracle, not the learner."""
    return "folder" in {f.name for f in dataclasses.fields(backend)}


@dataclass(frozen=True)
class SetSettings:
    """A further evaluation set, beside the held-out one."""

    sources: tuple[dict[str, Any], ...]
    "As those of the problems."
    count: Annotated[int, at_least(1)]


@dataclass(frozen=True)
class ProblemSettings:
    """Where problems come from and how many."""

    sources: tuple[dict[str, Any], ...]
    "Each `{source: <plug>, weight: w, ...plug settings}`."
    train: Annotated[int, at_least(1)]
    heldout: Annotated[int, at_least(1)]
    ngram: Annotated[int, at_least(1)] = 13
    "Length, in words, of the contamination check's n-grams."
    sets: dict[str, SetSettings] = field(default_factory=dict)
    "Evaluation task to its own problems; `heldout` is there without being named."


@dataclass(frozen=True)
class SamplingSettings:
    """The learner's own traces: N per problem."""

    n: Annotated[int, at_least(1)] = 4
    temperature: Annotated[float, at_least(0)] = 1.0
    top_p: Annotated[float, between(0, 1)] = 1.0
    max_tokens: Annotated[int, at_least(1)] = 256


@dataclass(frozen=True)
class StreamSettings:
    """Which problems the streams cover."""

    scope: Scope = "solved"
    "An Oracle's entry may have one of its own."
    retries: Annotated[int, at_least(0)] = 1
    "Further Oracle calls after one that broke the final answer."


@dataclass(frozen=True)
class Budget:
    """When training ends: after `epochs`, or after `tokens` completion tokens; exactly one is set."""

    epochs: Annotated[float, between(0, 1000)] | None = None
    tokens: Annotated[int, at_least(1)] | None = None

    def __post_init__(self) -> None:
        if (self.epochs is None) == (self.tokens is None):
            raise SettingsError(
                f"training.budget needs exactly one of epochs and tokens, got epochs={self.epochs} tokens={self.tokens}"
            )


@dataclass(frozen=True)
class TrainingSettings:
    """Fine-tuning of the learner on a stream."""

    budget: Budget
    objectives: tuple[Objective, ...] = ("sft", "dft")
    seeds: tuple[int, ...] = (1,)
    method: Literal["lora", "full"] = "lora"
    rank: Annotated[int, at_least(1)] = 16
    alpha: Annotated[float, at_least(0)] = 32
    learning_rate: Annotated[float, between(0, 1)] = 5e-5
    warmup: Annotated[float, at_least(0)] = 0.0
    "Share of steps."
    adam_beta2: Annotated[float, between(0, 1)] = 0.999
    "How long Adam remembers the size of gradients."
    batch: Annotated[int, at_least(1)] = 8
    group_by_length: bool = False
    "Whether the traces of a step are about as long, which saves padding and leaves order a little less random."
    max_length: Annotated[int, at_least(16)] = 1024
    dtype: Literal["bfloat16", "float32"] = "bfloat16"

    def __post_init__(self) -> None:
        for name, given in (("objectives", self.objectives), ("seeds", self.seeds)):
            if not given or len(set(given)) != len(given):
                raise SettingsError(f"training.{name}: expected one or more, each once, got {list(given)}")


@dataclass(frozen=True)
class EvaluationSettings:
    """Held-out evaluation through lm-eval."""

    tasks: tuple[str, ...] = ("heldout",)
    "`heldout` and the names of further sets."
    k: Annotated[int, at_least(1)] = 4
    temperature: Annotated[float, at_least(0)] = 1.0
    max_tokens: Annotated[int, at_least(1)] = 256
    greedy: bool = True
    "Whether a greedy answer stands beside the k drawn ones, which no verdict uses."

    @property
    def main(self) -> str:
        """The task that utility is of: `heldout` where it is named, else the first."""
        return "heldout" if "heldout" in self.tasks else self.tasks[0]


@dataclass(frozen=True)
class ReportSettings:
    """Intervals of the report."""

    resamples: Annotated[int, at_least(100)] = 4000
    level: Annotated[float, between(0, 1)] = 0.95
    power: Annotated[float, between(0, 1)] = 0.8


@dataclass(frozen=True)
class ControlSettings:
    """Arms whose outcome is known beforehand, as null or as ordered, or a further factorial."""

    check: Literal["zero", "ordered", "factorial"]
    "`zero`: no difference. `ordered`: by dose. `factorial`: logic repaired or not, style native or not."
    arms: tuple[str, ...]
    "zero: two; ordered: three or more, lowest dose first; factorial: native, restyled, aligned, refined."
    quantity: str = "utility"
    "What a zero check compares: `utility` or one of the study's rewards."
    margin: Annotated[float, at_least(0)] = 0.0
    "Largest difference that a zero check takes for none, in the quantity's unit; of utility 0.01 is a point."
    objectives: tuple[Objective, ...] = ()
    "What its arms are trained under; none: all objectives of the study."
    seeds: tuple[int, ...] = ()
    "Of a zero check of utility: training seeds of its arms that are not main arms; none: those of the study."

    def check_arms(self, where: str) -> None:
        """Do nothing if `arms` are as many as `check` needs, each once; else raise what was expected."""
        counts, expected = {
            "zero": (range(2, 3), "two arms"),
            "ordered": (range(3, 1000), "three arms or more"),
            "factorial": (range(4, 5), "four arms (native, restyled, aligned, refined)"),
        }[self.check]
        if len(self.arms) not in counts or len(set(self.arms)) != len(self.arms):
            given = ", ".join(self.arms) or "none"
            raise SettingsError(f"{where}.arms: {self.check!r} needs {expected}, each once, got {given}")


@dataclass(frozen=True)
class Study:
    """One study file. Every section is there, if only as `{}`: DVC tracks each by name and stops at one that is not."""

    title: str
    models: dict[str, dict[str, Any]]
    problems: ProblemSettings
    oracles: dict[str, dict[str, Any]]
    "Oracle name to `{oracle: <plug>, scope: s, ...plug settings}`; the first is the one plain arms use."
    rewards: dict[str, dict[str, Any]]
    "Name to `{reward: <plug>, ...plug settings}`; without `reward` the name is the plug's."
    training: TrainingSettings
    seed: int
    threads: Annotated[int, at_least(1)] | None
    "CPU threads of a run; runs then go side by side where there are more cores. null: all cores, one after the other."
    prompt: str
    "File under qup/prompts/learner: how the learner is asked."
    backend: BackendSettings
    sampling: SamplingSettings
    streams: StreamSettings
    compat: dict[str, dict[str, Any]]
    "Metric plug to its settings; plugs not named run with their defaults."
    evaluation: EvaluationSettings
    report: ReportSettings
    controls: dict[str, ControlSettings]
    "Name to what must come out null or ordered; `{}` for a study without."

    def __post_init__(self) -> None:
        self._check_plugs()
        self._check_tasks()
        self._check_names()
        self._check_controls()

    def _check_plugs(self) -> None:
        from qup import oracles, rewards

        for name, settings in self.models.items():
            plug("models", "source", settings, f"models.{name}")
        for where, sources in source_lists(self.problems).items():
            for i, settings in enumerate(sources):
                plug("problems", "source", without(settings, "weight"), f"{where}[{i}]")
        for name, settings in self.oracles.items():
            oracles.make(settings, f"oracles.{name}")
            oracles.scope(settings, self.streams.scope, f"oracles.{name}")
        for name, settings in self.rewards.items():
            rewards.make(name, settings)
        for name, settings in self.compat.items():
            plug("compat", "name", {"name": name, **settings}, f"compat.{name}")

    def _check_tasks(self) -> None:
        from qup import harness

        for task in (*self.problems.sets, *self.evaluation.tasks):
            harness.require(task)
        if "heldout" in self.problems.sets:
            raise SettingsError("problems.sets: 'heldout' is made of problems.sources; name the set after another task")
        for task in self.evaluation.tasks:
            if task not in ("heldout", *self.problems.sets):
                raise SettingsError(
                    f"evaluation.tasks: {task!r} has no problems; add problems.sets.{task} with sources and count"
                )

    def _check_controls(self) -> None:
        for name, control in self.controls.items():
            control.check_arms(f"controls.{name}")
            for objective in control.objectives:
                if objective not in self.training.objectives:
                    raise unknown(f"objective of controls.{name}", objective, self.training.objectives)
            if control.seeds and (control.check, control.quantity) != ("zero", "utility"):
                raise SettingsError(f"controls.{name}.seeds: only a zero check of utility takes seeds of its own")
            for key, given in (("objectives", control.objectives), ("seeds", control.seeds)):
                if len(set(given)) != len(given):
                    raise SettingsError(f"controls.{name}.{key}: expected each once, got {list(given)}")
            for arm in control.arms:
                parse_arm(arm, self)
            if control.quantity not in ("utility", *self.rewards):
                raise unknown(f"quantity of controls.{name}", control.quantity, ("utility", *self.rewards))

    def _check_names(self) -> None:
        from qup.prompts.learner import ask

        ask(self.prompt, "")
        if "learner" not in self.models:
            raise SettingsError(f"models needs a 'learner', has: {', '.join(self.models) or 'none'}")
        if not self.oracles:
            raise SettingsError("oracles needs at least one entry, e.g. home: {oracle: prompted, model: oracle}")
        for where, chosen in (("oracles", self.oracles), ("rewards", self.rewards)):
            for name, settings in chosen.items():
                if "model" in settings and settings["model"] not in self.models:
                    raise unknown(f"model of {where}.{name}", settings["model"], self.models)


def source_lists(problems: ProblemSettings) -> dict[str, tuple[dict[str, Any], ...]]:
    """Where a study lists problem sources, to the list: the main one and each further set's."""
    sets = {f"problems.sets.{task}.sources": given.sources for task, given in problems.sets.items()}
    return {"problems.sources": problems.sources, **sets}


def without(settings: Mapping[str, Any], *keys: str) -> dict[str, Any]:
    """A copy of `settings` less `keys`."""
    return {k: v for k, v in settings.items() if k not in keys}


def plug(kind: str, key: str, settings: Mapping[str, Any], where: str) -> Any:
    """The plug that `settings[key]` names, made with the remaining settings."""
    if not isinstance(settings, Mapping) or key not in settings:
        raise SettingsError(f"{where} needs {key!r}: one of {', '.join(plugins.names(kind))}")
    return section(plugins.load(kind, settings[key]), without(settings, key), where)


def section(kind: type[T], given: Any, where: str) -> T:
    """Make a `kind` of a mapping.

    Raises:
        SettingsError: an unknown or missing key, a value of the wrong type or out of range.
    """
    if not isinstance(given, Mapping):
        raise SettingsError(f"{where}: expected settings (key: value), got {given!r}")
    hints = typing.get_type_hints(kind, include_extras=True)
    fields = {f.name: f for f in dataclasses.fields(kind) if f.init}  # type: ignore[arg-type]
    for key in given:
        if key not in fields:
            raise unknown(f"key in {where}", str(key), fields)
    for name, spec in fields.items():
        missing = spec.default is dataclasses.MISSING and spec.default_factory is dataclasses.MISSING
        if missing and name not in given:
            raise SettingsError(f"{where} needs {name!r}, which is missing")
    return kind(**{key: convert(hints[key], value, f"{where}.{key}") for key, value in given.items()})


def convert(hint: Any, value: Any, where: str) -> Any:
    """`value` as the annotated type `hint`, or a `SettingsError` that says what was expected."""
    origin, args = typing.get_origin(hint), typing.get_args(hint)
    if origin is Annotated:
        converted = convert(args[0], value, where)
        for check in args[1:]:
            if converted is not None and (expected := check(converted)):
                raise SettingsError(f"{where}: expected {expected}, got {value!r}")
        return converted
    if origin in (types.UnionType, typing.Union):
        return None if value is None else convert(next(a for a in args if a is not type(None)), value, where)
    if origin is Literal:
        if value not in args:
            raise unknown(f"value of {where}", str(value), map(str, args))
        return value
    if origin in (tuple, dict):
        return container(origin, args, value, where)
    if dataclasses.is_dataclass(hint):
        return section(typing.cast(type[Any], hint), value, where)
    return scalar(hint, value, where)


def container(origin: Any, args: tuple[Any, ...], value: Any, where: str) -> Any:
    """A list as a tuple, a mapping as a dict, with converted items."""
    if origin is tuple and isinstance(value, list | tuple):
        return tuple(convert(args[0], item, f"{where}[{i}]") for i, item in enumerate(value))
    if origin is dict and isinstance(value, Mapping):
        return {str(k): convert(args[1], v, f"{where}.{k}") for k, v in value.items()}
    raise SettingsError(f"{where}: expected {'a list' if origin is tuple else 'settings (key: value)'}, got {value!r}")


def scalar(hint: Any, value: Any, where: str) -> Any:
    """`value` as int, float, str or bool; YAML's `1e-4`, which is a string to it, is taken as a float."""
    if hint is Any:
        return value
    if hint is float and not isinstance(value, bool):
        try:
            return float(value)
        except (TypeError, ValueError):
            pass
    elif isinstance(value, hint) and not (hint is int and isinstance(value, bool)):
        return value
    raise SettingsError(f"{where}: expected {hint.__name__}, got {value!r}")


def parse_arm(arm: str, study: Study) -> tuple[str, str]:
    """An arm, `<refiner>` or `<refiner>-<oracle>`, as (refiner, oracle); without a suffix the study's first Oracle."""
    refiner, _, oracle = arm.partition("-")
    plugins.load("refiners", refiner)
    if oracle and oracle not in study.oracles:
        raise unknown(f"Oracle in arm {arm!r}", oracle, study.oracles)
    return refiner, oracle or next(iter(study.oracles))


def control_arms(study: Study, main: Iterable[str]) -> dict[str, TrainingSettings]:
    """The arms that `controls` names and that are not among the `main` arms, to how they are trained.

    That is as the study says, under all objectives and seeds that any of the arm's controls asks for.
    """
    known = set(main)
    asked: dict[str, list[ControlSettings]] = {}
    for control in study.controls.values():
        for arm in control.arms:
            if arm not in known:
                asked.setdefault(arm, []).append(control)
    return {arm: _asked(study.training, controls) for arm, controls in asked.items()}


def _asked(training: TrainingSettings, controls: Iterable[ControlSettings]) -> TrainingSettings:
    """The study's training under the objectives and seeds of some controls, each once."""
    named = {o for control in controls for o in control.objectives or training.objectives}
    seeds = dict.fromkeys(seed for control in controls for seed in control.seeds or training.seeds)
    objectives = tuple(o for o in training.objectives if o in named)
    return dataclasses.replace(training, objectives=objectives, seeds=tuple(seeds))
