"""Problems from their sources, graded on gold, split into disjoint train and held-out sets."""

import json
from collections.abc import Sequence
from pathlib import Path

from qup import params, records, splits
from stages import cli


def main(argv: Sequence[str] | None = None) -> None:
    """Write train.jsonl, heldout.jsonl and checks.json."""
    parser = cli.parser(__doc__)
    parser.add_argument("--files", type=Path, required=True, help="folder of your own problem files")
    parser.add_argument("--out", type=Path, required=True)
    args = parser.parse_args(argv)
    study = cli.read_study(args.study)
    made = splits.split(
        pools(study, args.files), study.problems.train, study.problems.heldout, study.seed, study.problems.ngram
    )
    records.write(args.out / "train.jsonl", made.train)
    records.write(args.out / "heldout.jsonl", made.heldout)
    (args.out / "checks.json").write_text(json.dumps(made.checks, indent=2, sort_keys=True) + "\n", encoding="utf-8")
    shared = made.checks["heldout_sharing_an_ngram"]
    print(
        f"{len(made.train)} problems to train on, {len(made.heldout)} held out, of which {shared} share "
        f"{study.problems.ngram} words in a row with one to train on"
    )


def pools(study: params.Study, files: Path) -> list[splits.Pool]:
    """What each source gives, asked for a quarter more than its share: some will be dropped."""
    wanted = study.problems.train + study.problems.heldout
    weights = [settings.get("weight", 1) for settings in study.problems.sources]
    made = []
    for i, (settings, share) in enumerate(zip(study.problems.sources, splits.quotas(weights, wanted), strict=True)):
        where = f"problems.sources[{i}]"
        source = params.plug("problems", "source", params.without(settings, "weight"), where)
        found = source.problems(share + share // 4 + 8, study.seed, files)
        made.append(splits.Pool(f"{where} ({settings['source']})", weights[i], found))
    return made


if __name__ == "__main__":
    cli.run(main)
