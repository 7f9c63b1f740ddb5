"""A training run of the study, from the model's loading to its saving, with and without `qup.lm.memory.keep_pages`.

Tokens are those trained on. A process cannot take back what `keep_pages` does, so the plain side comes first.
"""

import tempfile
from pathlib import Path
from unittest import mock

from bench._given import Given
from bench._timing import rate_of
from qup.lm import memory
from qup.training import trainer
from qup.training.examples import examples

UNIT = "tokens/s"


def measure(given: Given) -> dict[str, list[float]]:
    """Runs with pages kept, as ours are, and without; the study's budget is spent on a few of the learner's traces."""
    study, learner = given.study, given.learner.folder
    encoder, longest = trainer.tokenizer(learner), study.training.max_length
    traces, cell = examples(encoder, given.pairs, study.prompt, longest), trainer.Cell("sft", 1, seed=1)
    short = study.training.changed({"budget": {"epochs": 1}})

    def run() -> int:
        with tempfile.TemporaryDirectory() as folder:
            _, account = trainer.train(learner, traces, study.training, cell, Path(folder, "out"))
        return account.tokens

    with mock.patch.object(memory, "keep_pages"):
        with tempfile.TemporaryDirectory() as folder:
            # Not measured: the libraries are loaded.
            trainer.train(learner, traces[:2], short, cell, Path(folder, "out"))
        plain = [rate_of(run) for _ in range(given.repeats)]
    return {"qup": [rate_of(run) for _ in range(given.repeats)], "plain": plain}
