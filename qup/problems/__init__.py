"""Problem sources, one per file (class `Source`, settings with one method), and the sets of a study made of them.

Training and evaluation sets have nothing in common; a further set has a seed of its own, or one of like sources would
draw the same problems.
"""

from collections.abc import Sequence
from dataclasses import field
from pathlib import Path
from typing import Annotated, Any, Protocol

from pydantic import Field, PositiveInt
from pydantic.dataclasses import dataclass

from qup import seeds
from qup.errors import SettingsError
from qup.problems import _splits
from qup.problems._content import quotas
from qup.problems._splits import Split
from qup.records import HELDOUT, Problem
from qup.settings import STRICT, Plug, name_of


class Source(Protocol):
    """What the prepare stage needs of a source."""

    def problems(self, count: int, seed: int, files: Path) -> list[Problem]:
        """Up to `count` distinct problems, the same for the same seed; `files` is the folder of users' own files.

        Raises:
            SettingsError: the source cannot give problems as set (missing file, bad line, unknown task).
        """
        ...


@dataclass(frozen=True, config=STRICT)
class Weighted:
    """A source and its share of the problems."""

    weight: Annotated[float, Field(gt=0)] = 1.0
    "Beside those of the other sources."
    plug: Any = None

    @property
    def source(self) -> Source:
        """The source itself."""
        source: Source = self.plug
        return source


Sources = tuple[Annotated[Weighted, Plug("problems", holder=Weighted)], ...]
"Each `{source: <plug>, weight: w, ...plug settings}`."


@dataclass(frozen=True, config=STRICT)
class SetSettings:
    """A further evaluation set, beside the held-out one."""

    sources: Sources
    "As those of the problems."
    count: PositiveInt


@dataclass(frozen=True, config=STRICT)
class ProblemSettings:
    """Where problems come from and how many."""

    sources: Sources
    "Each `{source: <plug>, weight: w, ...plug settings}`."
    train: PositiveInt
    "Training problems."
    heldout: PositiveInt
    "Held-out problems, on which utility is measured."
    ngram: PositiveInt = 13
    "Length, in words, of the contamination check's n-grams."
    sets: dict[str, SetSettings] = field(default_factory=dict)
    "Further evaluation sets by name; `heldout` is there without being named."

    def __post_init__(self) -> None:
        if not self.sources:
            raise SettingsError("expected one source or more, got none", "sources")
        if HELDOUT in self.sets:
            raise SettingsError("'heldout' is made of problems.sources; name the set otherwise", "sets")


def prepare(settings: ProblemSettings, seed: int, files: Path) -> Split:
    """All sets of a study."""
    pools = _pools(settings.sources, settings.train + settings.heldout, seed, files, "problems.sources")
    split = _splits.split(pools, settings.train, settings.heldout, seed, settings.ngram)
    for name, further in settings.sets.items():
        own_seed = seeds.derive(seed, "set", name)
        pools = _pools(further.sources, further.count, own_seed, files, f"problems.sets.{name}.sources")
        split = _splits.with_set(split, name, pools, further.count, own_seed)
    return split


def _pools(sources: Sequence[Weighted], wanted: int, seed: int, files: Path, listed: str) -> list[_splits.Pool]:
    """What each source gives, asked for a quarter more than its share: some will be dropped."""
    shares = quotas([weighted.weight for weighted in sources], wanted)
    return [
        _splits.Pool(
            f"{listed}[{place}] ({name_of(weighted.plug)})",
            weighted.weight,
            weighted.source.problems(share + share // 4 + 8, seed, files),
        )
        for place, (weighted, share) in enumerate(zip(sources, shares, strict=True))
    ]
