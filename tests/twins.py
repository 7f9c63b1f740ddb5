r"""Shrunken twins of the paper's studies: the study's own file with little in its place, and nothing else changed.

Models become tiny random ones of their family, in the form in which the hub has them; data become a dozen rows in the
data sets' own formats; counts become small; vLLM becomes hf. What is not named in `shrink` is the study's.
"""

import hashlib
import json
from pathlib import Path
from typing import Any

from qup.models import _families
from qup.models.random import BOXES, Model
from qup.settings import read_yaml

ROOT = Path(__file__).parents[1]
PAPER = ("qwen2.5-math-1.5b", "qwen2.5-math-7b", "llama-3.2-3b", "deepseek-math-7b")
TRAIN, REPLICATES, HELDOUT = 5, 2, 2
WIDE = 128
"Of the Oracle, which must be as wide as it has tokens: see `talkative`."


def twin(name: str, folder: Path) -> dict[str, Any]:
    """The settings of a study's twin; its checkpoints and data are laid below `folder`."""
    study = read_yaml(ROOT / "studies" / f"{name}.yaml")
    for key, entry in study["models"].items():
        study["models"][key] = _local(key, entry, folder / "checkpoints")
    return shrink(study, folder / "data" / "problems")


def shrink(study: dict[str, Any], files: Path) -> dict[str, Any]:
    """A study with little data, few tokens and no GPU."""
    files.mkdir(parents=True)
    (source,) = study["problems"]["sources"]
    kept = {key: source[key] for key in ("question", "answer", "answer_boxed")}
    study["problems"]["sources"] = [{"source": "jsonl", "file": _written(files / "numina.jsonl", NUMINA), **kept}]
    study["problems"] |= {"train": TRAIN, "replicates": REPLICATES, "heldout": HELDOUT}
    for each in study["problems"]["sets"].values():
        (source,) = each["sources"]
        _written(files / source["file"], BENCHMARKS[source["set"]])
        source["sha256"] = hashlib.sha256((files / source["file"]).read_bytes()).hexdigest()
    study["threads"] = 1
    study["backend"] |= {"name": "hf", "dtype": "float32", "batch": 32}
    study["sampling"]["max_tokens"] = 96
    # An Oracle that answers at random is right now and then.
    study["streams"]["retries"] = 30
    study["oracles"]["home"]["max_tokens"] = 32
    study["training"] |= {"batch": 2, "micro_batch": 1}
    study["evaluation"] |= {"k": 2, "max_tokens": 12}
    study["report"]["resamples"] = 200
    return study


def _local(name: str, entry: dict[str, Any], folder: Path) -> dict[str, Any]:
    """A model of the hub as a folder that holds a tiny one of its family; what a study says beside it stays."""
    architecture = _families.of(entry["repo"])
    assert architecture, f"no family stands for {entry['repo']}"
    made = folder / name
    Model(architecture=architecture, hidden=WIDE if name == "oracle" else 32, layers=1).obtain(made, folder)
    (made / "ORIGIN.md").unlink()
    if name == "oracle":
        talkative(made)
    if _families.load(architecture).pickled:
        pickled(made)
    others = {key: value for key, value in entry.items() if key not in ("source", "repo", "revision")}
    return {"source": "folder", "path": str(made), **others}


def pickled(folder: Path) -> None:
    """Put a folder's weights into pytorch_model.bin."""
    import torch
    from safetensors.torch import load_file

    torch.save(load_file(folder / "model.safetensors"), folder / "pytorch_model.bin")
    (folder / "model.safetensors").unlink()


def talkative(folder: Path) -> None:
    r"""Let a tiny gpt-oss say `So \boxed{1}` or the like, now thinking aloud and now in its channel for answers.

    Its layers add nothing to the embedding of the last token, so its output matrix alone says what follows what. With
    normalized embeddings E (tokens x width) and wanted logits L, it is W with E W' = L, solved exactly.
    """
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(folder)
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float64)
    for name, weight in model.named_parameters():
        if "o_proj" in name or "down_proj" in name:
            weight.data.zero_()
    wanted = torch.zeros(model.config.vocab_size, model.config.vocab_size, dtype=torch.float64)
    for token, followers in FOLLOWS.items():
        for follower in followers:
            wanted[tokenizer.convert_tokens_to_ids(token), tokenizer.convert_tokens_to_ids(follower)] = 30.0
    with torch.no_grad():
        embeddings = model.model.norm(model.model.embed_tokens.weight)
        model.lm_head.weight.copy_(torch.linalg.lstsq(embeddings, wanted).solution.T)
    model.float().save_pretrained(folder)


FOLLOWS = {
    "assistant": ["<|channel|>"],
    "<|channel|>": ["analysis", "final"],
    "analysis": ["<|message|>"],
    "final": ["<|message|>"],
    "<|message|>": ["S"],
    "S": ["o"],
    "o": ["Ġ"],
    "Ġ": BOXES,
    **{box: ["<|end|>", "<|return|>"] for box in BOXES},
    "<|end|>": ["<|start|>"],
    "<|start|>": ["assistant"],
}
"Token to those that may follow it; Ġ is the space of a byte-level tokenizer."


def _written(path: Path, rows: list[dict[str, Any]]) -> str:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path.name


NOUNS = [
    *("apples", "books", "coins", "doors", "eggs", "flags", "gloves"),
    *("hats", "inks", "jars", "kites", "lamps", "maps", "nails"),
]
"As many as training and held-out problems, and a few to spare."


def _numina(number: int, noun: str) -> dict[str, Any]:
    """A row as NuminaMath-CoT has it."""
    problem = f"Of {number + 3} {noun} all but ${number % 3 + 1}$ are gone. How many {noun} are left?"
    solution = f"What is left of the {noun} is what is not gone.\n\nSo the answer is $\\boxed{{{number % 3 + 1}}}$."
    turns = [{"content": problem, "role": "user"}, {"content": solution, "role": "assistant"}]
    return {"source": "synthetic_math", "problem": problem, "solution": solution, "messages": turns}


NUMINA = [_numina(number, noun) for number, noun in enumerate(NOUNS)]
SUM, PRODUCT = "What is the sum of 1 and 1?", "What is the product of 1 and 3?"
BENCHMARKS: dict[str, list[dict[str, Any]]] = {
    "math500": [
        {
            "problem": f"{SUM} ($\\text{{MATH}}$)",
            "solution": "It is $1 + 1 = \\boxed{2}$.",
            "answer": "2",
            "subject": "Algebra",
            "level": 1,
            "unique_id": "test/algebra/1.json",
        }
    ],
    "minerva_math": [
        {
            "problem": f"{PRODUCT} Answer in metres.",
            "solution": "The product is \\boxed{3}.",
            "type": "Introduction to Astronomy (8.282J Spring 2006)",
            "idx": 0,
        }
    ],
    "aime24": [
        {
            "id": 60,
            "problem": f"{SUM} Give it as an integer from 0 to 999.",
            "solution": "$1+1=2$, so $\\boxed{002}$.",
            "answer": "2",
            "url": "https://artofproblemsolving.com/wiki/index.php/2024_AIME_I_Problems/Problem_1",
            "question": f"{SUM} Give it as an integer from 0 to 999.",
        }
    ],
    "amc23": [
        {
            "id": 0,
            "problem": f"{PRODUCT} Ada asks Ben.",
            "answer": 3.0,
            "url": "https://artofproblemsolving.com/wiki/index.php/2023_AMC_12A_Problems/Problem_1",
            "question": f"{PRODUCT} Ada asks Ben.",
        }
    ],
    "olympiadbench": [
        {
            "id": 1606,
            "subfield": "Combinatorics",
            "context": None,
            "question": f"{SUM} Give a proof as well.",
            "solution": ["It is 2."],
            "final_answer": ["$2$"],
            "is_multiple_answer": False,
            "unit": None,
            "answer_type": "Numerical",
            "error": None,
        }
    ],
}
