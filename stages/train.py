"""Fine-tune the learner on one arm's stream, once per objective and replicate, and keep the curve of each run."""

from collections.abc import Sequence

from qup import records, training
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
    problems, traces = records.read(args.problems, records.Problem), records.read(args.traces, records.Trace)
    start = training.Start(args.models / records.LEARNER, study.prompt, study.seed, problems, traces)
    stream = records.read(args.stream, records.Refined)
    settings = study.training.of_arm(args.arm)
    steps, runs = training.fine_tune(start, stream, settings, args.out, study.threads, arm=args.arm)
    records.write(args.trajectory, steps)
    records.write(args.runs, runs)


if __name__ == "__main__":
    cli.run(main)
