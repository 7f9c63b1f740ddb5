"""Make one arm's training stream: a trace per problem of the shared set, or the account of why there is none."""

from collections.abc import Sequence

from qup import records
from qup.records import due
from qup.refiners import make_stream
from stages import cli


def main(argv: Sequence[str] | None = None) -> None:
    """Run the stage."""
    flags = {"problems": "train.jsonl of the prepare stage", "traces": "traces.jsonl of the sample stage"}
    parser = cli.parser(__doc__, **flags, models="folder of the obtain stage", out="stream.jsonl to write")
    parser.add_argument("--oracle", required=True, help="an Oracle of the study")
    parser.add_argument("--refiner", required=True, help="a file of qup/refiners")
    args = parser.parse_args(argv)
    study = cli.start(args)
    problems = records.read(args.problems, records.Problem)
    traces = records.read(args.traces, records.Trace, due.traces(problems, study.sampling.n))
    own = records.of_set(problems, records.TRAIN)
    refiner, desk = study.refiner(args.refiner), study.desk(args.oracle, args.refiner, args.models)
    records.write(args.out, make_stream(refiner, desk, own, traces, study.streams, study.seed))


if __name__ == "__main__":
    cli.run(main)
