"""An arm's records as columns over problems and replicates, one small file: all that the report needs of it."""

from collections.abc import Sequence

from qup import measured, records
from qup.measured import files
from stages import cli


def main(argv: Sequence[str] | None = None) -> None:
    """Run the stage."""
    parser = cli.parser(__doc__, arm="folder of the arm's records", out="file to write")
    parser.add_argument("--oracle", required=True, help="an Oracle of the study, or `learner`")
    parser.add_argument("--refiner", required=True, help="a file of qup/refiners")
    args = parser.parse_args(argv)
    study = cli.start(args)
    arm = measured.measure(
        study.main_arm(args.oracle, args.refiner),
        study.compat,
        records.read(args.arm / "stream.jsonl", records.Refined),
        records.read(args.arm / "scores.jsonl", records.Score),
        records.read(args.arm / "compat.jsonl", records.Compat),
        records.read(args.arm / "trajectory.jsonl", records.Step),
        records.read(args.arm / "runs.jsonl", records.TrainRun),
        records.read(args.arm / "evals.jsonl", records.Eval),
    )
    files.write(args.out, [arm])


if __name__ == "__main__":
    cli.run(main)
