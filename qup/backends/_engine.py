"""Settings of vLLM's engine that a study passes through, by vLLM's own names, and what of them is refused.

What a study sets elsewhere has one place there; a name that the installed vLLM lacks is told with the near ones. Where
vLLM is not installed, on the machine where a study is written, names cannot be checked.
"""

import ast
import functools
import importlib.util
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from qup.errors import SettingsError, unknown

ELSEWHERE = {
    "model": "the study's `models`",
    "tokenizer": "the study's `models`",
    "dtype": "backend.dtype",
    "max_model_len": "backend.max_length",
    "max_num_seqs": "backend.batch",
    "seed": "the study's `seed`",
    "generation_config": "`sampling` and `evaluation`: none of a checkpoint's own settings are used",
    "enable_lora": "nothing: adapters are merged into the weights before they are loaded",
    "disable_log_stats": "nothing: the run's log has no room for them",
    "hf_token": "nothing: models are obtained before, and a secret here would be published with the study",
    "runner": "nothing: the engine generates",
}
"Names that are not passed through, and what sets them."
PARALLEL = ("tensor_parallel_size", "pipeline_parallel_size")
"Each splits a model over so many GPUs."


def check(engine: Mapping[str, Any]) -> None:
    """Do nothing if all of it can be passed through.

    Raises:
        SettingsError: a name is set elsewhere in the study or unknown to vLLM, or a number of GPUs is none.
    """
    for name in engine:
        if name in ELSEWHERE:
            raise SettingsError(f"is set by {ELSEWHERE[name]}: leave it out here", name)
        if (names := known()) and name not in names:
            raise unknown("setting of vLLM's engine", name, sorted(names - ELSEWHERE.keys()))
    for name in PARALLEL:
        given = engine.get(name, 1)
        if type(given) is not int or given < 1:
            raise SettingsError(f"expected a number of GPUs, 1 or more, got {given!r}", name)


def gpus(engine: Mapping[str, Any]) -> int:
    """How many GPUs a model takes."""
    return int(engine.get(PARALLEL[0], 1)) * int(engine.get(PARALLEL[1], 1))


@functools.cache
def known() -> frozenset[str]:
    """What the installed vLLM's engine can be told, read from its source: to import it takes many seconds."""
    found = importlib.util.find_spec("vllm")
    source = Path(found.origin).parent / "engine/arg_utils.py" if found and found.origin else None
    if source is None or not source.is_file():
        return frozenset()
    classes = [node for node in ast.parse(source.read_text(encoding="utf-8")).body if isinstance(node, ast.ClassDef)]
    fields = (part for each in classes if each.name == "EngineArgs" for part in each.body)
    names = (part.target.id for part in fields if isinstance(part, ast.AnnAssign) and isinstance(part.target, ast.Name))
    return frozenset(names)
