"""What a person sees while a long stage runs: the first prompt and completion, so that a wrong template shows early."""

import io
import sys
from collections.abc import Sequence


def show_any_text() -> None:
    """Let this process print what its terminal has no letter for as an escape, not die of it after hours of work."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def show(messages: Sequence[dict[str, str]], completion: str) -> None:
    """Print one exchange, dimmed by a margin."""
    for message in [*messages, {"role": "completion", "content": completion}]:
        print(f"{message['role']:>10} | " + message["content"].strip().replace("\n", "\n" + " " * 10 + " | "))
