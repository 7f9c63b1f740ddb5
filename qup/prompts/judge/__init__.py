"""What a judge is asked about a trace."""

from pathlib import Path

from qup import prompts


def ask(name: str, question: str, solution: str) -> list[dict[str, str]]:
    """The chat that asks for a verdict.

    Raises:
        SettingsError: there is no such prompt.
    """
    fields = {"question": question, "solution": solution}
    return [{"role": "user", "content": prompts.render(Path(__file__).parent, name, fields)}]
