"""Whether variables of the environment that training reads, hours from now, say what it can follow."""

from collections.abc import Iterator

from qup.errors import SettingsError
from qup.lm import devices
from qup.preflight.ahead import Ahead
from qup.training import live


def environment(ahead: Ahead) -> Iterator[str]:
    """A line for whom nobody can tell of training, and for a number of runs a GPU that is none."""
    if not ahead.runs("train", "train-native", "further"):
        return
    for look in (live.reporters, devices.sharing):
        try:
            look()
        except SettingsError as error:
            yield str(error)
