"""What a stage spends before it computes: Python, our own imports with the study read, and the libraries of a model."""

import subprocess
import sys
import time

from bench._given import Given

UNIT = "s"


def measure(given: Given) -> dict[str, list[float]]:
    """Fresh processes: an empty one, one that gets as far as a stage's first work, one that loads what runs a model."""
    start = f"cli.start(cli.parser(None).parse_args(['--study', {str(given.file)!r}]))"
    sides = {
        "python": "pass",
        "stage": f"from stages import cli, sample; {start}",
        "libraries": "from transformers import AutoModelForCausalLM, AutoTokenizer",
    }
    return {side: [seconds(code) for _ in range(given.repeats)] for side, code in sides.items()}


def seconds(code: str) -> float:
    """Wall time of a process that runs some code, which must succeed."""
    start = time.perf_counter()
    subprocess.run([sys.executable, "-c", code], check=True)
    return time.perf_counter() - start
