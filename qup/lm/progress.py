"""What a person sees while a long stage runs: the first prompt and completion, so that a wrong template shows early."""

from collections.abc import Sequence


def show(messages: Sequence[dict[str, str]], completion: str) -> None:
    """Print one exchange, dimmed by a margin."""
    for message in [*messages, {"role": "completion", "content": completion}]:
        print(f"{message['role']:>10} | " + message["content"].strip().replace("\n", "\n" + " " * 10 + " | "))
