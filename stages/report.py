"""Tables, plots and a page from the measured arms; equal measurements give equal bytes."""

import json
from collections.abc import Sequence

from qup import report, whole
from qup.arms import main_names
from qup.measured import files
from qup.study import read_params
from stages import cli

DRAWN = ("quality-utility", "training-curves")
"Plots whose rows are kept for `dvc plots diff`."


def main(argv: Sequence[str] | None = None) -> None:
    """Run the stage."""
    flags = {"arms": "folder of the measured arms", "metrics": "metrics.json to write, for `dvc exp show`"}
    flags |= {"plots": "folder for the plots' rows, for `dvc plots diff`", "out": "folder for the report"}
    args = cli.parser(__doc__, params="params.yaml, for the arms", **flags).parse_args(argv)
    study = cli.start(args)
    # Never by what lies in the folder: an edit by hand leaves files of arms that are no longer asked for.
    chosen = read_params(args.params)
    names = main_names(chosen.oracles, chosen.refiner)
    arms = [arm for name in names for arm in files.read(args.arms / f"{name}.json")]
    base, further = files.read_base(args.arms / "base.json"), files.read(args.arms / "further.json")
    built = report.build(study, base, arms, further, refiner=chosen.refiner)
    with whole.folder(args.out) as part:
        for name, content in built.files().items():
            whole.write(part / name, content)
    whole.write(args.metrics, json.dumps(built.metrics, indent=1) + "\n")
    for name in DRAWN:
        rows = built.plots[name].rows if name in built.plots else []
        whole.write(args.plots / f"{name}.json", json.dumps(rows, indent=1) + "\n")
    print("\n".join(built.headlines))


if __name__ == "__main__":
    cli.run(main)
