"""Fine-tune the learner on one arm's stream, once per objective and replicate, and keep the curve of each run."""

from collections.abc import Sequence

from qup import records, training, whole
from qup.records import due
from qup.training import live
from stages import cli


def main(argv: Sequence[str] | None = None) -> None:
    """Run the stage."""
    flags = {"problems": "train.jsonl of the prepare stage", "traces": "traces.jsonl of the sample stage"}
    flags |= {"stream": "stream.jsonl of the refine stage"}
    flags |= {"models": "folder of the obtain stage", "out": "folder for the trained learners"}
    flags |= {"trajectory": "trajectory.jsonl to write: one line a step", "runs": "runs.jsonl to write: one line a run"}
    parser = cli.parser(__doc__, **flags)
    parser.add_argument("--arm", required=True, help="the arm's name, for settings of its own")
    args = parser.parse_args(argv)
    study = cli.start(args)
    problems = records.read(args.problems, records.Problem)
    traces = records.read(args.traces, records.Trace, due.traces(problems, study.sampling.n))
    own = records.of_set(problems, records.TRAIN)
    drafts = due.stream(own, traces, study.streams.scope, study.streams.per_problem)
    stream = records.read(args.stream, records.Refined, drafts)
    told = live.asked(args.study.stem)
    start = training.Start(args.models / records.LEARNER, study.prompt, study.seed, problems, traces, told)
    settings = study.training.of_arm(args.arm)
    with whole.folder(args.out) as part:
        steps, runs = training.fine_tune(start, stream, settings, part, study.threads, arm=args.arm)
    records.write(args.trajectory, steps)
    records.write(args.runs, runs)


if __name__ == "__main__":
    cli.run(main)
