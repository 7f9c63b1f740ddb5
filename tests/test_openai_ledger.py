"""The account of an endpoint: never overdrawn, whoever asks and however they end."""

import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from qup.backends.openai.ledger import Ledger
from qup.errors import SettingsError


def ledger(folder: Path, budget: int = 100, patience: float = 60.0) -> Ledger:
    made = Ledger(folder / "account.db", "toy at home", budget, patience)
    made.open(0)
    return made


def spent(account: Ledger) -> int:
    """What was spent, as the message of a call that no budget holds says it."""
    with pytest.raises(SettingsError) as caught:
        account.reserve("probe", 10**9)
    return int(str(caught.value).split("has cost ")[1].split()[0])


def test_a_call_costs_what_it_used_and_not_what_was_set_aside(tmp_path: Path) -> None:
    account = ledger(tmp_path)
    account.reserve("a", 90)
    account.settle("a", 30)
    account.reserve("b", 70)
    account.settle("b", 10)
    assert spent(account) == 40


def test_a_call_waits_for_those_under_way_and_is_refused_only_then(tmp_path: Path) -> None:
    account = ledger(tmp_path)
    account.reserve("a", 90)
    waiting = threading.Thread(target=account.reserve, args=("b", 20))
    waiting.start()
    waiting.join(0.2)
    assert waiting.is_alive()
    account.settle("a", 80)
    waiting.join(5)
    assert not waiting.is_alive()
    account.settle("b", 20)
    with pytest.raises(SettingsError, match=r"budget of 100 tokens reached: toy at home has cost 100 tokens"):
        account.reserve("c", 1)


def test_what_the_stored_answers_have_cost_is_the_least(tmp_path: Path) -> None:
    account = ledger(tmp_path)
    account.open(70)
    assert spent(account) == 70
    account.open(50)
    assert spent(account) == 70


def test_a_call_of_a_process_that_died_is_booked_in_full(tmp_path: Path) -> None:
    code = (
        "import os, sys; from pathlib import Path; from qup.backends.openai.ledger import Ledger; "
        "made = Ledger(Path(sys.argv[1]), 'toy at home', 100, 60.0); made.open(0); made.reserve('a', 60); os._exit(9)"
    )
    assert subprocess.run([sys.executable, "-c", code, str(tmp_path / "account.db")], check=False).returncode == 9
    account = ledger(tmp_path)
    account.reserve("a", 40)
    account.settle("a", 1)
    assert spent(account) == 61


def test_a_call_that_nobody_has_heard_of_for_too_long_is_booked_once(tmp_path: Path) -> None:
    account = ledger(tmp_path, patience=0.1)
    account.reserve("a", 60)
    time.sleep(0.2)
    assert spent(account) == 60
    account.settle("a", 30)
    assert spent(account) == 60


@pytest.mark.parametrize("content", ["no database at all, but a text of some length " * 40, "SQLite format 3"])
def test_an_account_that_is_damaged_is_one_line_with_the_way_out(tmp_path: Path, content: str) -> None:
    (tmp_path / "account.db").write_text(content)
    with pytest.raises(
        SettingsError, match=r"account\.db, the account of toy at home, cannot be kept .*delete the file"
    ):
        ledger(tmp_path)
