"""Tiny random models whose tokenizers are as awkward as those of public families."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest.mock import patch

from qup.models import _families, random
from qup.models._families import Family

CHATML = str(_families.load("qwen2").template)
LLAMA = str(_families.load("llama").template)
DEEPSEEK = _families.load("deepseek")
GEMMA = (
    "{{ bos_token }}{% if messages[0]['role'] == 'system' %}{{ raise_exception('System role not supported') }}"
    "{% endif %}{% for m in messages %}<start_of_turn>{{ 'model' if m['role'] == 'assistant' else m['role'] }}\n"
    "{{ m['content'] | trim }}<end_of_turn>\n{% endfor %}"
    "{% if add_generation_prompt %}<start_of_turn>model\n{% endif %}"
)
PHI = (
    "{% for m in messages %}<|{{ m['role'] }}|>\n{{ m['content'] }}<|end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|assistant|>\n{% else %}{{ eos_token }}{% endif %}"
)
MISTRAL = (
    "{{ bos_token }}{% for m in messages %}{% if m['role'] == 'user' %}[INST] {{ m['content'] }} [/INST]"
    "{% elif m['role'] == 'assistant' %} {{ m['content'] }}{{ eos_token }}"
    "{% else %}{{ raise_exception('Only user and assistant roles are supported!') }}{% endif %}{% endfor %}"
)
GLM = (
    "{% for m in messages %}<|{{ m['role'] }}|>\n{{ m['content'] }}{% endfor %}"
    "{% if add_generation_prompt %}<|assistant|>\n{% endif %}"
)
HEADERS = ["<|start_header_id|>", "<|end_header_id|>"]
TURNS = ("<|begin_of_text|>", "<|eot_id|>", "<|end_of_text|>", HEADERS)
MARKED = ("<s>", "<|im_end|>", "<pad>", ["<|im_start|>", "[THINK]", "[/THINK]", "<think>", "</think>"])
ROLES = ["<|system|>", "<|user|>", "<|assistant|>", "<|end|>"]


@dataclass(frozen=True)
class Kind:
    """A tokenizer: (bos, eos, pad, other special tokens), template, what it lacks, and how the checkpoint ends."""

    special: tuple[str, str, str, list[str]]
    template: str | None
    lacks: tuple[str, ...] = ()
    ends: tuple[str, ...] | None = None
    generation: Mapping[str, Any] | None = None


KINDS = {
    # Llama 3 Instruct; Mistral, whose system role is refused too.
    "nopad": Kind(TURNS, LLAMA, lacks=("pad_token",)),
    "mistral": Kind(("<s>", "</s>", "<pad>", ["[INST]", "[/INST]"]), MISTRAL, lacks=("pad_token",)),
    "noeos": Kind(TURNS, LLAMA, lacks=("eos_token",), ends=()),
    "bare": Kind(TURNS, LLAMA, lacks=("pad_token", "eos_token", "bos_token"), ends=()),
    "gemma": Kind(
        ("<bos>", "<eos>", "<pad>", ["<start_of_turn>", "<end_of_turn>"]), GEMMA, ends=("<eos>", "<end_of_turn>")
    ),
    "phi": Kind(("<s>", "<|endoftext|>", "<pad>", ROLES), PHI, ends=("<|endoftext|>", "<|assistant|>", "<|end|>")),
    # Qwen2.5-Math base: the template's turns, the base model's end.
    "chatml_base": Kind(("<s>", "<|endoftext|>", "<pad>", ["<|im_start|>", "<|im_end|>"]), CHATML),
    "glm": Kind(("<s>", "<|endoftext|>", "<pad>", ROLES), GLM, ends=("<|endoftext|>", "<|user|>")),
    "dated": Kind(TURNS, "{{ strftime_now('%d %b %Y') }}\n" + LLAMA),
    "deepseek": Kind((str(DEEPSEEK.bos), DEEPSEEK.eos, str(DEEPSEEK.pad), []), DEEPSEEK.template),
    "think": Kind(MARKED, CHATML),
    "penalised": Kind(TURNS, LLAMA, generation={"repetition_penalty": 1.9, "temperature": 0.2, "top_k": 1}),
    # None of these can be used as they are.
    "notemplate": Kind(TURNS, None),
    "endless": Kind(
        ("<s>", "</s>", "<pad>", []), "{% for m in messages %}{{ m['content'] }}\n{% endfor %}", ("eos_token",), ()
    ),
    "broken": Kind(TURNS, "{% for m in messages %}{{ m['content'] }"),
}
UNUSABLE = ("notemplate", "endless", "broken")


def build(name: str, folder: Path, **settings: Any) -> Path:
    """A model of a kind, in a folder as a source leaves it."""
    kind = KINDS[name]
    bos, eos, pad, marks = kind.special
    family = Family("Llama", eos=eos, bos=bos, pad=pad, marks=tuple(marks), template=kind.template)
    with patch("qup.models._families.load", lambda _: family):
        random.Model(architecture="llama", hidden=32, layers=2, **settings).obtain(folder, folder)
    lacking = {f"{token}_id": None for token in kind.lacks}
    edit(folder / "tokenizer_config.json", dict.fromkeys(kind.lacks))
    edit(folder / "config.json", lacking)
    ends = {} if kind.ends is None else {"eos_token_id": [ids(folder)[end] for end in kind.ends] or None}
    edit(folder / "generation_config.json", {**lacking, **ends, **(kind.generation or {})})
    return folder


def ids(folder: Path) -> dict[str, int]:
    """Special token to its id."""
    added = json.loads((folder / "tokenizer.json").read_text(encoding="utf-8"))["added_tokens"]
    return {token["content"]: token["id"] for token in added}


def edit(path: Path, changes: Mapping[str, Any]) -> None:
    """Change keys of a JSON file; None takes a key out."""
    settings = {**json.loads(path.read_text(encoding="utf-8")), **changes}
    path.write_text(json.dumps({key: value for key, value in settings.items() if value is not None}), encoding="utf-8")
