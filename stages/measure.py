"""An arm's records as columns over problems and replicates, one small file: all that the report needs of it."""

import dataclasses
from collections.abc import Sequence

from qup import measured, records
from qup.evals import laid
from qup.measured import examples, files
from qup.records import due
from stages import cli


def main(argv: Sequence[str] | None = None) -> None:
    """Run the stage."""
    flags = {"problems": "folder of the prepare stage", "traces": "traces.jsonl of the sample stage"}
    parser = cli.parser(__doc__, **flags, arm="folder of the arm's records", out="file to write")
    parser.add_argument("--oracle", required=True, help="an Oracle of the study, or `learner`")
    parser.add_argument("--refiner", required=True, help="a file of qup/refiners")
    args = parser.parse_args(argv)
    study = cli.start(args)
    arm = study.main_arm(args.oracle, args.refiner)
    problems = records.read(args.problems / "train.jsonl", records.Problem)
    asked = study.evaluation.asked(laid.sets(args.problems / "evaluation"))
    tasks = laid.graded(args.problems / "evaluation", asked)
    traces = records.read(args.traces, records.Trace, due.traces(problems, study.sampling.n))
    drafts = due.stream(records.of_set(problems, arm.training_set), traces, arm.scope, arm.per_problem)
    stream = records.read(args.arm / "stream.jsonl", records.Refined, drafts)
    runs = records.read(args.arm / "runs.jsonl", records.TrainRun, due.runs(stream, arm.training.objective_names))
    answers = due.answers([(run.objective, run.replicate) for run in runs], tasks, laid.repeats(asked))
    scores = records.read(args.arm / "scores.jsonl", records.Score, due.scores(stream, study.rewards))
    compat = records.read(args.arm / "compat.jsonl", records.Compat, due.compat(stream))
    columns = measured.measure(
        arm,
        study.compat,
        stream,
        scores,
        compat,
        records.read(args.arm / "trajectory.jsonl", records.Step, due.steps(runs)),
        runs,
        records.read(args.arm / "evals.jsonl", records.Eval, answers),
        records.read(args.arm / "tasks.jsonl", records.TaskScore),
    )
    shown = examples.of_arm(stream, scores, compat, traces)
    files.write(args.out, [dataclasses.replace(columns, examples=shown)])


if __name__ == "__main__":
    cli.run(main)
