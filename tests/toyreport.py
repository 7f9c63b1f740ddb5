"""Synthetic records for the report's tests: arms whose quality, perplexity and utility are set."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np

from qup import params, records, report
from qup.params import (
    Budget,
    ControlSettings,
    EvaluationSettings,
    ProblemSettings,
    ReportSettings,
    SetSettings,
    TrainingSettings,
)
from qup.records import Compat, Eval, Finish, Refined, Score, Step, Trace, TrainRun, Verdict
from qup.report import ArmData
from stages import cli

PARADOX = {
    "rejection_sampling": (1.0, 0.10, 1.3),
    "oracle_refined": (1.6, -0.15, 1.9),
    "style_aligned": (1.3, 0.25, 1.35),
}
"Arm to (mean reward, utility as a share, perplexity)."
FACTORIAL = dict(zip(PARADOX, [(1.0, 0.1, 1.3), (1.6, -0.1, 1.9), (1.3, 0.3, 1.35)], strict=True)) | {
    "restyled": (1.5, -0.1, 1.8)
}
"The paradox with its fourth cell."
CRAFT = {
    "rejection_sampling": (0.8, 0.0),
    "restyled": (0.8, 1.0),
    "style_aligned": (1.0, 0.0),
    "oracle_refined": (1, 1),
}
"Refiner to (share of right steps, dose) as a parser would read them."
LADDER = {
    "oracle_refined-dose0": (1.3, 0.3, 1.35),
    "oracle_refined-dose50": (1.45, 0.1, 1.6),
    "style_aligned-idle": (1.0, 0.1, 1.3),
}
"Arms of the controls."
CONTROLS = {
    "dose_zero": ControlSettings("zero", ("style_aligned", "oracle_refined-dose0")),
    "idle": ControlSettings("zero", ("style_aligned-idle", "rejection_sampling")),
    "blind": ControlSettings("zero", ("restyled", "rejection_sampling"), "genrm"),
    "dose": ControlSettings("ordered", ("oracle_refined-dose0", "oracle_refined-dose50", "oracle_refined")),
}
DIALS = {"dose0": {"dose": 0.0}, "dose50": {"dose": 0.5}}


def study(
    monkeypatch,
    *,
    seeds=(1, 2, 3),
    oracles=("home",),
    rewards=("genrm",),
    resamples=400,
    objectives=("sft", "dft"),
    tasks=("heldout",),
    controls=None,
):
    """A study whose plugs are not looked up: the report needs their names only."""
    smoke = cli.read_study(Path(__file__).parents[1] / "studies" / "smoke.yaml")
    monkeypatch.setattr(params, "plug", lambda *_: None)
    sets = {task: SetSettings(({"source": "toy"},), 40) for task in tasks[1:]}
    return replace(
        smoke,
        title="Toy study",
        models={"learner": {"source": "toy"}},
        problems=ProblemSettings(sources=({"source": "toy"},), train=30, heldout=60, sets=sets),
        oracles={name: {"oracle": "prompted", "temperature": 1.0} | DIALS.get(name, {}) for name in oracles},
        rewards={name: {} for name in rewards},
        training=TrainingSettings(budget=Budget(epochs=1), seeds=seeds, objectives=objectives),
        evaluation=EvaluationSettings(tasks=tasks, k=4),
        controls=controls or {},
        report=ReportSettings(resamples=resamples),
        compat={},
    )


def evals(rng, objective, seeds, rate, *, problems=60, k=4, task="heldout"):
    """k sampled answers and a greedy one per problem and seed, right with probability `rate`."""
    out = []
    for seed in seeds:
        for p in range(problems):
            for decoding, repeats in (("sampled", k), ("greedy", 1)):
                for repeat in range(repeats):
                    miss = [Verdict.WRONG, Verdict.WRONG, Verdict.TRUNCATED, Verdict.UNPARSED][rng.integers(4)]
                    verdict = Verdict.CORRECT if rng.random() < rate else miss
                    out.append(Eval(f"h{p:03}", objective, seed, task, decoding, repeat, "", 20, verdict))
    return out


def arm(rng, settings, name, dials, *, problems=30, base=0.5, craft=None):
    """One arm's records; the last trace of an Oracle's stream is a failure and the first reward call failed.

    `craft` is what a parser would read of the traces, (share of right steps, dose); one in ten is not parsed.
    """
    quality, utility, ppl = dials
    native = name.startswith("rejection_sampling")
    ids = [f"t{p:03}" for p in range(problems)]
    stream = [
        Refined(
            i,
            "solved",
            f"{name} {i}",
            "kept" if native else "changed",
            0,
            int(not native),
            0 if native else 90,
            Verdict.CORRECT,
        )
        for i in ids[:-1]
    ]
    stream.append(Refined(ids[-1], "failed", None, "skipped" if native else "failed", None, int(not native), 0, None))
    scores, compat = [], []
    for place, i in enumerate(ids[:-1]):
        for reward in settings.rewards:
            failed = place == 0
            value = None if failed else float(quality + rng.normal(0, 0.2))
            scores.append(Score(i, reward, value, "unparsed judgement" if failed else None))
        tokens = int(rng.integers(40, 90))
        values = {f"quarter.{q}": float(np.log(ppl) * (1.3 - 0.1 * q) + rng.normal(0, 0.03)) for q in range(1, 5)}
        values |= {"ppl": float(np.exp(np.mean(list(values.values())))), "null.tokens": float(tokens)}
        values |= {
            "onpolicy_z": float(np.log(ppl) * 3 + rng.normal(0, 0.5)),
            "rsr": float(ppl * 2 + rng.normal(0, 0.2)),
        }
        if craft:
            values |= {"glassbox.parsed": float(place % 10 > 0)}
            logic, dose = (float(np.clip(x + rng.normal(0, 0.03), 0, 1)) for x in craft)
            values |= {"glassbox.logic": logic, "glassbox.dose": dose} if place % 10 else {}
        compat.append(Compat(i, tokens, float(tokens * np.mean([values[f"quarter.{q}"] for q in range(1, 5)])), values))
    steps, runs, graded = [], [], []
    for objective in settings.training.objectives:
        for seed in settings.training.seeds:
            runs.append(TrainRun(objective, seed, problems - 1, 0, 2000, 20, f"models/{objective}-{seed}"))
            graded += evals(rng, objective, [seed], base + utility)
            for task in settings.evaluation.tasks[1:]:
                graded += evals(rng, objective, [seed], base - 0.2, problems=40, task=task)
            for s in range(1, 21):
                loss = float(np.log(ppl) * (0.5 + np.exp(-s / 8)) + rng.normal(0, 0.01))
                steps.append(Step(objective, seed, s, s / 10, 100 * s, loss, 1.0, 1e-4))
    return ArmData(stream, scores, compat, steps, runs, graded)


def toy(monkeypatch, arms=None, seed=0, ladder=None, craft=None, **settings):
    """What `qup.report.build` takes: (study, arms, base evals, checks, traces, control arms)."""
    rng = np.random.default_rng(seed)
    made = study(monkeypatch, **settings)
    skill = {name: (craft or {}).get(name.partition("-")[0]) for name in [*(arms or PARADOX), *(ladder or {})]}
    found = {name: arm(rng, made, name, dials, craft=skill[name]) for name, dials in (arms or PARADOX).items()}
    traces = [
        Trace(f"t{p:03}", i, "", 9, Finish.STOP, "1", list(Verdict)[(p + i) % 4]) for p in range(30) for i in range(2)
    ]
    checks = {"gold": {"checked": 90, "failed": 0}, "contamination": {"exact": 0, "ngram": 2}}
    base = evals(rng, "base", [0], 0.5)
    for task in made.evaluation.tasks[1:]:
        base += evals(rng, "base", [0], 0.3, problems=40, task=task)
    controls = {name: arm(rng, made, name, dials, craft=skill[name]) for name, dials in (ladder or {}).items()}
    return made, found, base, checks, traces, controls


def controlled(monkeypatch, ladder=None, arms=None, **settings):
    """The factorial with every kind of control; `ladder` and `arms` say what differs from `LADDER` and `FACTORIAL`."""
    arms, ladder = FACTORIAL | (arms or {}), LADDER | (ladder or {})
    given = {"oracles": ("home", "dose0", "dose50", "idle"), "controls": CONTROLS, "craft": CRAFT} | settings
    return toy(monkeypatch, arms, ladder=ladder, **given)


def lay_out(folder, arms, base, checks, traces, controls):  # noqa: PLR0917 - as `toy` returns them
    """Write the records where the stages leave them."""
    names = {"stream": "stream", "scores": "scores", "compat": "compat", "steps": "trajectory", "runs": "runs"}
    places = {folder / arm: data for arm, data in arms.items()}
    places |= {folder / "controls" / arm: data for arm, data in controls.items()}
    for place, data in places.items():
        for field, file in {**names, "evals": "evals"}.items():
            records.write(place / f"{file}.jsonl", getattr(data, field))
    records.write(folder / "base" / "evals.jsonl", base)
    records.write(folder / "traces.jsonl", traces)
    (folder / "problems").mkdir()
    (folder / "problems" / "checks.json").write_text(json.dumps(checks))


def without_plots(patch, *args):
    """Build without drawing, which takes most of the time."""
    patch.setattr("qup.report.plots.draw", lambda *_: {})
    return report.build(*args)
