"""A tiny learner taught what to say, where a test needs one that solves something."""

import random
from collections.abc import Sequence
from pathlib import Path

from qup.lm.checkpoint import open_chat
from qup.prompts.learner import ask

STEPS = 120


def teach(folder: Path, pairs: Sequence[tuple[str, str]]) -> float:
    """Train the model in a folder on pairs of a question and an answer, in place; the last step's loss in nats."""
    import torch
    from transformers import AutoModelForCausalLM

    form, model = open_chat(folder), AutoModelForCausalLM.from_pretrained(folder)
    optimizer, draw = torch.optim.AdamW(model.parameters(), lr=1e-2), random.Random(0)
    for _ in range(STEPS):
        encoded = [form.encode(ask("boxed", question), said) for question, said in draw.sample(pairs, 8)]
        width = max(len(asked) + len(said) for asked, said in encoded)
        labels = [[-100] * len(a) + s + [-100] * (width - len(a) - len(s)) for a, s in encoded]
        ids = torch.tensor([[*a, *s, *[0] * (width - len(a) - len(s))] for a, s in encoded])
        loss = model(input_ids=ids, labels=torch.tensor(labels)).loss
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    model.save_pretrained(folder)
    return float(loss.item())
