"""Score every trace of a stream with every reward of the study."""

from collections.abc import Sequence

from qup import records, rewards
from qup.records import due
from stages import cli


def main(argv: Sequence[str] | None = None) -> None:
    """Run the stage."""
    flags = {"problems": "train.jsonl of the prepare stage", "traces": "traces.jsonl of the sample stage"}
    flags |= {"stream": "stream.jsonl of the refine stage", "models": "folder of the obtain stage"}
    args = cli.parser(__doc__, **flags, out="scores.jsonl to write").parse_args(argv)
    study = cli.start(args)
    problems = records.read(args.problems, records.Problem)
    traces = records.read(args.traces, records.Trace, due.traces(problems, study.sampling.n))
    own = records.of_set(problems, records.TRAIN)
    drafts = due.stream(own, traces, study.streams.scope, study.streams.per_problem)
    stream = records.read(args.stream, records.Refined, drafts)
    records.write(args.out, rewards.score(study.rewards, problems, stream, args.models, traces))


if __name__ == "__main__":
    cli.run(main)
