"""What a stage says: no terminal's lack of letters stops it."""

import os
import subprocess
import sys

import pytest

SAYING = """
import sys
from qup.lm import workers
from qup.lm.progress import show
from stages import cli

QUESTION = "\\u2211 \\U0001f916 \\ud800?"

def said(jobs):
    show([{"role": "user", "content": QUESTION}], "so 2")
    print(QUESTION, file=sys.stderr)
    return list(jobs)

if __name__ == "__main__":
    cli.run(lambda argv: print(workers.spread(said, [1, 2], None)))
"""


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "cp1252", "utf-8"])
def test_a_question_that_the_terminal_has_no_letters_for_is_shown_and_stops_nothing(encoding: str) -> None:
    environment = {**os.environ, "PYTHONIOENCODING": encoding}
    done = subprocess.run([sys.executable, "-c", SAYING], capture_output=True, env=environment, check=False)
    assert done.returncode == 0, done.stderr
    shown = done.stdout.decode(encoding)
    assert "so 2" in shown
    assert "[1, 2]" in shown
    assert "\\ud800" in shown
