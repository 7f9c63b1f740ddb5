"""Secrets stay in the environment: settings name them as `${NAME}`, and what an endpoint echoes of them is redacted.

A study file is published whole: in Git, dvc.lock, the report and MLflow. So a secret written into it is refused.
"""

import base64
import html
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import quote, urlsplit

from qup.errors import SettingsError

REFERENCE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")
"A variable of the environment, in a setting."
SHORTEST = 6
"Characters of the shortest secret; a shorter key is the word that is given to a server that wants none."
SECRET_PARTS = (
    *("apikey", "accesskey", "privatekey", "secret", "password", "passwd", "passphrase", "credential"),
    *("authorization", "bearer", "cookie", "signature"),
)
"Parts of names, written together and small, that only secrets have."
SECRET_WORDS = {"key", "token", "auth", "pwd", "sig", "jwt", "session", "pat", "login"}
HARMLESS_WORDS = {"cache", "stop", "eos", "bos", "pad", "start", "end"}
"Words that make a `key` or a `token` beside them one of the model's or the cache's."
SECRET_VALUE = re.compile(
    r"(?i:bearer|basic) \S{6}|\b([spr]k[-_][\w-]{8}|(gsk|xai|hf|pplx|ghp|gho|glpat|github_pat|xox[a-z])[-_][\w-]{16})"
    r"|AKIA\w{12}|AIza\w{20}|eyJ\w{10}|//[^/\s]*@"
)
"How keys look that are known by their looks, and an address with a password in it."
PUBLIC = {"accept", "http-referer", "x-title", "user-agent", "openai-beta"}
"Headers that identify nobody; every other header and query field must be a `${NAME}`, or be a version."
SENT_BESIDE = ("extra_headers", "extra_query")
"Keys of `extra` that are no fields of the request's body."


def require_public_url(base_url: str) -> None:
    """Do nothing if an endpoint's address can be published.

    Raises:
        SettingsError: it holds a name and password, a query, or a key; the message shows none of it.
    """
    try:
        parts = urlsplit(base_url)
        # A port that is none, or above 65535, is an error when it is asked for.
        _ = parts.port
    except ValueError:
        raise SettingsError("expected a URL like https://host/v1 or http://host:8000/v1", "base_url") from None
    if "@" in base_url:
        raise SettingsError(
            "holds a name or password before @, and a study is published: leave them out and name the environment's "
            'variable, key_env: NAME for a key, extra: {extra_headers: {Authorization: "Basic ${NAME}"}} for a login',
            "base_url",
        )
    # `urlsplit` takes line breaks out by itself; some servers read parameters after a `;`.
    if not base_url.isprintable() or " " in base_url:
        raise SettingsError("expected a URL like https://host/v1, without spaces and line breaks", "base_url")
    if parts.query or parts.fragment or "?" in base_url or ";" in base_url:
        raise SettingsError(
            'holds a query: write it as extra: {extra_query: {field: "${NAME}"}}, with its value in the environment\'s '
            "variable NAME, for a study is published",
            "base_url",
        )
    if parts.scheme not in ("http", "https") or not parts.netloc:
        raise SettingsError("expected a URL like https://host/v1", "base_url")
    if SECRET_VALUE.search(parts.netloc) or SECRET_VALUE.search(parts.path):
        raise SettingsError(f"holds what looks like a key, {_remedy()}", "base_url")


def require_references(extra: Mapping[str, Any]) -> None:
    """Do nothing if each secret among the fields of a request is written as `${NAME}`.

    Raises:
        SettingsError: a value is, or by its name must be taken for, a secret; the message does not show it.
    """
    for path, value in _leaves(extra):
        if path[0] in SENT_BESIDE:
            if not _refers(value) and not _is_public(path[-1]):
                raise SettingsError(f"a header or query field must stay out of the study, {_remedy()}", "extra", *path)
        elif any(map(_looks_secret, path)):
            # Its own name would show it.
            raise SettingsError(f"the name of a field looks like a secret, {_remedy()}", "extra")
        elif not _refers(value) and (_names_secret(path, value) or _looks_secret(value)):
            raise SettingsError(f"looks like a secret, {_remedy()}", "extra", *path)


def resolve(value: Any) -> Any:
    """A value with the environment's variables in the place of its references.

    Raises:
        SettingsError: one is not set.
    """
    if isinstance(value, Mapping):
        return {key: resolve(item) for key, item in value.items()}
    if isinstance(value, list):
        return [resolve(item) for item in value]
    return REFERENCE.sub(lambda match: _variable(match[1]), value) if isinstance(value, str) else value


def referred(value: Any) -> set[str]:
    """The environment's variables that a value refers to."""
    return {name for _, item in _leaves({"": value}) if isinstance(item, str) for name in REFERENCE.findall(item)}


class Redactor:
    """Puts `$NAME` where a text holds that variable's value, however the endpoint has encoded it.

    What else is private, and stands in no variable by itself, becomes `***`.
    """

    def __init__(self, names: Sequence[str], private: Sequence[str] = ()) -> None:
        values = [(f"${name}", os.environ.get(name, "")) for name in names] + [("***", value) for value in private]
        self.patterns = [(shown, _pattern(value)) for shown, value in values if len(value) >= SHORTEST]

    def text(self, text: str) -> str:
        """The text without secrets; without lone surrogates too, for no file can hold them."""
        # A pair of them is one character.
        text = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
        for shown, pattern in self.patterns:
            text = pattern.sub(shown, text)
        return text

    def all(self, value: Any) -> Any:
        """JSON without secrets in any of its texts."""
        if isinstance(value, Mapping):
            return {self.text(str(key)): self.all(item) for key, item in value.items()}
        if isinstance(value, list):
            return [self.all(item) for item in value]
        return self.text(value) if isinstance(value, str) else value


def _leaves(value: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Path and value of everything in nested settings that holds nothing itself."""
    if isinstance(value, Mapping):
        for key, item in value.items():
            yield from _leaves(item, (*path, str(key)))
    elif isinstance(value, list):
        for item in value:
            yield from _leaves(item, path)
    else:
        yield path, value


def _refers(value: Any) -> bool:
    """Whether a value is a reference, with at most the name of a scheme before it: `Bearer ${NAME}`."""
    return value is None or bool(
        isinstance(value, str) and re.fullmatch(rf"([A-Za-z]+ )?({REFERENCE.pattern})+", value)
    )


def _is_public(name: str) -> bool:
    return name.lower() in PUBLIC or name.lower().endswith("version")


def _names_secret(path: Sequence[str], value: Any) -> bool:
    """Whether a name on the way to a value is one of secrets; most `tokens` are numbers."""
    for name in path:
        words = {word.lower() for word in re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+", name)}
        together = re.sub(r"[^a-z]", "", name.lower())
        if any(part in together for part in SECRET_PARTS) and not isinstance(value, bool):
            return True
        if isinstance(value, str) and words & SECRET_WORDS and not words & HARMLESS_WORDS:
            return True
    return False


def _looks_secret(value: Any) -> bool:
    return isinstance(value, str) and bool(SECRET_VALUE.search(value))


def _remedy() -> str:
    return (
        'for a study is published (Git, dvc.lock, the report, MLflow): write "${NAME}", which is read from the '
        "environment's variable NAME at each call"
    )


def _variable(name: str) -> str:
    value = os.environ.get(name)
    if not value:
        raise SettingsError(f"environment variable {name} is not set, which extra refers to as ${{{name}}}")
    return value


def _pattern(secret: str) -> re.Pattern[str]:
    """Matches a secret as it is, in base64 wherever it stands in what was encoded, and in hexadecimal digits.

    Each of these broken by white space, and percent-, JSON- or HTML-encoded wholly or in part.
    """
    raw = secret.encode()
    forms = [secret, raw.hex(), *_base64(raw)]
    if len(secret) >= 4 * SHORTEST:
        # As an endpoint shows it that cut it short, or starred its middle.
        forms += [secret[: 2 * SHORTEST], secret[-2 * SHORTEST :]]
    gap = r"(?:[\s\u200b]|\\[nrt])*"
    return re.compile("|".join(gap.join(map(_letter, form)) for form in forms), re.IGNORECASE)


def _base64(raw: bytes) -> Iterator[str]:
    """What of a secret's base64 does not depend on what stands before and after it, for each of three alignments."""
    for before in range(3):
        encoded = base64.b64encode(b"\0" * before + raw).decode()
        yield encoded[-(-before * 8 // 6) : (before + len(raw)) * 8 // 6]


def _letter(letter: str) -> str:
    """Matches one character as it is and in the encodings of texts; `+` and `/` of base64 also as URLs have them."""
    percent = re.escape(quote(letter, safe="")) if quote(letter, safe="") != letter else f"%{ord(letter):02x}"
    code = f"{ord(letter):x}"
    ways = [rf"\\*{re.escape(letter)}", percent, percent.replace("%", "%25"), rf"\\+(?:u0*|x){code}"]
    ways += [
        re.escape(html.escape(letter)),
        f"&#0*{ord(letter)};",
        f"&#x0*{code};",
        *{"+": ["-"], "/": ["_"]}.get(letter, []),
    ]
    return f"(?:{'|'.join(ways)})"
