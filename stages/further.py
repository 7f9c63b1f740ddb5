"""The arms that the study lists beside the main ones, from stream to measured in one stage: starts would cost the most.

Below the folder an arm has what a main arm has, but for the weights, which are not kept. Each step of an arm is, in
the repository's `.qup/cells`: what is as it was is not done again, and a run that was stopped goes on where it was.
"""

import argparse
import functools
from collections.abc import Iterable, Sequence
from pathlib import Path

from qup import chain, kept, records, whole
from qup.arms import HOME, Arm
from qup.lm import workers
from qup.measured import Measured, files
from qup.records import due
from stages import cli


def main(argv: Sequence[str] | None = None) -> None:
    """Run the stage."""
    flags = {"problems": "folder of the prepare stage", "traces": "traces.jsonl of the sample stage"}
    flags |= {"models": "folder of the obtain stage", "streams": "folder of the main arms' folders"}
    flags |= {"out": "a folder per arm is made in it", "measured": "file of the measured arms to write"}
    args = cli.parser(__doc__, **flags).parse_args(argv)
    study = cli.start(args)
    main_arms = study.main_arms([HOME])
    problems = records.read(args.problems / "train.jsonl", records.Problem)
    traces = records.read(args.traces, records.Trace, due.traces(problems, study.sampling.n))
    own, streams = records.of_set(problems, records.TRAIN), study.streams
    drafts = due.stream(own, traces, streams.scope, streams.per_problem)
    shared = chain.Shared(
        study=study,
        problems=problems,
        evaluation=args.problems / "evaluation",
        traces=traces,
        streams={arm: records.read(args.streams / arm / "stream.jsonl", records.Refined, drafts) for arm in main_arms},
        models=args.models,
        hashes=_hashes(args, main_arms) if study.further else {},
    )
    arms = list(study.further.values())
    with whole.folder(args.out) as part:
        measured = workers.spread(functools.partial(_make, shared, part), arms, study.threads)
    files.write(args.measured, measured)
    print(f"{len(arms)} further arms: {', '.join(arm.name for arm in arms) or 'none'}")


def _hashes(args: argparse.Namespace, arms: Iterable[str]) -> dict[str, str]:
    """Of all that arms start from, once for all processes."""
    files = {"problems": args.problems / "train.jsonl", "traces": args.traces}
    files |= {arm: args.streams / arm / "stream.jsonl" for arm in arms}
    models = {f"models/{path.name}": kept.of_folder(path) for path in sorted(args.models.iterdir()) if path.is_dir()}
    return {name: kept.of_file(path) for name, path in files.items()} | models


def _make(shared: chain.Shared, out: Path, arms: Sequence[Arm]) -> list[Measured]:
    """Each of the arms, one after the other."""
    return [chain.make(arm, shared, out / arm.name) for arm in arms]


if __name__ == "__main__":
    cli.run(main)
