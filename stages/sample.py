"""Draw N traces per training problem from the learner and grade them; all are kept, with stop reason and verdict."""

from collections.abc import Sequence

from qup import records, sampling, seeds
from stages import cli


def main(argv: Sequence[str] | None = None) -> None:
    """Run the stage."""
    flags = {"problems": "train.jsonl of the prepare stage", "models": "folder of the obtain stage"}
    args = cli.parser(__doc__, **flags, out="traces.jsonl to write").parse_args(argv)
    study = cli.start(args)
    problems = records.read(args.problems, records.Problem)
    draw = seeds.derive(study.seed, "sample")
    traces = sampling.sample(study.learner(args.models), problems, study.sampling, draw, study.threads)
    sampling.require_solved(problems, traces)
    records.write(args.out, traces)
    solved = len({trace.problem_id for trace in traces if trace.verdict is records.Verdict.CORRECT})
    print(f"{len(traces)} traces, {solved} of {len(problems)} problems solved")


if __name__ == "__main__":
    cli.run(main)
