"""lm-eval behind one function: a learner's answers to one set of problems of the study.

lm-eval lays out the requests, applies the chat template and keeps the scores; the generation is done by our own
backend behind its `LM` interface, because its model classes hide the stop reason (a cut answer would pass for a wrong
one) and draw from a global generator, so that a sample would depend on its batch.
"""

import contextlib
import json
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from importlib import resources
from pathlib import Path
from typing import Any

from qup.backends import Completion, Sampling
from qup.errors import SettingsError
from qup.evals.cells import Cells
from qup.learner import Learner
from qup.records import Finish, Problem, line

TASK = "heldout"
"The one task file: it serves any set of problems."


def answers(
    cells: Cells, weights: Path | None, problems: Sequence[Problem], sampling: Sampling, k: int
) -> list[tuple[int, int, Completion]]:
    """(number of the problem, repeat, completion) of each answer that lm-eval asked for."""
    model = harness_model(cells, problems, sampling, weights)
    run_task(model, problems, cells.learner, k)
    collected: list[tuple[int, int, Completion]] = model.answers
    return collected


def run_task(model: Any, problems: Sequence[Problem], learner: Learner, k: int) -> dict[str, float]:
    """Run the task through `lm_eval.evaluate` and return its metrics."""
    from lm_eval import evaluator
    from lm_eval.tasks import TaskManager

    with _task_folder(problems, learner, k) as folder:
        manager = TaskManager(include_path=str(folder), include_defaults=False)
        # `simple_evaluate` adds a list of the machine's packages to its results, which takes a second.
        results = evaluator.evaluate(
            model,
            manager.load([TASK]),
            apply_chat_template=True,
            bootstrap_iters=0,
            system_instruction=_system(learner),
        )
    return {key: value for key, value in results["results"][TASK].items() if isinstance(value, float)}


def _system(learner: Learner) -> str | None:
    """The system message under which the learner is asked, if there is one."""
    first = learner.ask("")[0]
    return first["content"] if first["role"] == "system" else None


@contextlib.contextmanager
def _task_folder(problems: Sequence[Problem], learner: Learner, k: int) -> Iterator[Path]:
    """A temporary include_path: the task's YAML with this study's problems and number of repeats filled in."""
    with resources.as_file(resources.files("qup.evals")) as yamls, tempfile.TemporaryDirectory() as name:
        data = Path(name, "problems.parquet")
        _write_texts(data, [{"prompt": learner.ask(p.question)[-1]["content"], "problem": line(p)} for p in problems])
        filled = {
            "include": str(yamls / f"{TASK}.yaml"),
            "repeats": k,
            "dataset_kwargs": {"data_files": {"test": str(data)}, "cache_dir": name},
            "filter_list": [{"name": "all", "filter": [{"function": "take_first_k", "k": k}]}],
        }
        # lm-eval reads YAML, and JSON is YAML.
        Path(name, f"{TASK}.yaml").write_text(json.dumps(filled), encoding="utf-8")
        yield Path(name)


def _write_texts(path: Path, rows: Sequence[dict[str, str]]) -> None:
    """Rows of texts as a file that says so: from JSON, `datasets` guesses types, and a column of dates is no text."""
    import pyarrow
    from pyarrow import parquet

    kinds = pyarrow.schema([(name, pyarrow.string()) for name in rows[0]])
    parquet.write_table(pyarrow.Table.from_pylist(rows, schema=kinds), path)


def harness_model(cells: Cells, problems: Sequence[Problem], sampling: Sampling, weights: Path | None) -> Any:
    """The learner's backend as an lm-eval model; `answers` holds the graded facts that lm-eval has no place for.

    A context travels as the chat's JSON: the backend applies the model's own template, as everywhere else.
    """
    from lm_eval.api.model import LM

    class HarnessModel(LM):  # type: ignore[misc]
        tokenizer_name = "chat-json"

        def __init__(self) -> None:
            super().__init__()
            self.answers: list[tuple[int, int, Completion]] = []

        def apply_chat_template(self, chat_history: list[dict[str, str]], add_generation_prompt: bool = True) -> str:
            return json.dumps(chat_history)

        def generate_until(self, requests: list[Any]) -> list[str]:
            repeats: Counter[int] = Counter()
            keys = []
            for request in requests:
                keys.append((request.doc_id, repeats[request.doc_id]))
                repeats[request.doc_id] += 1
            chats = [json.loads(request.args[0]) for request in requests]
            ids = [f"{problems[doc].id}#{repeat}" for doc, repeat in keys]
            done = cells.generate(chats, sampling, ids, weights)
            self.answers = [(doc, repeat, c) for (doc, repeat), c in zip(keys, done, strict=True)]
            # lm-eval has no place for the stop reason, and an answer that was cut is none.
            return ["" if completion.finish is Finish.LENGTH else completion.text for completion in done]

        def loglikelihood(self, requests: list[Any]) -> list[tuple[float, bool]]:
            raise SettingsError("a set of the study is answered in words: this one asks for log-likelihoods")

        loglikelihood_rolling = loglikelihood

    return HarnessModel()
