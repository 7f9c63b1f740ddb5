"""Draw N traces per training problem from the learner and grade them; all are kept, with stop reason and verdict."""

from collections.abc import Sequence
from pathlib import Path

from qup import records, sampling, seeds
from qup.backends import Sampling, open_backend
from stages import cli


def main(argv: Sequence[str] | None = None) -> None:
    """Run the stage."""
    parser = cli.parser(__doc__)
    parser.add_argument("--problems", type=Path, required=True, help="train.jsonl of the prepare stage")
    parser.add_argument("--models", type=Path, required=True, help="folder of the obtain stage")
    parser.add_argument("--out", type=Path, required=True, help="traces.jsonl to write")
    args = parser.parse_args(argv)
    study = cli.read_study(args.study)
    problems = records.read(args.problems, records.Problem)
    how = study.sampling
    decoding = Sampling(how.temperature, how.max_tokens, seeds.derive(study.seed, "sample"), how.top_p)
    backend = open_backend(study.backend, args.models / "learner")
    traces = sampling.sample(backend, problems, decoding, how.n, study.prompt)
    records.write(args.out, traces)
    solved = len({t.problem_id for t in traces if t.verdict is records.Verdict.CORRECT})
    print(f"{len(traces)} traces, {solved} of {len(problems)} problems solved:", cli.counts(t.verdict for t in traces))


if __name__ == "__main__":
    cli.run(main)
