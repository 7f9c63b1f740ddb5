"""The untrained learner's records as columns, with its samples, the problems' checks and how it was made."""

import json
from collections.abc import Sequence

from qup import measured, records
from qup.lm import checkpoint
from qup.measured import files
from stages import cli


def main(argv: Sequence[str] | None = None) -> None:
    """Run the stage."""
    flags = {"problems": "folder of the prepare stage", "traces": "traces.jsonl of the sample stage"}
    flags |= {"scores": "scores.jsonl of its samples", "evals": "evals.jsonl of the untrained learner"}
    flags |= {"learner": "folder of its weights"}
    args = cli.parser(__doc__, **flags, out="file to write").parse_args(argv)
    study = cli.start(args)
    curve = args.learner / "pretraining.jsonl"
    files_of = [args.problems / "evaluation" / f"{task}.jsonl" for task in study.evaluation.tasks]
    problems = measured.Problems(
        train=records.read(args.problems / "train.jsonl", records.Problem),
        evaluation=[problem for file in files_of for problem in records.read(file, records.Problem)],
        checks=json.loads((args.problems / "checks.json").read_text(encoding="utf-8")),
    )
    base = measured.measure_base(
        problems,
        records.read(args.traces, records.Trace),
        records.read(args.scores, records.Score),
        records.read(args.evals, records.Eval),
        records.read(curve, records.Step) if curve.is_file() else [],
        checkpoint.notes(args.learner, study.backend.max_length),
    )
    files.write(args.out, [base])


if __name__ == "__main__":
    cli.run(main)
