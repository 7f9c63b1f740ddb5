"""One run of TRL and PEFT behind one function, and the curve it leaves."""

import json
import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from qup import seeds
from qup.errors import SettingsError
from qup.lm import memory
from qup.records import Step, TrainRun
from qup.training.examples import Example, schedule
from qup.training.settings import TrainingSettings

KEPT = ("*.safetensors", "adapter_config.json", "config.json", "generation_config.json", "tokenizer*", "*.jinja")
"What of a saved model is deterministic; trainer state and model cards carry times."


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
