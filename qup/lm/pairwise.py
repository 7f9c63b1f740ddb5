"""A reward model trained on pairs by TRL's `RewardTrainer`: -log sigmoid(r(chosen) - r(rejected)).

The model of Bradley & Terry (1952); what the pairs are about is for the caller to say.
"""

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from qup.lm.chat import format_of

Pair = tuple[str, str, str]
"A question, the chosen and the rejected answer."
KEPT = ("step", "loss", "accuracy", "margin")
"What of the trainer's log is kept."


@dataclass(frozen=True)
class Fit:
    """How it is trained."""

    batch: int
    "Pairs a step."
    learning_rate: float
    warmup: float
    "Share of steps."
    head: int
    "Seed of the head, which starts at random."
    seed: int
    "Of the order of the pairs."
    epochs: int = 1
    "How often each pair is seen."


@dataclass(frozen=True)
class Trained:
    """A reward model in evaluation mode."""

    model: Any
    tokenizer: Any
    log: list[dict[str, float]]
    "A row a step, with the entries of `KEPT`."


def encoded(words: Any, question: str, answer: str) -> list[int]:
    """A question and its answer as the chat that a reward model reads."""
    chat = [{"role": "user", "content": question}, {"role": "assistant", "content": answer}]
    return format_of(words).ids(chat, add_generation_prompt=False)


def train(start: Path, pairs: Sequence[Pair], fit: Fit, *, cpu: bool = True) -> Trained:
    """The language model in a folder with one output instead of its head, trained on pairs in float32."""
    from datasets import Dataset
    from transformers import AutoModelForSequenceClassification, AutoTokenizer, set_seed
    from trl import RewardTrainer

    words = AutoTokenizer.from_pretrained(start)
    rows = [
        {"chosen_ids": encoded(words, question, chosen), "rejected_ids": encoded(words, question, rejected)}
        for question, chosen, rejected in pairs
    ]
    set_seed(fit.head)
    model = AutoModelForSequenceClassification.from_pretrained(start, num_labels=1, dtype="float32")
    with tempfile.TemporaryDirectory() as scratch:
        trainer = RewardTrainer(
            model=model,
            args=_arguments(fit, len(pairs), scratch, cpu),
            train_dataset=Dataset.from_list(rows),
            processing_class=words,
        )
        trainer.train()
    log = [{k: entry[k] for k in KEPT} for entry in trainer.state.log_history if "margin" in entry]
    return Trained(trainer.model.eval(), words, log)


def _arguments(fit: Fit, pairs: int, scratch: str, cpu: bool) -> Any:
    from trl import RewardConfig

    return RewardConfig(
        output_dir=scratch,
        per_device_train_batch_size=fit.batch,
        num_train_epochs=fit.epochs,
        learning_rate=fit.learning_rate,
        lr_scheduler_type="cosine",
        warmup_steps=round(fit.warmup * fit.epochs * pairs / fit.batch),
        max_length=None,
        seed=fit.seed,
        use_cpu=cpu,
        bf16=False,
        gradient_checkpointing=False,
        dataloader_pin_memory=False,
        logging_steps=1,
        save_strategy="no",
        report_to="none",
    )
