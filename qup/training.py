"""Fine-tuning with TRL and PEFT behind one function, and the curve it leaves.

A stream is tokenized here exactly as it was scored (`qup.chat`), loss on the completion only. The order of traces and
the point where the budget ends are laid out before training, so every arm spends the same and the tokens seen at each
step are known, not estimated.
"""

import itertools
import json
import random
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from qup import memory, seeds
from qup.chat import encode_chat
from qup.errors import SettingsError
from qup.params import TrainingSettings
from qup.prompts.learner import ask
from qup.records import Problem, Refined, Step, TrainRun

KEPT = ("*.safetensors", "adapter_config.json", "config.json", "generation_config.json", "tokenizer*", "*.jinja")
"What of a saved model is deterministic; trainer state and model cards carry times."
WINDOW = 50
"Batches among which examples are sorted by length, when they are; as in the trainer of transformers."


@dataclass(frozen=True)
class Example:
    """One trace as TRL takes it: ids, and labels that are -100 on the prompt."""

    input_ids: list[int]
    labels: list[int]
    truncated: bool

    @property
    def trained(self) -> int:
        """Completion tokens that carry loss."""
        return sum(label != -100 for label in self.labels)


def examples(
    encoder: Any, problems: Sequence[Problem], stream: Sequence[Refined], prompt: str, max_length: int
) -> list[Example]:
    """The traces of a stream as training examples, those longer than `max_length` tokens cut and marked."""
    by_id = {problem.id: problem for problem in problems}
    made = []
    for refined in stream:
        if refined.text is None:
            continue
        asked, said = encode_chat(encoder, ask(prompt, by_id[refined.problem_id].question), refined.text)
        ids, labels = [*asked, *said], [-100] * len(asked) + said
        made.append(Example(ids[:max_length], labels[:max_length], len(ids) > max_length))
    return made


def schedule(traces: Sequence[Example], settings: TrainingSettings, seed: int) -> list[list[int]]:
    """Example numbers of each optimizer step: shuffled epochs, laid end to end until the budget is spent.

    With a token budget the last step is the first one that reaches it, so arms differ by less than one batch.

    Raises:
        SettingsError: the stream has nothing to train on.
    """
    if not any(example.trained for example in traces):
        raise SettingsError("the stream holds no trace to train on: widen streams.scope or sample more problems")
    lengths = [len(example.input_ids) for example in traces] if settings.group_by_length else None
    order = _endless(len(traces), seed, lengths, settings.batch)
    steps: list[list[int]] = []
    tokens, budget = 0, settings.budget
    left = max(1, round(budget.epochs * len(traces))) if budget.epochs is not None else None
    while (left is None or left > 0) and (budget.tokens is None or tokens < budget.tokens):
        steps.append(list(itertools.islice(order, settings.batch if left is None else min(left, settings.batch))))
        tokens += sum(traces[i].trained for i in steps[-1])
        left = None if left is None else left - len(steps[-1])
    return steps


def _endless(count: int, seed: int, lengths: Sequence[int] | None, batch: int) -> Iterator[int]:
    for epoch in itertools.count():
        order = list(range(count))
        rng = random.Random(seeds.derive(seed, "epoch", epoch))
        rng.shuffle(order)
        yield from order if lengths is None else _grouped(order, lengths, batch, rng)


def _grouped(order: list[int], lengths: Sequence[int], batch: int, rng: random.Random) -> Iterator[int]:
    """The order rearranged so that examples of a batch are about as long: sorted within `WINDOW` batches at a time."""
    batches: list[list[int]] = []
    for first in range(0, len(order), WINDOW * batch):
        near = sorted(order[first : first + WINDOW * batch], key=lambda i: lengths[i])
        batches += [near[start : start + batch] for start in range(0, len(near), batch)]
    rng.shuffle(batches)
    yield from itertools.chain.from_iterable(batches)


def train(  # noqa: PLR0917 - six facts, and no two of them travel together
    learner: Path, traces: Sequence[Example], settings: TrainingSettings, objective: str, seed: int, out: Path
) -> tuple[list[Step], TrainRun]:
    """One fine-tuned learner in `out`, with its curve (one `Step` per optimizer step) and its account."""
    from datasets import Dataset
    from trl import SFTTrainer

    memory.keep_pages()
    plan = schedule(traces, settings, seed)
    rows = [{"input_ids": traces[i].input_ids, "labels": traces[i].labels} for step in plan for i in step]
    with tempfile.TemporaryDirectory() as scratch:
        trainer = SFTTrainer(
            model=_model(learner, settings, seed),
            args=_arguments(settings, objective, seed, len(plan), scratch),
            train_dataset=Dataset.from_list(rows),
            processing_class=tokenizer(learner),
            peft_config=_lora(settings) if settings.method == "lora" else None,
        )
        if trainer.args.train_batch_size != settings.batch:
            raise SettingsError(
                f"training sees {trainer.args.n_gpu} GPUs but is laid out for one: set CUDA_VISIBLE_DEVICES=0"
            )
        trainer.train()
        _save(trainer, learner.name, out)
    steps = _curve(trainer.state.log_history, plan, traces, objective, seed)
    cut = sum(example.truncated for example in traces)
    return steps, TrainRun(objective, seed, len(traces), cut, steps[-1].tokens, len(steps), out.name)


def tokenizer(learner: Path) -> Any:
    """The learner's own tokenizer."""
    from transformers import AutoTokenizer

    return AutoTokenizer.from_pretrained(learner)


def _model(learner: Path, settings: TrainingSettings, seed: int) -> Any:
    import torch
    from transformers import AutoModelForCausalLM, set_seed

    set_seed(seeds.derive(seed, "init") % 2**32)
    return AutoModelForCausalLM.from_pretrained(learner, dtype=getattr(torch, settings.dtype))


def _lora(settings: TrainingSettings) -> Any:
    from peft import LoraConfig

    return LoraConfig(r=settings.rank, lora_alpha=settings.alpha, target_modules="all-linear", task_type="CAUSAL_LM")


def _arguments(settings: TrainingSettings, objective: str, seed: int, steps: int, scratch: str) -> Any:
    import torch
    from trl import SFTConfig

    return SFTConfig(
        output_dir=scratch,
        loss_type={"sft": "nll", "dft": "dft"}[objective],
        max_length=None,
        per_device_train_batch_size=settings.batch,
        max_steps=steps,
        learning_rate=settings.learning_rate,
        adam_beta2=settings.adam_beta2,
        lr_scheduler_type="cosine",
        warmup_steps=round(settings.warmup * steps),
        train_sampling_strategy="sequential",
        seed=seeds.derive(seed, "trainer") % 2**32,
        data_seed=0,
        use_cpu=not torch.cuda.is_available(),
        bf16=torch.cuda.is_available() and settings.dtype == "bfloat16",
        gradient_checkpointing=False,
        dataloader_num_workers=0,
        dataloader_pin_memory=False,
        logging_steps=1,
        save_strategy="no",
        report_to="none",
        disable_tqdm=False,
    )


def _save(trainer: Any, learner: str, out: Path) -> None:
    """Weights, config and tokenizer into `out`; everything volatile stays behind, and the learner's path with it."""
    full = Path(trainer.args.output_dir, "saved")
    trainer.save_model(str(full))
    out.mkdir(parents=True, exist_ok=True)
    for pattern in KEPT:
        for file in sorted(full.glob(pattern)):
            shutil.copy(file, out / file.name)
    if (out / "adapter_config.json").is_file():
        _settle(out / "adapter_config.json", learner)


def _settle(adapter: Path, learner: str) -> None:
    """Rewrite an adapter's settings so that equal adapters are equal bytes: PEFT keeps a path and lists a set."""
    config = json.loads(adapter.read_text(encoding="utf-8"))
    config |= {"base_model_name_or_path": learner, "target_modules": sorted(config["target_modules"])}
    adapter.write_text(json.dumps(config, indent=2, sort_keys=True) + "\n", encoding="utf-8")


def _curve(
    log: Sequence[dict[str, Any]], plan: Sequence[Sequence[int]], traces: Sequence[Example], objective: str, seed: int
) -> list[Step]:
    """The trainer's log as records, with the completion tokens seen up to each step."""
    entries = [entry for entry in log if "loss" in entry]
    steps, tokens, seen = [], 0, 0
    for number, (entry, rows) in enumerate(zip(entries, plan, strict=True), start=1):
        tokens += sum(traces[i].trained for i in rows)
        seen += len(rows)
        steps.append(
            Step(
                objective=objective,
                seed=seed,
                step=number,
                epoch=round(seen / len(traces), 6),
                tokens=tokens,
                loss=float(entry["loss"]),
                grad_norm=float(entry["grad_norm"]),
                learning_rate=float(entry["learning_rate"]),
                entropy=entry.get("entropy"),
                token_accuracy=entry.get("mean_token_accuracy"),
            )
        )
    return steps
