"""Scores every trace of a stream with every reward of the study."""

import dataclasses
from collections.abc import Sequence
from pathlib import Path

from qup import records, rewards
from stages import cli


def main(argv: Sequence[str] | None = None) -> None:
    """Read a stream, write its scores, print one line per reward."""
    parser = cli.parser(__doc__)
    parser.add_argument("--problems", type=Path, required=True, help="train.jsonl")
    parser.add_argument("--stream", type=Path, required=True, help="stream.jsonl")
    parser.add_argument("--models", type=Path, required=True, help="folder of the study's models")
    parser.add_argument("--out", type=Path, required=True, help="scores.jsonl")
    args = parser.parse_args(argv)
    study = cli.read_study(args.study)

    problems = {p.id: p for p in records.read(args.problems, records.Problem)}
    traces = [
        (problems[r.problem_id], r.text) for r in records.read(args.stream, records.Refined) if r.text is not None
    ]
    scores: list[records.Score] = []
    for name, settings in study.rewards.items():
        found = rewards.make(name, settings).score([p for p, _ in traces], [text for _, text in traces], args.models)
        # A plug does not know what the study calls it.
        made = [dataclasses.replace(score, reward=name) for score in found]
        print(summary(name, made))
        scores += made
    records.write(args.out, scores)


def summary(name: str, scores: Sequence[records.Score]) -> str:
    """One line: mean over the traces that have a value, how many have, how many failed and of what."""
    values = [s.value for s in scores if s.value is not None]
    mean = f"{sum(values) / len(values):.3f}" if values else "none"
    failures = sorted({s.failure for s in scores if s.failure is not None})
    why = f" ({', '.join(failures)})" if failures else ""
    return f"{name}: mean {mean}, n {len(values)}, failed {len(scores) - len(values)}{why}"


if __name__ == "__main__":
    cli.run(main)
