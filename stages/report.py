"""Tables, plots and a page from the measured arms; equal measurements give equal bytes."""

import json
from collections.abc import Sequence

from qup import records, report, whole
from qup.arms import NATIVE, main_cells
from qup.evals import laid
from qup.measured import checks, files
from qup.params import read_params
from qup.report import contrast_rows
from qup.report.plot_rows import Rows
from stages import cli

DRAWN = ("quality-utility", "training-curves")
"Plots of the page whose rows are kept for `dvc plots diff`."


def main(argv: Sequence[str] | None = None) -> None:
    """Run the stage."""
    flags = {"arms": "folder of the measured arms", "metrics": "metrics.json to write, for `dvc exp show`"}
    flags |= {"plots": "folder for the plots' rows, for `dvc plots diff`", "out": "folder for the report"}
    args = cli.parser(__doc__, params="params.yaml, for the arms", **flags).parse_args(argv)
    study = cli.start(args)
    # Never by what lies in the folder: an edit by hand leaves files of arms that are no longer asked for.
    chosen, asked = read_params(args.params), study.evaluation.asked((records.HELDOUT, *study.problems.sets))
    cells = [(records.LEARNER, NATIVE), *main_cells(chosen.oracles, [chosen.refiner])]
    declared = {arm.name: arm for arm in (study.main_arm(*cell) for cell in cells)}
    arms = {name: files.read_arm(args.arms / f"{name}.json") for name in declared}
    base, further = files.read_base(args.arms / "base.json"), files.read(args.arms / "further.json")
    graded = [each for each in asked if each.leaf is None or base.graded(each.name)]
    every = arms | {arm.name: arm for arm in further}
    due = checks.Requirements(laid.repeats(graded), study.evaluation.main, study.rewards)
    checks.check(args.arms, base, every, declared | study.further, due)
    built = report.build(study, base, [*arms.values()], further, refiner=chosen.refiner)
    with whole.folder(args.out) as part:
        for name, content in built.files().items():
            whole.write(part / name, content)
    whole.write(args.metrics, json.dumps(built.metrics, indent=1) + "\n")
    kept = {name: built.plots[name].rows for name in DRAWN if name in built.plots}
    kept[contrast_rows.NAME] = contrast_rows.contrast_rows(built.numbers.contrasts)
    for name in (*DRAWN, contrast_rows.NAME):
        whole.write(args.plots / f"{name}.json", as_json(kept.get(name, [])))
    print("\n".join(built.headlines))


def as_json(rows: Rows) -> str:
    """A plot's rows as a file; none at all as a mapping without keys, for DVC warns of an empty list."""
    return json.dumps(rows or {}, indent=1) + "\n"


if __name__ == "__main__":
    cli.run(main)
