"""What was run, as the study file declares it."""

from dataclasses import dataclass, field
from typing import Any

from qup import settings
from qup.records import LEARNER
from qup.report import view
from qup.report.numbers import INLINE
from qup.report.view import Cell, Section, Table, word
from qup.study import Study

Settings = dict[str, Any]
"Settings that differ from their defaults, and the plug's name: JSON as it stands."


@dataclass(frozen=True)
class Declared:
    """The settings that a reader of the numbers must know."""

    title: str
    learner: Settings
    oracles: dict[str, Settings]
    models: dict[str, Settings]
    "Those beside the learner."
    sources: list[Settings]
    scope: str
    "Problems that the streams cover."
    samples: int
    "The learner's, per problem."
    objectives: list[str]
    replicates: int
    "Of the main training set."
    training_sets: dict[str, Settings]
    "Those beside it."
    method: str
    overrides: dict[str, Settings]
    "Main arm to what is different about its training."
    arms: dict[str, Settings]
    "Those that the study lists beside the main ones."
    tasks: list[str]
    k: int
    "Of Avg@k."
    temperature: float
    greedy: bool
    level: float
    "Of intervals."
    power: float
    "Of MDEs."
    resamples: int
    prompts: dict[str, str] = field(default_factory=dict, metadata=INLINE)
    "How the learner is asked, where evaluation asks otherwise than sampling, training and scoring."
    tuned: dict[str, dict[str, Settings]] = field(default_factory=dict, metadata=INLINE)
    "Objective to what is set for it beside its name, as a rate of its own; no key where nothing is."


def numbers(study: Study) -> Declared:
    """What a study declares."""
    models = {name: settings.declared(model) for name, model in study.models.items()}
    return Declared(
        title=study.title,
        learner=models.pop(LEARNER),
        oracles={name: settings.declared(oracle) for name, oracle in study.oracles.items()},
        models=models,
        sources=[settings.declared(source) for source in study.problems.sources],
        scope=study.streams.scope,
        samples=study.sampling.n,
        objectives=list(study.training.objective_names),
        replicates=study.problems.replicates,
        training_sets={name: settings.declared(each) for name, each in study.problems.training_sets.items()},
        method=study.training.method,
        overrides=study.training.arms,
        arms={name: settings.declared(arm) for name, arm in study.arms.items()},
        tasks=list(study.evaluation.names),
        k=study.evaluation.of_main.k,
        temperature=study.evaluation.of_main.temperature,
        greedy=study.evaluation.of_main.greedy,
        level=study.report.level,
        power=study.report.power,
        resamples=study.report.resamples,
        prompts=_prompts(study),
        tuned=_tuned(study),
    )


def _tuned(study: Study) -> dict[str, dict[str, Settings]]:
    """Its place on the dial is in an objective's name."""
    told = {each.name: settings.declared(each) for each in study.training.objectives}
    own = {name: {k: v for k, v in each.items() if k not in ("objective", "alpha")} for name, each in told.items()}
    set_apart = {name: each for name, each in own.items() if each}
    return {"objective_settings": set_apart} if set_apart else {}


def _prompts(study: Study) -> dict[str, str]:
    asked = study.evaluation.of_main.prompt or study.prompt
    return {} if asked == study.prompt else {"prompt": study.prompt, "evaluation_prompt": asked}


def show(declared: Declared) -> Section:
    """One row per setting."""
    tuned = declared.tuned.get("objective_settings", {})
    objectives = ", ".join(
        f"{name} ({view.settings(tuned[name])})" if name in tuned else name for name in declared.objectives
    )
    rows = [
        ("learner", view.settings(declared.learner)),
        *((f"Oracle {name}", view.settings(dials)) for name, dials in declared.oracles.items()),
        *((f"model {name}", view.settings(model)) for name, model in declared.models.items()),
        ("problems", "; ".join(view.settings(source) for source in declared.sources)),
        ("streams cover", f"{declared.scope} problems, {declared.samples} samples each"),
        ("training", f"{declared.method}; {objectives}; replicates {declared.replicates}"),
        *((f"training set {name}", view.settings(each)) for name, each in declared.training_sets.items()),
        *((f"training of {arm}", view.settings(training)) for arm, training in declared.overrides.items()),
        *((f"arm {name}", view.settings(arm)) for name, arm in declared.arms.items()),
        ("evaluation", f"{', '.join(declared.tasks)}; k = {declared.k}; T = {declared.temperature:g}"),
        *((name.replace("_", " "), prompt) for name, prompt in declared.prompts.items()),
    ]
    cells = [[Cell(setting), word(value)] for setting, value in rows]
    return Section("What was run", tables=[Table(["setting", "value"], cells)])
