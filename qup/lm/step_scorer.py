"""A language model that says at each token how likely the step before it is right: body, and a head of two layers.

The layout of Qwen2.5-Math-PRM (2501.07301), `Qwen2ForProcessRewardModel`: a Qwen2 body under `model.`, and under
`score.` a linear layer as wide as the body, a ReLU and two outputs, wrong and right. The checkpoint brings code of its
own for it, of which none is run, or even fetched: the body is transformers' own, and the head stands here.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from qup.errors import SettingsError

ARCHITECTURE = "Qwen2ForProcessRewardModel"
"What such a checkpoint's config.json calls it."
BODY, HEAD = "model.", "score."
"What the names of its tensors begin with."


def head(width: int) -> Any:
    """The two layers on top of a body so wide; its outputs are the logits of wrong and right."""
    from torch import nn

    return nn.Sequential(nn.Linear(width, width), nn.ReLU(), nn.Linear(width, 2))


def opened(folder: Path, dtype: str) -> tuple[Any, Any]:
    """(body, head) of the checkpoint in a folder, in evaluation mode on the first GPU or the CPU.

    Raises:
        SettingsError: it is no such model.
    """
    import torch
    from safetensors import SafetensorError
    from transformers import AutoModel

    device = "cuda" if torch.cuda.is_available() else "cpu"
    kind = getattr(torch, dtype)
    try:
        body, loading = AutoModel.from_pretrained(
            folder,
            dtype=kind,
            use_safetensors=True,
            local_files_only=True,
            trust_remote_code=False,
            output_loading_info=True,
        )
        held = _tensors(folder)
    except (OSError, ValueError, SafetensorError) as error:
        raise SettingsError(f"{folder} cannot be opened as a process reward model: {error}") from error
    if lacking := sorted(loading["missing_keys"]):
        raise SettingsError(f"{folder} is not a process reward model: it lacks {', '.join(lacking[:3])}")
    top = head(body.config.hidden_size)
    _fill(top, held, folder)
    return body.to(device).eval(), top.to(device, kind).eval()


def _fill(top: Any, tensors: dict[str, Any], folder: Path) -> None:
    """Put the checkpoint's weights into the head, all of them."""
    held = {name.removeprefix(HEAD): tensor for name, tensor in tensors.items()}
    try:
        top.load_state_dict(held)
    except RuntimeError as error:
        wanted = ", ".join(f"{HEAD}{name} {list(tensor.shape)}" for name, tensor in top.state_dict().items())
        found = ", ".join(f"{HEAD}{name} {list(tensor.shape)}" for name, tensor in held.items()) or "none"
        raise SettingsError(
            f"{folder} is not a process reward model of the kind {ARCHITECTURE}: expected {wanted}; it has {found}"
        ) from error


def _tensors(folder: Path) -> dict[str, Any]:
    """The head's tensors in a checkpoint's files; no other is read."""
    from safetensors import safe_open

    tensors: dict[str, Any] = {}
    for path in sorted(folder.glob("model*.safetensors")):
        with safe_open(path, framework="pt") as file:
            tensors |= {name: file.get_tensor(name) for name in file.keys() if name.startswith(HEAD)}  # noqa: SIM118
    return tensors


def save(body: Any, top: Any, folder: Path) -> None:
    """Write body and head as one checkpoint."""
    from safetensors.torch import save_file

    folder.mkdir(parents=True, exist_ok=True)
    body.config.architectures = [ARCHITECTURE]
    body.config.save_pretrained(folder)
    tensors = {f"{BODY}{name}": tensor for name, tensor in body.state_dict().items()}
    tensors |= {f"{HEAD}{name}": tensor for name, tensor in top.state_dict().items()}
    save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})


def right(body: Any, top: Any, chat: Sequence[int], mark: int) -> list[float]:
    """The probability that each step of a chat is right, in order: one forward pass, read at each `mark` token."""
    import torch

    ids = torch.tensor([list(chat)], device=body.device)
    with torch.inference_mode():
        states = body(input_ids=ids, use_cache=False).last_hidden_state[0]
        logits = top(states[ids[0] == mark]).float()
    return [float(p) for p in logits.softmax(-1)[:, 1]]
