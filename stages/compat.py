"""Score one arm's traces with the untrained learner, then measure them by every metric."""

from collections.abc import Sequence

from qup import compat, records
from stages import cli


def main(argv: Sequence[str] | None = None) -> None:
    """Run the stage."""
    flags = {"problems": "train.jsonl of the prepare stage", "traces": "traces.jsonl of the sample stage"}
    flags |= {"stream": "stream.jsonl of the refine stage", "models": "folder of the obtain stage"}
    args = cli.parser(__doc__, **flags, out="compat.jsonl to write").parse_args(argv)
    study = cli.start(args)
    problems, traces = records.read(args.problems, records.Problem), records.read(args.traces, records.Trace)
    stream, metrics = records.read(args.stream, records.Refined), list(study.compat.values())
    rows = compat.measure(study.learner(args.models), metrics, problems, traces, stream)
    records.write(args.out, rows)
    print(f"{len(rows)} traces, {sum(row.tokens for row in rows)} completion tokens scored")


if __name__ == "__main__":
    cli.run(main)
