"""The GPUs that this process may use, and how many of them each run has to itself.

CUDA numbers those that `CUDA_VISIBLE_DEVICES` names, or all of the machine. A process that is to have some of them gets
that variable before it asks CUDA for anything; to all of its code they are then the only ones there are.
"""

import contextlib
import importlib.util
import os
import platform
import shutil
from collections.abc import Iterator, Sequence

from qup.errors import SettingsError

VISIBLE = "CUDA_VISIBLE_DEVICES"
SHARED_BY = "QUP_RUNS_PER_GPU"
"How many runs may share a GPU; a matter of the machine's memory, which changes no result."
REPEAT = "QUP_REPEAT"
"0: runs need not repeat to the byte, which is faster."
WORKSPACE = "CUBLAS_WORKSPACE_CONFIG"


def visible() -> list[str]:
    """Each GPU that torch can use here, by what `CUDA_VISIBLE_DEVICES` calls it; none without one or its torch build.

    Torch, which takes two seconds to import, is asked only where there is a sign of a GPU.
    """
    named = os.environ.get(VISIBLE)
    if named == "" or (named is None and not shutil.which("nvidia-smi")) or not importlib.util.find_spec("torch"):
        return []
    import torch

    # It starts nothing on the GPU: the processes that follow do.
    count = torch.cuda.device_count()
    names = [part.strip() for part in named.split(",")] if named else [str(number) for number in range(count)]
    return names[:count]


def places(devices: Sequence[str], each: int, sharing: int = 1) -> list[str]:
    """What `CUDA_VISIBLE_DEVICES` is to each of the processes that have room at once, with `each` GPUs for every one.

    GPUs that make up no whole place stay idle. `sharing` runs have a GPU between them, if one is all that each needs.

    Raises:
        SettingsError: there are fewer GPUs than a run needs.

    >>> places(["0", "1", "2", "3"], 2)
    ['0,1', '2,3']
    """
    if len(devices) < each:
        raise SettingsError(
            f"a run needs {each} GPUs (backend.engine.tensor_parallel_size), and {len(devices)} can be used here: "
            f"lower it, or name more in {VISIBLE}"
        )
    groups = [",".join(devices[first : first + each]) for first in range(0, len(devices) - each + 1, each)]
    # The first share of every GPU, then the second of every: few runs do not crowd on the first.
    return groups * (sharing if each == 1 else 1)


def sharing() -> int:
    """Runs a GPU: one, unless `QUP_RUNS_PER_GPU` says otherwise.

    Raises:
        SettingsError: it is no number.
    """
    given = os.environ.get(SHARED_BY, "1")
    if not given.isdecimal() or int(given) < 1:
        raise SettingsError(f"{SHARED_BY}: expected a number of runs, 1 or more, got {given!r}")
    return int(given)


def computing() -> list[str]:
    """What rounds as it does: the processor, and of a GPU whether sums are added up in the same order each time."""
    import torch

    if not torch.cuda.is_available():
        return [platform.machine(), torch.backends.cpu.get_cpu_capability()]
    return [platform.machine(), torch.cuda.get_device_name(), "repeats" if _repeats() else "does not repeat"]


def _repeats() -> bool:
    return os.environ.get(REPEAT) != "0"


def repeat(*, strictly: bool = False) -> None:
    """Let CUDA add up in the same order each time; to be called before a model is put there. On CPU nothing changes.

    Then a second run on the same card with the same libraries gives the same numbers (`tests/test_gpu.py`); those of
    another card differ in the last digits. Attention keeps an order on the way back if it is so `strictly`, and then an
    operation that has none is an error; else it goes on with a warning. `QUP_REPEAT=0` leaves all of it out.
    """
    import torch

    if torch.cuda.is_available() and _repeats():
        # Read when cuBLAS starts (its manual, "Results reproducibility").
        os.environ.setdefault(WORKSPACE, ":4096:8")
        torch.use_deterministic_algorithms(True, warn_only=not strictly)
        # Else every fresh tensor is filled first, to show up reads of what was never written.
        torch.utils.deterministic.fill_uninitialized_memory = False


@contextlib.contextmanager
def repeating() -> Iterator[None]:
    """A block in which gradients are added up in the same order each time.

    Raises:
        SettingsError: the model has an operation that keeps no order.
    """
    repeat(strictly=True)
    try:
        yield
    except RuntimeError as error:
        if "deterministic" not in str(error):
            raise
        said = " ".join(str(error).split())[:160]
        raise SettingsError(
            f"this model cannot be trained to the same bytes twice on a GPU ({said}): set {REPEAT}=0; runs then differ "
            f"in the last digits"
        ) from error
    finally:
        repeat()
