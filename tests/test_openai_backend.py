"""The OpenAI-compatible backend against a real HTTP server on this machine."""

import hashlib
import json
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from endpoint import USAGE, Endpoint, completion, serving

from qup.backends import Completion, Sampling
from qup.backends.openai import Backend
from qup.errors import SettingsError
from qup.records import Finish

KEY = "sk-secret-word"
SAMPLING = Sampling(temperature=0.7, max_tokens=50, seed=1)
COST = 10 + 5


@pytest.fixture
def endpoint() -> Iterator[Endpoint]:
    with serving(Endpoint()) as server:
        yield server


@pytest.fixture
def make(endpoint: Endpoint, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Backend]]:
    monkeypatch.setenv("QUP_TEST_KEY", KEY)
    made: list[Backend] = []

    def backend(**settings: Any) -> Backend:
        given: dict[str, Any] = {
            "model": "toy",
            "base_url": endpoint.url,
            "budget": 10_000,
            "key_env": "QUP_TEST_KEY",
            "retries": 2,
        }
        made.append(Backend(**given | {"cache": str(tmp_path / "answers")} | settings))
        return made[-1]

    yield backend
    for used in made:
        if "client" in vars(used):
            used.client.close()


def ask(backend: Backend, *ids: str) -> list[Completion]:
    return backend.generate([[{"role": "user", "content": f"1+2? ({i})"}] for i in ids], SAMPLING, ids)


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


# --- one bad answer among good ones

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


# --- what it cost

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
