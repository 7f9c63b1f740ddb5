"""What an endpoint is sent beside the prompt stays between the environment and the endpoint."""

import base64
import html
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from endpoint import Endpoint, completion

from qup import settings, tracking
from qup.backends import Sampling
from qup.backends.openai import Backend, secrets
from qup.errors import SettingsError
from qup.oracles.prompted import Oracle
from qup.records import Refined, Verdict, write

KEY, HEADER = "sk-Pr0j/ab+12=XyZ~789", 'tr4ce "w0rd" <&>\\ä'
"With characters that each encoding writes otherwise."
URL = "https://host.example/v1"


def backend(**given: Any) -> Backend:
    return settings.read(Backend, {"model": "toy", "base_url": URL, "budget": 10_000, **given})


# --- a study holds none

SECRET = "hunter2hunter2"


@pytest.mark.parametrize(
    "given",
    [
        {"base_url": f"https://us:{SECRET}@host.example/v1"},
        {"base_url": f"https://{SECRET}@host.example/v1"},
        {"base_url": f"https://us:{SECRET}/x@host.example/v1"},
        {"base_url": f"us:{SECRET}@host.example/v1"},
        {"base_url": f"https://host.example/v1?api_key={SECRET}"},
        {"base_url": f"https://host.example/v1?code={SECRET}"},
        {"base_url": f"https://host.example/v1#{SECRET}"},
        {"base_url": f"https://host.example/sk-{SECRET}/v1"},
        {"base_url": f"https://sk-{SECRET}.host.example/v1"},
        {"base_url": f"https://host.example/v1;token={SECRET}"},
        {"base_url": f"https://host.example/\n{SECRET}"},
        {"base_url": f"ftp://host.example/{SECRET}"},
        {"base_url": f"https://[{SECRET}/v1"},
        {"key_env": f"sk-{SECRET}"},
        {"key_env": SECRET},
        {"extra": {"api_key": SECRET}},
        {"extra": {"apiKey": SECRET}},
        {"extra": {"X-Goog-Api-Key": SECRET}},
        {"extra": {"nested": {"list": [{"password": SECRET}]}}},
        {"extra": {"password": 12345678}},
        {"extra": {"authToken": SECRET}},
        {"extra": {"session_token": SECRET}},
        {"extra": {"note": f"Bearer {SECRET}"}},
        {"extra": {"note": f"sk-{SECRET}"}},
        {"extra": {f"sk-{SECRET}": "note"}},
        {"extra": {"server_url": f"https://us:{SECRET}@host.example"}},
        {"extra": {"extra_headers": {"X-Anything": SECRET}}},
        {"extra": {"extra_headers": {"Authorization": f"Bearer {SECRET}"}}},
        {"extra": {"extra_headers": {"X-Key": f"${{NAME}}{SECRET}"}}},
        {"extra": {"extra_query": {"code": SECRET}}},
        {"extra": {"extra_query": {"code": [SECRET]}}},
    ],
    ids=lambda given: json.dumps(given).replace(SECRET, "S"),
)
def test_a_secret_in_a_study_is_refused_in_one_line_that_does_not_show_it(given: dict[str, Any]) -> None:
    with pytest.raises(SettingsError) as caught:
        settings.read(Oracle, {"api": {"model": "toy", "base_url": URL, "budget": 1, **given}})
    said = str(caught.value)
    assert said.startswith("api.")
    assert SECRET not in said
    assert "12345678" not in said
    assert "\n" not in said


@pytest.mark.parametrize(
    "extra",
    [
        {"temperature": None, "reasoning_effort": "low", "max_completion_tokens": 100, "top_k": 40},
        {"stop_token": "</s>", "stop_token_ids": [1, 2], "prompt_cache_key": "qup", "thinking": {"budget_tokens": 10}},
        {"extra_query": {"api-version": "2026-01-01"}, "extra_headers": {"anthropic-version": "2023-06-01"}},
        {"extra_headers": {"X-Key": "${MY_KEY}", "Authorization": "Basic ${LOGIN}", "X-Title": "a study"}},
        {"api_key": "${MY_KEY}", "chat_template_kwargs": {"enable_thinking": False}, "logit_bias": {"5": -100}},
        {"response_format": {"type": "json_object"}, "user": "us", "service_tier": "flex"},
    ],
    ids=json.dumps,
)
def test_what_is_no_secret_or_is_named_by_its_variable_stands_as_written(extra: dict[str, Any]) -> None:
    assert backend(extra=extra).extra == extra


def test_readers_see_numbers_and_words_of_what_is_sent_and_no_texts() -> None:
    extra = {
        "reasoning_effort": "low",
        "top_k": 4,
        "metadata": {"who": "Jane Doe"},
        "api_key": "${MY_KEY}",
        "list": ["A b"],
    }
    shown = {"reasoning_effort": "low", "top_k": 4, "metadata": {"who": "(not published)"}, "api_key": "${MY_KEY}"}
    oracle = Oracle(api=backend(extra=extra))
    for said in (settings.declared(oracle), settings.plain(oracle)):
        assert said["api"]["extra"] == {**shown, "list": ["(not published)"]}


# --- what an endpoint echoes


def mixed(text: str) -> str:
    return "".join(c if i % 2 else f"%{ord(c):02X}" if ord(c) < 128 else quote(c) for i, c in enumerate(text))


ENCODINGS: dict[str, Callable[[str], str]] = {
    "plain": str,
    "percent": lambda text: quote(text, safe=""),
    "percent, small": lambda text: quote(text, safe="").lower(),
    "percent, all of it": lambda text: "".join(f"%{byte:02x}" for byte in text.encode()),
    "percent, twice": lambda text: quote(quote(text, safe=""), safe=""),
    "percent, in part": mixed,
    "base64": lambda text: base64.b64encode(text.encode()).decode(),
    "base64 for URLs": lambda text: base64.urlsafe_b64encode(text.encode()).decode(),
    "base64 after 1": lambda text: base64.b64encode(f"u{text}".encode()).decode(),
    "base64 after 2": lambda text: base64.b64encode(f"u:{text}".encode()).decode(),
    "base64, in lines": lambda text: "\n".join(
        base64.b64encode(f"Bearer {text}".encode()).decode()[i : i + 7] for i in range(0, 60, 7)
    ),
    "JSON": lambda text: json.dumps(text)[1:-1],
    "JSON, twice": lambda text: json.dumps(json.dumps(text)),
    "JSON, all of it": lambda text: "".join(f"\\u{ord(c):04x}" for c in text),
    "JSON of PHP": lambda text: json.dumps(text)[1:-1].replace("/", "\\/"),
    "HTML": html.escape,
    "HTML, all of it": lambda text: "".join(f"&#{ord(c)};" for c in text),
    "HTML, hexadecimal": lambda text: "".join(f"&#x{ord(c):x};" for c in text),
    "hexadecimal": lambda text: text.encode().hex(),
    "white space": " ".join,
    "lines": lambda text: "\n".join(text[i : i + 5] for i in range(0, len(text), 5)),
    "escaped lines": lambda text: "\\n".join(text[i : i + 5] for i in range(0, len(text), 5)),
    "capitals": str.upper,
}
HTML_NAMED = {"HTML"}


@pytest.mark.parametrize("name", ENCODINGS)
@pytest.mark.parametrize("secret", [KEY, HEADER, "abc123"])
def test_a_secret_is_redacted_in_every_encoding(monkeypatch: pytest.MonkeyPatch, name: str, secret: str) -> None:
    monkeypatch.setenv("QUP_TEST_KEY", secret)
    echoed = ENCODINGS[name](secret)
    said = secrets.Redactor(["QUP_TEST_KEY"]).text(f"you sent {echoed} to us")
    assert echoed not in said
    assert "$QUP_TEST_KEY" in said
    assert said.startswith("you sent ")
    assert said.endswith(" to us")


def test_a_key_that_was_cut_or_starred_is_redacted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("QUP_TEST_KEY", "sk-proj-" + "Ab3dEf6h" * 8)
    said = secrets.Redactor(["QUP_TEST_KEY"]).text("key sk-proj-Ab3dEf6hAb... or ****Ab3dEf6hAb3dEf6h is wrong")
    assert "Ab3dEf6hAb" not in said


def test_mathematics_is_not_redacted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("QUP_TEST_KEY", "x")
    text = "\\boxed{3} and 2\\times 3 = 6, x = 1"
    assert secrets.Redactor(["QUP_TEST_KEY"]).all({"a": [text, 3, None]}) == {"a": [text, 3, None]}


# --- from end to end


def echoes(secret: str) -> list[str]:
    some = ("plain", "percent", "percent, all of it", "base64 after 2", "JSON, all of it", "HTML, all of it", "lines")
    return [ENCODINGS[name](secret) for name in some]


def test_no_output_holds_a_secret_whatever_an_endpoint_echoes(
    endpoint: Endpoint, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("QUP_TEST_KEY", KEY)
    monkeypatch.setenv("MY_TRACE", "tr4ce+w0rd/0123")
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    planted = [*echoes(KEY), "tr4ce+w0rd/0123"]
    extra = {"metadata": {"trace": "${MY_TRACE}"}, "extra_headers": {"X-Trace": "${MY_TRACE}"}}
    given = {"base_url": endpoint.url, "key_env": "QUP_TEST_KEY", "cache": str(tmp_path / "answers"), "extra": extra}
    asked = backend(**given, concurrency=1, budget=10**6)
    odd: dict[str, tuple[int, Any]] = {}
    for i, echo in enumerate(planted):
        odd[f"text {i}"] = 200, completion(f"{echo} \\boxed{{3}}", reasoning_content=echo, **{f"x {echo}": 1})
        odd[f"parts {i}"] = 200, completion([{"type": "text", "text": echo[:7]}, {"type": "text", "text": echo[7:]}])
        odd[f"refused {i}"] = 400, {"error": {"message": f"filtered: {echo}", "code": "content_filter"}}
        odd[f"error {i}"] = 200, {"error": {"message": echo, "code": echo}}
        odd[f"cut {i}"] = 200, f'{{"key": "{echo}'.encode()
    endpoint.odd = lambda request: odd[request["messages"][-1]["content"]]
    answers = asked.generate([[{"role": "user", "content": i}] for i in odd], Sampling(0.0, 50, 1), list(odd))
    assert endpoint.headers[0]["x-trace"] == endpoint.requests[0]["metadata"]["trace"] == "tr4ce+w0rd/0123"
    stream = [
        Refined(i, 1, "solved", a.text, "changed", 0, 1, 1, Verdict.CORRECT) for i, a in zip(odd, answers, strict=True)
    ]
    write(tmp_path / "stream.jsonl", stream)
    (tmp_path / "failures.txt").write_text("\n".join(str(answer.failure) for answer in answers))
    page = tmp_path / "page"
    page.mkdir()
    (page / "report.json").write_text(json.dumps(settings.declared(Oracle(api=asked))))
    plain = settings.plain(Oracle(api=asked))
    assert tracking.attempt(tracking.Mirror("qup/toy", "a", {"arms": {}}, plain, {}, artifacts=page), tmp_path)
    endpoint.failures = [(401, {})]
    with pytest.raises(SettingsError) as caught:
        asked.generate([[{"role": "user", "content": "z"}]], Sampling(0.0, 50, 1), ["z"])
    shown = capsys.readouterr()
    texts = [file.read_bytes() for file in tmp_path.rglob("*") if file.is_file()]
    outputs = [*texts, (shown.out + shown.err + str(caught.value)).encode()]
    assert len(texts) > 2 * len(planted)
    assert [echo for echo in planted for output in outputs if echo.encode() in output] == []
    assert any(b"$QUP_TEST_KEY" in output for output in outputs)


def test_a_variable_that_is_not_set_is_one_line(
    endpoint: Endpoint, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("QUP_TEST_KEY", KEY)
    monkeypatch.delenv("MY_TRACE", raising=False)
    given = {"base_url": endpoint.url, "key_env": "QUP_TEST_KEY", "cache": str(tmp_path / "answers")}
    asked = backend(**given, extra={"extra_headers": {"X-Trace": "${MY_TRACE}"}})
    with pytest.raises(SettingsError, match="environment variable MY_TRACE is not set"):
        asked.generate([[{"role": "user", "content": "z"}]], Sampling(0.0, 50, 1), ["z"])
    assert endpoint.requests == []


def test_the_same_question_under_another_key_is_the_same_answer(
    endpoint: Endpoint, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = {"base_url": endpoint.url, "key_env": "QUP_TEST_KEY", "cache": str(tmp_path / "answers")}
    extra = {"extra_headers": {"X-Trace": "${MY_TRACE}"}}
    for value in ("first-value", "other-value"):
        monkeypatch.setenv("QUP_TEST_KEY", value)
        monkeypatch.setenv("MY_TRACE", value)
        asked = backend(**given, extra=extra)
        assert asked.generate([[{"role": "user", "content": "z"}]], Sampling(0.0, 50, 1), ["z"])[0].text
    assert len(endpoint.requests) == 1


def test_a_key_that_no_header_can_hold_is_one_line(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for key in ("sk-ä", "sk-a\nb"):
        monkeypatch.setenv("QUP_TEST_KEY", key)
        asked = backend(key_env="QUP_TEST_KEY", cache=str(tmp_path / "answers"))
        with pytest.raises(SettingsError, match="QUP_TEST_KEY holds characters that no key has"):
            asked.generate([[{"role": "user", "content": "z"}]], Sampling(0.0, 50, 1), ["z"])
