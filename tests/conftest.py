"""What several tests share: tiny models with random weights, made once a session."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from qup.models.random import Model


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
