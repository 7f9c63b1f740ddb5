"""lm-eval behind one function: a learner's graded answers on our own YAML tasks.

lm-eval lays out the requests, applies the chat template and keeps the scores; the generation is done by our own
backend behind its `LM` interface, because its model classes hide the stop reason (a cut answer would pass for a wrong
one) and draw from a global generator, so that a sample would depend on its batch.
"""

import contextlib
import json
import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from importlib import resources
from pathlib import Path
from typing import Any

from qup.answers import graded
from qup.backends import Backend, Completion, Sampling
from qup.errors import SettingsError, unknown
from qup.params import EvaluationSettings
from qup.prompts.learner import ask
from qup.records import Eval, Finish, Problem

TASKS = resources.files("qup.evals")


def tasks() -> list[str]:
    """The evaluation tasks there are: the YAML files of qup/evals."""
    return sorted(f.name.removesuffix(".yaml") for f in TASKS.iterdir() if f.name.endswith(".yaml"))


def require(task: str) -> None:
    """Do nothing if there is such a task, else raise the error that names the near ones."""
    if task not in tasks():
        raise unknown("evaluation task", task, tasks())


def evaluate(  # noqa: PLR0917 - what is asked, of whom, how
    backend: Backend,
    problems: Mapping[str, Sequence[Problem]],
    settings: EvaluationSettings,
    prompt: str,
    seed: int,
    weights: Path | None = None,
) -> list[Eval]:
    """Answers of one learner to every task: k drawn at the set temperature and, if set, one greedy, each graded.

    `problems` holds each task's own. The records carry no learner: the caller names objective and training seed. The
    same `seed` gives every learner the same draw, which pairs them.
    """
    found = []
    decodings = [("sampled", settings.k, settings.temperature)] + [("greedy", 1, 0.0)] * settings.greedy
    for task in settings.tasks:
        require(task)
        for decoding, k, temperature in decodings:
            sampling = Sampling(temperature, settings.max_tokens, seed)
            model = harness_model(backend, sampling, weights)
            run_task(model, task, problems[task], prompt, k)
            found += _records(problems[task], model.answers, task, decoding)
    return found


def run_task(model: Any, task: str, problems: Sequence[Problem], prompt: str, k: int) -> dict[str, float]:
    """Run one task through `lm_eval.evaluate` and return its metrics."""
    from lm_eval import evaluator
    from lm_eval.tasks import TaskManager

    with _task_folder(task, problems, prompt, k) as folder:
        manager = TaskManager(include_path=str(folder), include_defaults=False)
        # `simple_evaluate` adds a list of the machine's packages to its results, which takes a second.
        results = evaluator.evaluate(model, manager.load([task]), apply_chat_template=True, bootstrap_iters=0)
    return {key: value for key, value in results["results"][task].items() if isinstance(value, float)}


@contextlib.contextmanager
def _task_folder(task: str, problems: Sequence[Problem], prompt: str, k: int) -> Iterator[Path]:
    """A temporary include_path: the task's YAML with this study's problems and number of repeats filled in."""
    with resources.as_file(TASKS) as yamls, tempfile.TemporaryDirectory() as name:
        rows = [{"prompt": ask(prompt, p.question)[-1]["content"], "answer": p.answer} for p in problems]
        data = Path(name, "problems.jsonl")
        data.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
        filled = {
            "include": str(yamls / f"{task}.yaml"),
            "repeats": k,
            "dataset_kwargs": {"data_files": {"test": str(data)}, "cache_dir": name},
            "filter_list": [{"name": "all", "filter": [{"function": "take_first_k", "k": k}]}],
        }
        # lm-eval reads YAML, and JSON is YAML.
        Path(name, f"{task}.yaml").write_text(json.dumps(filled), encoding="utf-8")
        yield Path(name)


def harness_model(backend: Backend, sampling: Sampling, weights: Path | None) -> Any:
    """Our backend as an lm-eval model; `answers` holds the graded facts that lm-eval has no place for.

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
            done = backend.generate(chats, sampling, [f"{doc}#{repeat}" for doc, repeat in keys], weights)
            self.answers = [(doc, repeat, c) for (doc, repeat), c in zip(keys, done, strict=True)]
            return [completion.text for completion in done]

        def loglikelihood(self, requests: list[Any]) -> list[tuple[float, bool]]:
            raise SettingsError("this task asks for log-likelihoods; qup evaluates generated answers only")

        loglikelihood_rolling = loglikelihood

    return HarnessModel()


def _records(
    problems: Sequence[Problem], answers: Sequence[tuple[int, int, Completion]], task: str, decoding: str
) -> list[Eval]:
    """Graded records of one run, ordered by problem, then repeat."""
    ordered = sorted(answers, key=lambda row: row[:2])
    verdicts = graded(
        [problems[doc].answer for doc, _, _ in ordered],
        [c.text for _, _, c in ordered],
        [c.finish is Finish.LENGTH for _, _, c in ordered],
    )
    return [
        Eval(problems[doc].id, "", 0, task, decoding, repeat, c.text, c.tokens, g.verdict)
        for (doc, repeat, c), g in zip(ordered, verdicts, strict=True)
    ]
