"""What endpoints answer: one bad answer fails its item alone, in the endpoint's words; an outage stops the run."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from endpoint import SAMPLING, Endpoint, ask, completion

from qup.backends import Completion
from qup.backends.openai import Backend
from qup.errors import SettingsError
from qup.records import Finish

FILTERED = {"error": {"message": "The response was filtered", "code": "content_filter"}}
CHOICE = completion()["choices"][0]
ODD: dict[str, tuple[int, Any, str]] = {
    "filtered, 400": (400, FILTERED, "HTTP 400: The response was filtered (content_filter)"),
    "too long, 400": (
        400,
        {"error": {"message": "maximum context length is 4096"}},
        "HTTP 400: maximum context length",
    ),
    "moderated, 403": (403, {"error": {"message": "input was flagged"}}, "HTTP 403: input was flagged"),
    "too large, 413": (413, b"nginx", "HTTP 413"),
    "no choices": (200, {**completion(), "choices": []}, "an answer without choices"),
    "choices null": (200, {**completion(), "choices": None}, "an answer without choices"),
    "choices of another kind": (200, {**completion(), "choices": {"0": CHOICE}}, "an answer without choices"),
    "a choice of another kind": (200, {**completion(), "choices": ["text"]}, "an answer without choices"),
    "an error with 200": (200, {"error": {"message": "flagged", "code": 403}}, "flagged (403)"),
    "an error text with 200": (200, {"error": "overloaded"}, "overloaded"),
    "an error in the choice": (200, {**completion(), "choices": [{**CHOICE, "error": {"message": "lost"}}]}, "lost"),
    "no message": (200, {**completion(), "choices": [{"index": 0, "text": "\\boxed{3}"}]}, "a choice without message"),
    "message null": (200, {**completion(), "choices": [{**CHOICE, "message": None}]}, "a choice without message"),
    "message a text": (200, {**completion(), "choices": [{**CHOICE, "message": "3"}]}, "a choice without message"),
    "content null": (200, completion(None), "an answer without text (finish_reason: stop)"),
    "content blank": (200, completion(" \n"), "an answer without text"),
    "content a number": (200, completion(3), "an answer without text"),
    "content thinks only": (200, completion([{"type": "thinking", "text": "hm"}]), "an answer without text"),
    "refused": (200, completion(None, refusal="I cannot"), "refused: I cannot"),
    "filtered": (200, completion("half an", "content_filter"), "stopped by the endpoint's content filter"),
    "a tool": (200, completion(None, "tool_calls", tool_calls=[{"id": "1"}]), "called a tool"),
    "a list": (200, [completion()], "no chat completion"),
    "a text": (200, "welcome", "no chat completion: welcome"),
    "null": (200, b"null", "no chat completion: null"),
    "cut JSON": (200, b'{"id": "x", "choices": [{"index": 0, "mess', 'no JSON: {"id": "x"'),
    "nothing": (200, b"", "no JSON: nothing"),
    "a stream": (200, b'data: {"choices": []}\n\ndata: [DONE]\n', "no JSON: data: "),
    "no UTF-8": (200, b"\xff\xfe{", "no JSON"),
    "deep": (200, b"[" * 100_000, "no JSON: [[["),
}
"Name to status, body and what is said of it."
STORED = {"content null", "content blank", "content a number", "content thinks only", "refused", "filtered", "a tool"}
STORED |= {"an error in the choice"}
"Answers as they should be, but for a text: what was paid is kept."


@pytest.mark.parametrize("name", ODD)
def test_an_odd_answer_fails_its_item_alone_in_the_endpoints_words(
    endpoint: Endpoint, make: Callable[..., Backend], tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    status, body, words = ODD[name]
    endpoint.odd = lambda request: (status, body) if "(b)" in request["messages"][-1]["content"] else None
    right, bad, other = ask(make(budget=100_000), "a", "b", "c")
    assert (right.text, right.failure, other.text, other.failure) == ("\\boxed{3}", None, "\\boxed{3}", None)
    assert (bad.text, bad.finish) == ("", Finish.STOP)
    assert bad.failure is not None
    assert bad.failure.startswith(words)
    assert re.fullmatch(r"toy at http\S+: 1 of 3 chats failed: 1 x [^\n]+\n", capsys.readouterr().out)
    assert len(list((tmp_path / "answers").iterdir())) == (3 if name in STORED else 2)
    # What is stored is not asked again, and what is not is.
    endpoint.odd = lambda request: None
    before = len(endpoint.requests)
    again = ask(make(budget=100_000), "a", "b", "c")
    assert (again[0], again[2]) == (right, other)
    assert endpoint.asked()[before:] == ([] if name in STORED else ["1+2? (b)"])


def test_a_chat_that_all_answers_of_fail_is_counted_by_what_was_said(
    endpoint: Endpoint, make: Callable[..., Backend], capsys: pytest.CaptureFixture[str]
) -> None:
    endpoint.odd = lambda request: (400, FILTERED)
    assert [answer.text for answer in ask(make(), *"abcdefghij")] == [""] * 10
    assert "10 of 10 chats failed: 10 x HTTP 400: The response was filtered" in capsys.readouterr().out


def test_a_cut_answer_is_asked_for_again(endpoint: Endpoint, make: Callable[..., Backend]) -> None:
    cut = iter([(200, b'{"choices": [{"mess'), None])
    endpoint.odd = lambda request: next(cut)
    assert ask(make(), "a") == [Completion("\\boxed{3}", [], Finish.STOP, 5)]


def test_an_endpoint_that_refuses_all_alike_stops_the_run(endpoint: Endpoint, make: Callable[..., Backend]) -> None:
    endpoint.odd = lambda request: (400, {"error": {"message": "Unsupported value: 'temperature'"}})
    with pytest.raises(SettingsError, match=r"HTTP 400: Unsupported value: 'temperature' .*answered nothing yet.*null"):
        ask(make(concurrency=1), *(str(i) for i in range(20)))
    assert len(endpoint.requests) == 8


def test_one_refusal_after_answers_is_of_its_item_whatever_it_says(
    endpoint: Endpoint, make: Callable[..., Backend]
) -> None:
    ask(make(), "a")
    endpoint.odd = lambda request: (400, {"error": {"message": "no"}})
    assert ask(make(), "b")[0].failure == "HTTP 400: no"


@pytest.mark.parametrize("status", [401, 402, 403, 404, 429, 500])
def test_an_outage_stops_the_run_and_keeps_what_was_paid(
    endpoint: Endpoint, make: Callable[..., Backend], tmp_path: Path, status: int
) -> None:
    endpoint.odd = lambda request: (
        (status, {"error": {"message": "gone"}}) if "(c)" in request["messages"][-1]["content"] else None
    )
    with pytest.raises(SettingsError, match=f"HTTP {status}: gone"):
        ask(make(concurrency=1, retries=0), *"abcd")
    assert len(list((tmp_path / "answers").iterdir())) == 2


def test_an_endpoint_that_is_not_there_is_one_line(make: Callable[..., Backend]) -> None:
    with pytest.raises(SettingsError, match=r"toy at http://127.0.0.1:9/v1: Connection error.*run again to go on"):
        ask(make(base_url="http://127.0.0.1:9/v1", retries=0), "a")


def test_content_in_parts_is_joined_but_for_what_is_thought(endpoint: Endpoint, make: Callable[..., Backend]) -> None:
    thought = {"type": "thinking", "thinking": [{"type": "text", "text": "hm"}]}
    endpoint.answer = completion([thought, {"type": "text", "text": "so "}, {"type": "text", "text": "\\boxed{3}"}])
    assert ask(make(), "a")[0].text == "so \\boxed{3}"


@pytest.mark.parametrize("finish", ["length", "max_tokens", "model_length"])
def test_an_answer_cut_by_length_says_so_whatever_it_is_called(
    endpoint: Endpoint, make: Callable[..., Backend], finish: str
) -> None:
    endpoint.answer = completion(finish=finish)
    (answer,) = ask(make(), "a")
    assert (answer.finish, answer.failure) == (Finish.LENGTH, None)


def test_a_lone_surrogate_breaks_nothing(endpoint: Endpoint, make: Callable[..., Backend]) -> None:
    endpoint.answer = completion("x\ud835 \\boxed{3}")
    asked = [[{"role": "user", "content": "y\udc00"}]]
    first = make().generate(asked, SAMPLING, ["a"])
    assert first[0].text == "x\ufffd \\boxed{3}"
    assert make().generate(asked, SAMPLING, ["a"]) == first
    assert len(endpoint.requests) == 1
