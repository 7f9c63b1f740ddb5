"""Problems from their sources, graded on gold, split into disjoint sets to train on and to evaluate on."""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from qup import problems, records, whole
from qup.evals import data
from stages import cli


def main(argv: Sequence[str] | None = None) -> None:
    """Write train.jsonl, evaluation/<task>.jsonl, the data of lm-eval's tasks beside them, and checks.json."""
    args = cli.parser(__doc__, files="folder of your own problem files", out="folder to write").parse_args(argv)
    study = cli.start(args)
    split = problems.prepare(study.problems, study.seed, args.files)
    evaluation = {records.HELDOUT: split.heldout, **split.sets}
    with whole.folder(args.out) as part:
        records.write(part / "train.jsonl", split.train)
        for task, rows in evaluation.items():
            records.write(part / "evaluation" / f"{task}.jsonl", rows)
        ngram = study.problems.ngram
        laid = data.lay(study.asked, split.train, ngram, args.files, part / "evaluation")
        data.require_graded(study.evaluation.main, laid)
        split.checks["evaluation"] |= laid
        whole.write(part / "checks.json", json.dumps(split.checks, indent=2, sort_keys=True) + "\n")
    for line in [*split.readings, *_told(split.checks)]:
        print(line)


def _told(checks: Mapping[str, Any]) -> Iterator[str]:
    """How large the sets are, and what training and evaluation sets would have in common, or have."""
    for counts in (each for name in checks["training"] for each in checks["sources"][name]):
        for task, shared in counts.get("kept_for", {}).items():
            yield f"{counts['source']}: {shared} problems are in {task}, and so not trained on"
    evaluation, length = checks["evaluation"], checks["ngram"]
    sizes = ", ".join(f"{counts['count']} in {task}" for task, counts in evaluation.items())
    sharing = ", ".join(f"{counts['sharing_an_ngram']} in {task}" for task, counts in evaluation.items())
    training = ", ".join(
        f"{len(counts['replicates'])} x {counts['count'] // len(counts['replicates'])} in {name}"
        for name, counts in checks["training"].items()
    )
    yield f"to train on {training}; {sizes}; {sharing} share {length} words in a row with one"


if __name__ == "__main__":
    cli.run(main)
