r"""A tiny model with random weights and a tokenizer of single characters: for tests and smoke runs, in milliseconds.

Boxes around 1, 2 and 3 are tokens of their own, so that a random completion is right now and then on a problem whose
answer is one of these. Chat templates and special tokens follow the real families, one per architecture.

Example: `{source: random, architecture: qwen2, seed: 1, hidden: 32, layers: 2}`.
"""

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, PositiveInt
from pydantic.dataclasses import dataclass

from qup.errors import SettingsError
from qup.models import _folder
from qup.settings import STRICT

Architecture = Literal["qwen2", "llama", "deepseek"]

CHARACTERS = "\n" + "".join(chr(code) for code in range(0x20, 0x7F))
BOXES = [f"\\boxed{{{i}}}" for i in (1, 2, 3)]
HEAD = 32
"Width of an attention head; vLLM takes no narrower ones."

# (bos, eos, pad, other special tokens)
SPECIAL: dict[str, tuple[str, str, str, list[str]]] = {
    "qwen2": ("<|endoftext|>", "<|im_end|>", "<|endoftext|>", ["<|im_start|>"]),
    "llama": ("<|begin_of_text|>", "<|eot_id|>", "<|end_of_text|>", ["<|start_header_id|>", "<|end_header_id|>"]),
    "deepseek": ("<|begin_of_sentence|>", "<|end_of_sentence|>", "<|pad|>", []),
}
TEMPLATE: dict[str, str] = {
    "qwen2": (
        "{% for m in messages %}<|im_start|>{{ m['role'] }}\n{{ m['content'] }}<|im_end|>\n{% endfor %}"
        "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
    ),
    "llama": (
        "{{ bos_token }}{% for m in messages %}<|start_header_id|>{{ m['role'] }}<|end_header_id|>\n\n"
        "{{ m['content'] }}<|eot_id|>{% endfor %}"
        "{% if add_generation_prompt %}<|start_header_id|>assistant<|end_header_id|>\n\n{% endif %}"
    ),
    "deepseek": (
        "{{ bos_token }}{% for m in messages %}"
        "{% if m['role'] == 'user' %}User: {{ m['content'] }}\n\n"
        "{% elif m['role'] == 'assistant' %}Assistant: {{ m['content'] }}{{ eos_token }}"
        "{% else %}{{ m['content'] }}\n\n{% endif %}{% endfor %}"
        "{% if add_generation_prompt %}Assistant:{% endif %}"
    ),
}


@dataclass(frozen=True, config=STRICT)
class Model:
    """Random weights, float32; a causal model, or with `classes` a sequence classifier such as a reward model."""

    architecture: Architecture = "qwen2"
    seed: int = 1
    hidden: Annotated[int, Field(ge=HEAD)] = 64
    "Width, a multiple of 32."
    layers: PositiveInt = 2
    classes: PositiveInt | None = None
    "Outputs of the classifier; 1 for a reward model."

    def __post_init__(self) -> None:
        if self.hidden % HEAD:
            raise SettingsError(f"expected a multiple of {HEAD}, got {self.hidden}", "hidden")

    def obtain(self, folder: Path, cache: Path) -> None:
        """Make model and tokenizer; nothing is downloaded, `cache` stays as it is."""
        tokenizer = make_tokenizer(self.architecture)
        _folder.save(self._model(tokenizer), tokenizer, folder)
        facts = {"origin": f"random weights from seed {self.seed}", "license": "none needed"}
        _folder.write_origin(folder, f"random {self.architecture}", **facts)

    def _model(self, tokenizer: Any) -> Any:
        import torch
        import transformers

        family = "Qwen2" if self.architecture == "qwen2" else "Llama"
        config = getattr(transformers, f"{family}Config")(**self._config(tokenizer))
        task = "ForCausalLM" if self.classes is None else "ForSequenceClassification"
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(self.seed)
            return getattr(transformers, family + task)(config).float().eval()

    def _config(self, tokenizer: Any) -> dict[str, Any]:
        heads = self.hidden // HEAD
        config = {
            "vocab_size": len(tokenizer),
            "hidden_size": self.hidden,
            "intermediate_size": 2 * self.hidden,
            "num_hidden_layers": self.layers,
            "num_attention_heads": heads,
            "num_key_value_heads": heads,
            "max_position_embeddings": 4096,
            "tie_word_embeddings": self.architecture == "qwen2",
            "bos_token_id": tokenizer.bos_token_id,
            "eos_token_id": tokenizer.eos_token_id,
            "pad_token_id": tokenizer.pad_token_id,
        }
        return config if self.classes is None else config | {"num_labels": self.classes}


def make_tokenizer(architecture: Architecture) -> Any:
    """One token a character of printable ASCII and the newline, plus special tokens and the three boxes.

    Each byte of other characters is the unknown token (for qwen2, once loaded by AutoTokenizer, it is left out).
    """
    from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    bos, eos, pad, others = SPECIAL[architecture]
    special = list(dict.fromkeys([pad, bos, eos, *others, "<|unk|>"]))
    # Byte-level BPE without merges, which is one token a character. Any other kind of tokenizer would be lost on
    # loading: for a Qwen2 model, AutoTokenizer puts byte-level BPE around whatever vocabulary it finds.
    characters = [pre_tokenizers.ByteLevel(False, use_regex=False).pre_tokenize_str(c)[0][0] for c in CHARACTERS]
    vocabulary = {token: i for i, token in enumerate([*special, *characters])}
    tokenizer = Tokenizer(models.BPE(vocabulary, [], unk_token="<|unk|>", fuse_unk=False))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens(special)
    tokenizer.add_tokens([AddedToken(box, normalized=False) for box in BOXES])
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        bos_token=bos,
        eos_token=eos,
        pad_token=pad,
        unk_token="<|unk|>",
        padding_side="left",
        clean_up_tokenization_spaces=False,
        model_max_length=4096,
        chat_template=TEMPLATE[architecture],
    )
