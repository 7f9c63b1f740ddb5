"""Weights and tokenizers of every model of the study, one folder per model: found, fetched or made on the spot."""

import os
from collections.abc import Sequence
from pathlib import Path

from qup import models, whole
from stages import cli


def main(argv: Sequence[str] | None = None) -> None:
    """Write `<out>/<model>/` for each model."""
    parser = cli.parser(__doc__, out="a folder per model is made in it")
    parser.add_argument("--cache", type=Path, default=default_cache(), help="downloads; or set QUP_CACHE")
    args = parser.parse_args(argv)
    study = cli.start(args)
    with whole.folder(args.out) as part:
        models.obtain(study.models, part, args.cache)


def default_cache() -> Path:
    """$QUP_CACHE, else the user's cache folder (XDG base directory specification)."""
    if given := os.environ.get("QUP_CACHE"):
        return Path(given)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "qup"


if __name__ == "__main__":
    cli.run(main)
