"""docs/own-data.md word by word: from a file of problems, a learner and an endpoint to a verdict, in three edits."""

import itertools
import json
import os
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from checkout import Repo, copy
from endpoint import Endpoint, completion
from pages import ROOT, blocks, shell
from teaching import teach

SAID = "Counting one by one I come to the number \\boxed{{{}}}."
"What the learner says."
WRITTEN = "Adding both gives {0}.\nThe answer is \\boxed{{{0}}}."
"What the Oracle says."
PAGE = ROOT / "docs" / "own-data.md"
WITHOUT_VLLM = """
import importlib.util
_find = importlib.util.find_spec
importlib.util.find_spec = lambda name, package=None: None if name == "vllm" else _find(name, package)
"""
"An interpreter that does not see vLLM, whose engine takes longer to start than a toy takes to run."


def edits(command: str) -> dict[str, str]:
    """What of `qup new` is the reader's own: learner, problems, Oracle with its endpoint."""
    return dict(re.findall(r"--(\w+) (\S+)", command))


def test_a_reader_edits_three_things() -> None:
    command = next(line for line in shell(PAGE).splitlines() if line.startswith("qup new"))
    assert set(edits(command)) == {"learner", "problems", "oracle", "endpoint"}
    assert "in three edits" in PAGE.read_text(encoding="utf-8")


def problems(count: int) -> dict[str, str]:
    """Questions in the page's words with other numbers, and their answers, 1 to 3."""
    example = json.loads(next(block.text for block in blocks(PAGE) if block.language == "json"))
    assert set(example) == {"question", "answer"}
    assert example["question"].startswith("Ann has 1 apple and is given 2 more.")
    made = {}
    for number, (has, given) in zip(range(count), itertools.cycle([(0, 1), (1, 1), (1, 2)]), strict=False):
        question = example["question"].replace("Ann", f"Friend {number}").replace("1", str(has), 1)
        made[question.replace("2 more", f"{given} more")] = str(has + given)
    assert len(made) == count
    return made


def oracle(answers: dict[str, str]) -> Callable[[dict[str, Any]], tuple[int, Any]]:
    """A strong model behind an endpoint: it finds the question in what it is asked and answers in words of its own."""

    def reply(request: dict[str, Any]) -> tuple[int, Any]:
        asked = request["messages"][-1]["content"]
        # Before anything is spent it is asked for a few tokens, of no problem.
        answer = next((answer for question, answer in answers.items() if question in asked), "1")
        return 200, completion(WRITTEN.format(answer))

    return reply


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_the_page_followed_word_by_word_ends_in_a_verdict(
    tmp_path: Path, tiny: Callable[..., Path], endpoint: Endpoint
) -> None:
    repo = copy(tmp_path / "repo")
    answers, learner = problems(60), tmp_path / "home" / "models" / "my-1b"
    shutil.copytree(tiny(architecture="qwen2", seed=1, hidden=32, layers=2), learner)
    # Right one time in three, and soon done; that it has heard the Oracle lets it come to an end once it is trained.
    heard = [(q, words.format(n)) for q in answers for n in (1, 2, 3) for words in (SAID, SAID, SAID, WRITTEN)]
    assert teach(learner, heard) < 0.2
    rows = [json.dumps({"question": question, "answer": answer}) for question, answer in answers.items()]
    (repo.folder / "my_problems.jsonl").write_text("\n".join(rows), encoding="utf-8")
    endpoint.odd = oracle(answers)
    script = shell(PAGE)
    address = edits(script)["endpoint"]
    said = follow(repo, tmp_path, script.replace(address, endpoint.url))
    assert re.search(r"^SFT, Oracle home: .+", said, re.MULTILINE), said
    assert "results/mine/report/index.html" in said
    assert endpoint.requests
    report = json.loads((repo.folder / "results/mine/report/report.json").read_text(encoding="utf-8"))
    assert {choice["objective"] for choice in report["choices"]} == {"sft", "dft"}
    card = (repo.folder / "out" / "README.md").read_text(encoding="utf-8")
    assert "my_problems" in card or "mine" in card


def follow(repo: Repo, folder: Path, script: str) -> str:
    """What a reader's shell says to it; its first failure fails the test."""
    (folder / "site").mkdir()
    (folder / "site" / "sitecustomize.py").write_text(WITHOUT_VLLM, encoding="utf-8")
    env = repo.environment() | {"HOME": str(folder / "home")}
    env["PYTHONPATH"] = os.pathsep.join([env["PYTHONPATH"], str(folder / "site")])
    command = ["bash", "-euxo", "pipefail", "-c", script]
    done = subprocess.run(command, cwd=repo.folder, env=env, capture_output=True, text=True, check=False)
    logs = "\n".join(log.read_text(encoding="utf-8")[-6000:] for log in (repo.folder / ".qup/logs").glob("*.log"))
    assert done.returncode == 0, f"{done.stdout[-6000:]}\n{done.stderr[-4000:]}\n{logs}"
    return done.stdout
