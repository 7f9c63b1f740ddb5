"""Pickled weights as safetensors, in an interpreter of its own: `main`, with a checkpoint and the folder to write.

A pickle is a program. `torch.load(weights_only=True)` runs one that builds tensors and plain containers and refuses
all others, so a checkpoint that would do anything else ends here, with the name of what it asked for.
"""

import sys
from pathlib import Path
from typing import Any

from qup.errors import SettingsError
from qup.models import _checkpoint


def convert(source: Path, out: Path) -> None:
    """Write the weights of `source` as transformers saves them; a tensor of two names once, as the model ties it.

    Raises:
        SettingsError: the weights are not only tensors, or not all of the model's.
    """
    state: dict[str, Any] = {}
    for path in _checkpoint.files(source):
        state |= _tensors(path)
    # Only now: it takes seconds, which a file that is refused need not cost.
    import transformers

    config = transformers.AutoConfig.from_pretrained(source, trust_remote_code=False)
    kind: Any = getattr(transformers, str((config.architectures or [""])[0]), None)
    if not (isinstance(kind, type) and issubclass(kind, transformers.PreTrainedModel)):
        kind = transformers.AutoModelForCausalLM
    model, told = kind.from_pretrained(
        None, config=config, state_dict=state, dtype=_dtype(state), output_loading_info=True
    )
    if missing := sorted(told["missing_keys"]):
        # They would be made at random.
        raise SettingsError(f"weights that {kind.__name__} needs are missing: {', '.join(missing[:4])}")
    model.save_pretrained(out)


def _tensors(path: Path) -> dict[str, Any]:
    """Name to tensor of one file."""
    import torch

    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:
        # A pickle that is cut, or made to harm, can raise any kind.
        raise SettingsError(
            f"{path.name} is not loaded, for it holds something else than tensors or is damaged ({_reason(error)}); if "
            f"you trust it, load it by yourself, save_pretrained it as safetensors, and give that folder"
        ) from error
    if not isinstance(state, dict) or not all(isinstance(value, torch.Tensor) for value in state.values()):
        raise SettingsError(f"{path.name}: expected names with a tensor each, got something else")
    return state


def _reason(error: Exception) -> str:
    """What torch found in a pickle, without what it advises to do about that."""
    advised, *found = str(error).split("\n\n")
    told = found[0] if found and advised.startswith("Weights only load failed") else str(error)
    return " ".join(told.split())[:200] or type(error).__name__


def _dtype(state: dict[str, Any]) -> Any:
    """That of the weights, which config may tell wrong."""
    return next((tensor.dtype for tensor in state.values() if tensor.is_floating_point()), None)


def main() -> None:
    """Convert; what is wrong with the weights is one line on stdout and exit code 2."""
    source, out = map(Path, sys.argv[1:])
    try:
        convert(source, out)
    except SettingsError as error:
        print(error)
        sys.exit(2)
