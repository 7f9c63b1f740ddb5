"""The OpenAI-compatible backend against a real HTTP server on this machine."""

from collections.abc import Callable
from pathlib import Path

import pytest
from endpoint import COST, KEY, SAMPLING, Endpoint, ask, completion

from qup.backends import Completion
from qup.backends.openai import Backend
from qup.errors import SettingsError
from qup.records import Finish


def test_the_key_comes_from_the_environment_and_goes_only_to_the_endpoint(
    endpoint: Endpoint, make: Callable[..., Backend], tmp_path: Path
) -> None:
    backend = make()
    assert ask(backend, "a") == [Completion("\\boxed{3}", [], Finish.STOP, 5)]
    assert (endpoint.requests[0]["path"], endpoint.requests[0]["key"]) == ("/v1/chat/completions", f"Bearer {KEY}")
    assert KEY not in repr(backend)
    assert not any(KEY in file.read_text() for file in tmp_path.rglob("*.json"))


def test_a_missing_key_is_one_line_that_names_the_variable(
    endpoint: Endpoint, make: Callable[..., Backend], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("QUP_TEST_KEY")
    with pytest.raises(SettingsError, match="QUP_TEST_KEY is not set"):
        ask(make(), "a")
    assert not endpoint.requests


def test_a_rate_limited_call_is_retried(endpoint: Endpoint, make: Callable[..., Backend]) -> None:
    endpoint.failures = [(429, {"Retry-After": "0"})]
    assert ask(make(), "a")[0].text == "\\boxed{3}"
    assert len(endpoint.requests) == 2


def test_a_rerun_asks_nothing_and_needs_no_key(
    endpoint: Endpoint, make: Callable[..., Backend], monkeypatch: pytest.MonkeyPatch
) -> None:
    first = ask(make(), "a", "b")
    monkeypatch.delenv("QUP_TEST_KEY")
    assert ask(make(budget=0), "a", "b") == first
    assert len(endpoint.requests) == 2


def test_the_seed_belongs_to_the_item(endpoint: Endpoint, make: Callable[..., Backend], tmp_path: Path) -> None:
    ask(make(), "a", "b")
    ask(make(cache=str(tmp_path / "other"), concurrency=1), "b", "a")
    seeds = [(r["messages"][0]["content"], r["seed"]) for r in endpoint.requests]
    assert sorted(seeds[:2]) == sorted(seeds[2:])
    assert len(set(seeds)) == 2


def test_the_budget_stops_before_the_call_that_would_exceed_it_and_keeps_what_was_paid(
    endpoint: Endpoint, make: Callable[..., Backend]
) -> None:
    # A call may take 8 bytes of question + 64 of template + 50 of answer = 122 tokens, and does take 15.
    # Two fit: 0 + 122 and 15 + 122 are at most 140, 30 + 122 is not.
    with pytest.raises(SettingsError, match=r"budget of 140 tokens.* has cost 30 tokens .* may take 122"):
        ask(make(budget=140), "a", "b", "c")
    assert len(endpoint.requests) == 2
    assert len(ask(make(budget=2 * COST + 122), "a", "b", "c")) == 3
    assert len(endpoint.requests) == 3


def test_an_answer_cut_by_length_says_so(endpoint: Endpoint, make: Callable[..., Backend]) -> None:
    endpoint.answer = completion(finish="length")
    assert ask(make(), "a")[0].finish is Finish.LENGTH


@pytest.mark.parametrize(("finish", "content"), [("content_filter", "half an ans"), ("stop", None)])
def test_a_filtered_or_empty_reply_has_no_text(
    endpoint: Endpoint, make: Callable[..., Backend], finish: str, content: str | None
) -> None:
    endpoint.answer = completion(content, finish)
    (answer,) = ask(make(), "a")
    assert answer.text == ""
    assert answer.failure


@pytest.mark.parametrize(("status", "hint"), [(401, "check the key in QUP_TEST_KEY"), (404, "check base_url")])
def test_a_refusal_is_one_line_without_the_key(
    endpoint: Endpoint, make: Callable[..., Backend], status: int, hint: str
) -> None:
    endpoint.failures = [(status, {})]
    with pytest.raises(SettingsError, match=hint) as caught:
        ask(make(), "a")
    assert KEY not in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_web_page_is_no_answer(endpoint: Endpoint, make: Callable[..., Backend]) -> None:
    endpoint.answer = b"<html>welcome</html>"
    with pytest.raises(SettingsError, match=r"no JSON: <html>welcome</html>.*ends in /v1"):
        ask(make(), "a")


def test_extra_fields_are_sent_and_null_leaves_one_out(endpoint: Endpoint, make: Callable[..., Backend]) -> None:
    ask(make(extra={"temperature": None, "reasoning_effort": "low"}), "a")
    assert "temperature" not in endpoint.requests[0]
    assert endpoint.requests[0]["reasoning_effort"] == "low"


def test_an_api_cannot_score_given_text_or_take_weights(make: Callable[..., Backend]) -> None:
    with pytest.raises(SettingsError, match="no log-probs of a given text"):
        make().score([([1], [2])])
    with pytest.raises(SettingsError, match="cannot take the weights"):
        make().generate([], SAMPLING, [], weights=Path("lora"))
