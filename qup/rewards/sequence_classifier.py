"""Any Hugging Face reward model that is a sequence classifier with one output, such as Skywork-Reward.

The problem and the trace go through the reward model's own chat template; its one logit is the value.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field, PositiveInt
from pydantic.dataclasses import dataclass

from qup.errors import SettingsError
from qup.lm.chat import ChatFormat
from qup.lm.checkpoint import open_chat
from qup.records import Problem, Score
from qup.settings import STRICT


@dataclass(frozen=True, config=STRICT)
class Reward:
    """The logit of a reward model; an input longer than `max_length` is a failure, never cut."""

    perceives: ClassVar[bool] = True
    model: str
    "The reward model: one of the study's models."
    batch: PositiveInt = 1
    "Traces a pass. At 1 a score depends on its trace alone; above, its last digits depend on the neighbours too."
    max_length: Annotated[int, Field(ge=16)] = 2048
    "Longest chat, tokens, or the model's positions if fewer."
    dtype: Literal["bfloat16", "float16", "float32"] = "float32"
    "At bfloat16 the logit itself has 8 bits: scores near 1 come in steps of 0.008, and ties are many."

    def score(self, problems: Sequence[Problem], texts: Sequence[str], models: Path) -> list[Score]:
        """One `Score` per trace, in order."""
        folder = models / self.model
        form = open_chat(folder)
        if not form.tokenizer.chat_template:
            raise SettingsError(f"rewards.sequence_classifier: {folder} has no chat template, so it takes no chats")
        chats = [_encode(form, p, text) for p, text in zip(problems, texts, strict=True)]
        longest = form.room(self.max_length)
        fitting = [i for i, chat in enumerate(chats) if len(chat) <= longest]
        values = dict(zip(fitting, self._logits(folder, [chats[i] for i in fitting]), strict=True))
        return [self._score(p.id, values.get(i), longest) for i, p in enumerate(problems)]

    def _score(self, problem_id: str, value: float | None, longest: int) -> Score:
        failure = f"longer than {longest} tokens" if value is None else None
        return Score(problem_id, "sequence_classifier", value, failure)

    def _logits(self, folder: Path, chats: Sequence[list[int]]) -> list[float]:
        """The model's logit for each chat; longest first, so that batches are padded little."""
        from tqdm import tqdm

        model = _load(folder, self.dtype)
        pad = _padding(model, chats)
        order = sorted(range(len(chats)), key=lambda i: (-len(chats[i]), i))
        done: dict[int, float] = {}
        with tqdm(total=len(chats), desc="reward", unit="trace") as bar:
            for start in range(0, len(order), self.batch):
                rows = order[start : start + self.batch]
                done.update(zip(rows, _forward(model, [chats[i] for i in rows], pad), strict=True))
                bar.update(len(rows))
        return [done[i] for i in range(len(chats))]


def _encode(form: ChatFormat, problem: Problem, text: str) -> list[int]:
    chat = [{"role": "user", "content": problem.question}, {"role": "assistant", "content": text}]
    return form.ids(chat, add_generation_prompt=False)


def _load(folder: Path, dtype: str) -> Any:
    """The reward model in evaluation mode; a folder without a one-output head is an error, not random scores."""
    import torch
    from transformers import AutoModelForSequenceClassification

    model, loading = AutoModelForSequenceClassification.from_pretrained(
        folder, dtype=getattr(torch, dtype), use_safetensors=True, local_files_only=True, output_loading_info=True
    )
    lacking = sorted(loading["missing_keys"]) + sorted(str(key) for key in loading["mismatched_keys"])
    if lacking or model.config.num_labels != 1:
        raise SettingsError(
            f"rewards.sequence_classifier: {folder} is not a reward model with one output: it has "
            f"{model.config.num_labels} outputs and lacks {', '.join(lacking) or 'no weights'}"
        )
    return model.to("cuda" if torch.cuda.is_available() else "cpu").eval()


def _padding(model: Any, chats: Sequence[list[int]]) -> int:
    """The padding token. Where the model names none, one that no chat holds: it reads its score off the last other."""
    config = model.config.get_text_config()
    if config.pad_token_id is None:
        used = {token for chat in chats for token in chat}
        config.pad_token_id = next(token for token in range(config.vocab_size) if token not in used)
    return int(config.pad_token_id)


def _forward(model: Any, chats: Sequence[list[int]], pad: int) -> list[float]:
    """Logits of one batch, padded on the right."""
    import torch

    width = max(len(chat) for chat in chats)
    ids = torch.tensor([chat + [pad] * (width - len(chat)) for chat in chats], device=model.device)
    mask = torch.tensor([[1] * len(chat) + [0] * (width - len(chat)) for chat in chats], device=model.device)
    with torch.inference_mode():
        logits = model(input_ids=ids, attention_mask=mask).logits
    return [float(value) for value in logits.float().squeeze(-1)]
