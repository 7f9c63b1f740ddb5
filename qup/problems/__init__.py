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
from qup.records import HELDOUT, TRAIN, Problem
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
class TrainingSet:
    """Training problems beside the main ones, for arms that name the set; no other set has any of them."""

    sources: Sources = ()
    "As those of the problems; those themselves if none are named."
    count: PositiveInt | None = None
    "Training problems of a replicate; as many as in the main set if not said."
    replicates: PositiveInt | None = None
    "As many as the main set has if not said."


@dataclass(frozen=True, config=STRICT)
class ProblemSettings:
    """Where problems come from and how many."""

    sources: Sources
    "Each `{source: <plug>, weight: w, ...plug settings}`."
    train: PositiveInt
    "Training problems of a replicate."
    heldout: PositiveInt
    "Held-out problems, on which utility is measured."
    replicates: PositiveInt = 1
    "Training sets of that many problems, each its own; the learners trained on them differ by all that chance can do."
    training_sets: dict[str, TrainingSet] = field(default_factory=dict)
    "Further training sets by name; `train` is there without being named."
    ngram: PositiveInt = 13
    "Length, in words, of the contamination check's n-grams."
    sets: dict[str, SetSettings] = field(default_factory=dict)
    "Further evaluation sets by name; `heldout` is there without being named."

    def __post_init__(self) -> None:
        if not self.sources:
            raise SettingsError("expected one source or more, got none", "sources")
        if HELDOUT in self.sets:
            raise SettingsError("'heldout' is made of problems.sources; name the set otherwise", "sets")
        if TRAIN in self.training_sets:
            raise SettingsError("'train' is made of problems.sources; name the set otherwise", "training_sets")


def prepare(settings: ProblemSettings, seed: int, files: Path) -> Split:
    """All sets of a study."""
    wanted = _splits.needed(_weights(settings.sources), settings.train, settings.replicates, settings.heldout)
    pools = _pools(settings.sources, wanted, seed, files, "problems.sources")
    split = _splits.split(pools, settings.train, settings.replicates, settings.heldout, seed)
    for name, further in settings.sets.items():
        own_seed = seeds.derive(seed, "set", name)
        pools = _pools(
            further.sources,
            quotas(_weights(further.sources), further.count),
            own_seed,
            files,
            f"problems.sets.{name}.sources",
        )
        split = _splits.with_set(split, name, pools, further.count, own_seed)
    for name, training in settings.training_sets.items():
        own_seed = seeds.derive(seed, "training set", name)
        count, replicates = training.count or settings.train, training.replicates or settings.replicates
        sources, listed = training.sources or settings.sources, f"problems.training_sets.{name}.sources"
        pools = _pools(sources, _splits.needed(_weights(sources), count, replicates), own_seed, files, listed)
        split = _splits.with_training_set(split, name, pools, count, replicates, own_seed)
    return _splits.checked(split, settings.ngram)


def _weights(sources: Sequence[Weighted]) -> list[float]:
    return [weighted.weight for weighted in sources]


def _pools(
    sources: Sequence[Weighted], wanted: Sequence[int], seed: int, files: Path, listed: str
) -> list[_splits.Pool]:
    """What each source gives, asked for a quarter more than what is wanted of it: some will be dropped."""
    return [
        _splits.Pool(
            f"{listed}[{place}] ({name_of(weighted.plug)})",
            weighted.weight,
            weighted.source.problems(share + share // 4 + 8, seed, files),
        )
        for place, (weighted, share) in enumerate(zip(sources, wanted, strict=True))
    ]
