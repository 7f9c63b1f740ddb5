"""Score every trace of a stream with every reward of the study."""

from collections.abc import Sequence

from qup import records, rewards
from stages import cli


def main(argv: Sequence[str] | None = None) -> None:
    """Run the stage."""
    flags = {"problems": "train.jsonl of the prepare stage", "stream": "stream.jsonl of the refine stage"}
    args = cli.parser(__doc__, **flags, models="folder of the obtain stage", out="scores.jsonl to write").parse_args(
        argv
    )
    study = cli.start(args)
    problems, stream = records.read(args.problems, records.Problem), records.read(args.stream, records.Refined)
    records.write(args.out, rewards.score(study.rewards, problems, stream, args.models))


if __name__ == "__main__":
    cli.run(main)
