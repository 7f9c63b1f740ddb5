"""What an endpoint and model have cost and may still cost: one account for all processes and runs of a repository.

The account is a row of an SQLite file, whose transactions are what keeps two processes from spending the same tokens.
"""

import contextlib
import os
import sqlite3
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from qup.errors import SettingsError

TABLES = (
    "CREATE TABLE IF NOT EXISTS account (name TEXT PRIMARY KEY, spent INTEGER NOT NULL)",
    "CREATE TABLE IF NOT EXISTS underway (item TEXT PRIMARY KEY, account TEXT NOT NULL, "
    "tokens INTEGER NOT NULL, pid INTEGER NOT NULL, until REAL NOT NULL)",
)
PAUSE = 0.05
"Seconds between two looks at an account that calls under way have promised away."


@dataclass(frozen=True)
class Ledger:
    """The account of one endpoint and model: no call starts that could overdraw the budget, in whatever process."""

    path: Path
    account: str
    "Endpoint and model, in words."
    budget: int
    patience: float
    "Seconds after which a call is no longer under way, whatever became of it."

    def open(self, stored: int) -> None:
        """Make the account if there is none; it has cost no less than the answers that are stored."""
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise SettingsError(f"{self.path.parent} cannot be made ({error.strerror}): set another `cache`") from error
        with self._changing() as db:
            db.execute("INSERT INTO account VALUES (?, 0) ON CONFLICT DO NOTHING", [self.account])
            db.execute("UPDATE account SET spent = max(spent, ?) WHERE name = ?", [stored, self.account])

    def reserve(self, item: str, tokens: int) -> None:
        """Set `tokens` aside for a call about `item`; waits while calls under way may still free enough.

        Two calls about one item are never under way at once: the second waits, and may find the first one's answer.

        Raises:
            SettingsError: the budget cannot hold the call.
        """
        while not self._reserved(item, tokens):
            time.sleep(PAUSE)

    def settle(self, item: str, used: int) -> None:
        """Replace a reservation by what the call did use."""
        with self._changing() as db:
            ended = db.execute("DELETE FROM underway WHERE item = ? AND pid = ?", [item, os.getpid()]).rowcount
            # One that was given up has been booked in full already.
            self._book(db, used if ended else 0)

    def _reserved(self, item: str, tokens: int) -> bool:
        with self._changing() as db:
            self._give_up(db)
            if db.execute("SELECT 1 FROM underway WHERE item = ?", [item]).fetchone():
                return False
            (spent,) = db.execute("SELECT spent FROM account WHERE name = ?", [self.account]).fetchone()
            promises = db.execute("SELECT sum(tokens) FROM underway WHERE account = ?", [self.account])
            (promised,) = promises.fetchone()
            if spent + (promised or 0) + tokens <= self.budget:
                row = [item, self.account, tokens, os.getpid(), time.time() + self.patience]
                db.execute("INSERT INTO underway VALUES (?, ?, ?, ?, ?)", row)
                return True
        if promised:
            return False
        raise SettingsError(
            f"budget of {self.budget} tokens reached: {self.account} has cost {spent} tokens and the "
            f"next call may take {tokens}; all answers are kept: raise 'budget' and run again to go on"
        )

    def _give_up(self, db: sqlite3.Connection) -> None:
        """Book in full the calls of processes that died: they may have been billed, and nobody will say of what."""
        rows = db.execute("SELECT item, tokens, pid, until FROM underway WHERE account = ?", [self.account]).fetchall()
        for item, tokens, pid, until in rows:
            if until < time.time() or not _lives(pid):
                db.execute("DELETE FROM underway WHERE item = ?", [item])
                self._book(db, tokens)

    def _book(self, db: sqlite3.Connection, tokens: int) -> None:
        db.execute("UPDATE account SET spent = spent + ? WHERE name = ?", [tokens, self.account])

    @contextlib.contextmanager
    def _changing(self) -> Iterator[sqlite3.Connection]:
        """The file, locked from the first look to the last change."""
        try:
            # A connection for each change: threads cannot share one.
            with contextlib.closing(sqlite3.connect(self.path, timeout=60, isolation_level=None)) as db:
                # Waiting for the disk takes 30 ms a call and saves from a power cut alone, which the answers survive.
                db.execute("PRAGMA synchronous = OFF")
                db.execute("BEGIN IMMEDIATE")
                with db:
                    for table in TABLES:
                        db.execute(table)
                    yield db
        except sqlite3.Error as error:
            raise SettingsError(
                f"{self.path}, the account of {self.account}, cannot be kept ({error}): make room, or delete the file; "
                f"what the stored answers have cost is then counted afresh"
            ) from error


def _lives(pid: int) -> bool:
    """Whether a process of this machine is there."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return True
