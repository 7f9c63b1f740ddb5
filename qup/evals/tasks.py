"""lm-eval's tasks at work: loaded from the data that the study pins, put to a model, scored by their own rules."""

import contextlib
import json
import random
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from qup.errors import SettingsError, unknown
from qup.evals.library import GENERATED, Leaf
from qup.evals.settings import CHAT, COMPLETION, MULTITURN

SEEDS = 0, 1234
"Of Python's generator, and of NumPy's and the choice of examples: lm-eval's defaults."
KINDS = {".parquet": "parquet", ".csv": "csv", ".json": "json", ".jsonl": "json"}
"How `datasets` reads a file, by its ending."
INVALID = "[invalid]"
"What lm-eval's filters give where they find nothing."
LONGEST = 60
"Characters of an answer; more is a text, which no grader compares."
DRAWS = 1000
"Resamples for a standard error that has no formula; lm-eval's own 100,000 take minutes a learner."
SPLITS = ("test_split", "validation_split", "training_split", "fewshot_split")


@contextlib.contextmanager
def opened(leaf: Leaf, folder: Path) -> Iterator[Any]:
    """The lm-eval task, reading the splits in `folder`, a file each; splits that it does not need are left out.

    Raises:
        SettingsError: lm-eval cannot load it.
    """
    import numpy as np
    from lm_eval.tasks import TaskManager

    random.seed(SEEDS[0])
    np.random.seed(SEEDS[1])
    with tempfile.TemporaryDirectory() as name:
        # lm-eval reads YAML, and JSON is YAML.
        file = Path(name, "task.yaml")
        file.write_text(json.dumps(_filled(leaf, folder, name)), encoding="utf-8")
        try:
            task = TaskManager(include_defaults=False).load([str(file)])["tasks"][leaf.name]
        except Exception as error:
            # Whatever a task's own code, its templates and `datasets` raise on data that do not fit.
            raise SettingsError(f"lm-eval cannot load {leaf.name!r}: {type(error).__name__}: {error}") from error
        _require_metrics(task)
        if task.config.num_fewshot is None:
            task.set_config("num_fewshot", 0)
        yield task


def _require_metrics(task: Any) -> None:
    """Refuse a metric without a rule: lm-eval would give none, or fail once all answers are there."""
    from lm_eval.api.registry import metric_registry

    for name, rule in task._metric_fn_list.items():
        if rule is None and task.config.process_results is None:
            raise unknown(f"metric of {task.task_name!r}", str(name), metric_registry, "metric_list")


def require_given(task: Any) -> None:
    """Refuse a listed metric that log-likelihoods do not give: lm-eval passes over it without a word.

    Raises:
        SettingsError: there is one; tried on the first document.
    """
    if task.config.process_results is not None or task.OUTPUT_TYPE == GENERATED:
        return
    listed, document = list(task._metric_fn_list), task.eval_docs[0]
    choices = len(task.doc_to_choice(document)) if task.OUTPUT_TYPE == "multiple_choice" else 1
    # Those of the choices without a context come after them.
    answers = choices * (2 if "acc_mutual_info" in listed else 1)
    given = task.process_results(document, [-1.0 if "rolling" in task.OUTPUT_TYPE else (-1.0, False)] * answers)
    if lacking := [name for name in listed if name not in given]:
        raise SettingsError(
            f"{task.task_name!r} is of {task.OUTPUT_TYPE}, which gives no {', '.join(lacking)}: leave that out, and "
            "where nothing is left, all of it",
            "metric_list",
        )


def _filled(leaf: Leaf, folder: Path, cache: str) -> dict[str, Any]:
    """The task's file with our data in it."""
    files = {path.stem: path for path in sorted(folder.iterdir()) if path.suffix in KINDS}
    missing = [split for split in leaf.splits if split not in files]
    if missing:
        raise SettingsError(f"{folder} lacks {', '.join(missing)}: run `dvc repro`")
    own = leaf.config
    filled = {"include": str(leaf.path.resolve()), **leaf.overrides, "task": leaf.name}
    filled |= {"dataset_path": KINDS[files[leaf.splits[0]].suffix], "dataset_name": None}
    filled |= {
        "dataset_kwargs": {"data_files": {s: str(path.resolve()) for s, path in files.items()}, "cache_dir": cache}
    }
    filled |= {key: None for key in SPLITS if own.get(key) not in files}
    return filled


@dataclass(frozen=True)
class Answered:
    """A task's documents with what a model said to each."""

    task: Any
    responses: list[list[Any]]
    "Of each request, in order: one for each repeat."

    def scores(self, repeat: int | None = None) -> "dict[tuple[str, str], list[Any]]":
        """(Metric, filter) to its value for each document, by the task's own filters and rules.

        Of one repeat, or of all together as a task has them that votes among its own.
        """
        for instance, given in zip(self.task.instances, self.responses, strict=True):
            instance.resps = given if repeat is None else [given[repeat]]
            instance.filtered_resps = {}
        self.task.apply_filters()
        values: dict[tuple[str, str], list[Any]] = {}
        for document, own in self._documents():
            for name in own[0].filtered_resps:
                results = self.task.process_results(document, [each.filtered_resps[name] for each in own])
                for metric, value in results.items():
                    values.setdefault((metric, name), []).append(value)
        return values

    def found(self) -> list[str | None]:
        """Of each answer in turn: what the first of the task's filters takes that takes a part of it.

        Where none does, the whole, if a filter takes that and it is no more than an answer; else None.
        """
        pairs = zip(self.task.instances, self.responses, strict=True)
        return [self._found(instance, text) for instance, given in pairs for text in given]

    def _found(self, instance: Any, text: str) -> str | None:
        whole = None
        for ensemble in self._singly():
            instance.resps, instance.filtered_resps = [text], {}
            ensemble.apply([instance])
            taken = instance.filtered_resps[ensemble.name]
            if not isinstance(taken, str) or taken == INVALID:
                continue
            if taken.strip() != text.strip():
                return taken
            whole = short(text)
        return whole

    def _singly(self) -> list[Any]:
        """The task's filters that work on one answer; the others count on several (`take_first_k`)."""
        listed = self.task.config.filter_list or []
        several = {
            own["name"]
            for own in listed
            if any(step["function"] == "take_first_k" and int(step["k"]) > 1 for step in own["filter"])
        }
        return [ensemble for ensemble in self.task._filters if ensemble.name not in several]

    def _documents(self) -> list[tuple[Any, list[Any]]]:
        """Each document with its requests."""
        requests: dict[int, list[Any]] = {}
        for instance in self.task.instances:
            requests.setdefault(instance.doc_id, []).append(instance)
        documents = enumerate(self.task.eval_docs)
        return [(document, sorted(requests[number], key=lambda each: each.idx)) for number, document in documents]


def short(text: str) -> str | None:
    """A text without the space around it, if it is no more than an answer: one line, which a grader could compare."""
    kept = text.strip()
    return kept if kept and len(kept) <= LONGEST and "\n" not in kept else None


def put(task: Any, model: Any, form: str, repeats: int) -> Answered:
    """Every document's requests, each put `repeats` times; `form` is one of `settings.FORMS`."""
    task.set_fewshot_seed(SEEDS[1])
    task.build_all_requests(
        rank=0,
        world_size=1,
        apply_chat_template=form != COMPLETION,
        fewshot_as_multiturn=form == MULTITURN,
        chat_template=model.apply_chat_template if form in (CHAT, MULTITURN) else None,
        tokenizer_name=model.tokenizer_name,
    )
    kinds = {instance.request_type for instance in task.instances}
    cloned = [instance for instance in task.instances for _ in range(repeats)]
    if len(kinds) != 1:
        raise SettingsError(f"{task.task_name!r} asks for {', '.join(sorted(kinds))} at once, expected one kind")
    said = getattr(model, kinds.pop())(cloned)
    return Answered(task, [list(said[i : i + repeats]) for i in range(0, len(said), repeats)])


def aggregated(task: Any, metric: str, values: Sequence[Any]) -> tuple[float, float | None]:
    """lm-eval's own value and standard error of a metric over documents; None where it has no error for it."""
    import os

    from lm_eval.api.metrics import mean, stderr_for_metric

    # It would start as many processes as there are cores, in each of ours.
    os.environ.setdefault("DISABLE_MULTIPROC", "1")
    total = task.aggregation().get(metric, mean)
    spread = stderr_for_metric(metric=total, bootstrap_iters=DRAWS)
    error = spread(values) if spread is not None and len(values) > 1 else None
    return float(total(values)), None if error is None else float(error)


def is_mean(task: Any, metric: str) -> bool:
    """Whether a metric of a task is the mean of its values over documents."""
    from lm_eval.api.metrics import mean

    return task.aggregation().get(metric, mean) is mean
