"""What endpoints answer: one bad answer fails its item alone, in the endpoint's words; an outage stops the run."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from endpoint import SAMPLING, Endpoint, ask, completion

from qup.backends import Completion
from qup.backends.openai import Backend
from qup.backends.openai.calls import OUTAGE, most_tokens
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


@pytest.mark.parametrize("status", [401, 402, 403, 404, 429])
def test_an_outage_stops_the_run_and_keeps_what_was_paid(
    endpoint: Endpoint, make: Callable[..., Backend], tmp_path: Path, status: int
) -> None:
    endpoint.odd = lambda request: (
        (status, {"error": {"message": "gone"}}) if "(c)" in request["messages"][-1]["content"] else None
    )
    with pytest.raises(SettingsError, match=f"HTTP {status}: gone"):
        ask(make(concurrency=1, retries=0), *"abcd")
    assert len(list((tmp_path / "answers").iterdir())) == 2


def _over(chat: str, reply: Any) -> Callable[[Any], Any]:
    return lambda request: reply if chat in request["messages"][-1]["content"] else None


@pytest.mark.parametrize(
    ("chats", "concurrency"), [("abc", 1), ("bac", 1), ("acb", 1), ("cbdefghija", 8), ("bca", 8), ("b", 1)]
)
def test_a_server_that_fails_over_one_chat_fails_that_item_if_it_answers_others(
    endpoint: Endpoint, make: Callable[..., Backend], chats: str, concurrency: int
) -> None:
    endpoint.odd = _over("(b)", (500, {"error": {"message": "CUDA error"}}))
    answers = dict(zip(chats, ask(make(concurrency=concurrency, retries=0), *chats), strict=True))
    assert "HTTP 500: CUDA error" in (answers.pop("b").failure or "")
    assert {answer.failure for answer in answers.values()} <= {None}
    asked = [request["messages"][-1]["content"] for request in endpoint.requests]
    # Once more after the others, and once more after a small question.
    assert sum("(b)" in each for each in asked) == 3
    assert asked.count("1+1?") == 1


def test_a_server_that_recovers_answers_all(endpoint: Endpoint, make: Callable[..., Backend]) -> None:
    failures = iter([(503, {"error": {"message": "busy"}})])
    endpoint.odd = lambda request: next(failures, None)
    assert [answer.failure for answer in ask(make(concurrency=1, retries=0), *"abc")] == [None] * 3


def test_a_server_that_fails_over_several_in_a_row_is_out_and_no_more_is_asked(
    endpoint: Endpoint, make: Callable[..., Backend], tmp_path: Path
) -> None:
    endpoint.odd = lambda request: None if "(a)" in request["messages"][-1]["content"] else (500, {"error": "gone"})
    with pytest.raises(SettingsError, match="HTTP 500: gone"):
        ask(make(concurrency=1, retries=0), *"abcdefgh")
    # After the third it is asked a small question.
    assert len(endpoint.requests) == 1 + OUTAGE + 1
    assert len(list((tmp_path / "answers").iterdir())) == 1


def test_a_server_that_goes_out_after_a_chat_was_put_aside_stops_the_run(
    endpoint: Endpoint, make: Callable[..., Backend]
) -> None:
    asked: list[str] = []

    def odd(request: Any) -> Any:
        asked.append(request["messages"][-1]["content"])
        return (500, {"error": "gone"}) if "(b)" in asked[-1] or sum("(b)" in each for each in asked) > 1 else None

    endpoint.odd = odd
    with pytest.raises(SettingsError, match="HTTP 500: gone"):
        ask(make(concurrency=1, retries=0), *"abc")


def test_a_server_that_comes_back_at_last_answers(endpoint: Endpoint, make: Callable[..., Backend]) -> None:
    failures = iter([(503, {"error": "busy"})] * 2)
    endpoint.odd = lambda request: next(failures, None)
    assert [answer.failure for answer in ask(make(concurrency=1, retries=0), "a")] == [None]


def test_a_call_is_booked_at_the_larger_of_two_limits() -> None:
    assert most_tokens([], {"max_tokens": 5000, "max_completion_tokens": 10}) == 5000


def test_refusals_between_failures_show_that_the_server_is_there(
    endpoint: Endpoint, make: Callable[..., Backend]
) -> None:
    ask(make(), "a")
    replies = {chat: (500 if chat in "bdf" else 400, {"error": {"message": "no"}}) for chat in "bcdef"}
    endpoint.odd = lambda request: next(
        (r for c, r in replies.items() if f"({c})" in request["messages"][-1]["content"]), None
    )
    answers = ask(make(concurrency=1, retries=0), *"bcdef")
    assert all("no" in (answer.failure or "") for answer in answers)


def test_an_endpoint_that_is_not_there_is_one_line(make: Callable[..., Backend]) -> None:
    with pytest.raises(SettingsError, match=r"toy at http://127.0.0.1:9/v1: Connection error.*run again to go on"):
        ask(make(base_url="http://127.0.0.1:9/v1", retries=0), "a")


def test_content_in_parts_is_joined_but_for_what_is_thought(endpoint: Endpoint, make: Callable[..., Backend]) -> None:
    thought = {"type": "thinking", "thinking": [{"type": "text", "text": "hm"}]}
    endpoint.answer = completion([thought, {"type": "text", "text": "so "}, {"type": "text", "text": "\\boxed{3}"}])
    assert ask(make(), "a")[0].text == "so \\boxed{3}"


@pytest.mark.parametrize(
    "finish", ["error", "abort", "insufficient_system_resource", "SAFETY", "tool_calls", ["length"]]
)
def test_an_answer_that_the_server_says_is_not_whole_is_none(
    endpoint: Endpoint, make: Callable[..., Backend], finish: Any
) -> None:
    endpoint.answer = completion("half an answer", finish=finish)
    (answer,) = ask(make(), "a")
    assert answer.text == ""
    told = "called a tool" if finish == "tool_calls" else "an answer that is not whole (finish_reason: "
    assert (answer.failure or "").startswith(told)


def test_an_answer_that_was_not_whole_is_paid_and_asked_for_again_by_the_next_run(
    endpoint: Endpoint, make: Callable[..., Backend]
) -> None:
    endpoint.answer = completion("half an answer", finish="abort")
    assert ask(make(), "a")[0].failure
    endpoint.answer = completion("whole")
    assert ask(make(), "a")[0].text == "whole"
    assert len(endpoint.requests) == 2


@pytest.mark.parametrize("finish", ["stop", "STOP", "eos", "end_turn", None, "done", "FINISH_REASON_STOP", "null", 1])
def test_a_whole_answer_is_one_whatever_its_end_is_called(
    endpoint: Endpoint, make: Callable[..., Backend], finish: Any
) -> None:
    endpoint.answer = completion("whole", finish=finish)
    (answer,) = ask(make(), "a")
    assert (answer.text, answer.finish, answer.failure) == ("whole", Finish.STOP, None)


def test_an_error_beside_choices_is_one(endpoint: Endpoint, make: Callable[..., Backend]) -> None:
    endpoint.answer = completion("half an") | {"error": {"message": "provider died", "code": 502}}
    assert ask(make(), "a")[0].failure == "provider died (502)"


def test_a_refusal_in_parts_is_in_the_servers_words(endpoint: Endpoint, make: Callable[..., Backend]) -> None:
    endpoint.answer = completion([{"type": "refusal", "refusal": "I can't do that"}])
    assert ask(make(), "a")[0].failure == "refused: I can't do that"


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("messages", [{"role": "user", "content": "hello"}], "must not be set: the chats are the suite's own"),
        ("model", "other", "must not be set"),
        ("n", 4, "must not be set: one answer a call"),
        ("n", 0, "must not be set: one answer a call"),
        ("model", False, "must not be set"),
        ("stream", True, "must not be set: answers are read whole"),
        ("max_tokens", -1000, "expected a number of tokens, at least 1, got -1000"),
        ("max_tokens", "lots", "expected a number of tokens"),
        ("max_completion_tokens", [1], "expected a number of tokens"),
        ("max_tokens", None, "must leave max_tokens or max_completion_tokens set"),
        ("temperature", float("nan"), "expected finite numbers"),
        ("logit_bias", {"1": [float("inf")]}, "expected finite numbers"),
    ],
)
def test_a_field_that_would_make_another_request_than_is_counted_is_refused_at_once(
    make: Callable[..., Backend], field: str, value: Any, said: str
) -> None:
    with pytest.raises(ValueError, match=f"extra.*{said}"):
        make(extra={field: value})


def test_fields_that_leave_the_request_what_it_is_are_taken(make: Callable[..., Backend]) -> None:
    make(
        extra={
            "n": 1,
            "stream": False,
            "messages": None,
            "max_tokens": None,
            "max_completion_tokens": 12,
            "temperature": 0.5,
        }
    )


@pytest.mark.parametrize("url", ["http://127.0.0.1:abc/v1", "http://127.0.0.1:99999/v1"])
def test_a_port_that_is_none_is_refused(make: Callable[..., Backend], url: str) -> None:
    with pytest.raises(ValueError, match="base_url: expected a URL like"):
        make(base_url=url)


def test_what_a_terminal_would_obey_is_not_shown(endpoint: Endpoint, make: Callable[..., Backend]) -> None:
    ask(make(), "a")
    endpoint.odd = lambda request: (400, {"error": {"message": "\x1b[31mred\x1b[0m \u202e bad \x07"}})
    assert ask(make(), "b")[0].failure == "HTTP 400: [31mred [0m bad"


def test_a_cache_that_cannot_be_is_one_line(make: Callable[..., Backend], tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(SettingsError, match=r"cannot be made .*: set another `cache`"):
        ask(make(cache=str(tmp_path / "file" / "below")), "a")


@pytest.mark.parametrize("finish", ["length", "max_tokens", "model_length", "MAX_TOKENS"])
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
