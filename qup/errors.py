"""The one error a user can cause: it says where, what was given, what was expected and what to do."""

import difflib
from collections.abc import Iterable

WIDEST = 80
"Characters of a value, a key or a name that a message repeats."


class SettingsError(ValueError):
    """Bad input from the user; commands print it as one line and exit with code 2.

    `path` is where in the settings it stands, outermost key first: whoever read the part in which the error was found
    puts its own keys before it, so no reader needs to know where it was called from.
    """

    def __init__(self, problem: str, *path: str) -> None:
        where = ".".join(map(_cut, path)).replace(".[", "[")
        text = f"{where}: {problem}" if where else problem
        # What was given, or a library's words, may have more lines.
        super().__init__(text if text.isprintable() else " ".join(text.split()))
        self.problem, self.path = problem, path

    def below(self, *keys: str) -> "SettingsError":
        """The same error, seen from further out."""
        return SettingsError(self.problem, *keys, *self.path)


def shown(value: object) -> str:
    """A value as a message repeats it."""
    try:
        return _cut(repr(value))
    except (RecursionError, ValueError):
        # Lists within lists without end, or a number of more digits than Python writes.
        return f"a {type(value).__name__} that is too large to be shown"


def _cut(text: str) -> str:
    return text if len(text) <= WIDEST else f"{text[: WIDEST - 20]}... ({len(text)} characters)"


def unknown(what: str, given: str, names: Iterable[str], *path: str) -> SettingsError:
    """The error for a name that does not exist: what was given, the near names, then all that exist."""
    return SettingsError(f"unknown {what} {shown(given)}: {hint(given, names)}", *path)


def hint(given: str, names: Iterable[str]) -> str:
    """`did you mean 'x'? known: x, y`."""
    ordered = sorted(names)
    near = difflib.get_close_matches(given[:WIDEST], ordered, n=3, cutoff=0.5)
    question = f"did you mean {' or '.join(map(repr, near))}? " if near else ""
    return f"{question}known: {', '.join(ordered) or 'none'}"
