"""Evaluate learners on every evaluation set through lm-eval: the untrained one, or all that one arm trained."""

from collections.abc import Sequence
from pathlib import Path

from qup import evals, records, seeds
from stages import cli


def main(argv: Sequence[str] | None = None) -> None:
    """Run the stage."""
    flags = {"problems": "folder evaluation of the prepare stage", "models": "folder of the obtain stage"}
    parser = cli.parser(__doc__, **flags, out="evals.jsonl to write: one line an answer")
    parser.add_argument("--runs", type=Path, help="runs.jsonl of the train stage; without it the untrained learner")
    parser.add_argument("--trained", type=Path, help="folder of the trained learners, with --runs")
    args = parser.parse_args(argv)
    study = cli.start(args)
    examined = [evals.Examinee()]
    if args.runs:
        examined = evals.examinees(records.read(args.runs, records.TrainRun), args.trained)
    sets = {t: records.read(args.problems / f"{t}.jsonl", records.Problem) for t in study.evaluation.tasks}
    draw, learner = seeds.derive(study.seed, "evaluate"), study.learner(args.models)
    records.write(args.out, evals.evaluate(learner, examined, sets, study.evaluation, draw, study.threads))


if __name__ == "__main__":
    cli.run(main)
