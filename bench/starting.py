"""Measure a small stage started by itself and started warm (`stages.warm`); writes bench/starting.json.

The stage scores one arm's traces of the glass box with the learner: a second of work, and all the libraries.
"""

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from stages import warm

STUDY = "glassbox"
ARM = "restyled"


def main() -> None:
    """Run both sides in turn."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--out", type=Path, default=Path("bench/starting.json"))
    args = parser.parse_args()
    data, models = Path("data", STUDY), Path("models", STUDY, "base")
    for path in (data / ARM / "stream.jsonl", models):
        if not path.exists():
            parser.error(f"{path} is not there: run or pull the study {STUDY} first")
    given = {"study": Path("studies", f"{STUDY}.yaml"), "problems": data / "problems" / "train.jsonl"}
    given |= {"stream": data / ARM / "stream.jsonl", "models": models}
    words = [word for name, value in given.items() for word in (f"--{name}", str(value))]
    runs: dict[str, list[float]] = {"by itself": [], "warm": []}
    with warm.keeper() as place, tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "stages.compat", *words, "--out", str(Path(folder, "compat.jsonl"))]
        # The first warm start waits for the keeper to load, which a run of many stages pays once.
        loading = seconds(command, {warm.PLACE: place})
        for _ in range(args.repeats):
            runs["by itself"].append(seconds(command, {}))
            runs["warm"].append(seconds(command, {warm.PLACE: place}))
    best = {name: min(values) for name, values in runs.items()}
    found = {
        "seconds": best,
        "runs": runs,
        "first_warm_start": loading,
        "cpu": platform.processor() or platform.machine(),
    }
    args.out.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")
    print(json.dumps(found, indent=2))


def seconds(command: list[str], environment: dict[str, str]) -> float:
    """Wall time of a command, which must succeed."""
    inherited = {name: value for name, value in os.environ.items() if name != warm.PLACE}
    start = time.perf_counter()
    subprocess.run(command, env={**inherited, **environment}, capture_output=True, check=True)
    return round(time.perf_counter() - start, 3)


if __name__ == "__main__":
    main()
