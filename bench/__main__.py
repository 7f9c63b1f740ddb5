"""Measure sampling against bare vLLM, scoring against one plain forward pass, and training with and without
`qup.memory.keep_pages`; writes bench/results.json.

Both sides do the same work on the same prompts, alternate, and are repeated; the best of each is compared, because what
disturbs a run on a shared machine only ever slows it down.
"""

import argparse
import json
import multiprocessing
import platform
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from qup import records
from qup.backends import Sampling, hf, vllm
from qup.prompts.learner import ask

STUDY = "qwen2.5-coder-0.5b"
MEASURED = ("scoring", "sampling", "training")


def main() -> None:
    """Run both measurements on the study's learner and its published traces."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", type=Path, default=Path("models") / STUDY / "base" / "learner")
    parser.add_argument("--problems", type=Path, default=Path("data") / STUDY / "problems" / "train.jsonl")
    parser.add_argument("--traces", type=Path, default=Path("data") / STUDY / "traces.jsonl")
    parser.add_argument("--count", type=int, default=48)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--only", choices=MEASURED, help="measure one thing and leave the file's others")
    parser.add_argument("--out", type=Path, default=Path("bench/results.json"))
    args = parser.parse_args()
    for path in (args.model, args.problems, args.traces):
        if not path.exists():
            parser.error(f"{path} is not there: run or pull the study {STUDY} first, or name your own with the flags")
    questions = {p.id: p.question for p in records.read(args.problems, records.Problem)}
    traces = records.read(args.traces, records.Trace)[: args.count]
    chats = [ask("boxed", questions[t.problem_id]) for t in traces]
    texts = [t.text for t in traces]
    calls: dict[str, Callable[[], dict[str, Any]]] = {
        "scoring": lambda: scoring(hf.Backend(args.model, batch=8), chats, texts, args.repeats),
        "sampling": lambda: sampling(vllm.Backend(args.model), chats, args.repeats),
        "training": lambda: training(args.model, chats, texts, args.repeats),
    }
    found = json.loads(args.out.read_text(encoding="utf-8")) if args.only and args.out.is_file() else {}
    about = {
        "machine": {"cpu": platform.processor() or platform.machine(), "python": platform.python_version()},
        "settings": {"count": args.count, "repeats": args.repeats, "model": args.model.name},
    }
    found |= {name: calls[name]() | about for name in MEASURED if args.only in (None, name)}
    args.out.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")
    print(json.dumps(found, indent=2))


def alternate(ours: Callable[[], int], plain: Callable[[], int], repeats: int) -> dict[str, Any]:
    """Tokens per second of both sides; each call returns the tokens it worked on. One unmeasured call warms each up."""
    rates: dict[str, list[float]] = {"qup": [], "plain": []}
    for turn in range(repeats + 1):
        for name, call in (("qup", ours), ("plain", plain)):
            start = time.perf_counter()
            tokens = call()
            if turn:
                rates[name].append(tokens / (time.perf_counter() - start))
    best = {name: round(max(values), 1) for name, values in rates.items()}
    return {"tokens_per_second": best, "runs": rates, "ratio": round(best["qup"] / best["plain"], 3)} | {
        "median_ratio": round(statistics.median(rates["qup"]) / statistics.median(rates["plain"]), 3)
    }


def sampling(backend: vllm.Backend, chats: list[list[dict[str, str]]], repeats: int) -> dict[str, Any]:
    """Generated tokens per second: the backend's `generate` against the engine's own `chat` on the same prompts."""
    how = Sampling(temperature=1.0, max_tokens=128, seed=1)
    ids = [str(i) for i in range(len(chats))]
    params = vllm._params(how, ids)

    def plain() -> int:
        vllm._params(how, ids)
        # Else it would find every prompt in the cache that the other side has just filled.
        backend.engine.reset_prefix_cache()
        return sum(len(o.outputs[0].token_ids) for o in backend.engine.chat(chats, params))

    return alternate(lambda: sum(c.tokens for c in backend.generate(chats, how, ids)), plain, repeats)


def scoring(backend: hf.Backend, chats: list[list[dict[str, str]]], texts: list[str], repeats: int) -> dict[str, Any]:
    """Tokens per second: all per-token statistics against one plain forward pass on the same batches.

    `cost` is the time of scoring over that of the plain pass; below 1 because logits of prompt tokens are not made.
    """
    pairs = [backend.encode(chat, text) for chat, text in zip(chats, texts, strict=True)]
    total = sum(len(p) + len(c) for p, c in pairs)

    def ours() -> int:
        backend.score(pairs)
        return total

    found = alternate(ours, lambda: forward(backend, pairs) or total, repeats)
    return found | {"cost": round(1 / found["ratio"], 3)}


def forward(backend: hf.Backend, pairs: list[tuple[list[int], list[int]]]) -> None:
    """One plain forward pass over the same batches, as transformers gives it: logits at every position."""
    import torch

    for rows in hf._batches([len(p) + len(c) for p, c in pairs], backend.batch):
        inputs = backend.tokenizer.pad(
            {"input_ids": [pairs[i][0] + pairs[i][1] for i in rows]}, padding_side="right", return_tensors="pt"
        )
        with torch.inference_mode():
            backend.model(**inputs, use_cache=False)


def training(model: Path, chats: list[list[dict[str, str]]], texts: list[str], repeats: int) -> dict[str, Any]:
    """Tokens per second, prompts included, of LoRA steps with and without `keep_pages`, in a process of their own."""
    rates: dict[str, list[float]] = {"qup": [], "plain": []}
    for _ in range(repeats):
        for name, values in rates.items():
            with multiprocessing.get_context("spawn").Pool(1) as pool:
                values.append(pool.apply(steps_per_second, (model, chats[:12], texts[:12], name == "qup")))
    best = {name: round(max(values), 1) for name, values in rates.items()}
    return {"tokens_per_second": best, "runs": rates, "ratio": round(best["qup"] / best["plain"], 3)}


def steps_per_second(model: Path, chats: list[list[dict[str, str]]], texts: list[str], keep: bool) -> float:
    """One epoch in batches of 4, as the study trains, timed without the loading of the libraries."""
    from qup import chat, memory, training
    from qup.params import Budget, TrainingSettings

    encoder = training.tokenizer(model)
    pairs = [chat.encode_chat(encoder, asked, text) for asked, text in zip(chats, texts, strict=True)]
    traces = [training.Example(p + c, [-100] * len(p) + c, truncated=False) for p, c in pairs]
    settings = TrainingSettings(budget=Budget(epochs=1), batch=4, learning_rate=2e-4)
    if not keep:
        memory.keep_pages = lambda: None
    with tempfile.TemporaryDirectory() as folder:
        start = time.perf_counter()
        training.train(model, traces, settings, "sft", 1, Path(folder, "out"))
    return sum(len(trace.input_ids) for trace in traces) / (time.perf_counter() - start)


if __name__ == "__main__":
    main()
