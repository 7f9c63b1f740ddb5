"""Problem sources, one per file: class `Source`, a frozen dataclass of settings with one method."""

from pathlib import Path
from typing import Protocol

from qup.records import Problem


class Source(Protocol):
    """What the prepare stage needs of a source."""

    def problems(self, count: int, seed: int, files: Path) -> list[Problem]:
        """Up to `count` distinct problems, the same for the same seed; `files` is the folder of users' own files.

        Raises:
            SettingsError: the source cannot give problems as set (missing file, bad line, unknown task).
        """
        ...
