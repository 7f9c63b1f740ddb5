"""Score the learner's own samples with every reward of the study: right and wrong, and restyled.

Whether a reward tells right from wrong, and how much it goes by style alone.
"""

from collections.abc import Sequence

from qup import records, rewards
from qup.records import due
from stages import cli


def main(argv: Sequence[str] | None = None) -> None:
    """Run the stage."""
    flags = {"problems": "train.jsonl of the prepare stage", "traces": "traces.jsonl of the sample stage"}
    flags |= {"models": "folder of the obtain stage", "out": "scores.jsonl to write"}
    flags |= {"restyled": "restyled.jsonl to write"}
    args = cli.parser(__doc__, **flags).parse_args(argv)
    study = cli.start(args)
    problems = records.read(args.problems, records.Problem)
    traces = records.read(args.traces, records.Trace, due.traces(problems, study.sampling.n))
    records.write(args.out, rewards.score_samples(study.rewards, problems, traces, args.models))
    records.write(args.restyled, rewards.score_restyled(study.rewards, problems, traces, args.models))


if __name__ == "__main__":
    cli.run(main)
