"""How the learner is asked: sampling, training and scoring by the study's prompt, evaluation by that or its own."""

from pathlib import Path

from qup import prompts
from qup.errors import unknown

HERE = Path(__file__).parent


def ask(name: str, question: str) -> list[dict[str, str]]:
    """The chat that puts a question to the learner, under a system message if `systems/` has a file of the name.

    Raises:
        SettingsError: there is no such prompt.
    """
    # What stands in `systems` says nothing of the question.
    if name not in (names := [file.stem for file in HERE.glob("*.txt")]):
        raise unknown("prompt of the learner", name, names)
    asked = [{"role": "user", "content": prompts.render(HERE, name, {"question": question})}]
    if not (HERE / "systems" / f"{name}.txt").is_file():
        return asked
    return [{"role": "system", "content": prompts.render(HERE, f"systems/{name}", {})}, *asked]
