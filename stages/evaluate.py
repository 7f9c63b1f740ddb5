"""Evaluate learners on every evaluation set through lm-eval: the untrained one, or all that one arm trained."""

import dataclasses
from collections.abc import Iterator, Sequence
from pathlib import Path

from qup import harness, records, seeds
from qup.backends import open_backend
from stages import cli


def main(argv: Sequence[str] | None = None) -> None:
    """Run the stage."""
    parser = cli.parser(__doc__)
    parser.add_argument("--problems", type=Path, required=True, help="folder evaluation of the prepare stage")
    parser.add_argument("--models", type=Path, required=True, help="folder of the obtain stage")
    parser.add_argument("--runs", type=Path, help="runs.jsonl of the train stage; without it the untrained learner")
    parser.add_argument("--trained", type=Path, help="folder of the trained learners, with --runs")
    parser.add_argument("--out", type=Path, required=True, help="evals.jsonl to write: one line an answer")
    args = parser.parse_args(argv)
    study = cli.read_study(args.study)
    problems = {task: records.read(args.problems / f"{task}.jsonl", records.Problem) for task in study.evaluation.tasks}
    evals: list[records.Eval] = []
    backend = open_backend(study.backend, args.models / "learner")
    draw = seeds.derive(study.seed, "evaluate")
    for objective, seed, weights in _learners(args.runs, args.trained):
        answers = harness.evaluate(backend, problems, study.evaluation, study.prompt, draw, weights)
        evals += [dataclasses.replace(answer, objective=objective, seed=seed) for answer in answers]
        print(f"{objective} seed {seed}:", cli.counts(f"{a.decoding} {a.verdict}" for a in answers))
    records.write(args.out, evals)


def _learners(runs: Path | None, trained: Path | None) -> Iterator[tuple[str, int, Path | None]]:
    """(objective, seed, folder) of each learner to evaluate."""
    if runs is None or trained is None:
        yield "base", 0, None
        return
    for run in records.read(runs, records.TrainRun):
        yield run.objective, run.seed, trained / run.path


if __name__ == "__main__":
    cli.run(main)
