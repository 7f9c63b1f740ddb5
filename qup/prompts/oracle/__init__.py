"""What an Oracle is told to do with a problem or a draft, and the voices it may speak in."""

from collections.abc import Iterable
from pathlib import Path

from qup import prompts


def tell(name: str, question: str, draft: str, voice: str | None = None) -> list[dict[str, str]]:
    """The chat that asks for something, in a voice if one is named.

    Raises:
        SettingsError: there is no such prompt or voice.
    """
    here = Path(__file__).parent
    said = [{"role": "user", "content": prompts.render(here, name, {"question": question, "draft": draft})}]
    if voice is None:
        return said
    return [{"role": "system", "content": prompts.render(here, f"voices/{voice}", {})}, *said]


def texts(names: Iterable[str], voice: str | None) -> list[Path]:
    """The files that `tell` reads for some prompts in a voice."""
    here = Path(__file__).parent
    return [prompts.file(here, name) for name in (*names, *([f"voices/{voice}"] if voice else []))]
