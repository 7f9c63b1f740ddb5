"""Run the benchmarks on the published studies that are here, or at their smallest size on models made on the spot."""

import argparse
import pkgutil
import sys
import tempfile
from pathlib import Path

import bench
from bench import _figures, _process
from bench._given import Given, smallest
from qup.errors import SettingsError

STUDIES = ("glassbox", "qwen2.5-coder-0.5b")
NAMES = sorted(module.name for module in pkgutil.iter_modules(bench.__path__) if not module.name.startswith("_"))
RESULTS = Path("bench/results.json")


def main() -> None:
    """Measure what can be measured, one line a figure; exit code 2 if that is nothing."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--only", choices=NAMES, help="one benchmark; the file's others stay as they are")
    parser.add_argument("--study", help=f"a study instead of {' and '.join(STUDIES)}")
    parser.add_argument("--count", type=int, default=32, help="traces to work on")
    parser.add_argument("--repeats", type=int, default=2, help="runs of each side")
    parser.add_argument("--smallest", action="store_true", help="try each benchmark, in seconds; writes only to --out")
    parser.add_argument("--out", type=Path, help=f"file of figures; without --smallest {RESULTS}")
    args = parser.parse_args()
    out = args.out or (None if args.smallest else RESULTS)
    with tempfile.TemporaryDirectory() as folder:
        studies = [args.study] if args.study else STUDIES
        givens = [Given(name, Path(), args.count, tokens=128, repeats=args.repeats) for name in studies]
        cells = [
            (name, given)
            for given in ([smallest(Path(folder))] if args.smallest else givens)
            for name in NAMES
            if args.only in (None, name)
        ]
        done = [run(name, given, out) for name, given in cells]
    sys.exit(0 if any(done) else 2)


def run(name: str, given: Given, out: Path | None) -> bool:
    """Measure one benchmark of one study, tell and keep its figures; whether the study has what it needs."""
    try:
        unit, sides = _process.measured(name, given)
    except SettingsError as error:
        print(f"bench: no {name} of {given.name}: {error}", file=sys.stderr)
        return False
    figures = {f"{name}/{given.name}/{side}": _figures.figure(runs, unit, given.name) for side, runs in sides.items()}
    for key, figure in figures.items():
        print(f"{key}: {figure.value:g} {figure.unit}")
    if out:
        _figures.add(out, figures)
    return True


if __name__ == "__main__":
    main()
