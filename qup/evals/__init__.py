"""Evaluation on held-out problems through lm-eval: what is asked, and the answers of one or many learners, graded.

One task file serves every set of problems; a set of the study is a task by its name.
"""

import dataclasses
import functools
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

from pydantic import NonNegativeFloat, PositiveInt
from pydantic.dataclasses import dataclass

from qup import seeds
from qup.backends import Completion, Sampling
from qup.errors import SettingsError
from qup.graders import graded
from qup.learner import Learner
from qup.lm import workers
from qup.prompts.learner import ask
from qup.records import BASE, GREEDY, HELDOUT, SAMPLED, Eval, Finish, Problem, TrainRun
from qup.settings import STRICT


@dataclass(frozen=True, config=STRICT)
class EvaluationSettings:
    """What the learners are asked."""

    tasks: tuple[str, ...] = (HELDOUT,)
    "`heldout` and the names of further sets."
    k: PositiveInt = 4
    "Drawn answers a problem: Avg@k."
    temperature: NonNegativeFloat = 1.0
    max_tokens: PositiveInt = 256
    "Longest answer, tokens."
    greedy: bool = True
    "Whether a greedy answer stands beside the k drawn ones."
    prompt: str | None = None
    "File under qup/prompts/learner, where answers are asked for otherwise than traces are; null: the study's `prompt`."

    def __post_init__(self) -> None:
        try:
            if self.prompt is not None:
                ask(self.prompt, "")
        except SettingsError as error:
            raise error.below("prompt") from error
        if not self.tasks or len(set(self.tasks)) != len(self.tasks):
            raise SettingsError(f"expected one or more, each once, got {list(self.tasks)}", "tasks")

    @property
    def main(self) -> str:
        """The task that utility is of: `heldout` where it is named, else the first."""
        return HELDOUT if HELDOUT in self.tasks else self.tasks[0]


@dataclasses.dataclass(frozen=True)
class Examinee:
    """A learner to evaluate: the untrained one, or what one training run made of it."""

    objective: str = BASE
    replicate: int = 0
    "0 of the untrained learner."
    weights: Path | None = None


def examinees(runs: Sequence[TrainRun], trained: Path) -> list[Examinee]:
    """All learners that the runs account for; `trained` is their folder."""
    return [Examinee(run.objective, run.replicate, trained / run.path) for run in runs]


def evaluate(  # noqa: PLR0917 - whom, what, how
    learner: Learner,
    examined: Sequence[Examinee],
    problems: Mapping[str, Sequence[Problem]],
    settings: EvaluationSettings,
    seed: int,
    threads: int | None,
) -> list[Eval]:
    """Graded answers of each learner to every task: k drawn at the set temperature and, if set, one greedy.

    `problems` holds each task's own. Learners of one replicate have the same draw, which pairs them; those of another
    have another, so that what decoding draws is in the variance of replicates.
    """
    if settings.prompt not in (None, learner.prompt):
        learner = dataclasses.replace(learner, prompt=settings.prompt)
    share = functools.partial(_answers, learner, problems, settings, seed)
    return [answer for answers in workers.spread(share, examined, threads) for answer in answers]


def _answers(
    learner: Learner,
    problems: Mapping[str, Sequence[Problem]],
    settings: EvaluationSettings,
    seed: int,
    examined: Sequence[Examinee],
) -> list[list[Eval]]:
    """The answers of each learner; the backend is opened once."""
    answers = []
    for examinee in examined:
        answers.append(_examine(learner, problems, settings, seed, examinee))
        counts = Counter(f"{answer.decoding} {answer.verdict}" for answer in answers[-1])
        print(
            f"{examinee.objective} replicate {examinee.replicate}:",
            ", ".join(f"{key} {n}" for key, n in sorted(counts.items())),
        )
    return answers


def _examine(
    learner: Learner,
    problems: Mapping[str, Sequence[Problem]],
    settings: EvaluationSettings,
    seed: int,
    examinee: Examinee,
) -> list[Eval]:
    from qup.evals import harness

    answers = []
    decodings = [(SAMPLED, settings.k, settings.temperature)] + [(GREEDY, 1, 0.0)] * settings.greedy
    for task in settings.tasks:
        for decoding, k, temperature in decodings:
            sampling = Sampling(temperature, settings.max_tokens, seeds.derive(seed, examinee.replicate))
            done = harness.answers(learner, examinee.weights, problems[task], sampling, k)
            for record in _records(problems[task], done, task, decoding):
                answers.append(dataclasses.replace(record, objective=examinee.objective, replicate=examinee.replicate))
    return answers


def _records(
    problems: Sequence[Problem], answers: Sequence[tuple[int, int, Completion]], task: str, decoding: str
) -> list[Eval]:
    """Graded records of one run, ordered by problem, then repeat; they name no learner yet."""
    ordered = sorted(answers, key=lambda row: row[:2])
    verdicts = graded(
        [problems[doc] for doc, _, _ in ordered],
        [completion.text for _, _, completion in ordered],
        [completion.finish is Finish.LENGTH for _, _, completion in ordered],
    )
    return [
        Eval(problems[doc].id, "", 0, task, decoding, repeat, c.text, c.tokens, grade.verdict, grade.answer)
        for (doc, repeat, c), grade in zip(ordered, verdicts, strict=True)
    ]
