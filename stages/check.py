"""Check params.yaml and its study before anything runs: a wrong name or number is one line, and nothing is touched."""

import argparse
from collections.abc import Sequence
from pathlib import Path

import yaml

from qup import params
from qup.errors import SettingsError, unknown
from stages import cli

KNOWN = ("study", "refiner", "second_oracle")


def main(argv: Sequence[str] | None = None) -> None:
    """Read both files in full and throw the result away."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--params", type=Path, required=True, help="params.yaml")
    parser.add_argument("--studies", type=Path, required=True, help="folder of the study files")
    args = parser.parse_args(argv)
    chosen = yaml.safe_load(args.params.read_text(encoding="utf-8"))
    for key in chosen:
        if key not in KNOWN:
            raise unknown(f"key in {args.params}", str(key), KNOWN)
    for key in KNOWN:
        if not isinstance(chosen.get(key), str):
            raise SettingsError(f"{args.params} needs {key!r} as a string, got {chosen.get(key)!r}")
    study = cli.read_study(args.studies / f"{chosen['study']}.yaml")
    params.parse_arm(chosen["refiner"], study)
    if chosen["second_oracle"]:
        params.parse_arm("rejection_sampling" + chosen["second_oracle"], study)
    print(f"study {chosen['study']}, refiner {chosen['refiner']}: settings are in order")


if __name__ == "__main__":
    cli.run(main)
