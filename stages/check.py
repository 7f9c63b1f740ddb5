"""params.yaml and its study checked in full, before any other stage runs and before DVC removes what one has made."""

from collections.abc import Sequence

from qup import study, whole
from stages import cli


def main(argv: Sequence[str] | None = None) -> None:
    """Run the stage."""
    paths = {"params": "params.yaml", "studies": "folder of the study files", "out": "file that other stages wait for"}
    args = cli.flags(__doc__, **paths).parse_args(argv)
    print(study.check(args.params, args.studies))
    # The same whatever was checked: what waits for it does not change with it.
    whole.write(args.out, "settings are in order\n")


if __name__ == "__main__":
    cli.run(main)
