"""A training run that is probed on held-out traces, with and without comparing the learner before and after.

Half of the learner's traces are trained on and half are held out, as a run of two replicates has them; tokens are those
trained on. What comparing costs is what a run of the study's budget and probes is slower with it.
"""

import dataclasses
import tempfile
from functools import partial
from pathlib import Path

from bench._given import Given
from bench._timing import rates
from qup.training import trainer
from qup.training.examples import examples
from qup.training.probes import Heldout

UNIT = "tokens/s"


def measure(given: Given) -> dict[str, list[float]]:
    """Runs as ours are, `without` comparing, and without any probe (`plain`)."""
    study, learner = given.study, given.learner.folder
    every = examples(trainer.tokenizer(learner), given.pairs, study.prompt, study.training.max_length)
    traces, others = every[::2], every[1::2]
    probes = study.training.probes

    def run(heldout: Heldout | None) -> int:
        with tempfile.TemporaryDirectory() as folder:
            cell, out = trainer.Cell("sft", 1, seed=1), Path(folder, "out")
            return trainer.train(learner, traces, study.training, cell, out, heldout)[1].tokens

    sides = {
        "qup": lambda: run(Heldout(others, others, probes)),
        "without": lambda: run(Heldout(others, others, dataclasses.replace(probes, divergence=0))),
        "plain": partial(run, None),
    }
    return rates(sides, given.repeats)
