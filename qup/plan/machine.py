"""The machine that a plan is for: its cores and accelerator, seen here or named by whoever asks."""

import re
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any

from qup.errors import SettingsError, unknown
from qup.lm import workers
from qup.settings import read_yaml

CPU = "cpu"
LARGE = 2e9
"Parameters from which a plan for a machine without an accelerator is made for one with it: nobody waits so long."
DEFAULT = "H100"
SMI = ("nvidia-smi", "--query-gpu=name", "--format=csv,noheader")
PATIENCE = 30
"Seconds that it may take: a driver that hangs answers nothing."


@dataclass(frozen=True)
class Device:
    """An accelerator by its data sheet."""

    name: str
    tflops: float
    "Dense, bf16."
    memory: float
    "GB, of 1e9 bytes."
    bandwidth: float
    "GB/s."


@dataclass(frozen=True)
class Machine:
    """Cores, and what of an accelerator there is."""

    cores: int
    device: Device | None
    count: int = 0
    "Of that accelerator."
    why: str = "this machine"
    "Why the plan is for this one."

    @property
    def label(self) -> str:
        """`2 cores`, `4 x H100`."""
        return f"{self.cores} cores" if self.device is None else f"{self.count} x {self.device.name}"


@cache
def tables() -> Mapping[str, Any]:
    """What devices.yaml says."""
    with resources.as_file(resources.files("qup.plan") / "devices.yaml") as path:
        read: Mapping[str, Any] = read_yaml(path)
    return read


def named(name: str, count: int) -> Machine:
    """A machine with so many of an accelerator, or `cpu`.

    Raises:
        SettingsError: no such accelerator is in the table, or none of it.
    """
    if count < 1:
        raise SettingsError(f"expected one accelerator or more, got {count}", "gpus")
    if name.casefold() == CPU:
        return Machine(workers.cores(), None, why="asked for")
    known = {key.casefold(): key for key in tables()["devices"]}
    if name.casefold() not in known:
        raise unknown("accelerator", name, [CPU, *known.values()])
    return Machine(workers.cores(), _device(known[name.casefold()]), count, "asked for")


def here(largest: float, engine: str) -> Machine:
    """This machine; one with an accelerator that it has not where the largest model asks for it, or vLLM was named.

    Raises:
        SettingsError: which accelerators are here cannot be told.
    """
    names = accelerators()
    known = [device for device in map(_by_name, names) if device is not None]
    if known:
        return Machine(workers.cores(), known[0], len(known))
    if names:
        why = f"{names[0]}, which is here, is not in qup/plan/devices.yaml: this one is assumed, another by --device"
        return Machine(workers.cores(), _device(DEFAULT), len(names), why)
    if largest < LARGE and engine != "vllm":
        return Machine(workers.cores(), None)
    why = "there is no accelerator here: one is assumed, another by --device"
    return Machine(workers.cores(), _device(DEFAULT), 1, why)


def _device(name: str) -> Device:
    return Device(name, **tables()["devices"][name])


def _by_name(name: str) -> Device | None:
    """An accelerator of the table, by what `nvidia-smi` calls it; None where it has none."""
    longest_first = sorted(tables()["devices"], key=len, reverse=True)
    key = next((key for key in longest_first if re.search(rf"\b{re.escape(key)}\b", name)), None)
    return None if key is None else _device(key)


def accelerators() -> list[str]:
    """The accelerators of this machine, as `nvidia-smi` calls them.

    Raises:
        SettingsError: it does not answer, so which there are cannot be told.
    """
    return _said(*SMI).splitlines()


def newest_cuda() -> str | None:
    """The newest CUDA that this machine's driver runs; None where nobody says."""
    told = re.search(r"CUDA Version: *([\d.]+)", _said(SMI[0]))
    return told[1] if told else None


def _said(*command: str) -> str:
    """What `nvidia-smi` says; nothing where there is none, or it fails."""
    if shutil.which(command[0]) is None:
        return ""
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=PATIENCE)
    except subprocess.TimeoutExpired as error:
        raise SettingsError(
            f"{command[0]} has not answered in {PATIENCE} s: by --device name one of qup/plan/devices.yaml, or {CPU}"
        ) from error
    return done.stdout if done.returncode == 0 else ""
