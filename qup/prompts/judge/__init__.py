"""What a judge is asked about a trace."""

from pathlib import Path

from qup import prompts


def ask(name: str, question: str, solution: str, native: str | None = None) -> list[dict[str, str]]:
    """The chat that asks for a verdict; `native` is a trace that the solution is compared with.

    Raises:
        SettingsError: there is no such prompt.
    """
    fields = {"question": question, "solution": solution} | ({} if native is None else {"native": native})
    return [{"role": "user", "content": prompts.render(Path(__file__).parent, name, fields)}]
