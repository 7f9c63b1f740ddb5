"""MLflow's store as people name it: whatever is wrong with it is one line, soon, and nothing private is in it."""

import base64
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from qup import tracking
from qup.tracking import Mirror, _store
from qup.training import following

SECRET = "hunter2hunter2"
MIRROR = Mirror("qup/toy", "a" * 64, {"arms": {}}, {"seed": 1}, {})


class Echo(BaseHTTPRequestHandler):
    """Refuses all, and says what it was sent."""

    def do_GET(self) -> None:
        words = f"no: {self.headers.get('Authorization')} {self.path}".encode()
        self.send_response(400)
        self.send_header("content-length", str(len(words)))
        self.end_headers()
        self.wfile.write(words)

    def do_POST(self) -> None:
        self.do_GET()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture(scope="module")
def echo() -> Iterator[str]:
    """Host and port of a server that echoes."""
    with HTTPServer(("127.0.0.1", 0), Echo) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"127.0.0.1:{server.server_port}"
        server.shutdown()


def told_soon(root: Path) -> str:
    """The one line that a try ends with, within ten seconds."""
    following.prepare()
    begin = time.monotonic()
    line = tracking.attempt(MIRROR, root)
    assert time.monotonic() - begin < 10
    assert line.isprintable()
    return line


@pytest.mark.parametrize(
    "uri",
    [
        f"http://us:{SECRET}@HOST",
        f"http://us:{SECRET[:7]}/{SECRET}@HOST",
        f"http://{SECRET}@HOST",
        f"http://us:%68{SECRET[1:]}@HOST",
        f"http://HOST/?token={SECRET}",
        f"http://us:{SECRET}@no such host/",
        f"http://us:{SECRET}@[::1",
        f"databricks://{SECRET}:x@profile",
        f"postgresql://us:{SECRET}/{SECRET}@127.0.0.1:9/db",
        f"nonsense://us:{SECRET}@h",
        f"sqlite:////dev/null/mlflow.db?password={SECRET}",
    ],
)
def test_what_is_private_in_a_stores_address_is_in_no_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], echo: str, uri: str
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", uri.replace("HOST", echo))
    line = told_soon(tmp_path)
    assert line.startswith("MLflow: this run is not mirrored, ")
    out, err = capfd.readouterr()
    for said in (line, out, err):
        assert SECRET not in said
        assert SECRET[1:] not in said
        assert base64.b64encode(f"us:{SECRET}".encode()).decode()[4:-4] not in said


def test_a_password_of_the_environment_that_a_server_echoes_is_in_no_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, echo: str
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"http://{echo}")
    monkeypatch.setenv("MLFLOW_TRACKING_TOKEN", SECRET)
    line = told_soon(tmp_path)
    assert "$MLFLOW_TRACKING_TOKEN" in line
    assert SECRET not in line


@pytest.mark.parametrize("uri", ["sqlite:////proc/mlflow.db", f"sqlite:///{'a' * 5000}", "sqlite:///file/x/mlflow.db"])
def test_a_file_that_cannot_be_opened_is_one_line_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, uri: str
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
    assert told_soon(tmp_path).startswith("MLflow: this run is not mirrored, ")


def test_a_new_store_in_a_new_folder_has_the_time_to_make_its_tables(tmp_path: Path) -> None:
    store = f"sqlite:///{tmp_path}/new/er/mlflow.db"
    assert _store.ready(store)
    assert (tmp_path / "new" / "er").is_dir()
    (tmp_path / "new" / "er" / "mlflow.db").write_text("tables")
    assert not _store.ready(store)
    assert not _store.ready("http://127.0.0.1")


def test_mlflow_does_not_print_the_address_of_a_server_whose_run_ends() -> None:
    told = "import os; from qup.training import following; following.prepare(); print(os.environ[NAME])"
    told = told.replace("NAME", "'MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT'")
    done = subprocess.run([sys.executable, "-c", told], capture_output=True, text=True, check=True)
    assert done.stdout == "true\n"


def test_who_mirrors_into_a_file_waits_for_the_other_and_says_so_where_that_takes_too_long(tmp_path: Path) -> None:
    store = f"sqlite:///{tmp_path / 'new' / 'mlflow.db'}"
    with _store.alone(store, 1), pytest.raises(TimeoutError, match=r"mlflow\.db\.lock"), _store.alone(store, 0.1):
        pass
    with _store.alone(store, 0.1):
        pass
    # Of a server, and of a store in memory, nothing is locked.
    for other in ("https://host/mlflow", "sqlite://"):
        with _store.alone(other, 0), _store.alone(other, 0):
            pass
