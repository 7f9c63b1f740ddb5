"""A reward model of the glass box: the learner's body with one output, trained by TRL's `RewardTrainer` on preferences
that differ in logic, in style or in both, in set proportions. How much it loves style is so a known input, and so is
what it can know of logic: wrong traces are wrong as the learner's are.

Example: `{source: preference, base: learner, pairs: 3000, contrasts: {logic: 2, style: 1, both: 1}}`.
With `contrasts: {logic: 1, neither: 1}` it is taught that style is worth nothing; without `neither` its head, which
starts at random, would keep a taste by chance. The curve is kept beside the weights, in `preference.jsonl`.
"""

import json
from dataclasses import field
from pathlib import Path

from pydantic import PositiveInt
from pydantic.dataclasses import dataclass

from qup.errors import SettingsError, unknown
from qup.glassbox import corpus
from qup.glassbox.beliefs import Beliefs
from qup.glassbox.corpus import Chains
from qup.lm import pairwise, workers
from qup.lm.pairwise import Fit, Trained
from qup.models import _folder
from qup.seeds import derive
from qup.settings import STRICT, PositiveShare, Share


@dataclass(frozen=True, config=STRICT)
class Model:
    """Every preference is seen once; what prefers what stands in `qup.glassbox.corpus.pairs`."""

    base: str
    "The model it starts from, one that the study names before it."
    pairs: PositiveInt = 3000
    contrasts: dict[str, float] = field(default_factory=lambda: {"logic": 2.0, "style": 1.0, "both": 1.0})
    "Kind of difference, of `qup.glassbox.corpus.CONTRASTS`, to its weight."
    chains: Chains = field(default_factory=Chains)
    beliefs: Beliefs = field(default_factory=Beliefs)
    "The learner's: a wrong trace has the wrong result that is believed of a misconceived fact, if it meets one."
    batch: PositiveInt = 32
    "Pairs a step."
    learning_rate: PositiveShare = 1e-4
    warmup: Share = 0.1
    "Share of steps."
    seed: int = 1
    threads: PositiveInt = 2
    "CPU threads; the study's are for runs that share the machine."

    def __post_init__(self) -> None:
        for taste in self.contrasts:
            if taste not in corpus.CONTRASTS:
                raise unknown("contrast", taste, corpus.CONTRASTS, "contrasts")
        if not self.contrasts or min(self.contrasts.values()) < 0 or not sum(self.contrasts.values()):
            raise SettingsError(f"expected weights of at least 0, one above, got {self.contrasts}", "contrasts")

    def obtain(self, folder: Path, cache: Path) -> None:
        """Train and save; the base model lies beside `folder`."""
        start = folder.parent / self.base
        if not start.is_dir():
            raise SettingsError(f"a reward model needs its base model {self.base!r} made first, so named before it")
        with workers.alone(self.threads):
            trained = self._train(start)
        _folder.save(trained.model, trained.tokenizer, folder)
        log = "".join(json.dumps(row) + "\n" for row in trained.log)
        (folder / "preference.jsonl").write_text(log, encoding="utf-8")
        facts = {"origin": f"{self.base} trained on {self.pairs} preferences", "license": "none needed"}
        _folder.write_origin(folder, "glass-box reward model", **facts)

    def _train(self, start: Path) -> Trained:
        drawn = corpus.pairs(self.chains, self.contrasts, self.beliefs, self.pairs, derive(self.seed, "pairs"))
        pairs = [(puzzle.question(), chosen, rejected) for puzzle, chosen, rejected in drawn]
        seeds = (derive(self.seed, name) % 2**32 for name in ("head", "trainer"))
        return pairwise.train(start, pairs, Fit(self.batch, self.learning_rate, self.warmup, *seeds))
