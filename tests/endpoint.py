"""An OpenAI-compatible endpoint on this machine, which answers as a test tells it to."""

import contextlib
import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from qup.backends import Completion, Sampling
from qup.backends.openai import Backend

KEY = "sk-secret-word"
SAMPLING = Sampling(temperature=0.7, max_tokens=50, seed=1)
COST = 10 + 5
"Tokens of an answer by `USAGE`."
USAGE = {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15}


def completion(content: Any = "\\boxed{3}", finish: Any = "stop", usage: Any = USAGE, **message: Any) -> dict[str, Any]:
    """A chat completion; without usage if that is None."""
    choice = {"index": 0, "finish_reason": finish, "message": {"role": "assistant", "content": content, **message}}
    made = {"id": "1", "object": "chat.completion", "created": 0, "model": "toy", "choices": [choice]}
    return made if usage is None else {**made, "usage": usage}


class Endpoint(ThreadingHTTPServer):
    """Speaks /v1/chat/completions; `failures` are (status, headers) given before any success.

    `odd` gives (status, body) for a request that is to be answered otherwise; the body is JSON or bytes.
    """

    daemon_threads = True

    def __init__(self, port: int = 0) -> None:
        super().__init__(("127.0.0.1", port), Handler)
        self.url = f"http://127.0.0.1:{self.server_port}/v1"
        self.requests: list[dict[str, Any]] = []
        self.headers: list[dict[str, str]] = []
        self.failures: list[tuple[int, dict[str, str]]] = []
        self.answer: Any = completion()
        self.odd: Callable[[dict[str, Any]], tuple[int, Any] | None] = lambda request: None

    def asked(self) -> list[str]:
        """The last message of each request."""
        return [request["messages"][-1]["content"] for request in self.requests]


class Handler(BaseHTTPRequestHandler):
    """One request."""

    server: Endpoint

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.requests.append({"path": self.path, "key": self.headers["Authorization"], **body})
        self.server.headers.append({name.lower(): value for name, value in self.headers.items()})
        status, headers = self.server.failures.pop(0) if self.server.failures else (200, {})
        echoed = {"error": {"message": f"refused:\n{self.headers['Authorization']}"}}
        answer = self.server.answer if status == 200 else echoed
        if status == 200 and (odd := self.server.odd(body)):
            status, answer = odd
        data = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
        kind = "text/html" if data.startswith(b"<") else "application/json"
        self.send_response(status)
        for name, value in {**headers, "Content-Type": kind, "Content-Length": str(len(data))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing."""


@contextlib.contextmanager
def serving(endpoint: Endpoint) -> Iterator[Endpoint]:
    """The endpoint at work."""
    thread = threading.Thread(target=endpoint.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield endpoint
    finally:
        endpoint.shutdown()
        thread.join()
        endpoint.server_close()


def ask(backend: Backend, *ids: str) -> list[Completion]:
    """The answers to a chat an id."""
    return backend.generate([[{"role": "user", "content": f"1+2? ({i})"}] for i in ids], SAMPLING, ids)
