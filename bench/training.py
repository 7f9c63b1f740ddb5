"""Training as the study trains, for one epoch of a few traces, with and without `qup.lm.memory.keep_pages`.

Tokens are those of prompts and traces. A process cannot take back what `keep_pages` does, so the plain side comes
first; a run that is not measured comes before both.
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
SHARE = 4
"One trace in so many: a step of training costs several forward passes."


def measure(given: Given) -> dict[str, list[float]]:
    """Steps with pages kept, as ours are, and without."""
    study, learner = given.study, given.learner
    settings = study.training.changed({"budget": {"epochs": 1}})
    stream = given.stream[: max(2, given.count // SHARE)]
    encoder = trainer.tokenizer(learner.folder)
    traces = examples(encoder, given.problems, stream, study.prompt, settings.max_length)

    def epoch() -> int:
        with tempfile.TemporaryDirectory() as folder:
            trainer.train(learner.folder, traces, settings, "sft", 1, Path(folder, "out"))
        return sum(len(trace.input_ids) for trace in traces)

    with mock.patch.object(memory, "keep_pages"):
        epoch()
        plain = [rate_of(epoch) for _ in range(given.repeats)]
    return {"qup": [rate_of(epoch) for _ in range(given.repeats)], "plain": plain}
