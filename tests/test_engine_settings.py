"""Settings that a study passes to vLLM's engine: they reach it, and what cannot is one line."""

import importlib.util
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from qup.backends import BackendSettings, _engine, open_backend
from qup.backends import vllm as vllm_module
from qup.errors import SettingsError
from qup.settings import read


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"engine": {"max_model_len": 4096}}, r"engine\.max_model_len: is set by backend\.max_length: leave it out"),
        ({"engine": {"dtype": "float16"}}, r"engine\.dtype: is set by backend\.dtype"),
        ({"engine": {"hf_token": "hf_word"}}, r"engine\.hf_token: is set by nothing: .* would be published"),
        ({"engine": {"tensor_parallel_size": 0}}, r"engine\.tensor_parallel_size: expected a number of GPUs"),
        ({"engine": {"tensor_parallel_size": True}}, r"engine\.tensor_parallel_size: expected a number of GPUs"),
        ({"engine": {"gpu_memory_utilisation": 0.8}}, r"unknown setting of vLLM's engine .* 'gpu_memory_utilization'"),
        ({"name": "hf", "engine": {"swap_space": 4}}, r"engine: is of vLLM, and `name` is hf"),
    ],
)
def test_a_setting_of_the_engine_that_cannot_be_passed_is_one_line(given, words, monkeypatch) -> None:
    names = frozenset({"gpu_memory_utilization", "tensor_parallel_size", "max_model_len", "dtype"})
    monkeypatch.setattr(_engine, "known", lambda: names)
    with pytest.raises(SettingsError, match=words):
        read(BackendSettings, {"name": "vllm", **given})


def test_names_pass_unchecked_where_no_vllm_is_installed(monkeypatch) -> None:
    monkeypatch.setattr(_engine, "known", frozenset)
    assert read(BackendSettings, {"engine": {"anything": 1}}).engine == {"anything": 1}


def test_settings_of_the_engine_reach_it_and_go_before_ours(tmp_path: Path, monkeypatch) -> None:
    given = read(BackendSettings, {"name": "vllm", "engine": {"tensor_parallel_size": 2, "enforce_eager": True}})
    backend = open_backend(given, tmp_path)
    asked: dict[str, Any] = {}
    monkeypatch.setitem(sys.modules, "vllm", SimpleNamespace(LLM=lambda folder, **named: asked.update(named)))
    monkeypatch.setattr(vllm_module, "_on_cpu", lambda: False)
    monkeypatch.setattr(type(backend), "room", property(lambda self: 128))
    for name in vllm_module.ENVIRONMENT:
        monkeypatch.setenv(name, "0")
    vars(backend).pop("running", None)
    _ = backend.running
    assert (asked["tensor_parallel_size"], asked["enforce_eager"], asked["max_model_len"]) == (2, True, 128)
    assert given.gpus == 2
    assert BackendSettings("hf").gpus == 1


def test_the_installed_vllms_own_names_are_known() -> None:
    if not importlib.util.find_spec("vllm"):
        pytest.skip("needs vLLM")
    assert {"gpu_memory_utilization", "tensor_parallel_size", "kv_cache_dtype"} <= _engine.known()
