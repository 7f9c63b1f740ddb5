"""What an arm uses is told in full, all prompts that are read, all plugs, the reward that is chosen by; and no more."""

import ast
import dataclasses
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from qup import prompts, settings, study, uses
from qup.backends import Completion
from qup.oracles.prompted import Oracle, Voice
from qup.prompts import Worded
from qup.records import Finish, Problem

ROOT = Path(__file__).resolve().parents[1]
SMOKE = study.read(ROOT / "studies" / "smoke.yaml")


def refiner(name: str, **given: Any) -> Any:
    return settings.load("refiners", name)(**given)


def used(name: str = "restyled", own: Any = SMOKE, oracle: str = "home", **given: Any) -> dict[str, str]:
    return uses.of(own, oracle, refiner(name, **given))


def changed(before: dict[str, str], now: dict[str, str]) -> set[str]:
    return {key for key in before.keys() | now.keys() if before.get(key) != now.get(key)}


@pytest.mark.parametrize("room", ["oracles", "refiners"])
def test_a_plug_that_imports_prompts_says_which_it_reads(room: str) -> None:
    for name in settings.names(room):
        tree = ast.parse((ROOT / "qup" / room / f"{name}.py").read_text(encoding="utf-8"))
        modules = [node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
        reads = any(module.startswith("qup.prompts") for module in modules)
        plug = settings.load(room, name)
        assert isinstance(plug(**({"model": "m"} if name == "prompted" else {})), Worded) == reads, name


@pytest.mark.parametrize("room", ["oracles", "refiners", "rewards"])
def test_a_plug_by_which_traces_are_made_runs_no_other_plugs_code(room: str) -> None:
    # Its own file is told, and those that all of its room share: another plug's would be none of either.
    names = set(settings.names(room))
    for name in names:
        plug, others = settings.load(room, name), names - {name}
        tree = ast.parse((ROOT / "qup" / room / f"{name}.py").read_text(encoding="utf-8"))
        imported = [node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and node.module]
        modules = {f"{node.module}.{each.name}" for node in imported for each in node.names}
        modules |= {str(node.module) for node in imported}
        # No refiner chooses by a reward that needs the learner's samples.
        if not hasattr(plug, "knowing"):
            assert not modules & {f"qup.{room}.{other}" for other in others}, name


def test_a_prompted_oracle_reads_no_prompt_that_it_does_not_tell(monkeypatch: pytest.MonkeyPatch) -> None:
    opened: set[Path] = set()
    place = prompts.file

    def noted(role: Path, name: str) -> Path:
        opened.add(place(role, name))
        return place(role, name)

    oracle = Oracle(model="m", voice="formal", repair_prompt="minimum_change")
    monkeypatch.setattr(prompts, "file", noted)
    backend: Any = SimpleNamespace(generate=lambda chats, *_: [Completion("1", [1], Finish.STOP, 1) for _ in chats])
    at_work, problems = Voice(oracle, backend, None), [Problem("p", "1?", "1", "toy")]  # type: ignore[arg-type]
    at_work.solve(problems, 0)
    for keep_style, fewest in ((True, False), (False, False), (False, True)):
        at_work.repair(problems, ["draft"], keep_style, 0, fewest)
    at_work.restyle(problems, ["draft"], 0)
    at_work.locate(problems, [["step"]], 0)
    at_work.proceed(problems, ["so"], 0)
    monkeypatch.undo()
    assert opened == set(oracle.texts())
    assert {path.name for path in opened} >= {"formal.txt", "minimum_change.txt", "proceed.txt"}
    assert "repair.txt" not in {path.name for path in opened}


def test_an_oracles_voice_is_told_and_another_is_not() -> None:
    spoken: Any = SimpleNamespace(oracles={"home": Oracle(model="m", voice="formal"), "plain": Oracle(model="m")})
    told, plain = used(own=spoken), used(own=spoken, oracle="plain")
    assert "qup/prompts/oracle/voices/formal.txt" in told
    assert changed(told, plain) == {"qup/prompts/oracle/voices/formal.txt", "oracles.home", "oracles.plain"}


def test_settings_that_are_not_for_readers_count_and_are_not_shown() -> None:
    def asked(word: str) -> dict[str, str]:
        api = {"model": "x", "base_url": "http://127.0.0.1:9/v1", "budget": 1, "extra": {"note": word}}
        oracle = settings.read(Oracle, {"api": api})
        return used(own=SimpleNamespace(oracles={"home": oracle}))

    one, other = asked("first words of mine"), asked("second words of mine")
    assert changed(one, other) == {"oracles.home"}
    assert "words" not in str(one)


def test_only_a_refiner_that_chooses_by_a_reward_depends_on_it_and_on_no_other() -> None:
    assert not any("reward" in key for key in used("restyled"))
    chosen = used("best_reward", reward="sequence_classifier")
    assert {"rewards.sequence_classifier", "qup/rewards/sequence_classifier.py", "qup/rewards/__init__.py"} <= set(
        chosen
    )
    assert not {"rewards.genrm", "qup/rewards/genrm.py"} & set(chosen)
    rewards = SMOKE.rewards | {"genrm": dataclasses.replace(SMOKE.rewards["genrm"], batch=7)}  # type: ignore[type-var]
    more = dataclasses.replace(SMOKE, rewards=rewards)
    assert used("best_reward", more, reward="sequence_classifier") == chosen
    assert changed(used("best_reward", more, reward="genrm"), used("best_reward", reward="genrm")) == {"rewards.genrm"}
    assert uses.models_of(SMOKE, "home", refiner("best_reward", reward="genrm")) == ["learner", "judge"]
    assert uses.models_of(SMOKE, "home", refiner("restyled")) == ["learner"]


def test_a_guiding_prompt_is_told_of_the_refiner_that_shows_it() -> None:
    assert "qup/prompts/guide/hinted.txt" in used("hinted")
    assert "qup/prompts/guide/guided.txt" in used("hinted", prompt="guided")
    assert not any(key.endswith(".txt") for key in used("restyled"))


def test_every_cell_that_a_study_can_have_has_its_file_and_further_arms_one_together() -> None:
    every = uses.every(SMOKE)
    assert {"home/style_aligned", "third/best_reward", "voiced/oracle_refined"} <= set(every)
    assert "home/rejection_sampling" not in every
    assert set(every["further"]) == {"unfiltered"}


def test_files_that_would_come_out_as_they_are_are_known(tmp_path: Path) -> None:
    for name in ("home/restyled", "voiced/restyled"):
        path = tmp_path / f"{name}.json"
        path.parent.mkdir(exist_ok=True)
        path.write_text(uses.text(uses.every(SMOKE)[name]), encoding="utf-8")
    oracles = SMOKE.oracles | {"voiced": SMOKE.oracles["third"]}
    other = dataclasses.replace(SMOKE, oracles=oracles)
    assert uses.unchanged(other, tmp_path) == {tmp_path / "home" / "restyled.json"}
