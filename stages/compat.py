"""Score one arm's traces with the untrained learner, then measure them by every metric."""

from collections.abc import Sequence

from qup import compat, records, repository
from qup.evals import cells
from qup.records import due
from stages import cli


def main(argv: Sequence[str] | None = None) -> None:
    """Run the stage."""
    flags = {"problems": "train.jsonl of the prepare stage", "traces": "traces.jsonl of the sample stage"}
    flags |= {"stream": "stream.jsonl of the refine stage", "models": "folder of the obtain stage"}
    args = cli.parser(__doc__, **flags, out="compat.jsonl to write").parse_args(argv)
    study = cli.start(args)
    problems = records.read(args.problems, records.Problem)
    traces = records.read(args.traces, records.Trace, due.traces(problems, study.sampling.n))
    own = records.of_set(problems, records.TRAIN)
    drafts = due.stream(own, traces, study.streams.scope, study.streams.per_problem)
    stream = records.read(args.stream, records.Refined, drafts)
    # The native traces are the same in every arm: whichever comes first scores them for all.
    kept = cells.Cells(study.learner(args.models), study.threads, repository.root() / cells.FOLDER)
    rows = compat.measure(kept.learner, list(study.compat.values()), problems, traces, stream, kept.score)
    records.write(args.out, rows)
    print(f"{len(rows)} traces, {sum(row.tokens for row in rows)} completion tokens scored")


if __name__ == "__main__":
    cli.run(main)
