"""Make one arm's training stream: a trace per problem of the shared set, or the account of why there is none."""

from collections.abc import Sequence
from pathlib import Path

from qup import oracles, params, plugins, records, seeds, streams
from stages import cli


def main(argv: Sequence[str] | None = None) -> None:
    """Run the stage."""
    parser = cli.parser(__doc__)
    parser.add_argument("--arm", required=True, help="<refiner> or <refiner>-<oracle>")
    parser.add_argument("--problems", type=Path, required=True, help="train.jsonl of the prepare stage")
    parser.add_argument("--traces", type=Path, required=True, help="traces.jsonl of the sample stage")
    parser.add_argument("--models", type=Path, required=True, help="folder of the obtain stage")
    parser.add_argument("--out", type=Path, required=True, help="stream.jsonl to write")
    args = parser.parse_args(argv)
    study = cli.read_study(args.study)
    refiner, oracle = params.parse_arm(args.arm, study)
    entry, where = study.oracles[oracle], f"oracles.{oracle}"
    drafts = streams.choose_drafts(
        records.read(args.problems, records.Problem),
        records.read(args.traces, records.Trace),
        oracles.scope(entry, study.streams.scope, where),
        study.seed,
    )
    setting = oracles.Setting(
        args.models, study.backend, study.sampling.temperature, seeds.derive(study.seed, "oracle", oracle)
    )
    speaker = oracles.make(entry, where).start(setting)
    stream = streams.refine(plugins.load("refiners", refiner)(), speaker, drafts, study.streams.retries)
    records.write(args.out, stream)
    print(f"{args.arm}: {len(stream)} problems:", cli.counts(f"{r.stratum} {r.outcome}" for r in stream))


if __name__ == "__main__":
    cli.run(main)
