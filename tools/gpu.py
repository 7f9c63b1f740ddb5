"""Time a study's stages and a model of half a billion parameters on a GPU, and tell the figures in docs/gpu.md.

`python tools/gpu.py measure` runs on a machine with CUDA and writes bench/gpu.json; `python tools/gpu.py page` writes
its tables into docs/gpu.md, where nothing between the markers is typed by hand. DVC is not needed for either.
"""

import argparse
import gc
import json
import os
import platform
import re
import shlex
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from itertools import product
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
FIGURES, PAGE = ROOT / "bench/gpu.json", ROOT / "docs/gpu.md"
MARKED = re.compile(r"(<!-- figures -->\n).*?(<!-- /figures -->)", re.DOTALL)
UNTIMED = {"check", "further", "report", "track"}
"Stages that use no GPU, or all that the others use again."
ARMS = ("learner/rejection_sampling", "home/style_aligned")
PEAK = "peak GPU memory: "
CODE = f"""
import importlib, sys
from stages import cli
def main(argv):
    importlib.import_module("stages." + sys.argv[1]).main(sys.argv[2:])
    if (torch := sys.modules.get("torch")) and torch.cuda.is_initialized():
        print("{PEAK}%d" % torch.cuda.max_memory_reserved())
cli.run(main)
"""
SHAPE = {"hidden_size": 896, "intermediate_size": 4864, "num_hidden_layers": 24, "num_attention_heads": 14}
SHAPE |= {"num_key_value_heads": 2, "vocab_size": 151936, "max_position_embeddings": 4096, "tie_word_embeddings": True}
"Qwen2.5-0.5B's."
PROMPT, LENGTH = 128, 384
"Tokens of a prompt and of a completion, random ones."


def commands(study: str) -> Iterator[tuple[str, list[str]]]:
    """(stage, its flags) in dvc.yaml's order, of the native arm and one that an Oracle makes."""
    from qup.settings import read_yaml

    for stage, said in read_yaml(ROOT / "dvc.yaml")["stages"].items():
        axes = {**said.get("matrix", {}), "study": [study]}
        if "${oracles}" in axes.get("oracle", ()):
            axes |= {"oracle": [ARMS[1].split("/")[0]], "refiner": [ARMS[1].split("/")[1]]}
        for cell in product(*axes.values()) if stage not in UNTIMED else ():
            line = said["cmd"].replace("${code}.", "")
            for key, value in zip(axes, cell, strict=True):
                line = line.replace(f"${{item.{key}}}", value)
            name, *flags = shlex.split(line)
            yield " ".join([stage.removesuffix("-native"), *list(cell)[1:][-1:]]), [name, *flags]


def stages(study: str, folder: Path) -> dict[str, dict[str, float]]:
    """Seconds of each stage, its start included, and the most GPU memory that it reserved, GB."""
    for name in ("studies", "params.yaml", "qup", "stages", "dvc.yaml"):
        (folder / name).symlink_to(ROOT / name)
    (folder / "data").mkdir()
    (folder / "data/problems").symlink_to(ROOT / "data/problems")
    told: dict[str, dict[str, float]] = {}
    for stage, command in commands(study):
        start = time.perf_counter()
        done = subprocess.run(
            [sys.executable, "-c", CODE, *command],
            cwd=folder,
            env={
                **os.environ,
                "QUP_REPEAT": "1",
                "PYTHONPATH": os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")]),
            },
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            sys.exit(f"{stage}: exit code {done.returncode}\n{done.stdout[-2000:]}\n{done.stderr[-3000:]}")
        peak = re.search(f"{PEAK}(\\d+)", done.stdout)
        told[stage] = {"seconds": round(time.perf_counter() - start, 1)}
        told[stage] |= {"peak_gb": round(int(peak[1]) / 1e9, 2)} if peak else {}
        print(stage, told[stage], flush=True)
    return told


def made(folder: Path) -> Path:
    """A folder with a model of Qwen2.5-0.5B's shape, its weights random, and a tokenizer of single characters."""
    import torch
    import transformers

    from qup.models import _families
    from qup.models.random import make_tokenizer

    words = make_tokenizer(_families.load("qwen2"))
    ends = {"eos_token_id": words.eos_token_id, "pad_token_id": words.pad_token_id, "bos_token_id": None}
    torch.manual_seed(1)
    with torch.device("cuda" if torch.cuda.is_available() else "cpu"):
        model = transformers.Qwen2ForCausalLM(transformers.Qwen2Config(**SHAPE, **ends))
    model.to(dtype=torch.bfloat16, device="cpu").save_pretrained(folder)
    words.save_pretrained(folder)
    return folder


def rows(count: int) -> list[tuple[list[int], list[int]]]:
    """Prompts and completions of random tokens."""
    import torch

    drawn = torch.randint(
        300, SHAPE["vocab_size"], (count, PROMPT + LENGTH), generator=torch.Generator().manual_seed(1)
    )
    return [(row[:PROMPT].tolist(), row[PROMPT:].tolist()) for row in drawn]


def timed(work: Callable[[], int]) -> dict[str, float]:
    """Tokens a second of a second call (the first warms up), and the most memory that it reserved, GB."""
    import torch

    work()
    gpu = torch.cuda.is_available()
    if gpu:
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats()
    start = time.perf_counter()
    tokens = work()
    if gpu:
        torch.cuda.synchronize()
    rate = tokens / (time.perf_counter() - start)
    return {"tokens_per_second": float(f"{rate:.3g}")} | (
        {"peak_gb": round(torch.cuda.max_memory_reserved() / 1e9, 2)} if gpu else {}
    )


Pairs = Sequence[tuple[list[int], list[int]]]


def drawing(learner: Path, given: Pairs) -> Callable[[], int]:
    """128 tokens after each prompt, all at once."""
    from qup.backends import Sampling
    from qup.backends.hf import Backend

    runner = Backend(learner, "bfloat16", batch=len(given), max_length=1024)
    prompts, ids = [prompt for prompt, _ in given], [str(i) for i in range(len(given))]
    return lambda: sum(each.tokens for each in runner.complete(prompts, Sampling(1.0, 128, seed=1), ids))


def scoring(learner: Path, given: Pairs) -> Callable[[], int]:
    """All that is said of each token of a completion, eight traces a pass."""
    from qup.backends.hf import Backend

    runner = Backend(learner, "bfloat16", batch=8, max_length=1024)
    return lambda: sum(len(p) + len(c) for p, c in given) * bool(runner.score(given))


def training(method: str, *, repeats: bool = True) -> Callable[[Path, Pairs], Callable[[], int]]:
    """Two epochs, eight traces a step, loading and saving included; says whether a run came to another's end."""
    import torch

    from qup.training.examples import Example
    from qup.training.settings import Budget, TrainingSettings
    from qup.training.trainer import Cell, train

    asked = TrainingSettings(Budget(epochs=2), objectives=("sft",), method=method, batch=8, learning_rate=1e-5)

    def start(learner: Path, given: Pairs) -> Callable[[], int]:
        os.environ["QUP_REPEAT"] = str(int(repeats))
        torch.use_deterministic_algorithms(False)
        ends: set[float] = set()
        examples = [Example(p + c, [-100] * len(p) + c, truncated=False) for p, c in given]

        def run() -> int:
            with tempfile.TemporaryDirectory() as out:
                _, account = train(learner, examples, asked, Cell("sft", 1, 1), Path(out, "sft-1"))
            ends.add(account.distance)
            return account.steps * asked.batch * (PROMPT + LENGTH)

        # Of the two runs: one where the second came to the first one's end.
        vars(run)["ends"] = ends
        return run

    return start


def half_billion(folder: Path, count: int) -> dict[str, dict[str, float]]:
    """Rates of the model of half a billion parameters."""
    learner, given = made(folder / "learner"), rows(count)
    works = {"draw": drawing, "score": scoring, "train, lora": training("lora"), "train, full": training("full")}
    works["train, full, QUP_REPEAT=0"] = training("full", repeats=False)
    told: dict[str, dict[str, float]] = {}
    for name, start in works.items():
        work = start(learner, given)
        told[name] = timed(work)
        if ends := vars(work).get("ends"):
            told[name]["different_ends"] = len(ends)
        gc.collect()
        print(name, told[name], flush=True)
    return told


def measure(study: str, count: int, out: Path) -> None:
    """Run all of it and write the figures."""
    import torch
    import transformers

    gpu = torch.cuda.is_available()
    device = torch.cuda.get_device_name() if gpu else "no GPU"
    told: dict[str, Any] = {"device": device, "date": datetime.now(UTC).date().isoformat(), "study": study}
    told |= {"torch": torch.__version__, "transformers": transformers.__version__, "python": platform.python_version()}
    for part, work in {"model": lambda at: half_billion(at, count), "stages": lambda at: stages(study, at)}.items():
        with tempfile.TemporaryDirectory() as name:
            told[part] = work(Path(name))
        out.write_text(json.dumps(told, indent=1) + "\n", encoding="utf-8")


def page() -> None:
    """Write the figures into the page."""
    told = json.loads(FIGURES.read_text(encoding="utf-8"))
    lines = [f"One {told['device']}, torch {told['torch']}, transformers {told['transformers']}, {told['date']}:", ""]
    memory = {"peak_gb": "peak GPU memory, GB"}
    model = {"tokens_per_second": "tokens a second", **memory, "different_ends": "different ends"}
    lines += _table("half a billion parameters, bfloat16", told["model"], model)
    lines += ["", *_table(f"stage of `{told['study']}`", told["stages"], {"seconds": "seconds", **memory})]
    written = PAGE.read_text(encoding="utf-8")
    PAGE.write_text(MARKED.sub(lambda m: f"{m[1]}\n{chr(10).join(lines)}\n\n{m[2]}", written), encoding="utf-8")


def _table(head: str, rows: Mapping[str, Mapping[str, float]], columns: Mapping[str, str]) -> list[str]:
    """A row each; what a row has no figure of stays empty."""
    cells = [[f"{row[key]:,g}" if key in row else "" for key in columns] for row in rows.values()]
    lines = [f"| {name} | {' | '.join(own)} |" for name, own in zip(rows, cells, strict=True)]
    return [f"| {head} | {' | '.join(columns.values())} |", "|---|" + "--:|" * len(columns), *lines]


def main() -> None:
    """One of the two."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["measure", "page"])
    parser.add_argument("--study", default="glassbox-tiny")
    parser.add_argument("--count", type=int, default=64, help="sequences of the large model")
    parser.add_argument("--out", type=Path, default=FIGURES)
    args = parser.parse_args()
    sys.path.insert(0, str(ROOT))
    if args.what == "measure":
        measure(args.study, args.count, args.out)
    else:
        page()


if __name__ == "__main__":
    main()
