"""Synthetic measured arms for the report's tests: arms whose quality, perplexity and utility are set."""

import dataclasses
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from qup import measured, report, study
from qup.arms import ArmSettings, ControlSettings
from qup.evals import EvaluationSettings
from qup.measured import Base, Measured, Problems
from qup.oracles.program import Oracle
from qup.problems import SetSettings, TrainingSet
from qup.records import (
    Compat,
    Divergence,
    Eval,
    Finish,
    Probed,
    Problem,
    Refined,
    Score,
    Step,
    Trace,
    TrainRun,
    Verdict,
)
from qup.report import Report
from qup.stats import ReportSettings
from qup.study import Study

SMOKE = study.read(Path(__file__).parents[1] / "studies" / "smoke.yaml")
NATIVE, REFINED, ALIGNED = "learner/rejection_sampling", "home/oracle_refined", "home/style_aligned"
RESTYLED = "home/restyled"
VOICED, VOICED_ALIGNED = "voiced/oracle_refined", "voiced/style_aligned"
PARADOX = {NATIVE: (1.0, 0.10, 1.3), REFINED: (1.6, -0.15, 1.9), ALIGNED: (1.3, 0.25, 1.35)}
"Arm to (mean reward, utility as a share, perplexity)."
FACTORIAL = {
    NATIVE: (1.0, 0.1, 1.3),
    REFINED: (1.6, -0.1, 1.9),
    ALIGNED: (1.3, 0.3, 1.35),
    RESTYLED: (1.5, -0.1, 1.8),
}
"The paradox with its fourth cell."
CRAFT = {
    "rejection_sampling": (0.8, 0.0),
    "restyled": (0.8, 1.0),
    "style_aligned": (1.0, 0.0),
    "oracle_refined": (1.0, 1.0),
}
"Refiner to (share of right steps, dose) as a parser would read them."
LADDER = {"dose0": (1.3, 0.3, 1.35), "dose50": (1.45, 0.1, 1.6), "idle": (1.0, 0.1, 1.3), "twin": (1.0, 0.1, 1.4)}
"The arms beside the main ones."
FURTHER = {
    "dose0": ArmSettings("dose0", "oracle_refined"),
    "dose50": ArmSettings("dose50", "oracle_refined"),
    "idle": ArmSettings("idle", "style_aligned"),
    "twin": ArmSettings("twin", "restyled"),
}
CONTROLS = {
    "dose_zero": ControlSettings("identical", (ALIGNED, "dose0")),
    "idle": ControlSettings("equal", ("idle", NATIVE), margin=0.1),
    "style": ControlSettings("equal", ("twin", NATIVE), margin=0.1),
    "blind": ControlSettings("equal", (RESTYLED, NATIVE), "genrm", 0.2),
    "dose": ControlSettings("ordered", ("dose0", "dose50", REFINED)),
}
"All come out as expected but `blind`: restyled traces score higher by genrm."
ORACLES = {
    "dose0": Oracle(dose=0.0),
    "dose50": Oracle(dose=0.5),
    "idle": Oracle(repair_rate=0.0),
    "twin": Oracle(),
}

GOLDEN = 0.6180339887
"Multiples of it are spread evenly over 0 to 1."


@dataclass(frozen=True)
class Records:
    """All records of one arm."""

    stream: list[Refined]
    scores: list[Score]
    compat: list[Compat]
    steps: list[Step]
    runs: list[TrainRun]
    evals: list[Eval]


@dataclass(frozen=True)
class Toy:
    """What a report is made of, as records, which a test changes before they are measured."""

    study: Study
    arms: dict[str, Records]
    further: dict[str, Records]
    evals: list[Eval]
    "Of the untrained learner."
    pretraining: tuple[Step, ...] = ()
    noisy: tuple[str, ...] = ()
    "Rewards that do not tell the learner's right samples from its wrong ones; the others all do."
    notes: tuple[str, ...] = ()
    "Of the learner's checkpoint."

    def replaced(self, name: str, **changes: list) -> "Toy":
        """With some records of an arm changed."""
        arms, further = (
            {n: replace(records, **changes) if n == name else records for n, records in table.items()}
            for table in (self.arms, self.further)
        )
        return replace(self, arms=arms, further=further)

    def measured(self, name: str, records: Records) -> Measured:
        """One arm's records as columns."""
        declared = {**self.study.main_arms(self.study.oracles), **self.study.further}
        values = [getattr(records, f.name) for f in dataclasses.fields(records)]
        return measured.measure(declared[name], self.study.compat, *values)

    def base(self) -> Base:
        """The untrained learner and the problems."""
        train = [Problem(f"t{p:03}", "", "1", "toy", training_set="train", replicate=1 + p % 3) for p in range(30)]
        evaluation = [Problem(f"h{p:03}", "", "1", "toy", tags=["even"] * (p % 2 == 0)) for p in range(60)]
        traces = [
            Trace(f"t{p:03}", i, "", 9, Finish.STOP, "1", list(Verdict)[(p + i) % 4])
            for p in range(30)
            for i in range(2)
        ]
        checks = {"gold": {"checked": 90, "failed": 0}, "contamination": {"exact": 0, "ngram": 2}}
        scores = [
            Score(trace.problem_id, reward, (reward not in self.noisy) * right + place * GOLDEN % 1, None, trace.index)
            for reward in self.study.rewards
            for place, trace in enumerate(traces)
            for right in [float(trace.verdict is Verdict.CORRECT)]
        ]
        problems = Problems(train, evaluation, checks)
        return measured.measure_base(problems, traces, scores, self.evals, self.pretraining, self.notes)

    def main_arms(self) -> list[Measured]:
        """In table order."""
        return [self.measured(name, records) for name, records in self.arms.items()]

    def further_arms(self) -> list[Measured]:
        """Those beside the main ones."""
        return [self.measured(name, records) for name, records in self.further.items()]

    def build(self, **compared: str) -> Report:
        """The report, plots and all."""
        return report.build(self.study, self.base(), self.main_arms(), self.further_arms(), **compared)

    def plain(self, patch, **compared: str) -> Report:
        """The report without plots, which take most of the time."""
        patch.setattr("qup.report.plots.draw", lambda *_: {})
        return self.build(**compared)

    def summary(self, patch) -> dict:
        """The numbers of the report, as JSON."""
        return self.plain(patch).summary


def toy_study(
    *,
    replicates=3,
    oracles=("home",),
    rewards=("genrm",),
    resamples=400,
    objectives=("sft", "dft"),
    tasks=("heldout",),
    further=(),
    controls=None,
    training=None,
    sets=None,
    beside=None,
    maps=None,
) -> Study:
    """The smoke study with the parts that matter to a report as a test wants them; a reward is its plug by its name.

    `training` maps a further arm to what is different about its training, `sets` to a training set of its own;
    `beside` are settings of further arms that are not in `FURTHER`.
    """
    known = FURTHER | (beside or {})
    count = {task: SetSettings(SMOKE.problems.sources, 40) for task in tasks[1:]}
    overrides, own = training or {}, sets or {}
    return replace(
        SMOKE,
        title="Toy study",
        problems=replace(
            SMOKE.problems,
            train=30,
            heldout=60,
            sets=count,
            replicates=replicates,
            training_sets=dict.fromkeys(own.values(), TrainingSet()),
        ),
        oracles={name: ORACLES.get(name, SMOKE.oracles["voiced"]) for name in oracles},
        rewards={name: SMOKE.rewards.get(name, SMOKE.rewards["genrm"]) for name in rewards},
        training=replace(SMOKE.training, objectives=objectives),
        evaluation=EvaluationSettings(tasks=tasks, k=4),
        report=ReportSettings(resamples=resamples),
        arms={
            name: replace(known[name], training=overrides.get(name, {}), training_set=own.get(name, "train"))
            for name in further
        },
        controls=controls or {},
        maps=maps or {},
    )


def evals(rng, objective, replicates, rate, *, problems=60, k=4, task="heldout"):
    """k sampled answers and a greedy one per problem and replicate, about the share `rate` of them right.

    A problem is as hard for every learner, from 0 to 1 over the problems; who draws answers is a little off.
    """
    out = []
    for replicate in replicates:
        for p in range(problems):
            hard = (p + 0.5) * GOLDEN % 1
            for decoding, repeats, blur in (("sampled", k, 0.1), ("greedy", 1, 0.01)):
                for repeat in range(repeats):
                    miss = [Verdict.WRONG, Verdict.WRONG, Verdict.TRUNCATED, Verdict.UNPARSED][rng.integers(4)]
                    verdict = Verdict.CORRECT if hard + rng.uniform(-blur, blur) < rate else miss
                    answer = {Verdict.CORRECT: "1", Verdict.WRONG: "7"}.get(verdict)
                    asked = (f"h{p:03}", objective, replicate, task, decoding, repeat)
                    out.append(Eval(*asked, "", 20, verdict, answer))
    return out


def stream(name, native, problems, replicates):
    """A trace per problem, all different from other arms', dealt to the replicates; the last one is not there."""
    kept, attempts = ("kept", 0) if native else ("changed", 1)
    ids = [(f"t{p:03}", replicates[p % len(replicates)]) for p in range(problems)]
    rows = [
        Refined(problem, own, "solved", f"{name} {problem}", kept, 0, attempts, 90 * attempts, Verdict.CORRECT)
        for problem, own in ids[:-1]
    ]
    return [*rows, Refined(*ids[-1], "failed", None, "skipped" if native else "failed", None, attempts, 0, None)]


def probed(ppl, final):
    """Held-out traces whose NLL falls from log `ppl` a token to `final`, half of the way by a tenth of the run."""
    before = float(np.log(ppl))
    curve = [1000 * nll for nll in (before, (before + final) / 2, final)]
    return Probed(1000, 1000 * before, 1000 * final, 1000, [0, 200, 2000], curve)


def compat(rng, problem, place, ppl, craft):
    """One trace's metrics at about a perplexity; `craft` is what a parser would read, one in ten is not parsed."""
    tokens = int(rng.integers(40, 90))
    quarters = {f"quarter.{q}": float(np.log(ppl) * (1.3 - 0.1 * q) + rng.normal(0, 0.03)) for q in range(1, 5)}
    mean = float(np.mean(list(quarters.values())))
    values = {**quarters, "ppl": float(np.exp(mean)), "null.tokens": float(tokens)}
    values["onpolicy_z"] = float(np.log(ppl) * 3 + rng.normal(0, 0.5))
    values["rsr"] = float(ppl * 2 + rng.normal(0, 0.2))
    if craft:
        values["glassbox.parsed"] = float(place % 10 > 0)
        logic, dose = (float(np.clip(x + rng.normal(0, 0.03), 0, 1)) for x in craft)
        values |= {"glassbox.logic": logic, "glassbox.dose": dose} if place % 10 else {}
    return Compat(problem, tokens, tokens * mean, values)


def arm(rng, study, name, dials, *, problems=30, base=0.5, craft=None) -> Records:
    """One arm's records; the last trace of a stream is not there and the first reward call failed."""
    quality, utility, ppl = dials
    declared = {**study.main_arms(study.oracles), **study.further}[name]
    replicates = [r + (0 if declared.training_set == "train" else 3) for r in range(1, study.problems.replicates + 1)]
    rows = stream(name, name == NATIVE, problems, replicates)
    scores, metrics = [], []
    for place, row in enumerate(rows[:-1]):
        for reward in study.rewards:
            value = None if place == 0 else float(quality + rng.normal(0, 0.2))
            scores.append(Score(row.problem_id, reward, value, None if place else "unparsed judgement"))
        metrics.append(compat(rng, row.problem_id, place, ppl, craft))
    steps, runs, graded = [], [], []
    for objective in declared.training.objective_names:
        for replicate in replicates:
            own = (f"models/{objective}-{replicate}", 2.0 * ppl + 0.1 * replicate, 0.5)
            held = [probed(ppl, 0.5 * float(np.log(ppl))), probed(1.3, 0.3)] if len(replicates) > 1 else [None, None]
            apart = Divergence(100, 10.0 * ppl + replicate, 5.0 * ppl) if len(replicates) > 1 else None
            runs.append(TrainRun(objective, replicate, problems - 1, 0, 2000, 20, *own, *held, divergence=apart))
            graded += evals(rng, objective, [replicate], base + utility)
            for task in study.evaluation.names[1:]:
                graded += evals(rng, objective, [replicate], base - 0.2, problems=40, task=task)
            for s in range(1, 21):
                loss = float(np.log(ppl) * (0.5 + np.exp(-s / 8)) + rng.normal(0, 0.01))
                steps.append(Step(objective, replicate, s, s / 10, 100 * s, loss, 1.0, 1e-4))
    return Records(rows, scores, metrics, steps, runs, graded)


def toy(arms=None, seed=0, ladder=None, craft=None, **settings) -> Toy:
    """Records of these arms; `ladder` are those beside the main ones, `craft` is by refiner."""
    rng = np.random.default_rng(seed)
    chosen = toy_study(further=tuple(ladder or {}), **settings)
    refiners = {n: a.refiner for n, a in {**chosen.main_arms(chosen.oracles), **chosen.further}.items()}
    made = [
        {n: arm(rng, chosen, n, dials, craft=(craft or {}).get(refiners[n])) for n, dials in table.items()}
        for table in (arms or PARADOX, ladder or {})
    ]
    base = evals(rng, "base", [0], 0.5)
    for task in chosen.evaluation.names[1:]:
        base += evals(rng, "base", [0], 0.3, problems=40, task=task)
    return Toy(chosen, made[0], made[1], base)


def with_evaluation(toy: Toy, **changes) -> Toy:
    """The same records of a study that evaluates otherwise."""
    evaluation = replace(toy.study.evaluation, **changes)
    return replace(toy, study=replace(toy.study, evaluation=evaluation))


def controlled(ladder=None, arms=None, **settings) -> Toy:
    """The factorial with every kind of control; `ladder` and `arms` say what differs from `LADDER` and `FACTORIAL`."""
    oracles = ("home", "dose0", "dose50", "idle", "twin")
    given = {"oracles": oracles, "controls": CONTROLS, "craft": CRAFT, "sets": {"idle": "again"}} | settings
    made = toy(FACTORIAL | (arms or {}), ladder=LADDER | (ladder or {}), **given)
    return made.replaced("dose0", stream=made.arms[ALIGNED].stream)
