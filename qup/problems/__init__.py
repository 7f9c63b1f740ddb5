"""Problem sources, one per file (class `Source`, settings with one method), and the sets of a study made of them.

Training and evaluation sets have nothing in common; a further set has a seed of its own, or one of like sources would
draw the same problems.
"""

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import field
from functools import partial
from pathlib import Path
from typing import Annotated, Any, Protocol

from pydantic import Field, PositiveInt
from pydantic.dataclasses import dataclass

from qup import seeds
from qup.errors import SettingsError
from qup.problems import _splits
from qup.problems._content import HEAVIEST, Supply, quotas
from qup.problems._pools import Pool
from qup.problems._splits import KeptBack, Split, TakenError
from qup.records import HELDOUT, TRAIN, Problem
from qup.settings import STRICT, Plug, name_of


class Source(Protocol):
    """What the prepare stage needs of a source."""

    def problems(self, count: int, seed: int, files: Path) -> list[Problem]:
        """Up to `count` distinct problems, the same for the same seed; fewer only if the source has no more.

        `files` is the folder of users' own files. A source that leaves rows out, or has to say how it read them, gives
        a `_content.Supply`.

        Raises:
            SettingsError: the source cannot give problems as set (missing file, bad line, unknown task).
        """
        ...


@dataclass(frozen=True, config=STRICT)
class Weighted:
    """A source and its share of the problems."""

    weight: Annotated[float, Field(gt=0, le=HEAVIEST)] = 1.0
    "Beside those of the other sources."
    plug: Any = None

    @property
    def source(self) -> Source:
        """The source itself."""
        source: Source = self.plug
        return source


MOST = 1_000_000
"Problems that the sets of a study are made of, all together; a source without an end would draw more for days."
Count = Annotated[int, Field(gt=0, le=MOST)]
Sources = tuple[Annotated[Weighted, Plug("problems", holder=Weighted)], ...]
"Each `{source: <plug>, weight: w, ...plug settings}`."


@dataclass(frozen=True, config=STRICT)
class SetSettings:
    """A further evaluation set, beside the held-out one."""

    sources: Sources
    "As those of the problems."
    count: Count

    def __post_init__(self) -> None:
        _check_any(self.sources)


@dataclass(frozen=True, config=STRICT)
class TrainingSet:
    """Training problems beside the main ones, for arms that name the set; no other set has any of them."""

    sources: Sources = ()
    "As those of the problems; those themselves if none are named."
    count: Count | None = None
    "Training problems of a replicate; as many as in the main set if not said."
    replicates: Count | None = None
    "As many as the main set has if not said."


@dataclass(frozen=True, config=STRICT)
class ProblemSettings:
    """Where problems come from and how many."""

    sources: Sources
    "Each `{source: <plug>, weight: w, ...plug settings}`."
    train: Count
    "Training problems of a replicate."
    heldout: Count
    "Held-out problems, on which utility is measured."
    replicates: Count = 1
    "Training sets of that many problems, each its own; the learners trained on them differ by all that chance can do."
    training_sets: dict[str, TrainingSet] = field(default_factory=dict)
    "Further training sets by name; `train` is there without being named."
    ngram: PositiveInt = 13
    "Length, in words, of the contamination check's n-grams."
    sets: dict[str, SetSettings] = field(default_factory=dict)
    "Further evaluation sets by name; `heldout` is there without being named."

    def __post_init__(self) -> None:
        _check_any(self.sources)
        if HELDOUT in self.sets:
            raise SettingsError("'heldout' is made of problems.sources; name the set otherwise", "sets")
        if TRAIN in self.training_sets:
            raise SettingsError("'train' is made of problems.sources; name the set otherwise", "training_sets")
        if self._total() > MOST:
            raise SettingsError(f"expected at most {MOST} problems in all sets and replicates, got {self._total()}")

    def _total(self) -> int:
        further = sum((t.count or self.train) * (t.replicates or self.replicates) for t in self.training_sets.values())
        return self.train * self.replicates + self.heldout + further + sum(s.count for s in self.sets.values())


def _check_any(sources: Sequence[Weighted]) -> None:
    if not sources:
        raise SettingsError("expected one source or more, got none", "sources")


def prepare(settings: ProblemSettings, seed: int, files: Path) -> Split:
    """All sets of a study: the main ones first, but for what a further set needs of a source that is scarce."""
    kept: dict[str, Mapping[str, Problem]] = {}
    while True:
        try:
            return _prepared(settings, seed, files, kept)
        except TakenError as taken:
            # Each set comes up once at most: what is kept back for it is enough.
            kept[taken.name] = taken.problems


def _prepared(settings: ProblemSettings, seed: int, files: Path, kept: KeptBack) -> Split:
    wanted = _splits.needed(_weights(settings.sources), settings.train, settings.replicates, settings.heldout)
    readings: list[str] = []
    ask = partial(_asked, files=files, readings=readings)
    pools = ask(settings.sources, wanted, seed, "problems.sources")
    split = _splits.split(pools, settings.train, settings.replicates, settings.heldout, seed, kept)
    for name, further in settings.sets.items():
        own_seed = seeds.derive(seed, "set", name)
        shares = quotas(_weights(further.sources), further.count)
        pools = ask(further.sources, shares, own_seed, f"problems.sets.{name}.sources")
        split = _splits.with_set(split, name, pools, further.count, own_seed, kept)
    for name, training in settings.training_sets.items():
        own_seed = seeds.derive(seed, "training set", name)
        count, replicates = training.count or settings.train, training.replicates or settings.replicates
        sources, listed = training.sources or settings.sources, f"problems.training_sets.{name}.sources"
        pools = ask(sources, _splits.needed(_weights(sources), count, replicates), own_seed, listed)
        split = _splits.with_training_set(split, name, pools, count, replicates, own_seed, kept)
    return dataclasses.replace(_splits.checked(split, settings.ngram), readings=tuple(dict.fromkeys(readings)))


def _weights(sources: Sequence[Weighted]) -> list[float]:
    return [weighted.weight for weighted in sources]


def _asked(
    sources: Sequence[Weighted], wanted: Sequence[int], seed: int, listed: str, *, files: Path, readings: list[str]
) -> list[Pool]:
    """What each source gives, asked for a quarter more than what is wanted of it: some will be dropped."""
    pools = []
    for place, (weighted, share) in enumerate(zip(sources, wanted, strict=True)):
        more = partial(weighted.source.problems, seed=seed, files=files)
        asked = share + share // 4 + 8
        given = more(asked)
        if isinstance(given, Supply) and given.reading:
            readings.append(given.reading)
        name = f"{listed}[{place}] ({name_of(weighted.plug)})"
        pools.append(Pool(name, weighted.weight, given, more, asked))
    return pools
