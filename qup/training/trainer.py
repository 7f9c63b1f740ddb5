"""One run of TRL and PEFT behind one function, and the curve it leaves."""

import itertools
import json
import math
import os
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from qup import seeds
from qup.errors import SettingsError
from qup.lm import devices, memory
from qup.lm.checkpoint import forget_drawing, open_chat
from qup.records import Step, TrainRun
from qup.training.divergence import divergence
from qup.training.examples import Example, schedule, trainable
from qup.training.live import UNWATCHED, Watched, attach
from qup.training.objective import minimize
from qup.training.probes import Heldout
from qup.training.settings import TrainingSettings

KEPT = ("*.safetensors", "adapter_config.json", "config.json", "generation_config.json", "tokenizer*", "*.jinja")
"What of a saved model is deterministic; trainer state and model cards carry times."


@dataclass(frozen=True)
class Cell:
    """Which run it is."""

    objective: str
    replicate: int
    seed: int
    "Of its order of traces and of what training draws at random."


def train(  # noqa: PLR0917 - six facts, and no two of them travel together
    learner: Path,
    traces: Sequence[Example],
    settings: TrainingSettings,
    cell: Cell,
    out: Path,
    heldout: Heldout | None = None,
    watched: Watched = UNWATCHED,
) -> tuple[list[Step], TrainRun]:
    """One fine-tuned learner in `out`, with its curve (one `Step` per optimizer step) and its account.

    With `heldout` it is probed as it trains; `watched` says who is told meanwhile, which changes nothing of it.

    Raises:
        SettingsError: there is nothing to train on, several GPUs are seen, or training diverges.
    """
    from datasets import Dataset
    from trl import SFTTrainer

    memory.keep_pages()
    devices.repeat()
    settings, objective = settings.under(cell.objective)
    used = trainable(traces)
    plan = schedule(used, settings, cell.seed)
    rows = [{"input_ids": used[i].input_ids, "labels": used[i].labels} for step in plan for i in step]
    with tempfile.TemporaryDirectory() as scratch:
        trainer = SFTTrainer(
            model=_model(learner, settings, cell.seed),
            args=_arguments(settings, cell, objective.ready or "nll", len(plan), scratch, watched),
            train_dataset=Dataset.from_list(rows),
            processing_class=tokenizer(learner),
            peft_config=_lora(settings) if settings.method == "lora" else None,
        )
        if trainer.args.train_batch_size != _at_once(settings):
            raise SettingsError(
                f"training sees {trainer.args.n_gpu} GPUs but is laid out for one: set CUDA_VISIBLE_DEVICES=0"
            )
        forget_drawing(trainer.model, learner)
        minimize(objective, trainer.model)
        trainer.add_callback(_watch(cell, settings))
        attach(trainer, watched)
        spent = list(itertools.accumulate(sum(used[i].trained for i in step) for step in plan))
        if heldout is not None:
            trainer.add_callback(_prober(heldout, spent))
        start = _trained_parameters(trainer.model)
        with devices.repeating():
            trainer.train()
        moved = _distance(start, _trained_parameters(trainer.model))
        _require_finite({"distance moved": moved, **_probed(heldout)}, len(plan), cell, settings)
        apart = divergence(trainer.model, heldout.compared, start) if heldout else None
        # What moves is float32; what is kept is as the study says.
        if settings.method == "full":
            trainer.model.to(_dtype(settings.dtype))
        _save(trainer, _base_of(learner), out)
    steps = _curve(trainer.state.log_history, plan, spent, len(used), cell)
    return steps, TrainRun(
        objective=cell.objective,
        replicate=cell.replicate,
        traces=len(traces),
        truncated=sum(example.truncated for example in used),
        tokens=spent[-1],
        steps=len(steps),
        path=out.name,
        distance=moved,
        first_grad_norm=steps[0].grad_norm,
        stream=heldout.of_stream if heldout else None,
        native=heldout.of_native if heldout else None,
        left_out=len(traces) - len(used),
        divergence=apart,
    )


def _watch(cell: Cell, settings: TrainingSettings) -> Any:
    """A callback of the trainer that stops a run at the first step whose loss or gradient is no number."""
    from transformers import TrainerCallback

    class Watch(TrainerCallback):  # type: ignore[misc]
        def on_log(self, args: Any, state: Any, control: Any, *, logs: dict[str, Any], **_: Any) -> None:
            numbers: dict[str, float] = {name: float(logs[name]) for name in ("loss", "grad_norm") if name in logs}
            _require_finite(numbers, state.global_step, cell, settings)

    return Watch()


def _require_finite(numbers: Mapping[str, float], step: int, cell: Cell, settings: TrainingSettings) -> None:
    """Do nothing if all are finite."""
    own = any(each.name == cell.objective and each.learning_rate for each in settings.objectives)
    rate = "its learning_rate in training.objectives" if own else "training.learning_rate"
    for name, number in numbers.items():
        if not math.isfinite(number):
            raise SettingsError(
                f"{cell.objective}, replicate {cell.replicate}: training has diverged: {name} is {number} at step "
                f"{step}: lower {rate}, now {settings.learning_rate:g}, or raise training.warmup"
            )


def _probed(heldout: Heldout | None) -> dict[str, float]:
    """What the learner makes of held-out traces after the last step."""
    probed = (heldout.of_stream, heldout.of_native) if heldout else ()
    return {f"NLL of held-out traces ({i})": each.after for i, each in enumerate(probed, start=1) if each}


def _prober(heldout: Heldout, spent: Sequence[int]) -> Any:
    """A callback of the trainer that probes before the first step, after the last, and on the way."""
    from transformers import TrainerCallback

    due = heldout.due(len(spent))

    class Prober(TrainerCallback):  # type: ignore[misc]
        def on_train_begin(self, args: Any, state: Any, control: Any, *, model: Any, **_: Any) -> None:
            heldout.probe(model, 0, end=True)

        def on_step_end(self, args: Any, state: Any, control: Any, *, model: Any, **_: Any) -> None:
            step = state.global_step
            if step in due:
                heldout.probe(model, spent[step - 1], end=step == len(spent))

    return Prober()


def _trained_parameters(model: Any) -> list[Any]:
    """Copies of the parameters that training moves: all of them, or the adapter's."""
    return [p.detach().to("cpu", copy=True) for p in model.parameters() if p.requires_grad]


def _distance(start: Sequence[Any], end: Sequence[Any]) -> float:
    """Euclidean, over all parameters."""
    return math.sqrt(sum(float(((b.double() - a.double()) ** 2).sum()) for a, b in zip(start, end, strict=True)))


def tokenizer(learner: Path) -> Any:
    """The learner's own tokenizer, what it lacks mended."""
    return open_chat(learner).tokenizer


def _model(learner: Path, settings: TrainingSettings, seed: int) -> Any:
    """The learner, whose weights are float32 where they are what training moves, whatever dtype it computes in.

    bfloat16 tells numbers apart by one part in 256: a step of a usual learning rate is lost beside most weights. An
    adapter on a bfloat16 base is float32 by itself (PEFT).
    """
    from transformers import AutoModelForCausalLM, set_seed

    set_seed(seeds.derive(seed, "init") % 2**32)
    dtype = "float32" if settings.method == "full" else settings.dtype
    return AutoModelForCausalLM.from_pretrained(learner, dtype=_dtype(dtype))


def _dtype(name: str) -> Any:
    import torch

    return getattr(torch, name)


def _lora(settings: TrainingSettings) -> Any:
    from peft import LoraConfig

    return LoraConfig(r=settings.rank, lora_alpha=settings.alpha, target_modules="all-linear", task_type="CAUSAL_LM")


def _arguments(  # noqa: PLR0917 - what a run is set by
    settings: TrainingSettings, cell: Cell, loss: str, steps: int, scratch: str, watched: Watched
) -> Any:
    import torch
    from trl import SFTConfig

    gpu = torch.cuda.is_available()

    return SFTConfig(
        output_dir=scratch,
        loss_type=loss,
        max_length=None,
        per_device_train_batch_size=_at_once(settings),
        gradient_accumulation_steps=settings.batch // _at_once(settings),
        max_steps=steps,
        learning_rate=settings.learning_rate,
        adam_beta1=settings.adam_beta1,
        adam_beta2=settings.adam_beta2,
        weight_decay=settings.weight_decay,
        max_grad_norm=settings.clip,
        lr_scheduler_type="cosine",
        warmup_steps=round(settings.warmup * steps),
        train_sampling_strategy="sequential",
        seed=seeds.derive(cell.seed, "trainer") % 2**32,
        data_seed=0,
        use_cpu=not gpu,
        # Autocast. A bfloat16 base under an adapter computes in bfloat16 as it is.
        bf16=settings.dtype == "bfloat16" and (gpu or settings.method == "full"),
        gradient_checkpointing=settings.gradient_checkpointing,
        dataloader_num_workers=0,
        dataloader_pin_memory=False,
        logging_steps=1,
        # Left alone, a loss that is no number is logged as 0.
        logging_nan_inf_filter=False,
        save_strategy="no",
        report_to=list(watched.report_to) or "none",
        run_name=watched.name or None,
        disable_tqdm=False,
    )


def _at_once(settings: TrainingSettings) -> int:
    """Traces of a forward pass."""
    return settings.micro_batch or settings.batch


def _base_of(learner: Path) -> str:
    """What an adapter calls its base: the way to it from the repository's root, where AutoPeft looks for it.

    A learner that lies elsewhere is called by its name alone: no machine's path may stand in what is shared.
    """
    try:
        # Not resolved: a link in the repository is as good as the folder, and what it points to is the machine's.
        return Path(os.path.abspath(learner)).relative_to(Path.cwd()).as_posix()  # noqa: PTH100
    except ValueError:
        return learner.name


def _save(trainer: Any, base: str, out: Path) -> None:
    """Weights, config and tokenizer into `out`; everything volatile stays behind."""
    full = Path(trainer.args.output_dir, "saved")
    trainer.save_model(str(full))
    out.mkdir(parents=True, exist_ok=True)
    for pattern in KEPT:
        for file in sorted(full.glob(pattern)):
            shutil.copy(file, out / file.name)
    if (out / "adapter_config.json").is_file():
        _settle(out / "adapter_config.json", base)


def _settle(adapter: Path, base: str) -> None:
    """Rewrite an adapter's settings so that equal adapters are equal bytes: PEFT lists a set."""
    config = json.loads(adapter.read_text(encoding="utf-8"))
    config |= {"base_model_name_or_path": base, "target_modules": sorted(config["target_modules"])}
    adapter.write_text(json.dumps(config, indent=2, sort_keys=True) + "\n", encoding="utf-8")


def _curve(
    log: Sequence[dict[str, Any]], plan: Sequence[Sequence[int]], spent: Sequence[int], traces: int, cell: Cell
) -> list[Step]:
    """The trainer's log as records, with the completion tokens seen up to each step."""
    entries = [entry for entry in log if "loss" in entry]
    steps, seen = [], 0
    for number, (entry, rows, tokens) in enumerate(zip(entries, plan, spent, strict=True), start=1):
        seen += len(rows)
        steps.append(
            Step(
                objective=cell.objective,
                replicate=cell.replicate,
                step=number,
                epoch=round(seen / traces, 6),
                tokens=tokens,
                loss=float(entry["loss"]),
                grad_norm=float(entry["grad_norm"]),
                learning_rate=float(entry["learning_rate"]),
                entropy=entry.get("entropy"),
                token_accuracy=entry.get("mean_token_accuracy"),
            )
        )
    return steps
