"""Fine-tune the learner on one arm's stream, once per objective and seed, and keep the curve of each run."""

import argparse
import functools
from collections.abc import Sequence
from pathlib import Path

from qup import records, training, workers
from stages import cli

Run = tuple[list[records.Step], records.TrainRun]


def main(argv: Sequence[str] | None = None) -> None:
    """Run the stage."""
    parser = cli.parser(__doc__)
    parser.add_argument("--problems", type=Path, required=True, help="train.jsonl of the prepare stage")
    parser.add_argument("--stream", type=Path, required=True, help="stream.jsonl of the refine stage")
    parser.add_argument("--models", type=Path, required=True, help="folder of the obtain stage")
    parser.add_argument("--trajectory", type=Path, required=True, help="trajectory.jsonl to write: one line a step")
    parser.add_argument("--runs", type=Path, required=True, help="runs.jsonl to write: one line a run")
    parser.add_argument("--out", type=Path, required=True, help="folder for the trained learners")
    parser.add_argument("--objectives", nargs="+", help="those of the study if not given")
    parser.add_argument("--seeds", nargs="+", type=int, help="those of the study if not given")
    args = parser.parse_args(argv)
    study = cli.read_study(args.study)
    objectives, seeds = args.objectives or study.training.objectives, args.seeds or study.training.seeds
    cells = [(objective, seed) for objective in objectives for seed in seeds]
    done = workers.spread(functools.partial(fine_tune, args), cells, study.threads)
    records.write(args.trajectory, [step for curve, _ in done for step in curve])
    records.write(args.runs, [account for _, account in done])


def fine_tune(args: argparse.Namespace, cells: Sequence[tuple[str, int]]) -> list[Run]:
    """Curve and account of each (objective, seed)."""
    study = cli.read_study(args.study)
    traces = training.examples(
        training.tokenizer(args.models / "learner"),
        records.read(args.problems, records.Problem),
        records.read(args.stream, records.Refined),
        study.prompt,
        study.training.max_length,
    )
    done = []
    for objective, seed in cells:
        out = args.out / f"{objective}-{seed}"
        curve, account = training.train(args.models / "learner", traces, study.training, objective, seed, out)
        print(f"{out.name}: {account.steps} steps, {account.tokens} tokens, {account.truncated} traces truncated")
        done.append((curve, account))
    return done


if __name__ == "__main__":
    cli.run(main)
