"""One arm in one process: what is let go of, and when."""

import weakref
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from qup import chain, compat, rewards, settings
from qup.arms import Arm
from qup.refiners import Desk, StreamSettings
from qup.training.settings import Budget, TrainingSettings


class Loaded:
    """An Oracle whose model is at hand; it refers to itself, as engines do."""

    def __init__(self) -> None:
        self.engine = self


def test_an_oracle_and_its_model_are_let_go_of_before_judges_and_learner_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    oracles: list[weakref.ref[Loaded]] = []

    def desk(oracle: str, refiner: str, models: Path) -> Desk:
        made: Any = Loaded()
        oracles.append(weakref.ref(made))
        return Desk(made)

    alive: list[bool] = []

    def loads_a_model(*given: Any) -> list[Any]:
        alive.append(any(oracle() is not None for oracle in oracles))
        return []

    monkeypatch.setattr(rewards, "score", loads_a_model)
    monkeypatch.setattr(compat, "measure", loads_a_model)
    study: Any = SimpleNamespace(streams=StreamSettings(), seed=1, threads=1, desk=desk, rewards={}, compat={})
    study.learner = lambda models: None
    study.refiner_of = lambda arm: settings.load("refiners", arm.refiner)()
    arm = Arm("idle", "home", "unfiltered", TrainingSettings(Budget(epochs=1)), "solved", main=False)
    chain._before_training(arm, chain.Shared(study, [], Path(), [], {}, Path()), tmp_path)
    assert len(oracles) == 1
    assert alive == [False, False]
