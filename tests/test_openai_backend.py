"""The OpenAI-compatible backend against a real HTTP server on this machine."""

import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from qup.backends import Completion, Sampling
from qup.backends.openai import Backend
from qup.errors import SettingsError
from qup.records import Finish

KEY = "sk-secret-word"
SAMPLING = Sampling(temperature=0.7, max_tokens=50, seed=1)
COST = 10 + 5


class Endpoint(ThreadingHTTPServer):
    """Speaks /v1/chat/completions; `failures` are (status, headers) given before any success."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server_port}/v1"
        self.requests: list[dict[str, Any]] = []
        self.failures: list[tuple[int, dict[str, str]]] = []
        self.finish, self.usage, self.page = "stop", True, b""
        self.content: str | None = "\\boxed{3}"


class Handler(BaseHTTPRequestHandler):
    server: Endpoint

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.requests.append({"path": self.path, "key": self.headers["Authorization"], **body})
        status, headers = self.server.failures.pop(0) if self.server.failures else (200, {})
        echoed = {"error": {"message": f"refused:\n{self.headers['Authorization']}"}}
        data = self.server.page or json.dumps(self.answer() if status == 200 else echoed).encode()
        kind = "text/html" if self.server.page else "application/json"
        self.send_response(status)
        for name, value in {**headers, "Content-Type": kind, "Content-Length": str(len(data))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(data)

    def answer(self) -> dict[str, Any]:
        message = {"role": "assistant", "content": self.server.content}
        choice = {"index": 0, "finish_reason": self.server.finish, "message": message}
        made = {"id": "1", "object": "chat.completion", "created": 0, "model": "toy", "choices": [choice]}
        usage = {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15}
        return made | ({"usage": usage} if self.server.usage else {})

    def log_message(self, format: str, *args: Any) -> None:
        pass


@pytest.fixture
def endpoint() -> Iterator[Endpoint]:
    server = Endpoint()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


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
    endpoint.finish = "length"
    assert ask(make(), "a")[0].finish is Finish.LENGTH


@pytest.mark.parametrize(("finish", "content"), [("content_filter", "half an ans"), ("stop", None)])
def test_a_filtered_or_empty_reply_has_no_text(
    endpoint: Endpoint, make: Callable[..., Backend], finish: str, content: str | None
) -> None:
    endpoint.finish, endpoint.content = finish, content
    assert ask(make(), "a")[0].text == ""


@pytest.mark.parametrize(("status", "hint"), [(401, "check the key in QUP_TEST_KEY"), (404, "check base_url")])
def test_a_refusal_is_one_line_without_the_key(
    endpoint: Endpoint, make: Callable[..., Backend], status: int, hint: str
) -> None:
    endpoint.failures = [(status, {})]
    with pytest.raises(SettingsError, match=hint) as caught:
        ask(make(), "a")
    assert KEY not in str(caught.value)
    assert "\n" not in str(caught.value)


def test_an_endpoint_that_counts_no_tokens_is_refused(endpoint: Endpoint, make: Callable[..., Backend]) -> None:
    endpoint.usage = False
    with pytest.raises(SettingsError, match="without usage"):
        ask(make(), "a")


def test_a_web_page_is_no_answer(endpoint: Endpoint, make: Callable[..., Backend]) -> None:
    endpoint.page = b"<html>welcome</html>"
    with pytest.raises(SettingsError, match=r"without choices and usage.*ends in /v1"):
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
