"""Evaluate learners on every evaluation set through lm-eval: the untrained one, or all that one arm trained."""

from collections.abc import Sequence
from pathlib import Path

from qup import evals, records, repository, seeds
from qup.evals import cells, laid
from stages import cli


def main(argv: Sequence[str] | None = None) -> None:
    """Run the stage."""
    flags = {"problems": "folder evaluation of the prepare stage", "models": "folder of the obtain stage"}
    parser = cli.parser(__doc__, **flags, out="evals.jsonl to write: one line an answer")
    parser.add_argument("--scores", type=Path, required=True, help="tasks.jsonl to write: lm-eval's own scores")
    parser.add_argument("--runs", type=Path, help="runs.jsonl of the train stage; without it the untrained learner")
    parser.add_argument("--trained", type=Path, help="folder of the trained learners, with --runs")
    args = parser.parse_args(argv)
    study = cli.start(args)
    examined = [evals.Examinee()]
    if args.runs:
        examined = evals.examinees(records.read(args.runs, records.TrainRun), args.trained)
    asked = study.evaluation.asked(laid.sets(args.problems))
    paper = evals.Paper(
        tasks=asked,
        problems=laid.graded(args.problems, asked),
        seed=seeds.derive(study.seed, "evaluate"),
        data=args.problems,
        cells=repository.root() / cells.FOLDER,
    )
    results = evals.evaluate(study.learner(args.models), examined, paper, study.threads)
    records.write(args.out, results.answers)
    records.write(args.scores, results.scores)


if __name__ == "__main__":
    cli.run(main)
