"""Plugs are found by their files; importing the package and the stages loads nothing heavy."""

import dataclasses
import importlib
import inspect
import subprocess
import sys
from pathlib import Path

import pytest

import qup
from qup import oracles, settings
from qup.compat import Pass, Role
from qup.errors import SettingsError
from qup.refiners import Pool

PACKAGE = Path(qup.__file__).parent
PLUGS = [(room, p.stem) for room in settings.ROOMS for p in sorted((PACKAGE / room).glob("[!_]*.py"))]
STAGES = sorted(p.stem for p in (PACKAGE.parent / "stages").glob("[!_]*.py"))


def test_every_room_has_its_folder_and_at_least_one_plug() -> None:
    assert {room for room, _ in PLUGS} == set(settings.ROOMS)


@pytest.mark.parametrize(("kind", "name"), PLUGS)
def test_a_file_is_a_plug_a_frozen_dataclass_that_says_what_it_is(kind: str, name: str) -> None:
    assert name in settings.names(kind)
    plug = settings.load(kind, name)
    assert plug.__name__ == settings.ROOMS[kind][0]
    assert plug.__module__ == f"qup.{kind}.{name}"
    assert dataclasses.is_dataclass(plug)
    assert plug.__dataclass_params__.frozen  # type: ignore[attr-defined]
    # Without one of its own, a dataclass has its signature for a docstring.
    assert not (plug.__doc__ or f"{plug.__name__}(").startswith(f"{plug.__name__}(")
    assert importlib.import_module(plug.__module__).__doc__


@pytest.mark.parametrize(("kind", "name"), PLUGS)
def test_a_plug_has_every_method_of_its_protocol_with_the_same_arguments(kind: str, name: str) -> None:
    room, plug = importlib.import_module(f"qup.{kind}"), settings.load(kind, name)
    # A metric of a whole stream has one of its own.
    protocol = room.SetMetric if hasattr(plug, "over") else getattr(room, settings.ROOMS[kind][0])
    for method, declared in vars(protocol).items():
        if not method.startswith("_") and inspect.isfunction(declared):
            own = getattr(plug, method)
            assert list(inspect.signature(own).parameters) == list(inspect.signature(declared).parameters)


@pytest.mark.parametrize("name", settings.names("refiners"))
def test_a_refiner_says_of_its_whole_class_whether_it_repairs(name: str) -> None:
    refiner = settings.load("refiners", name)
    assert isinstance(refiner.repairs, bool)
    assert isinstance(refiner.pool, Pool)
    # No settings: a study must not be able to turn the gate off.
    assert not {"repairs", "pool"} & {field.name for field in dataclasses.fields(refiner)}


@pytest.mark.parametrize("name", settings.names("compat"))
def test_a_metric_says_what_its_numbers_are_for_and_which_passes_it_needs(name: str) -> None:
    metric = settings.load("compat", name)
    assert isinstance(metric.role, Role)
    assert all(isinstance(needed, Pass) for needed in metric.passes)


@pytest.mark.parametrize("name", settings.names("rewards"))
def test_a_reward_says_whether_it_perceives_quality(name: str) -> None:
    assert isinstance(settings.load("rewards", name).perceives, bool)


@pytest.mark.parametrize("name", settings.names("oracles"))
def test_what_an_oracle_starts_has_every_verb_with_the_same_arguments(name: str) -> None:
    module = importlib.import_module(f"qup.oracles.{name}")
    speaker = getattr(module, "Voice", module.Oracle)
    for verb, declared in vars(oracles.Speaker).items():
        if not verb.startswith("_") and inspect.isfunction(declared):
            own = getattr(speaker, verb)
            assert list(inspect.signature(own).parameters) == list(inspect.signature(declared).parameters)


def test_an_unknown_plug_names_the_near_one_and_what_exists() -> None:
    with pytest.raises(SettingsError, match=r"unknown refiner 'rejection_sample': did you mean 'rejection_sampling'"):
        settings.load("refiners", "rejection_sample")


def test_a_private_module_is_no_plug() -> None:
    assert (PACKAGE / "problems" / "_content.py").is_file()
    with pytest.raises(SettingsError, match="unknown source '_content'"):
        settings.load("problems", "_content")


def test_importing_the_package_the_plugs_and_the_stages_loads_nothing_heavy() -> None:
    modules = ["qup", *(f"qup.{kind}.{name}" for kind, name in PLUGS), *(f"stages.{name}" for name in STAGES)]
    code = f"import sys, {', '.join(modules)}\nprint(*sorted({{m.split('.')[0] for m in sys.modules}}))"
    done = subprocess.run([sys.executable, "-c", code], cwd=PACKAGE.parent, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    heavy = {"torch", "transformers", "trl", "peft", "datasets", "lm_eval", "vllm", "mlflow", "openai", "altair"}
    assert heavy & set(done.stdout.split()) == set()
