"""Problems from their sources, graded on gold, split into disjoint sets to train on and to evaluate on."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from qup import params, records, seeds, splits
from stages import cli


def main(argv: Sequence[str] | None = None) -> None:
    """Write train.jsonl, evaluation/<task>.jsonl and checks.json."""
    parser = cli.parser(__doc__)
    parser.add_argument("--files", type=Path, required=True, help="folder of your own problem files")
    parser.add_argument("--out", type=Path, required=True)
    args = parser.parse_args(argv)
    made = split(cli.read_study(args.study), args.files)
    records.write(args.out / "train.jsonl", made.train)
    evaluation = {"heldout": made.heldout, **made.sets}
    for task, problems in evaluation.items():
        records.write(args.out / "evaluation" / f"{task}.jsonl", problems)
    (args.out / "checks.json").write_text(json.dumps(made.checks, indent=2, sort_keys=True) + "\n", encoding="utf-8")
    sizes = ", ".join(f"{len(problems)} in {task}" for task, problems in evaluation.items())
    print(
        f"{len(made.train)} problems to train on, {sizes}; {made.checks['heldout_sharing_an_ngram']} in heldout share "
        f"{made.checks['ngram']} words in a row with one to train on"
    )


def split(study: params.Study, files: Path) -> splits.Split:
    """All sets of a study. A further set has a seed of its own, or one of like sources would draw the same problems."""
    asked = study.problems
    found = pools(asked.sources, asked.train + asked.heldout, study.seed, files, "problems.sources")
    made = splits.split(found, asked.train, asked.heldout, study.seed, asked.ngram)
    for task, given in asked.sets.items():
        seed = seeds.derive(study.seed, "set", task)
        found = pools(given.sources, given.count, seed, files, f"problems.sets.{task}.sources")
        made = splits.with_set(made, task, found, given.count, seed)
    return made


def pools(sources: Sequence[dict[str, Any]], wanted: int, seed: int, files: Path, listed: str) -> list[splits.Pool]:
    """What each source gives, asked for a quarter more than its share: some will be dropped."""
    weights = [settings.get("weight", 1) for settings in sources]
    made = []
    for i, (settings, share) in enumerate(zip(sources, splits.quotas(weights, wanted), strict=True)):
        where = f"{listed}[{i}]"
        source = params.plug("problems", "source", params.without(settings, "weight"), where)
        found = source.problems(share + share // 4 + 8, seed, files)
        made.append(splits.Pool(f"{where} ({settings['source']})", weights[i], found))
    return made


if __name__ == "__main__":
    cli.run(main)
