"""Write down what each arm's traces are made with, as hashes, an arm a file: the arm depends on it and on no more."""

from collections.abc import Sequence

from qup import uses, whole
from stages import cli


def main(argv: Sequence[str] | None = None) -> None:
    """Run the stage."""
    args = cli.parser(__doc__, out="folder to write, a file per Oracle and refiner in it").parse_args(argv)
    study = cli.start(args)
    with whole.folder(args.out) as part:
        for name, used in uses.every(study).items():
            whole.write(part / f"{name}.json", uses.text(used))


if __name__ == "__main__":
    cli.run(main)
