"""Every control arm of a study from stream to evaluations in one stage: at their size, starts would cost the most.

Below the folder an arm has what a main arm has. Weights are not kept; a study without controls leaves the folder empty.
"""

import argparse
import functools
import tempfile
from collections.abc import Sequence
from pathlib import Path

from qup import params, workers
from stages import cli, compat, evaluate, refine, reward, train

Arm = tuple[str, params.TrainingSettings]
"An arm and how it is trained."


def main(argv: Sequence[str] | None = None) -> None:
    """Run the stage."""
    parser = cli.parser(__doc__)
    parser.add_argument("--arms", nargs="+", required=True, help="main arms, which other stages make")
    parser.add_argument("--problems", type=Path, required=True, help="folder of the prepare stage")
    parser.add_argument("--traces", type=Path, required=True, help="traces.jsonl of the sample stage")
    parser.add_argument("--models", type=Path, required=True, help="folder of the obtain stage")
    parser.add_argument("--out", type=Path, required=True, help="a folder per control arm is made in it")
    args = parser.parse_args(argv)
    study = cli.read_study(args.study)
    arms = list(params.control_arms(study, args.arms).items())
    args.out.mkdir(parents=True, exist_ok=True)
    workers.spread(functools.partial(make_all, args, study.evaluation.main), arms, study.threads)
    print(f"{len(arms)} control arms: {', '.join(arm for arm, _ in arms) or 'none'}")


def make_all(args: argparse.Namespace, task: str, arms: Sequence[Arm]) -> Sequence[Arm]:
    """Each of the arms, one after the other."""
    for arm, training in arms:
        make(args, task, arm, training)
    return arms


def make(args: argparse.Namespace, task: str, arm: str, training: params.TrainingSettings) -> None:
    """One arm through the stages of a main arm; its learners answer the task that utility is of, and no other."""
    folder = args.out / arm
    both = flags(study=args.study, models=args.models)
    asked = [*both, *flags(problems=args.problems / "train.jsonl")]
    made = [*asked, *flags(stream=folder / "stream.jsonl")]
    runs = flags(runs=folder / "runs.jsonl")
    with tempfile.TemporaryDirectory() as weights:
        refine.main([*asked, *flags(arm=arm, traces=args.traces, out=folder / "stream.jsonl")])
        reward.main([*made, *flags(out=folder / "scores.jsonl")])
        compat.main([*made, *flags(out=folder / "compat.jsonl")])
        cells = ["--objectives", *training.objectives, "--seeds", *map(str, training.seeds)]
        train.main([*made, *runs, *cells, *flags(trajectory=folder / "trajectory.jsonl", out=weights)])
        heldout = flags(problems=args.problems / "evaluation", tasks=task, trained=weights, out=folder / "evals.jsonl")
        evaluate.main([*both, *runs, *heldout])


def flags(**values: object) -> list[str]:
    """Values as a stage's command line has them."""
    return [word for name, value in values.items() for word in (f"--{name}", str(value))]


if __name__ == "__main__":
    cli.run(main)
