"""The one error a user can cause: it says what was given, what was expected and what to do."""

import difflib
from collections.abc import Iterable


class SettingsError(ValueError):
    """Bad input from the user. Stages print it as one line and exit with code 2."""


def unknown(what: str, given: str, known: Iterable[str]) -> SettingsError:
    """The error for a name that does not exist: names the near ones, then what exists."""
    names = sorted(known)
    near = difflib.get_close_matches(given, names, n=3, cutoff=0.5)
    hint = f"did you mean {' or '.join(map(repr, near))}? " if near else ""
    return SettingsError(f"unknown {what} {given!r}: {hint}known: {', '.join(names) or 'none'}")
