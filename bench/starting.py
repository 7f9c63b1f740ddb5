"""What a stage spends before it computes: Python, our own imports with the study read, and the libraries of a model, as
they are loaded by themselves and as every process of ours loads them.
"""

import subprocess
import sys
import time

from bench._given import Given

UNIT = "s"


def measure(given: Given) -> dict[str, list[float]]:
    """Fresh processes: an empty one, one that gets as far as a stage's first work, one that loads what runs a model."""
    start = f"cli.start(cli.parser(None).parse_args(['--study', {str(given.file)!r}]))"
    libraries = "from transformers import AutoModelForCausalLM, AutoTokenizer"
    sides = {
        "python": "pass",
        "stage": f"from stages import cli, sample; {start}",
        "libraries": libraries,
        "libraries-begun": f"from qup.lm import starting; starting.begin(); {libraries}",
    }
    return {side: [seconds(code) for _ in range(given.repeats)] for side, code in sides.items()}


def seconds(code: str) -> float:
    """Wall time of a process that runs some code, which must succeed."""
    start = time.perf_counter()
    subprocess.run([sys.executable, "-c", code], check=True)
    return time.perf_counter() - start
