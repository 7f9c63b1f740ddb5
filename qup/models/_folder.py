"""Writing a model folder that is the same bytes every time: weights, config, tokenizer, ORIGIN.md; no path, no host."""

import json
from pathlib import Path
from typing import Any

VOLATILE = (
    "_name_or_path",
    "_model_name_or_path",
    "name_or_path",
    "is_local",
    "local_files_only",
    "_from_model_config",
)
"Keys that say where a model was loaded from, not what it is."


def save(model: Any, tokenizer: Any, folder: Path) -> None:
    """Save as safetensors; of the generation settings only the special tokens stay, the rest is the study's to set."""
    from transformers import GenerationConfig

    folder.mkdir(parents=True, exist_ok=True)
    if model.can_generate():
        ids = {name: getattr(model.config, name, None) for name in ("bos_token_id", "eos_token_id", "pad_token_id")}
        model.generation_config = GenerationConfig(**ids)
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    tidy(folder)


def tidy(folder: Path) -> None:
    """Take out of a model folder's settings where it was loaded from."""
    for name in ("config.json", "generation_config.json", "tokenizer_config.json"):
        if (folder / name).is_file():
            _tidy(folder / name)


def _tidy(path: Path) -> None:
    settings = json.loads(path.read_text(encoding="utf-8"))
    kept = {key: value for key, value in settings.items() if key not in VOLATILE}
    path.write_text(json.dumps(kept, indent=2, sort_keys=True, ensure_ascii=False) + "\n", encoding="utf-8")


def write_origin(folder: Path, title: str, **facts: str) -> None:
    """Write ORIGIN.md: what the weights are, whose, and under which licence."""
    lines = [f"# {title}", "", *(f"- {name.replace('_', ' ')}: {fact}" for name, fact in facts.items())]
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "ORIGIN.md").write_text("\n".join(lines) + "\n", encoding="utf-8")
