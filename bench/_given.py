"""What benchmarks are given: the learner, the problems and the traces of a study, or of one made on the spot."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from qup import records, study
from qup.errors import SettingsError
from qup.learner import Learner
from qup.records import Finish, Problem, Trace, Verdict
from qup.study import Study

SMALLEST = "smoke"
"The study whose settings the smallest size has: its models are random and made in no time."


@dataclass(frozen=True)
class Given:
    """A study as it lies in the folders below `root`; what a benchmark does not ask for need not be there."""

    name: str
    root: Path
    count: int
    "Traces to work on."
    tokens: int
    "Longest answer to generate."
    repeats: int

    @cached_property
    def file(self) -> Path:
        """The study's file."""
        return Path("studies", f"{self.name}.yaml")

    @cached_property
    def study(self) -> Study:
        """The study's settings."""
        return study.read(self.file)

    @cached_property
    def learner(self) -> Learner:
        """The study's untrained learner."""
        learner = self.study.learner(self.root / "models" / self.name / "base")
        self._require(learner.folder)
        return learner

    @cached_property
    def problems(self) -> list[Problem]:
        """The training problems."""
        return records.read(self._require(self._data / "problems" / "train.jsonl"), Problem)

    @cached_property
    def traces(self) -> list[Trace]:
        """The first `count` of the learner's own traces."""
        return records.read(self._require(self._data / "traces.jsonl"), Trace)[: self.count]

    @cached_property
    def questions(self) -> list[str]:
        """The question of each trace."""
        return [problem.question for problem, _ in self.pairs]

    @property
    def pairs(self) -> list[tuple[Problem, str]]:
        """Each trace with its problem, as something to train on."""
        problems = {problem.id: problem for problem in self.problems}
        return [(problems[trace.problem_id], trace.text) for trace in self.traces]

    @property
    def _data(self) -> Path:
        return self.root / "data" / self.name

    def _require(self, path: Path) -> Path:
        if not path.exists():
            raise SettingsError(f"{path} is not there: run `dvc exp run -S study={self.name}`")
        return path


def smallest(root: Path) -> Given:
    """A random model, eight sums as problems and the right answer to each as its trace, below `root`."""
    given = Given(SMALLEST, root, count=8, tokens=8, repeats=1)
    base = root / "models" / SMALLEST / "base"
    given.study.models["learner"].source.obtain(base / "learner", root / "cache")
    problems = [Problem(f"sum-{n}", f"What is {n} + {n}?", str(2 * n), "bench") for n in range(given.count)]
    traces = [
        Trace(p.id, 0, f"The answer is \\boxed{{{p.answer}}}.", 30, Finish.STOP, p.answer, Verdict.CORRECT)
        for p in problems
    ]
    records.write(root / "data" / SMALLEST / "problems" / "train.jsonl", problems)
    records.write(root / "data" / SMALLEST / "traces.jsonl", traces)
    return given
