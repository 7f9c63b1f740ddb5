"""Measured arms drawn at random: a study of any size as the report reads it, without running one."""

import dataclasses
import itertools
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from qup.arms import HOME, Arm
from qup.compat.quarter import QUARTERS, key
from qup.evals import EvaluationSettings
from qup.measured import Base, Curve, Judged, Measured, Stream, files
from qup.measured.answers import Answers
from qup.records import BASE, GREEDY, SAMPLED, TRAIN, Probed, TrainRun
from qup.study import Study

STEPS = 50
"Of each training run."
SAMPLES = 400
"Of the learner, on which rewards are tried."


def write(study: Study, problems: int, folder: Path) -> None:
    """All measured arms of a study with so many problems to train on and so many in every task."""
    rng = np.random.default_rng(study.seed)
    for arm in study.main_arms([HOME]).values():
        files.write(folder / f"{arm.name}.json", [measured(rng, study, arm, problems)])
    files.write(folder / "further.json", [measured(rng, study, arm, problems) for arm in study.further.values()])
    files.write(folder / "base.json", [base(rng, study, problems)])


def measured(rng: np.random.Generator, study: Study, arm: Arm, problems: int) -> Measured:
    """One arm; the quality, perplexity and utility of its traces are drawn too."""
    ids = [f"{arm.training_set}{i:06}" for i in range(problems)]
    first = 1 if arm.training_set == TRAIN else 1 + study.problems.replicates
    replicates = list(range(first, first + study.problems.replicates))
    tokens, level = rng.integers(40, 90, problems).astype(np.float64), rng.uniform(0.2, 0.8)
    metrics = {name: rng.normal(level, 0.1, problems) for name in study.compat if name not in ("quarter", "glassbox")}
    metrics |= {key(q): rng.normal(level, 0.1, problems) for q in QUARTERS}
    plugs = {name: name.partition(".")[0] for name in metrics}
    cells = list(itertools.product(sorted(arm.training.objective_names), replicates))
    main_task = dataclasses.replace(study.evaluation, tasks=(study.evaluation.main,))
    asked = study.evaluation if arm.main else main_task
    return Measured(
        name=arm.name,
        oracle=arm.oracle,
        refiner=arm.refiner,
        label=arm.label,
        problems=ids,
        replicates=[replicates[i * len(replicates) // problems] for i in range(problems)],
        stream=Stream(
            problems, problems, {"changed": problems}, {"solved": problems}, {"correct": problems}, problems, 9
        ),
        traces=[f"{arm.name}{i}" for i in range(problems)],
        rewards={name: rng.normal(rng.uniform(), 0.3, problems) for name in study.rewards},
        failures={},
        tokens=tokens,
        nll=tokens * level,
        metrics=metrics,
        roles={name: str(study.compat[plug].role) for name, plug in plugs.items()},
        plugs=plugs,
        runs=[_run(rng, *cell, problems // len(replicates)) for cell in cells],
        curves=[_curve(rng, *cell) for cell in cells],
        answers=_answers(rng, asked, arm.training.objective_names, replicates, problems),
    )


def base(rng: np.random.Generator, study: Study, problems: int) -> Base:
    """The untrained learner."""
    right = [int(i % 2) for i in range(SAMPLES)]
    clusters = [f"{TRAIN}{i // 4:06}" for i in range(SAMPLES)]
    return Base(
        answers=_answers(rng, study.evaluation, [BASE], [0], problems),
        samples={"correct": problems, "wrong": problems},
        solved={TRAIN: [problems, problems]},
        checks={},
        tags={},
        judged=[Judged(name, clusters, right, rng.normal(right, 1.0)) for name in study.rewards],
    )


def _stream(problems: int) -> Stream:
    return Stream(problems, problems, {"changed": problems}, {"solved": problems}, {"correct": problems}, problems, 9)


def _answers(
    rng: np.random.Generator, asked: EvaluationSettings, objectives: Sequence[str], replicates: list[int], problems: int
) -> list[Answers]:
    rate, made = rng.uniform(0.3, 0.7), []
    decodings = [(SAMPLED, asked.k)] + [(GREEDY, 1)] * asked.greedy
    for task, objective, (decoding, k) in itertools.product(asked.names, objectives, decodings):
        correct = rng.binomial(k, rate, (len(replicates), problems))
        none, majority = np.zeros_like(correct), (correct > k / 2).astype(np.float64)
        ids = [f"{task}{i:06}" for i in range(problems)]
        made.append(Answers(task, decoding, objective, replicates, ids, none + k, correct, none, none, majority))
    return made


def _run(rng: np.random.Generator, objective: str, replicate: int, traces: int) -> TrainRun:
    before, after = sorted(rng.uniform(100, 900, 2), reverse=True)
    probed = Probed(1000, before, after, 1000, [0, 20 * STEPS, 100 * STEPS], [before, (before + after) / 2, after])
    name = f"{objective}-{replicate}"
    return TrainRun(objective, replicate, traces, 0, 100 * STEPS, STEPS, name, 1.0, 0.5, probed, probed)


def _curve(rng: np.random.Generator, objective: str, replicate: int) -> Curve:
    at = list(range(1, STEPS + 1))
    loss = (rng.uniform(0.5, 1.0) * np.exp(-np.array(at) / STEPS)).tolist()
    return Curve(objective, replicate, [step / STEPS for step in at], [100 * step for step in at], loss)
