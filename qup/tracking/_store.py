"""MLflow's store by its address: where it is, whether it can be opened, and what of it nobody may read.

An address may hold a name, a password or a token; neither a terminal nor a log is to hold them.
"""

import contextlib
import os
import re
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote

from qup.backends.openai.secrets import Redactor

VARIABLE = "MLFLOW_TRACKING_URI"
SECRETS = ("MLFLOW_TRACKING_PASSWORD", "MLFLOW_TRACKING_TOKEN", "DATABRICKS_TOKEN", "DATABRICKS_CLIENT_SECRET")
"Variables of the environment that MLflow sends to a server."
SHORTEST = 3
"Characters of the shortest part of an address that is hidden; what is shorter is in many words."
SQLITE = "sqlite:///"


def address(root: Path) -> str:
    """The store that the environment names, else SQLite at the repository's root."""
    return os.environ.get(VARIABLE) or f"{SQLITE}{root.resolve() / 'mlflow.db'}"


def ready(store: str) -> bool:
    """Whether a store is a file that is yet to be filled with tables, which must not end half-way.

    Raises:
        OSError, sqlite3.Error: a file that cannot be opened, which MLflow would try again and again for a minute.
    """
    if not store.startswith(SQLITE):
        return False
    path = _file(store)
    if path is None:
        return True
    path.parent.mkdir(parents=True, exist_ok=True)
    new = not (path.exists() and path.stat().st_size)
    if new:
        with contextlib.closing(sqlite3.connect(path, timeout=0)) as file:
            file.execute("BEGIN IMMEDIATE")
    return new


@contextlib.contextmanager
def alone(store: str, seconds: float) -> Iterator[None]:
    """Wait for whoever else mirrors into a store that is a file: two that make its tables at once break it for both.

    Raises:
        TimeoutError: the other has not come to an end in that time.
    """
    path = _file(store) if store.startswith(SQLITE) else None
    if path is None:
        yield
        return
    from filelock import FileLock

    path.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(f"{path}.lock", timeout=seconds):
        yield


def _file(store: str) -> Path | None:
    """The file of an SQLite store; None of one in memory."""
    path = Path(store.removeprefix(SQLITE).partition("?")[0])
    return None if path == Path() else path


def public(text: str) -> str:
    """A text without what the store's address and the environment hold that is private."""
    private = sorted(_private(os.environ.get(VARIABLE, "")), key=len, reverse=True)
    text = Redactor(SECRETS, private).text(text)
    for short in private:
        text = text.replace(short, "***")
    return re.sub(r"//[^/\s]*@", "//", text)


def _private(store: str) -> Iterator[str]:
    """Name, password and query of an address, as it is written and as it is meant."""
    _, _, rest = store.partition("://")
    place, _, query = rest.partition("?")
    login = place.rpartition("@")[0]
    for part in (login, *login.split(":", 1), query, *re.split(r"[&;]", query), *re.split(r"[&;=]", query)):
        for form in (part, unquote(part)):
            if len(form) >= SHORTEST:
                yield form
