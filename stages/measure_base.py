"""The untrained learner's records as columns, with its samples, the problems' checks and how it was made."""

import dataclasses
from collections.abc import Sequence

from qup import measured, records, restyles
from qup.evals import laid
from qup.lm import checkpoint
from qup.measured import checks, examples, files
from qup.records import due
from qup.records.restyled import Restyled
from stages import cli


def main(argv: Sequence[str] | None = None) -> None:
    """Run the stage."""
    flags = {"problems": "folder of the prepare stage", "traces": "traces.jsonl of the sample stage"}
    flags |= {
        "scores": "scores.jsonl of its samples",
        "restyled": "restyled.jsonl of the same",
        "evals": "evals.jsonl of the untrained learner",
        "tasks": "its tasks.jsonl",
    }
    flags |= {"learner": "folder of its weights"}
    args = cli.parser(__doc__, **flags, out="file to write").parse_args(argv)
    study = cli.start(args)
    curve = args.learner / "pretraining.jsonl"
    train = records.read(args.problems / "train.jsonl", records.Problem)
    asked = study.evaluation.asked(laid.sets(args.problems / "evaluation"))
    tasks = laid.graded(args.problems / "evaluation", asked)
    evaluation = [problem for own in tasks.values() for problem in own]
    problems = measured.Problems(train, evaluation, checks.counts(args.problems / "checks.json", train, tasks))
    traces = records.read(args.traces, records.Trace, due.traces(train, study.sampling.n))
    tried = due.sample_scores(train, traces, study.rewards)
    restyled = due.restyled(restyles.chosen(train, due.tried(train, traces)), study.rewards)
    answers = due.answers([(records.BASE, 0)], tasks, laid.repeats(asked))
    base = measured.measure_base(
        problems,
        traces,
        records.read(args.scores, records.Score, tried),
        records.read(args.evals, records.Eval, answers),
        records.read(curve, records.Step) if curve.is_file() else [],
        checkpoint.notes(args.learner, study.backend.max_length),
        records.read(args.tasks, records.TaskScore),
        records.read(args.restyled, Restyled, restyled),
    )
    covered = due.stream(records.of_set(train, records.TRAIN), traces, study.streams.scope)
    shown = examples.questions(train, (problem for problem, *_ in covered))
    files.write(args.out, [dataclasses.replace(base, questions=shown)])


if __name__ == "__main__":
    cli.run(main)
