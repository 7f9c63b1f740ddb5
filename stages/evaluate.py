"""Evaluate learners on every evaluation set through lm-eval: the untrained one, or all that one arm trained."""

import argparse
import dataclasses
import functools
from collections.abc import Sequence
from pathlib import Path

from qup import harness, records, seeds, workers
from qup.backends import open_backend
from stages import cli

Learner = tuple[str, int, Path | None]
"Objective, training seed and weights."


def main(argv: Sequence[str] | None = None) -> None:
    """Run the stage."""
    parser = cli.parser(__doc__)
    parser.add_argument("--problems", type=Path, required=True, help="folder evaluation of the prepare stage")
    parser.add_argument("--models", type=Path, required=True, help="folder of the obtain stage")
    parser.add_argument("--runs", type=Path, help="runs.jsonl of the train stage; without it the untrained learner")
    parser.add_argument("--trained", type=Path, help="folder of the trained learners, with --runs")
    parser.add_argument("--tasks", nargs="+", help="those of the study if not given")
    parser.add_argument("--out", type=Path, required=True, help="evals.jsonl to write: one line an answer")
    args = parser.parse_args(argv)
    study = cli.read_study(args.study)
    answers = workers.spread(functools.partial(examine, args), _learners(args.runs, args.trained), study.threads)
    records.write(args.out, [answer for learner in answers for answer in learner])


def examine(args: argparse.Namespace, learners: Sequence[Learner]) -> list[list[records.Eval]]:
    """Graded answers of each learner; the backend is opened once."""
    study = cli.read_study(args.study)
    settings = dataclasses.replace(study.evaluation, tasks=tuple(args.tasks or study.evaluation.tasks))
    problems = {task: records.read(args.problems / f"{task}.jsonl", records.Problem) for task in settings.tasks}
    backend = open_backend(study.backend, args.models / "learner")
    draw = seeds.derive(study.seed, "evaluate")
    done = []
    for objective, seed, weights in learners:
        answers = harness.evaluate(backend, problems, settings, study.prompt, draw, weights)
        done.append([dataclasses.replace(answer, objective=objective, seed=seed) for answer in answers])
        print(f"{objective} seed {seed}:", cli.counts(f"{a.decoding} {a.verdict}" for a in answers))
    return done


def _learners(runs: Path | None, trained: Path | None) -> list[Learner]:
    """The learners to evaluate: the untrained one, or all that the runs account for."""
    if runs is None or trained is None:
        return [("base", 0, None)]
    return [(run.objective, run.seed, trained / run.path) for run in records.read(runs, records.TrainRun)]


if __name__ == "__main__":
    cli.run(main)
