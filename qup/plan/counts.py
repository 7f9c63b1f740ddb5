"""The stages of a study in the pipeline's order, each with what it asks of models: the rules of the stages, counted.

Where the learner's samples are yet to be drawn, streams have as many traces as problems are solved, which is a span;
what is asked of each problem is exact, and so is every generation of sampling, and of evaluation on tasks whose number
of problems is known: all of them once the study is prepared.
"""

import math
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from qup import restyles
from qup.arms import Arm
from qup.compat import Pass, shares
from qup.plan.exams import CHOICES, Exam, exams, main_exam
from qup.plan.lengths import Lengths
from qup.plan.masks import kept
from qup.plan.obtaining import making
from qup.plan.oracle_calls import asked_of, calls, retried
from qup.plan.spans import NONE, Span, exactly, total
from qup.plan.spending import spent
from qup.plan.work import RECOMPUTED, Kind, Load, Stage, Work, batches
from qup.records import LEARNER, TRAIN
from qup.records.due import VALIDATED
from qup.settings import name_of
from qup.study import Study
from qup.training.probes import TOKENS
from qup.training.settings import TrainingSettings

PADDED = {True: 1.05, False: 1.25}
"Tokens computed to those that count, in a step of traces that are about as long, and of any [assumed]."
EXAMPLE = Span(0.5, 1, 2)
"Tokens of an example that a task of lm-eval shows, to those of a question of the study with its answer [assumed]."


@dataclass(frozen=True)
class Counting:
    """A study with what is known of its lengths."""

    study: Study
    lengths: Lengths
    folder: Path
    "Of the evaluation sets, as the prepare stage leaves them."
    engine: str
    "`hf`, which computes all of a batch to the end of its longest answer, or `vllm`, which fills a place at once."
    left: Mapping[str, Collection[str]] = field(default_factory=dict)
    "Further arm to the stages of a main arm whose work is still to be done for it; of one that is not here, all."

    def stages(self, arms: Sequence[Arm]) -> list[Stage]:
        """All stages for these main arms, the native one among them; `track`, which counts nothing, is left out."""
        each = [stage for step in ARM_STEPS for arm in arms for stage in step(self, arm)]
        native = Stage(f"native@{_cell(arms[0])}", (Load.NOTHING,))
        learner = [work for exam in exams(self.study, self.folder) for work in self._exam(exam, 1)]
        before = [Stage("prepare", (Load.NOTHING,)), making(self.study, self.lengths), self._sample(), native]
        judged = self._judged()
        return [
            *before,
            *each,
            Stage("reward-samples", (_load(judged),), tuple(judged)),
            Stage("baseline", (Load.HARNESS,), tuple(learner)),
            Stage("measure-base", (Load.NOTHING,)),
            self._further(),
            # Its plots take about as long as what runs models takes to load.
            Stage("report", (Load.MODELS,)),
        ]

    def _judged(self) -> list[Work]:
        """Rewards on samples of the learner, and on restyles of some: about one each changes a sample [assumed]."""
        n, sources = self.study.sampling.n, {name_of(each.plug) for each in self.study.problems.sources}
        samples = min(VALIDATED, self._problems(TRAIN) * n)
        problems = min(restyles.BOUND, math.ceil(samples / n))
        tried, restyled = exactly(samples), Span(0, problems, problems * restyles.most(sources))
        return [work for traces in (tried, restyled) for work in self._rewards(traces, streams=False)]

    def _sample(self) -> Stage:
        asked, settings = self.study.sampling, self.study.problems
        sets = {name: self._replicates(name) for name in (TRAIN, *settings.training_sets)}
        shares = [exactly(self._count(name) * asked.n) for name, replicates in sets.items() for _ in range(replicates)]
        work = self._generated(LEARNER, shares, asked.max_tokens)
        return Stage("sample", (Load.MODELS,), (work,), jobs=len(shares))

    def refine(self, arm: Arm) -> Iterator[Stage]:
        """The arm's Oracle at work; the native arm asks none and has a stage of its own."""
        if not arm.is_native:
            yield Stage(f"refine@{_cell(arm)}", (_load(works := self._refined(arm)),), tuple(works))

    def reward(self, arm: Arm) -> Iterator[Stage]:
        """Every reward model on every trace of the arm."""
        works = tuple(self._rewards(self._drafts(arm)))
        yield Stage(_name("reward", arm), (_load(works),), works)

    def compat(self, arm: Arm) -> Iterator[Stage]:
        """The untrained learner's passes over the arm's traces."""
        yield Stage(_name("compat", arm), (Load.MODELS,), (self._passes(arm),))

    def train(self, arm: Arm) -> Iterator[Stage]:
        """A run per objective and replicate."""
        runs = self._replicates(arm.training_set) * len(arm.training.objectives)
        yield Stage(_name("train", arm), (Load.TRAINER,), tuple(self._training(arm)), jobs=runs)

    def evaluate(self, arm: Arm) -> Iterator[Stage]:
        """Every learner that the arm trained on every task."""
        learners = self._replicates(arm.training_set) * len(arm.training.objectives)
        works = [work for exam in exams(self.study, self.folder) for work in self._exam(exam, learners)]
        yield Stage(_name("evaluate", arm), (Load.HARNESS,), tuple(works), jobs=learners)

    def measure(self, arm: Arm) -> Iterator[Stage]:
        """The arm's records as columns."""
        yield Stage(_name("measure", arm), (Load.NOTHING,))

    def _further(self) -> Stage:
        arms = [arm for arm in self.study.further.values() if self.left.get(arm.name, True)]
        works = [work for arm in arms for work in self._whole(arm)]
        if len(arms) > 1:
            return Stage("further", (Load.HARNESS,), tuple(works), jobs=len(arms))
        # A single arm is made in the stage's own process.
        learners = sum(self._replicates(arm.training_set) * len(arm.training.objectives) for arm in arms)
        loads = (Load.MODELS, Load.TRAINER, Load.HARNESS) if arms else (Load.NOTHING,)
        return Stage("further", loads, tuple(works), jobs=learners or 1)

    def _whole(self, arm: Arm) -> list[Work]:
        """What is to be done of an arm beside the main ones, which answers the main task alone."""
        learners = self._replicates(arm.training_set) * len(arm.training.objectives)
        works = {"refine": self._refined(arm), "reward": self._rewards(self._drafts(arm))}
        works |= {"compat": [self._passes(arm)], "train": self._training(arm)}
        works |= {"evaluate": self._exam(main_exam(self.study, self.folder), learners)}
        return [each for stage, own in works.items() if stage in self.left.get(arm.name, works) for each in own]

    def _refined(self, arm: Arm) -> list[Work]:
        """What an arm's refiner asks of its Oracle, of the learner and, for want of its name, of every reward."""
        if arm.shares:
            return []
        most, drafts = self.study.sampling.max_tokens, self._drafts(arm)
        asked, answer = asked_of(self.study.refiner_of(arm), self.study.sampling.n), self.lengths.answer(most)
        works = calls(self.study, arm.oracle, asked, drafts, self.lengths)
        if asked.written.high:
            written = drafts * asked.written * retried(self.study)
            works.append(self._generated(LEARNER, [written], most, shown=answer))
        if asked.scored.high:
            works.append(self._scored(LEARNER, drafts * asked.scored, answer, self.study.backend.score_batch))
        return works + (self._rewards(drafts * asked.judged) if asked.judged.high else [])

    def _generated(self, model: str, shares: Sequence[Span], most: int, begun: int = 1, *, shown: Span = NONE) -> Work:
        """Answers to shares of questions, each share of which fills batches of its own; `shown` stands before each."""
        items, batch = total(shares), self.study.backend.batch
        question = shown + self.lengths.question
        most = max(1, min(most, self.study.backend.max_length - round(question.mid)))
        answer, longest = self.lengths.answer(most), self.lengths.longest(most, batch)
        steps = [batches(share, batch) * (longest if self.engine == "hf" else answer) for share in shares]
        return Work(
            kind=Kind.GENERATE,
            model=model,
            items=items,
            prompt=items * question,
            completion=items * answer,
            passes=total(steps),
            batch=batch,
            begun=exactly(begun),
            padding=longest.mid / answer.mid if self.engine == "hf" else 1.0,
        )

    def _exam(self, exam: Exam, learners: int) -> list[Work]:
        """A task as so many learners take it: answers as long as each decoding allows, or given texts scored."""
        works, shown = [], self._shown(exam.shots)
        for most in sorted({decoding.max_tokens for decoding in exam.decodings}, reverse=True):
            repeats = [decoding.repeats for decoding in exam.decodings if decoding.max_tokens == most]
            if most == 0:
                texts = exam.problems * (CHOICES * learners)
                batch = self.study.backend.score_batch
                works.append(self._scored(LEARNER, texts, self.lengths.question, batch, shown=shown))
                continue
            shares = [exam.problems * count for _ in range(learners) for count in repeats]
            works.append(self._generated(LEARNER, shares, most, begun=len(shares), shown=shown))
        return works

    def _shown(self, shots: int) -> Span:
        """Tokens of so many examples, each about a question and an answer of the study."""
        if not shots:
            return NONE
        example = (self.lengths.question + self.lengths.answer(self.study.sampling.max_tokens)) * EXAMPLE
        return (example * shots).capped(self.study.backend.max_length)

    def _rewards(self, traces: Span, *, streams: bool = True) -> list[Work]:
        """Every reward that runs a model, on so many traces; a judge that replies is asked of streams' alone."""
        every: list[Any] = list(self.study.rewards.values())
        answer = self.lengths.answer(self.study.sampling.max_tokens)
        return [
            self._generated(run.model, [traces], run.max_tokens)
            if hasattr(run, "max_tokens")
            else self._scored(run.model, traces, answer, getattr(run, "batch", 1))
            for run in every
            if hasattr(run, "model") and (streams or not hasattr(run, "max_tokens"))
        ]

    def _passes(self, arm: Arm) -> Work:
        """Forward passes of the untrained learner: over each trace, and what metrics ask for of a share of them.

        Native traces are scored once, in the native arm.
        """
        asked = shares(self.study.compat.values())
        each = 1 + sum(share for name, share in asked.items() if name is not Pass.NATIVE)
        answer = self.lengths.answer(self.study.sampling.max_tokens)
        return self._scored(LEARNER, self._drafts(arm) * each, answer, self.study.backend.score_batch)

    def _scored(self, model: str, traces: Span, answer: Span, batch: int, *, shown: Span = NONE) -> Work:
        return Work(
            kind=Kind.SCORE,
            model=model,
            items=traces,
            prompt=traces * (shown + self.lengths.question),
            completion=traces * answer,
            passes=batches(traces, batch),
            batch=batch,
            begun=exactly(1),
        )

    def _training(self, arm: Arm) -> list[Work]:
        """The arm's runs, and their probes where there are other replicates to probe on."""
        settings, replicates = arm.training, self._replicates(arm.training_set)
        runs = replicates * len(settings.objectives)
        own = self._drafts(arm) * (1 / replicates)
        answer = self.lengths.answer(self.study.sampling.max_tokens).capped(settings.max_length)
        left = kept(self.study, arm, self.folder.parent.parent)
        steps, items, tokens = spent(settings, own, answer * left)
        parts = settings.batch // (settings.micro_batch or settings.batch)
        trained = Work(
            kind=Kind.TRAIN,
            model=LEARNER,
            items=items * runs,
            prompt=items * self.lengths.question * runs,
            completion=tokens * runs,
            masked=items * answer * runs * (1 - left.mid),
            passes=steps * (runs * parts),
            batch=settings.batch // parts,
            begun=exactly(runs),
            padding=PADDED[settings.group_by_length] * (RECOMPUTED if settings.gradient_checkpointing else 1.0),
        )
        return [trained, *([self._probes(settings, own, steps, answer, runs, replicates)] if replicates > 1 else [])]

    def _probes(  # noqa: PLR0917 - of what, how many, how often
        self, settings: TrainingSettings, own: Span, steps: Span, answer: Span, runs: int, replicates: int
    ) -> Work:
        """Held-out traces of both kinds as often as probes are due, some native ones by learner before and after."""
        probes, others = settings.probes, own * (replicates - 1)
        ends = others.capped(max(probes.ends, probes.traces)) * 2
        between = Span(*(max(0, min(probes.count, at + 1) - 2) for at in (steps.low, steps.mid, steps.high)))
        items = (ends + others.capped(probes.traces) * between + others.capped(probes.divergence)) * 2 * runs
        width = self.lengths.question + answer
        each = max(1, int(TOKENS / max(1.0, width.mid)))
        return Work(
            kind=Kind.SCORE,
            model=LEARNER,
            items=items,
            prompt=items * self.lengths.question,
            completion=items * answer,
            passes=batches(items, each),
            batch=each,
        )

    def _count(self, training_set: str) -> int:
        """Problems of a replicate of a training set."""
        own = self.study.problems.training_sets.get(training_set)
        return (own and own.count) or self.study.problems.train

    def _replicates(self, training_set: str) -> int:
        own = self.study.problems.training_sets.get(training_set)
        return (own and own.replicates) or self.study.problems.replicates

    def _problems(self, training_set: str) -> int:
        return self._count(training_set) * self._replicates(training_set)

    def _drafts(self, arm: Arm) -> Span:
        """Traces of an arm's stream over all replicates."""
        problems = self._problems(arm.training_set)
        share = self.lengths.share(arm.training_set, arm.scope)
        # How many of a problem's samples are distinct is seen only when they are there.
        drafts = share * problems * Span(1, (1 + arm.per_problem) / 2, arm.per_problem)
        return Span(*(round(each) for each in (drafts.low, drafts.mid, drafts.high)))


ARM_STEPS = (Counting.refine, Counting.reward, Counting.compat, Counting.train, Counting.evaluate, Counting.measure)
"What every main arm goes through, in the pipeline's order."


def _cell(arm: Arm) -> str:
    return f"{arm.oracle}-{arm.refiner}"


def _name(step: str, arm: Arm) -> str:
    """A stage of an arm as dvc.yaml names it: the native arm has twins of its own."""
    return f"{step}-native@{_cell(arm)}" if arm.is_native else f"{step}@{_cell(arm)}"


def _load(works: Sequence[Work]) -> Load:
    """What a stage of such works imports."""
    return Load.MODELS if any(work.kind is not Kind.CALL for work in works) else Load.NOTHING
