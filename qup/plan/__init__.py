"""What a study will cost before anything of it runs: its work counted, its hours, memory, disk and money estimated, and
what DVC will run of it and why.

>>> from pathlib import Path
>>> plan(Path(), "smoke").seconds.mid  # doctest: +SKIP
212.4
"""

from pathlib import Path

from qup.plan.planner import Asked, Planner
from qup.plan.rows import Plan, Row

__all__ = ["Asked", "Plan", "Row", "calibrate", "plan"]

USUAL = Asked()


def plan(root: Path, name: str, asked: Asked = USUAL) -> Plan:
    """The plan of a study of the repository at `root`.

    Raises:
        SettingsError: no such study or accelerator, settings that do not fit, a pipeline that DVC cannot read.
    """
    return Planner(root, name, asked).plan()


def calibrate(root: Path, name: str) -> Path:
    """Measure this machine with the study's learner, in minutes: the file that holds what was measured.

    Raises:
        SettingsError: no such study, or settings that do not fit.
    """
    return Planner(root, name, USUAL).calibrate()
