"""What an endpoint's answers cost: no more than the budget, each paid once, however they are counted."""

import hashlib
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from endpoint import COST, USAGE, Endpoint, ask, completion

from qup.backends import Completion
from qup.backends.openai import Backend
from qup.errors import SettingsError
from qup.records import Finish

MOST = 8 + 64 + 50
"Bytes of the question, the template's and the answer's limit: the most that a call can cost."


@pytest.mark.parametrize(
    ("usage", "tokens", "cost"),
    [
        (USAGE, 5, 15),
        ({"prompt_tokens": "10", "completion_tokens": "5"}, 5, 15),
        ({"prompt_tokens": 10.0, "completion_tokens": 4.5}, 5, 15),
        ({"prompt_tokens": 10, "total_tokens": 15}, 5, 15),
        ({"prompt_tokens": 10, "completion_tokens": None, "total_tokens": 15}, 5, 15),
        ({"completion_tokens": 5}, 5, 5),
        ({"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0}, 0, MOST),
        ({"prompt_tokens": 10, "completion_tokens": -5}, 0, MOST),
        ({"prompt_tokens": 10, "completion_tokens": True}, 0, MOST),
        ({"prompt_tokens": 10, "completion_tokens": float("nan")}, 0, MOST),
        ({"prompt_tokens": 10, "completion_tokens": "many"}, 0, MOST),
        # No model takes as many: such a claim would use up any budget.
        ({"prompt_tokens": 10, "completion_tokens": 10**30}, 0, MOST),
        ({"prompt_tokens": 10, "completion_tokens": "1e30"}, 0, MOST),
        ({"prompt_tokens": 10, "completion_tokens": 10**400}, 0, MOST),
        ({"prompt_tokens": 10, "completion_tokens": float("inf")}, 0, MOST),
        ({"prompt_tokens": 10**30, "completion_tokens": 5}, 5, 5),
        ({"prompt_tokens": 10, "completion_tokens": [5]}, 0, MOST),
        ({}, 0, MOST),
        ([15], 0, MOST),
        (None, 0, MOST),
    ],
)
def test_an_answer_that_is_not_counted_is_taken_at_the_most_that_it_can_have_cost(
    endpoint: Endpoint, make: Callable[..., Backend], usage: Any, tokens: int, cost: int
) -> None:
    endpoint.answer = completion(usage=usage)
    assert ask(make(), "a") == [Completion("\\boxed{3}", [], Finish.STOP, tokens)]
    with pytest.raises(SettingsError, match=f"has cost {cost} tokens"):
        ask(make(budget=MOST), "b")


def test_a_model_that_knows_another_name_for_the_longest_answer_is_asked_by_it_from_then_on(
    endpoint: Endpoint, make: Callable[..., Backend]
) -> None:
    said = "Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead."
    endpoint.odd = lambda request: (
        (400, {"error": {"message": said, "param": "max_tokens", "code": "unsupported_parameter"}})
        if "max_tokens" in request
        else None
    )
    backend = make(concurrency=1)
    assert [answer.failure for answer in ask(backend, "a", "b")] == [None, None]
    assert [request.get("max_completion_tokens") for request in endpoint.requests] == [None, 50, 50]
    assert ask(backend, "c")[0].failure is None
    assert len(endpoint.requests) == 4


def test_a_server_that_knows_only_the_older_name_is_asked_by_that(
    endpoint: Endpoint, make: Callable[..., Backend]
) -> None:
    endpoint.odd = lambda request: (
        (422, {"detail": "max_completion_tokens: Extra inputs are not permitted"})
        if "max_completion_tokens" in request
        else None
    )
    given = make(extra={"max_tokens": None, "max_completion_tokens": 40})
    assert ask(given, "a")[0].failure is None
    assert endpoint.requests[-1]["max_tokens"] == 40


def test_a_limit_that_is_too_large_is_not_renamed(endpoint: Endpoint, make: Callable[..., Backend]) -> None:
    endpoint.odd = lambda request: (400, {"error": {"message": "max_tokens is too large: 50. At most 40."}})
    assert ask(make(), "a")[0].failure == "HTTP 400: max_tokens is too large: 50. At most 40."
    assert len(endpoint.requests) == 1


def damaged(file: Path, how: str) -> None:
    text = file.read_text()
    row = json.loads(text)
    texts = {
        "cut": text[: len(text) // 2],
        "empty": "",
        "flipped": text.replace("boxed{3}", "boxed{4}"),
        "another's": json.dumps({**row, "id": "z"}),
        "no answer": json.dumps({**row, "response": {"choices": []}, "sum": None}),
        "a list": "[]",
    }
    file.write_text(texts[how])


@pytest.mark.parametrize("how", ["cut", "empty", "flipped", "another's", "no answer", "a list"])
def test_a_stored_answer_that_is_damaged_is_asked_for_again(
    endpoint: Endpoint, make: Callable[..., Backend], tmp_path: Path, how: str
) -> None:
    first = ask(make(), "a", "b")
    damaged(next((tmp_path / "answers").iterdir()), how)
    assert ask(make(), "a", "b") == first
    assert len(endpoint.requests) == 3
    assert ask(make(), "a", "b") == first
    assert len(endpoint.requests) == 3


def test_an_answer_that_an_earlier_version_stored_is_still_paid_for(
    endpoint: Endpoint, make: Callable[..., Backend], tmp_path: Path
) -> None:
    first = ask(make(), "a")
    (file,) = (tmp_path / "answers").iterdir()
    row = json.loads(file.read_text())
    file.write_text(json.dumps({name: row[name] for name in row if name not in ("cost", "sum")}))
    # The file is named by what it always was.
    asked = {name: row[name] for name in ("base_url", "model", "messages", "sampling", "id", "extra")}
    assert file.stem == hashlib.sha256(json.dumps(asked, sort_keys=True, ensure_ascii=False).encode()).hexdigest()
    assert set(row["sampling"]) == {"temperature", "max_tokens", "seed", "top_p"}
    assert ask(make(budget=0), "a") == first


ASKING = """
import sys
from qup.backends import Sampling
from qup.backends.openai import Backend
from qup.errors import SettingsError
url, cache, budget, *ids = sys.argv[1:]
backend = Backend("toy", url, int(budget), "QUP_TEST_KEY", cache=cache, concurrency=4)
try:
    backend.generate([[{"role": "user", "content": f"1+2? ({i})"}] for i in ids], Sampling(0.7, 50, 1), ids)
except SettingsError as error:
    print(error)
"""


@pytest.mark.slow
def test_several_processes_share_one_budget_and_one_answer(
    endpoint: Endpoint, make: Callable[..., Backend], tmp_path: Path
) -> None:
    # 20 calls at 15 tokens, and room for what the last may take.
    budget, ids = 20 * COST + MOST, [f"{i}" for i in range(10, 60)]
    command = [sys.executable, "-c", ASKING, endpoint.url, str(tmp_path / "answers"), str(budget)]
    lists = [ids[:30], ids[20:], ids[::-1]]
    asking = [subprocess.Popen([*command, *mine], stdout=subprocess.PIPE, text=True) for mine in lists]
    said = [process.communicate()[0] for process in asking]
    assert all("budget of" in each for each in said)
    # The question has a byte more than `MOST` counts on.
    assert len(endpoint.requests) * COST <= budget
    assert len(endpoint.requests) >= 18
    # Those who share a question share its answer.
    assert len(set(endpoint.asked())) == len(endpoint.requests) == len(list((tmp_path / "answers").iterdir()))
