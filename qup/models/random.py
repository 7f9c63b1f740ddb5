r"""A tiny model with random weights and a tokenizer of single characters: for tests and smoke runs, in milliseconds.

Boxes around 1, 2 and 3 are tokens of their own, so that a random completion is right now and then on a problem whose
answer is one of these. Chat templates, special tokens and positions follow the real families, `qup/models/_families`.

Example: `{source: random, architecture: qwen2, seed: 1, hidden: 32, layers: 2}`.
"""

from pathlib import Path
from typing import Annotated, Any

from pydantic import Field, PositiveInt
from pydantic.dataclasses import dataclass

from qup.errors import SettingsError
from qup.lm import step_scorer
from qup.models import _families, _folder
from qup.models._families import Family
from qup.settings import STRICT

CHARACTERS = "\n" + "".join(chr(code) for code in range(0x20, 0x7F))
BOXES = [f"\\boxed{{{i}}}" for i in (1, 2, 3)]
HEAD = 32
"Width of an attention head; vLLM takes no narrower ones."


@dataclass(frozen=True, config=STRICT)
class Model:
    """Random weights, float32; a causal model, or with `classes` a sequence classifier such as a reward model."""

    architecture: str = "qwen2"
    "A family, one of qup/models/_families."
    seed: int = 1
    hidden: Annotated[int, Field(ge=HEAD)] = 64
    "Width, a multiple of 32."
    layers: PositiveInt = 2
    classes: PositiveInt | None = None
    "Outputs of the classifier; 1 for a reward model, which a family of reward models has unasked."

    def __post_init__(self) -> None:
        _families.load(self.architecture)
        if self.hidden % HEAD:
            raise SettingsError(f"expected a multiple of {HEAD}, got {self.hidden}", "hidden")

    def obtain(self, folder: Path, cache: Path) -> None:
        """Make model and tokenizer; nothing is downloaded, `cache` stays as it is."""
        import torch

        family = _families.load(self.architecture)
        tokenizer = make_tokenizer(family)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(self.seed)
            self._save(family, tokenizer, folder)
        facts = {"origin": f"random weights from seed {self.seed}", "license": "none needed"}
        _folder.write_origin(folder, f"random {self.architecture}", **facts)

    def _save(self, family: Family, tokenizer: Any, folder: Path) -> None:
        import transformers

        classes = self.classes or (1 if family.head == "classifier" else None)
        config = getattr(transformers, f"{family.architecture}Config")(**self._config(family, tokenizer, classes))
        if family.head == "process":
            body = transformers.AutoModel.from_config(config).float()
            step_scorer.save(body, step_scorer.head(self.hidden), folder)
            tokenizer.save_pretrained(folder)
            return _folder.tidy(folder)
        task = "ForCausalLM" if classes is None else "ForSequenceClassification"
        model = getattr(transformers, family.architecture + task)(config).float().eval()
        return _folder.save(model, tokenizer, folder)

    def _config(self, family: Family, tokenizer: Any, classes: int | None) -> dict[str, Any]:
        heads = self.hidden // HEAD
        ends = family.ends and tokenizer.convert_tokens_to_ids(list(family.ends))
        config = {
            "vocab_size": len(tokenizer) + family.idle,
            "hidden_size": self.hidden,
            "intermediate_size": 2 * self.hidden,
            "num_hidden_layers": self.layers,
            "num_attention_heads": heads,
            "num_key_value_heads": heads,
            "max_position_embeddings": family.positions,
            "tie_word_embeddings": family.tied,
            "bos_token_id": tokenizer.bos_token_id,
            "eos_token_id": ends or tokenizer.eos_token_id,
            "pad_token_id": tokenizer.pad_token_id,
            **family.config,
        }
        return config if classes is None else config | {"num_labels": classes}


def make_tokenizer(family: Family) -> Any:
    """One token a character of printable ASCII and the newline, plus special tokens and the three boxes.

    Each byte of other characters is the unknown token (for qwen2, once loaded by AutoTokenizer, it is left out).
    """
    from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers, processors
    from transformers import PreTrainedTokenizerFast

    special = [*family.special, "<|unk|>"]
    # Byte-level BPE without merges, which is one token a character. Any other kind of tokenizer would be lost on
    # loading: for a Qwen2 model, AutoTokenizer puts byte-level BPE around whatever vocabulary it finds.
    characters = [pre_tokenizers.ByteLevel(False, use_regex=False).pre_tokenize_str(c)[0][0] for c in CHARACTERS]
    vocabulary = {token: i for i, token in enumerate([*special, *characters])}
    tokenizer = Tokenizer(models.BPE(vocabulary, [], unk_token="<|unk|>", fuse_unk=False))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens(special)
    tokenizer.add_tokens([AddedToken(word, normalized=False) for word in (*BOXES, *family.words)])
    if family.adds_bos:
        begun = (str(family.bos), tokenizer.token_to_id(str(family.bos)))
        tokenizer.post_processor = processors.TemplateProcessing(f"{family.bos} $A", special_tokens=[begun])
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        bos_token=family.bos,
        eos_token=family.eos,
        pad_token=family.pad,
        unk_token="<|unk|>",
        padding_side="left",
        clean_up_tokenization_spaces=False,
        model_max_length=4096,
        **({} if family.template is None else {"chat_template": family.template}),
    )
