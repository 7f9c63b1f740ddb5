"""Synthetic records for the report's tests: arms whose quality, perplexity and utility are set."""

from dataclasses import replace
from pathlib import Path

import numpy as np

from qup import params
from qup.params import Budget, EvaluationSettings, ProblemSettings, ReportSettings, TrainingSettings
from qup.records import Compat, Eval, Finish, Refined, Score, Step, Trace, TrainRun, Verdict
from qup.report import ArmData
from stages import cli

PARADOX = {
    "rejection_sampling": (1.0, 0.10, 1.3),
    "oracle_refined": (1.6, -0.15, 1.9),
    "style_aligned": (1.3, 0.25, 1.35),
}
"Arm to (mean reward, utility as a share, perplexity)."


def study(
    monkeypatch, *, seeds=(1, 2, 3), oracles=("home",), rewards=("genrm",), resamples=400, objectives=("sft", "dft")
):
    """A study whose plugs are not looked up: the report needs their names only."""
    smoke = cli.read_study(Path(__file__).parents[1] / "studies" / "smoke.yaml")
    monkeypatch.setattr(params, "plug", lambda *_: None)
    return replace(
        smoke,
        title="Toy study",
        models={"learner": {"source": "toy"}},
        problems=ProblemSettings(sources=({"source": "toy"},), train=30, heldout=60),
        oracles={name: {"oracle": "prompted", "temperature": 1.0} for name in oracles},
        rewards={name: {} for name in rewards},
        training=TrainingSettings(budget=Budget(epochs=1), seeds=seeds, objectives=objectives),
        evaluation=EvaluationSettings(k=4),
        report=ReportSettings(resamples=resamples),
        compat={},
    )


def evals(rng, objective, seeds, rate, *, problems=60, k=4):
    """k sampled answers and a greedy one per problem and seed, right with probability `rate`."""
    out = []
    for seed in seeds:
        for p in range(problems):
            for decoding, repeats in (("sampled", k), ("greedy", 1)):
                for repeat in range(repeats):
                    miss = [Verdict.WRONG, Verdict.WRONG, Verdict.TRUNCATED, Verdict.UNPARSED][rng.integers(4)]
                    verdict = Verdict.CORRECT if rng.random() < rate else miss
                    out.append(Eval(f"h{p:03}", objective, seed, "heldout", decoding, repeat, "", 20, verdict))
    return out


def arm(rng, settings, name, dials, *, problems=30, base=0.5):
    """One arm's records; the last trace of an Oracle's stream is a failure and the first reward call failed."""
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
        compat.append(Compat(i, tokens, float(tokens * np.mean([values[f"quarter.{q}"] for q in range(1, 5)])), values))
    steps, runs, graded = [], [], []
    for objective in settings.training.objectives:
        for seed in settings.training.seeds:
            runs.append(TrainRun(objective, seed, problems - 1, 0, 2000, 20, f"models/{objective}-{seed}"))
            graded += evals(rng, objective, [seed], base + utility)
            for s in range(1, 21):
                loss = float(np.log(ppl) * (0.5 + np.exp(-s / 8)) + rng.normal(0, 0.01))
                steps.append(Step(objective, seed, s, s / 20, 100 * s, loss, 1.0, 1e-4))
    return ArmData(stream, scores, compat, steps, runs, graded)


def toy(monkeypatch, arms=None, seed=0, **settings):
    """What `qup.report.build` takes: (study, arms, base evals, checks, traces)."""
    rng = np.random.default_rng(seed)
    made = study(monkeypatch, **settings)
    found = {name: arm(rng, made, name, dials) for name, dials in (arms or PARADOX).items()}
    traces = [
        Trace(f"t{p:03}", i, "", 9, Finish.STOP, "1", list(Verdict)[(p + i) % 4]) for p in range(30) for i in range(2)
    ]
    checks = {"gold": {"checked": 90, "failed": 0}, "contamination": {"exact": 0, "ngram": 2}}
    return made, found, evals(rng, "base", [0], 0.5), checks, traces
