"""What a calibration runs in each of its processes: a little of every kind of work, by the code of the stages."""

import functools
import importlib
import json
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass, replace
from pathlib import Path

from qup import evals
from qup.backends import Sampling
from qup.backends.hf import Backend
from qup.evals import EvaluationSettings, Examinee, Paper, TaskEntry
from qup.learner import Learner
from qup.plan.work import RECOMPUTED, Kind, Load
from qup.records import HELDOUT, Problem
from qup.study import Study
from qup.training.settings import Budget

TOKENS, FEW, STEPS, SHARE = 28, 4, 6, 4
"Tokens of an answer and of a short one, steps of a run, and by how much the second of two batches is smaller."
IMPORTS = {
    Load.NOTHING: ("qup.study", "qup.records"),
    Load.MODELS: ("torch", "transformers.models.llama.modeling_llama", "transformers.models.auto.tokenization_auto"),
    Load.TRAINER: ("datasets", "peft", "trl.trainer.sft_trainer"),
    Load.HARNESS: ("lm_eval.evaluator", "lm_eval.tasks"),
}


Clock = Callable[[Callable[[], object]], float]
"What takes the time of a call, in seconds."


@dataclass(frozen=True)
class Asked:
    """What is tried, as it travels to the processes that do it."""

    folder: Path
    "Of the model."
    study: Study
    question: int
    "Tokens of a prompt."
    answer: int
    "Tokens of a trace."
    begun: float
    "When the processes were asked for, as `time.time` has it."


@dataclass(frozen=True)
class Tried:
    """What one process took."""

    loads: dict[str, float]
    "Load to seconds from the start of the process until its imports are done."
    rates: dict[Kind, tuple[float, float, float]]
    "Seconds of a thing begun, of a pass, of a token computed."


def say_loads() -> None:
    """Print how long this process took to load what stages load; its arguments are its threads and when it started."""
    threads, begun = sys.argv[1:]
    print(json.dumps(_loads(int(threads), float(begun))))


def _loads(threads: int, begun: float) -> dict[str, float]:
    """Each load's seconds; what is loaded for one is there for the next, so each counts its own and the models'."""
    # On one thread what the processor spent, or whoever else is busy on the machine would be measured.
    now, before = (time.process_time, 0.0) if threads == 1 else (time.time, begun)
    taken = {}
    for load, modules in IMPORTS.items():
        for module in modules:
            importlib.import_module(module)
        taken[load], before = now() - before, now()
    own = taken[Load.NOTHING]
    models = own + taken[Load.MODELS]
    return {"nothing": own, "models": models} | {
        load.name.lower(): models + taken[load] for load in (Load.TRAINER, Load.HARNESS)
    }


def run(jobs: Sequence[Asked]) -> list[Tried]:
    """Everything, as the process of a pool, without a word: what the libraries say is not for who reads a plan."""
    with open(os.devnull, "w") as nowhere, redirect_stdout(nowhere), redirect_stderr(nowhere):  # noqa: PTH123
        return [Tried(_loads(job.study.threads or 0, job.begun), _rates(job)) for job in jobs]


def _rates(asked: Asked) -> dict[Kind, tuple[float, float, float]]:
    settings, clocked = asked.study.backend, clock(asked.study.threads)
    backend = Backend(asked.folder, settings.dtype, settings.batch, settings.max_length)
    scorer = Backend(asked.folder, settings.dtype, settings.score_batch, settings.max_length)
    words = list(_words(backend, asked.question + asked.answer))
    begun = _exam(asked, clocked)
    return {
        Kind.GENERATE: (begun, *_generating(backend, words[: asked.question], clocked)),
        Kind.SCORE: (0.0, *_scoring(scorer, words[: asked.question], words[: asked.answer], clocked)),
        Kind.TRAIN: _training(asked, words, clocked),
    }


def _words(backend: Backend, count: int) -> Iterator[int]:
    """Token ids, any, that a model knows."""
    known = backend.encode([{"role": "user", "content": "0 1 2 3 4 5 6 7 8 9"}])[0]
    for place in range(count):
        yield known[place % len(known)]


def _generating(backend: Backend, prompt: list[int], clocked: Clock) -> tuple[float, float]:
    """Seconds of a step and of a token in it, of a full batch and a smaller one."""
    decoding = Sampling(temperature=1.0, max_tokens=TOKENS, seed=0)
    backend._generate(backend.model, [prompt] * 2, replace(decoding, max_tokens=2), ["warm", "up"])

    def seconds(batch: int, tokens: int) -> float:
        sampling, ids = replace(decoding, max_tokens=tokens), [str(i) for i in range(batch)]
        return clocked(lambda: backend._generate(backend.model, [prompt] * batch, sampling, ids))

    def steps(batch: int) -> float:
        # Without what the prompts take, whatever comes after them.
        return max(0.0, seconds(batch, TOKENS) - seconds(batch, FEW)) / (TOKENS - FEW)

    return _line(steps, backend.batch, 1)


def _scoring(backend: Backend, prompt: list[int], trace: list[int], clocked: Clock) -> tuple[float, float]:
    """Seconds of a pass and of a token in it."""
    pair = (prompt, trace)
    backend.score([pair])

    def pass_of(batch: int) -> float:
        return clocked(lambda: backend.score([pair] * batch))

    return _line(pass_of, backend.batch, len(prompt) + len(trace))


def _line(seconds: Callable[[int], float], batch: int, width: int) -> tuple[float, float]:
    """(a, b) of `a + b * tokens`, from a full batch and a smaller one of rows `width` tokens long."""
    few = max(1, batch // SHARE)
    full, small = seconds(batch), seconds(few)
    token = max(0.0, full - small) / ((batch - few) * width) if batch > few else 0.0
    return max(0.0, full - token * batch * width), token


def _training(asked: Asked, words: list[int], clocked: Clock) -> tuple[float, float, float]:
    """Seconds of a run, of a pass and of a token in it: from runs of one step, of more, and of more on less.

    Each step here is one pass, of as many traces as the study's passes have.
    """
    from qup.training.examples import Example
    from qup.training.trainer import Cell, train

    own = asked.study.training
    batch = own.micro_batch or own.batch
    few = max(1, batch // SHARE)
    example = Example(words, [-100] * asked.question + words[asked.question :], truncated=False)
    seconds = {}
    for steps, size in ((1, few), (1, batch), (STEPS, batch), (STEPS, few)):
        one = own.changed({"batch": size, "micro_batch": None, "objectives": ["sft"]})
        settings = replace(one, budget=Budget(epochs=1), match=(), arms={})
        with tempfile.TemporaryDirectory() as folder:
            traces, cell, out = [example] * (size * steps), Cell("sft", 0, 0), Path(folder, "out")
            seconds[steps, size] = clocked(functools.partial(train, asked.folder, traces, settings, cell, out))
    full = max(0.0, seconds[STEPS, batch] - seconds[1, batch]) / (STEPS - 1)
    begun = max(0.0, seconds[1, batch] - full)
    small = max(0.0, seconds[STEPS, few] - begun) / STEPS
    step, token = _line(lambda size: full if size == batch else small, batch, len(words))
    # What checkpoints compute again is counted as tokens computed.
    return begun, step, token / RECOMPUTED if own.gradient_checkpointing else token


def _exam(asked: Asked, clocked: Clock) -> float:
    """Seconds that a task takes before it generates: lm-eval's requests, and the weights of a trained learner."""
    learner = Learner(asked.folder, asked.study.prompt, asked.study.backend)
    settings = EvaluationSettings(tasks=(TaskEntry(HELDOUT),), k=1, max_tokens=1, greedy=False)
    problems = [Problem("a", "1 + 1?", "2", "plan"), Problem("b", "1 + 2?", "3", "plan")]
    paper = Paper(settings.asked([HELDOUT]), {HELDOUT: problems}, seed=0)
    full = asked.study.training.method == "full"
    examined = [Examinee("sft", 1, asked.folder if full else None)]

    def exam() -> float:
        return clocked(lambda: evals.evaluate(learner, examined, paper, None))

    exam()
    return statistics.median([exam(), exam()])


def clock(threads: int | None) -> Clock:
    """What takes the time of a call: what the processor spent where it computes on one thread, else the wall's.

    On one thread that is what an idle machine would take, however busy this one is just now.
    """
    now = time.process_time if threads == 1 else time.perf_counter

    def seconds(work: Callable[[], object]) -> float:
        begin = now()
        work()
        return now() - begin

    return seconds
