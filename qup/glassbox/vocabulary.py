"""The words of the glass box as a Hugging Face fast tokenizer: one word, one token."""

from typing import Any

from qup.glassbox.puzzle import MODULUS, NAMES, OPERATIONS
from qup.glassbox.style import FILLERS, STYLES

SPECIAL = ("<pad>", "<bos>", "<eos>", "<sep>", "<unk>")
WORDS = tuple(
    dict.fromkeys(
        [
            *map(str, range(MODULUS)),
            *NAMES,
            *(f"{name}{number}" for name in NAMES for number in range(MODULUS)),
            *OPERATIONS,
            *(":", ",", "?"),
            *(word for style in STYLES.values() for word in style.words),
            *FILLERS,
        ]
    )
)
"Of questions and of every style, each once."
TEMPLATE = (
    "{{ bos_token }}{% for m in messages %} {{ m['content'] }}"
    "{% if m['role'] == 'assistant' %} {{ eos_token }}{% else %} <sep>{% endif %}{% endfor %}"
)


def tokenizer() -> Any:
    """A `PreTrainedTokenizerFast`; a word it does not know is `<unk>`."""
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    ids = {word: i for i, word in enumerate([*SPECIAL, *WORDS])}
    tokenizer = Tokenizer(models.WordLevel(ids, unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    tokenizer.add_special_tokens(list(SPECIAL))
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        pad_token="<pad>",
        bos_token="<bos>",
        eos_token="<eos>",
        unk_token="<unk>",
        padding_side="left",
        clean_up_tokenization_spaces=False,
        model_max_length=512,
        chat_template=TEMPLATE,
    )
