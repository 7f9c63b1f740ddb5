"""Problem sources, one per file (class `Source`, settings with one method), and the sets of a study made of them.

Training and evaluation sets have nothing in common; a further set has a seed of its own, or one of like sources would
draw the same problems. A set of a given size has nothing in common with any other; one that is all of its sources, as
a benchmark, is whole: training sets leave it what they share with it.
"""

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import field
from functools import partial
from pathlib import Path
from typing import Annotated, Any, ClassVar, Protocol

from pydantic import Field, PositiveInt
from pydantic.dataclasses import dataclass

from qup import seeds
from qup.errors import SettingsError
from qup.problems import _pools, _published, _splits
from qup.problems._content import HEAVIEST, Supply, normalized, quotas
from qup.problems._hub import load as from_hub
from qup.problems._pools import Pool, gold_passes
from qup.problems._splits import KeptBack, Split, TakenError, contaminated
from qup.problems._tables import rows
from qup.records import HELDOUT, TRAIN, Problem
from qup.settings import STRICT, Plug, name_of

__all__ = [
    "ProblemSettings",
    "SetSettings",
    "Source",
    "Split",
    "TrainingSet",
    "Weighted",
    "contaminated",
    "from_hub",
    "gold_passes",
    "prepare",
    "rows",
]


class Source(Protocol):
    """What the prepare stage needs of a source."""

    endless: ClassVar[bool]
    "Whether it makes problems rather than having some, so that nobody can ask for all of them."

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
Wholes = Mapping[str, tuple[list[Problem], list[dict[str, Any]]]]
"Sets that are all of their sources to their problems and the sources' counts."
Sources = tuple[Annotated[Weighted, Plug("problems", holder=Weighted)], ...]
"Each `{source: <plug>, weight: w, ...plug settings}`."


@dataclass(frozen=True, config=STRICT)
class SetSettings:
    """A further evaluation set, beside the held-out one."""

    sources: Sources
    "As those of the problems."
    count: Count | None = None
    "Drawn from the sources, without what other sets have; if not said, all that they have, whole as a benchmark is."

    def __post_init__(self) -> None:
        _check_any(self.sources)
        if self.count is None:
            self._check_ends()

    def _check_ends(self) -> None:
        """Refuse sources of which there is no all, and shares of all."""
        for place, weighted in enumerate(self.sources):
            if weighted.source.endless:
                raise SettingsError(f"needs 'count': {name_of(weighted.plug)} makes problems without an end")
            if weighted.weight != 1:
                raise SettingsError(
                    f"a share of {weighted.weight:g} needs 'count'; without one the set is all of its sources",
                    *("sources", f"[{place}]", "weight"),
                )


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
        return self.train * self.replicates + self.heldout + further + sum(s.count or 0 for s in self.sets.values())


def _check_any(sources: Sequence[Weighted]) -> None:
    if not sources:
        raise SettingsError("expected one source or more, got none", "sources")


def benchmarks() -> dict[str, _published.Benchmark]:
    """The published evaluation sets that the source `benchmark` reads, by name."""
    return {name: _published.benchmark(name) for name in _published.names()}


def prepare(settings: ProblemSettings, seed: int, files: Path) -> Split:
    """All sets of a study: the main ones first, but for what a further set needs of a source that is scarce."""
    _require_files(settings, files)
    asked = _Asked(files)
    wholes = {
        name: _pools.everything(asked.pools(further.sources, None, own_seed, listed), own_seed)
        for name, further, own_seed, listed in _further_sets(settings, seed)
        if further.count is None
    }
    kept: dict[str, Mapping[str, Problem]] = {
        name: {normalized(problem.question): problem for problem in problems} for name, (problems, _) in wholes.items()
    }
    asked = _Asked(files, asked.readings, dict(kept))
    while True:
        try:
            return _prepared(settings, seed, asked, wholes, kept)
        except TakenError as taken:
            # Each set comes up once at most: what is kept back for it is enough.
            kept[taken.name] = taken.problems


def _require_files(settings: ProblemSettings, files: Path) -> None:
    """All files of published sets that are missing at once; of a single one its source says more."""
    sources: list[Any] = [each.source for own in settings.sets.values() for each in own.sources]
    told = dict.fromkeys(source.missing(files) for source in sources if hasattr(source, "missing"))
    if len(missing := [each for each in told if each]) > 1:
        raise SettingsError(f"{files} lacks {len(missing)} files: {'; '.join(missing)}")


def _prepared(settings: ProblemSettings, seed: int, asked: "_Asked", wholes: Wholes, kept: KeptBack) -> Split:
    wanted = _splits.needed(_weights(settings.sources), settings.train, settings.replicates, settings.heldout)
    pools = asked.pools(settings.sources, wanted, seed, "problems.sources")
    split = _splits.split(pools, settings.train, settings.replicates, settings.heldout, seed, kept)
    for name, further, own_seed, listed in _further_sets(settings, seed):
        if further.count is None:
            split = _splits.with_whole_set(split, name, *wholes[name])
        else:
            pools = asked.pools(further.sources, quotas(_weights(further.sources), further.count), own_seed, listed)
            split = _splits.with_set(split, name, pools, further.count, own_seed, kept)
    for name, training in settings.training_sets.items():
        own_seed = seeds.derive(seed, "training set", name)
        count, replicates = training.count or settings.train, training.replicates or settings.replicates
        sources, listed = training.sources or settings.sources, f"problems.training_sets.{name}.sources"
        pools = asked.pools(sources, _splits.needed(_weights(sources), count, replicates), own_seed, listed)
        split = _splits.with_training_set(split, name, pools, count, replicates, own_seed, kept)
    return dataclasses.replace(_splits.checked(split, settings.ngram), readings=tuple(dict.fromkeys(asked.readings)))


def _further_sets(settings: ProblemSettings, seed: int) -> Iterator[tuple[str, SetSettings, int, str]]:
    """Each further evaluation set with its name, its own seed and where its sources stand in a study."""
    for name, further in settings.sets.items():
        yield name, further, seeds.derive(seed, "set", name), f"problems.sets.{name}.sources"


def _weights(sources: Sequence[Weighted]) -> list[float]:
    return [weighted.weight for weighted in sources]


@dataclasses.dataclass(frozen=True)
class _Asked:
    """Sources asked for problems, how they read their files, and what they may only give to sets that are whole."""

    files: Path
    readings: list[str] = dataclasses.field(default_factory=list)
    wholes: Mapping[str, Mapping[str, Problem]] = dataclasses.field(default_factory=dict)

    def pools(self, sources: Sequence[Weighted], wanted: Sequence[int] | None, seed: int, listed: str) -> list[Pool]:
        """What each source gives, asked for a quarter more than what is wanted of it: some will be dropped.

        If nothing is said of what is wanted, that is all.
        """
        pools = []
        for place, weighted in enumerate(sources):
            more = partial(weighted.source.problems, seed=seed, files=self.files)
            asked = wanted[place] + wanted[place] // 4 + 8 if wanted else MOST
            given = more(asked)
            if isinstance(given, Supply) and given.reading:
                self.readings.append(given.reading)
            name = f"{listed}[{place}] ({name_of(weighted.plug)})"
            first = getattr(weighted.source, "first", None)
            pools.append(Pool(name, weighted.weight, given, more, asked, self.wholes, first))
        return pools
