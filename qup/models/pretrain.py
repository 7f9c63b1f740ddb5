"""A small Llama-architecture learner of the glass box, trained from scratch on its traces: the practised styles with a
minority share of the Oracle's, right but where facts are misconceived.

Example: `{source: pretrain, examples: 17600, mix: {foreign: 0.1, beliefs: {share: 0.2}}}`. The curve is kept beside the
weights, in `pretraining.jsonl`; finding the numbers of names is learnt of a sudden, so a curve that is still steep was
cut short.
"""

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import field
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field, PositiveInt
from pydantic.dataclasses import dataclass

from qup import records
from qup.errors import SettingsError
from qup.glassbox import corpus
from qup.glassbox.corpus import Chains, Mix
from qup.lm import workers
from qup.lm.chat import format_of
from qup.models import _folder
from qup.seeds import derive
from qup.settings import STRICT, PositiveShare
from qup.training.settings import Budget, TrainingSettings

HEAD = 32
"Width of an attention head."
WARMUP = 0.1
"Share of steps."
BETA2 = 0.98
"At the usual 0.999, tuned for long runs, the same accuracy takes half as many steps again."


@dataclass(frozen=True, config=STRICT)
class Model:
    """About 1.8 million parameters at the default width and depth, float32."""

    examples: PositiveInt
    "Problems with a trace each; every one is seen once."
    chains: Chains = field(default_factory=lambda: Chains(1, 6))
    mix: Mix = field(default_factory=Mix)
    learning_rate: PositiveShare = 2e-3
    "Rises over a tenth of the steps and falls to 0 as a cosine."
    batch: PositiveInt = 8
    "Steps count more than their size; `studies/glassbox.yaml` has the pilots."
    seed: int = 1
    hidden: Annotated[int, Field(ge=HEAD)] = 192
    "Width, a multiple of 32."
    layers: PositiveInt = 4
    threads: PositiveInt = 2
    "CPU threads; the study's are for runs that share the machine."

    def __post_init__(self) -> None:
        if self.hidden % HEAD:
            raise SettingsError(f"expected a multiple of {HEAD}, got {self.hidden}", "hidden")

    def obtain(self, folder: Path, cache: Path) -> None:
        """Train and save; nothing is downloaded, `cache` stays as it is."""
        from transformers import AutoModelForCausalLM

        from qup.glassbox.vocabulary import tokenizer
        from qup.training.trainer import Cell, train

        words = tokenizer()
        with tempfile.TemporaryDirectory() as scratch, workers.alone(self.threads):
            untrained, trained = Path(scratch, "untrained"), Path(scratch, "trained")
            _folder.save(self._untrained(words), words, untrained)
            traces, seed = self._examples(words), derive(self.seed, "train")
            curve, _ = train(untrained, traces, self._settings(), Cell("sft", 0, seed), trained)
            _folder.save(AutoModelForCausalLM.from_pretrained(trained), words, folder)
        records.write(folder / "pretraining.jsonl", curve)
        facts = {"origin": f"pretrained from seed {self.seed} on {self.examples} traces", "license": "none needed"}
        _folder.write_origin(folder, "glass-box learner", **facts)

    def asked(self, chat: Sequence[Mapping[str, str]]) -> int:
        """Tokens of a prompt, known before there is a model: one a word, and what its template puts around messages."""
        return 1 + sum(len(message["content"].split()) + 1 for message in chat)

    def said(self, text: str) -> int:
        """Tokens of an answer, end-of-sequence included."""
        return len(text.split()) + 1

    def _examples(self, words: Any) -> list[Any]:
        from qup.training.examples import Example

        examples, form = [], format_of(words)
        for puzzle, trace in corpus.traces(self.mix, self.chains, self.examples, derive(self.seed, "corpus")):
            asked, said = form.encode([{"role": "user", "content": puzzle.question()}], trace)
            examples.append(Example([*asked, *said], [-100] * len(asked) + said, truncated=False))
        return examples

    def _settings(self) -> TrainingSettings:
        return TrainingSettings(
            budget=Budget(epochs=1),
            method="full",
            learning_rate=self.learning_rate,
            adam_beta2=BETA2,
            warmup=WARMUP,
            batch=self.batch,
            group_by_length=True,
            dtype="float32",
        )

    def _untrained(self, words: Any) -> Any:
        import torch
        from transformers import LlamaConfig, LlamaForCausalLM

        config = LlamaConfig(
            vocab_size=len(words),
            hidden_size=self.hidden,
            intermediate_size=8 * self.hidden // 3,
            num_hidden_layers=self.layers,
            num_attention_heads=self.hidden // HEAD,
            num_key_value_heads=self.hidden // HEAD,
            max_position_embeddings=words.model_max_length,
            tie_word_embeddings=True,
            # The 0.02 that large models use starts a narrow one with attention so flat that nothing is found for long.
            initializer_range=self.hidden**-0.5,
            bos_token_id=words.bos_token_id,
            eos_token_id=words.eos_token_id,
            pad_token_id=words.pad_token_id,
        )
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(derive(self.seed, "weights") % 2**63)
            return LlamaForCausalLM(config).float().eval()
