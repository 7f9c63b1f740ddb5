"""An outcome reward model of the learner's own: trained on its graded samples, right against wrong ones of a problem.

It costs no label: the grader has judged all samples already (outcome supervision, as the verifiers of 2110.14168, but
trained on pairs). It is cross-fitted: problems are dealt into folds, a trace is scored by the model that saw no sample
of its problem, and so is every sample that its validity is tried on: a model that knew its own training pairs by heart
would pass for one that sees logic. Each fold's scores are in standard deviations of its training samples' scores, or
folds would differ by a constant that no pair determines.

What was fitted is kept in `.qup/outcome` below the repository's root, found by all that it follows from, so that the
stages of a study's arms share it; it may be deleted at any time.

Example: `{reward: outcome, model: learner}`.
"""

import contextlib
import dataclasses
import functools
import hashlib
import json
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, ClassVar

from pydantic import Field, PositiveInt
from pydantic.dataclasses import dataclass

from qup import repository, seeds
from qup.lm import devices, pairwise
from qup.lm.checkpoint import open_chat
from qup.lm.pairwise import Fit, Pair
from qup.records import Problem, Score, Trace, Verdict
from qup.rewards import Known, sequence_classifier
from qup.settings import STRICT, PositiveShare, Share

if TYPE_CHECKING:
    from filelock import FileLock

FOLDER = Path(".qup/outcome")
"Below the repository's root."
LIBRARIES = ("accelerate", "datasets", "tokenizers", "torch", "transformers", "trl")
"All that training goes through."
PART = ".part"
"Ending of the folder in which a model is being made."
UNFITTED = "no right and wrong sample of one problem to be trained on"


@dataclass(frozen=True, config=STRICT)
class Reward:
    """How much a model trained on other problems' samples prefers a trace, in SDs; it is trained when it is due."""

    perceives: ClassVar[bool] = True
    model: str
    "The language model that it starts from: one of the study's models, the learner itself for instance."
    folds: Annotated[int, Field(ge=2)] = 2
    "Parts of the problems; each part is scored by a model that is trained on the others."
    pairs: PositiveInt = 4
    "Most pairs of a problem: each right sample with a wrong one in turn."
    train_batch: PositiveInt = 16
    "Pairs a step."
    learning_rate: PositiveShare = 1e-4
    warmup: Share = 0.1
    "Share of steps."
    epochs: PositiveInt = 3
    "How often each pair is seen."
    max_length: Annotated[int, Field(ge=16)] = 2048
    "Longest chat, tokens: a longer sample is not trained on, a longer trace is a failure, never cut."
    seed: int = 1

    def knowing(self, known: Known) -> "Fitted":
        """The reward that scores by models trained on these samples."""
        return Fitted(self, known)

    def score(self, problems: Sequence[Problem], texts: Sequence[str], models: Path) -> list[Score]:
        """One `Score` per trace, in order; without samples to be trained on each is a failure."""
        return self.knowing(Known()).score(problems, texts, models)

    def fold(self, problem: str) -> int:
        """The part that a problem is of, by its id alone."""
        return seeds.derive(self.seed, "fold", problem) % self.folds


@dataclasses.dataclass(frozen=True, eq=False)
class Fitted:
    """The reward of some samples."""

    settings: Reward
    known: Known
    perceives: ClassVar[bool] = True

    def score(self, problems: Sequence[Problem], texts: Sequence[str], models: Path) -> list[Score]:
        """One `Score` per trace, in order, each by the model that saw no sample of its problem."""
        scores: dict[int, Score] = {}
        for fold in range(self.settings.folds):
            rows = [i for i, problem in enumerate(problems) if self.settings.fold(problem.id) == fold]
            if rows:
                own = [problems[i] for i in rows], [texts[i] for i in rows]
                scores |= zip(rows, self._scored(fold, *own, models), strict=True)
        return [scores[i] for i in range(len(problems))]

    def _scored(self, fold: int, problems: Sequence[Problem], texts: Sequence[str], models: Path) -> list[Score]:
        start = models / self.settings.model
        pairs = _fitting(training_pairs(self.settings, self.known, fold), start, self.settings.max_length)
        if not pairs:
            return [Score(problem.id, "outcome", None, UNFITTED) for problem in problems]
        folder = _kept(self.settings, pairs, start)
        scale = json.loads((folder / "scale.json").read_text(encoding="utf-8"))
        raw = _classifier(self.settings, folder).score(problems, texts, folder.parent)
        values = [None if each.value is None else (each.value - scale["mean"]) / scale["sd"] for each in raw]
        return [Score(s.problem_id, "outcome", value, s.failure) for s, value in zip(raw, values, strict=True)]


def training_pairs(settings: Reward, known: Known, fold: int) -> list[Pair]:
    """(question, right sample, wrong sample) of the problems of all other folds, in the order of the samples.

    Samples that were cut or have no answer are neither. A text that stands in both places would teach nothing.
    """
    questions = {problem.id: problem.question for problem in known.problems if settings.fold(problem.id) != fold}
    sides: dict[str, dict[Verdict, list[Trace]]] = {}
    for trace in known.samples:
        if trace.problem_id in questions and trace.ended:
            sides.setdefault(trace.problem_id, {}).setdefault(trace.verdict, []).append(trace)
    pairs: list[Pair] = []
    for problem, by_verdict in sides.items():
        right, wrong = by_verdict.get(Verdict.CORRECT, []), by_verdict.get(Verdict.WRONG, [])
        if right and wrong:
            count = min(settings.pairs, max(len(right), len(wrong)))
            turns = ((right[i % len(right)].text, wrong[i % len(wrong)].text) for i in range(count))
            pairs += [(questions[problem], better, worse) for better, worse in turns if better != worse]
    return pairs


def _fitting(pairs: Sequence[Pair], start: Path, longest: int) -> list[Pair]:
    """The pairs whose chats are no longer than that, or the model's positions; the others are counted in a line."""
    form = open_chat(start)
    words, room = form.tokenizer, form.room(longest)
    kept = [pair for pair in pairs if max(len(pairwise.encoded(words, pair[0], side)) for side in pair[1:]) <= room]
    print(f"outcome: {len(kept)} pairs to be trained on, {len(pairs) - len(kept)} too long")
    return kept


def _classifier(settings: Reward, folder: Path) -> sequence_classifier.Reward:
    return sequence_classifier.Reward(model=folder.name, max_length=settings.max_length)


def _kept(settings: Reward, pairs: Sequence[Pair], start: Path) -> Path:
    """The folder of the model that is trained on some pairs, trained now if there is none."""
    import torch

    run = [torch.get_num_threads(), devices.computing(), _versions(), _code()]
    parts = [dataclasses.asdict(settings), list(pairs), _files(start), run]
    name = hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()
    place = repository.root() / FOLDER / name
    if not place.is_dir():
        place.parent.mkdir(parents=True, exist_ok=True)
        _sweep(place.parent)
        part = place.with_suffix(PART)
        # Another process that makes the very same is waited for.
        with _lock(part):
            if not place.is_dir():
                try:
                    _train(settings, pairs, start, part)
                    part.replace(place)
                finally:
                    shutil.rmtree(part, ignore_errors=True)
    return place


def _lock(part: Path) -> "FileLock":
    """Who holds it makes that part; the system takes it from a process that ends, however it ends."""
    from filelock import FileLock

    return FileLock(part.with_suffix(".lock"))


def _sweep(folder: Path) -> None:
    """Remove the parts that killed runs left, whole models: those whose lock nobody holds."""
    from filelock import Timeout

    for part in folder.glob(f"*{PART}"):
        with contextlib.suppress(Timeout), _lock(part).acquire(timeout=0):
            shutil.rmtree(part, ignore_errors=True)


def _train(settings: Reward, pairs: Sequence[Pair], start: Path, folder: Path) -> None:
    """Train, and see how the scores of the training samples are spread."""
    import torch

    head, order = (seeds.derive(settings.seed, name) % 2**32 for name in ("head", "trainer"))
    fit = Fit(settings.train_batch, settings.learning_rate, settings.warmup, head, order, settings.epochs)
    trained = pairwise.train(start, pairs, fit, cpu=not torch.cuda.is_available())
    folder.mkdir()
    trained.model.save_pretrained(folder)
    trained.tokenizer.save_pretrained(folder)
    seen = dict.fromkeys((question, side) for question, *sides in pairs for side in sides)
    problems = [Problem("", question, "", "") for question, _ in seen]
    raw = _classifier(settings, folder).score(problems, [text for _, text in seen], folder.parent)
    values = torch.tensor([score.value for score in raw], dtype=torch.float64)
    spread = float(values.std(correction=0))
    scale = {"mean": float(values.mean()), "sd": spread if spread > 0 else 1.0}
    (folder / "scale.json").write_text(json.dumps(scale), encoding="utf-8")


def _files(folder: Path) -> list[list[str]]:
    """The files of a model by their hashes; notes about it are none of them."""
    paths = sorted(p for p in folder.iterdir() if p.suffix in (".safetensors", ".json", ".jinja", ".model", ".txt"))
    return [[path.name, _hash(path, path.stat().st_mtime_ns)] for path in paths]


@functools.cache
def _hash(path: Path, changed: int) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@functools.cache
def _code() -> str:
    """A hash of our code that trains and scores."""
    own = [Path(__file__), Path(sequence_classifier.__file__), Path(seeds.__file__)]
    paths = [*own, *sorted(Path(pairwise.__file__).parent.glob("*.py"))]
    return hashlib.sha256(b"".join(path.read_bytes() for path in paths)).hexdigest()


def _versions() -> list[str]:
    from importlib import metadata

    return [metadata.version(name) for name in LIBRARIES]
