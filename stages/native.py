"""The native arm's stream: the learner's own correct traces (RFT). No Oracle is asked, so none is depended on."""

from collections.abc import Sequence

from qup import records
from qup.records import due
from qup.refiners import Desk, make_stream
from qup.refiners.rejection_sampling import Refiner
from stages import cli


def main(argv: Sequence[str] | None = None) -> None:
    """Run the stage."""
    flags = {"problems": "train.jsonl of the prepare stage", "traces": "traces.jsonl of the sample stage"}
    args = cli.parser(__doc__, **flags, out="stream.jsonl to write").parse_args(argv)
    study = cli.start(args)
    problems = records.read(args.problems, records.Problem)
    traces = records.read(args.traces, records.Trace, due.traces(problems, study.sampling.n))
    own = records.of_set(problems, records.TRAIN)
    records.write(args.out, make_stream(Refiner(), Desk(), own, traces, study.streams, study.seed))


if __name__ == "__main__":
    cli.run(main)
