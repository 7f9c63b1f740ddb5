"""How the learner is asked: sampling, training and scoring by the study's prompt, evaluation by that or its own."""

from pathlib import Path

from qup import prompts


def ask(name: str, question: str) -> list[dict[str, str]]:
    """The chat that puts a question to the learner.

    Raises:
        SettingsError: there is no such prompt.
    """
    return [{"role": "user", "content": prompts.render(Path(__file__).parent, name, {"question": question})}]
