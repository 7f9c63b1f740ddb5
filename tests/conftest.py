"""What several tests share: tiny models with random weights, made once a session; and which files run first."""

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from _pytest.terminal import TerminalReporter
from awkward import build
from endpoint import KEY, Endpoint, serving

from qup.backends.openai import Backend
from qup.models.random import Model

TRIED = "tried"
Tally = Callable[[str, Mapping[str, int]], None]
LONGEST = ("end_to_end", "tutorial", "refiners_study", "glassbox_study", "switching", "kills", "backends", "bench")
"""The files that take minutes in the slow part, the longest first, so that the last to begin are short; but switching
goes on from what end_to_end runs, and so begins after as many as run side by side at most."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the longest files first."""
    places = {f"test_{name}": place for place, name in enumerate(LONGEST)}
    gone = [name for name in places if not (Path(__file__).parent / f"{name}.py").is_file()]
    assert not gone, f"LONGEST names files that are not there: {gone}"
    items.sort(key=lambda item: places.get(item.path.stem, len(LONGEST)))


@pytest.fixture
def tally(record_property: Callable[[str, object], None]) -> Tally:
    """A function that keeps counts of what was tried, by what came of it, for the end of the run."""

    def keep(what: str, counts: Mapping[str, int]) -> None:
        record_property(TRIED, f"{what}: {', '.join(f'{n} {came}' for came, n in sorted(counts.items()))}")

    return keep


def pytest_terminal_summary(terminalreporter: TerminalReporter) -> None:
    """Show the counts; a test may run in another process, whose own words are lost."""
    reports = [report for outcome in ("passed", "failed") for report in terminalreporter.stats.get(outcome, [])]
    lines = [text for report in reports for name, text in report.user_properties if name == TRIED]
    if lines:
        terminalreporter.section("tried")
        terminalreporter.write("\n".join(sorted(lines)) + "\n")


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """A function from settings of `qup.models.random` to a model folder; equal settings share one folder."""
    made: dict[tuple[tuple[str, Any], ...], Path] = {}

    def folder(**settings: Any) -> Path:
        key = tuple(sorted(settings.items()))
        if key not in made:
            made[key] = tmp_path_factory.mktemp("model") / "learner"
            Model(**settings).obtain(made[key], tmp_path_factory.mktemp("cache"))
        return made[key]

    return folder


@pytest.fixture(scope="session")
def learner(tiny: Callable[..., Path]) -> Path:
    """The smoke study's learner: qwen2, 32 wide, 2 layers, float32, one token a character."""
    return tiny(architecture="qwen2", seed=1, hidden=32, layers=2)


@pytest.fixture(scope="module")
def patch() -> Iterator[pytest.MonkeyPatch]:
    """A monkeypatch that lasts as long as the module's tests."""
    with pytest.MonkeyPatch.context() as found:
        yield found


@pytest.fixture(scope="session")
def awkward(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """A function from the name of a kind of `awkward.KINDS` to its folder, made once."""
    made: dict[str, Path] = {}

    def folder(name: str) -> Path:
        if name not in made:
            made[name] = build(name, tmp_path_factory.mktemp(name) / "learner", seed=1)
        return made[name]

    return folder


@pytest.fixture
def endpoint() -> Iterator[Endpoint]:
    """An OpenAI-compatible endpoint on this machine."""
    with serving(Endpoint()) as server:
        yield server


@pytest.fixture
def make(endpoint: Endpoint, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Backend]]:
    """A function from settings to a backend that asks the endpoint."""
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
