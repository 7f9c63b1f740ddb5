"""Score one arm's traces with the untrained learner: one forward pass a trace, then every metric."""

from collections.abc import Sequence
from pathlib import Path

from qup import compat, params, plugins, records
from qup.backends.hf import Backend
from qup.prompts.learner import ask
from stages import cli


def main(argv: Sequence[str] | None = None) -> None:
    """Run the stage."""
    parser = cli.parser(__doc__)
    parser.add_argument("--problems", type=Path, required=True, help="train.jsonl of the prepare stage")
    parser.add_argument("--stream", type=Path, required=True, help="stream.jsonl of the refine stage")
    parser.add_argument("--models", type=Path, required=True, help="folder of the obtain stage")
    parser.add_argument("--out", type=Path, required=True, help="compat.jsonl to write")
    args = parser.parse_args(argv)
    study = cli.read_study(args.study)
    metrics = [
        params.section(plugins.load("compat", name), study.compat.get(name, {}), f"compat.{name}")
        for name in plugins.names("compat")
    ]
    problems = {p.id: p for p in records.read(args.problems, records.Problem)}
    stream = [r for r in records.read(args.stream, records.Refined) if r.text is not None]
    learner = Backend(args.models / "learner", study.backend.dtype, study.backend.score_batch)
    pairs = [learner.encode(ask(study.prompt, problems[r.problem_id].question), r.text) for r in stream]
    measured = list(compat.measure(metrics, stream, learner.score(pairs), problems))
    records.write(args.out, measured)
    print(f"{len(measured)} traces, {sum(m.tokens for m in measured)} completion tokens scored")


if __name__ == "__main__":
    cli.run(main)
