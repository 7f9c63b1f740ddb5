"""Runs side by side: every job once, in order, and the number of cores shows in nothing but the time."""

import functools
import os
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from qup.errors import SettingsError
from qup.lm import devices, workers


def where(jobs: Sequence[int]) -> list[tuple[int, int]]:
    return [(job, os.getpid()) for job in jobs]


def threads(jobs: Sequence[int]) -> list[int]:
    import torch

    return [torch.get_num_threads() for _ in jobs]


def nested(jobs: Sequence[int]) -> list[tuple[int, set[int]]]:
    return [(os.getpid(), {pid for _, pid in workers.spread(where, [1, 2, 3], 1)}) for _ in jobs]


@pytest.fixture
def cores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workers, "cores", lambda: 2)


@pytest.mark.usefixtures("cores")
def test_two_cores_share_five_jobs_and_the_results_are_in_order() -> None:
    found = workers.spread(where, [1, 2, 3, 4, 5], 1)
    assert [job for job, _ in found] == [1, 2, 3, 4, 5]
    assert os.getpid() not in {pid for _, pid in found}


@pytest.mark.usefixtures("cores")
@pytest.mark.parametrize(("jobs", "given"), [([1, 2, 3], None), ([1, 2, 3], 2), ([1], 1), ([], 1)])
def test_without_threads_or_cores_or_jobs_to_share_there_is_one_process(jobs: list[int], given: int | None) -> None:
    assert workers.spread(where, jobs, given) == [(job, os.getpid()) for job in jobs]


@pytest.mark.usefixtures("cores")
def test_a_process_of_the_pool_starts_no_further_ones() -> None:
    assert all(inner == {outer} for outer, inner in workers.spread(nested, [1, 2], 1))


@pytest.mark.usefixtures("cores")
def test_a_limit_holds_here_and_in_the_processes(monkeypatch: pytest.MonkeyPatch) -> None:
    import torch

    before = torch.get_num_threads()
    for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "MKL_DYNAMIC"):
        monkeypatch.setenv(name, "7")
    try:
        workers.limit(1)
        assert torch.get_num_threads() == 1
        assert workers.spread(threads, [1, 2], 1) == [1, 1]
        workers.limit(None)
        assert torch.get_num_threads() == 1
    finally:
        torch.set_num_threads(before)


def refuse_one(jobs: Sequence[int]) -> list[int]:
    if 1 in jobs:
        raise SettingsError(f"no {jobs}")
    time.sleep(3600)
    return list(jobs)


@pytest.mark.usefixtures("cores")
@pytest.mark.timeout(120)
def test_an_error_does_not_wait_for_the_neighbours() -> None:
    with pytest.raises(SettingsError, match="no "):
        workers.spread(refuse_one, [1, 2], 1)


def refuse(jobs: Sequence[int]) -> list[int]:
    raise SettingsError(f"no {jobs}")


@pytest.mark.usefixtures("cores")
def test_a_users_error_in_a_process_is_a_users_error_here() -> None:
    with pytest.raises(SettingsError, match="no "):
        workers.spread(refuse, [1, 2], 1)


def test_a_temporary_folder_of_a_long_name_is_no_obstacle(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # Sockets have names of 107 characters at most; clusters have longer temporary folders.
    long = tmp_path / ("a" * 60) / ("b" * 60) / ("c" * 60)
    long.mkdir(parents=True)
    monkeypatch.setattr("tempfile.tempdir", str(long))
    monkeypatch.setenv("TMPDIR", str(long))
    monkeypatch.setattr(workers, "cores", lambda: 2)
    assert [job for job, _ in workers.spread(where, [1, 2, 3], 1)] == [1, 2, 3]


Seat = tuple[int, str | None, int]


def seats(folder: Path, processes: int, jobs: Sequence[int]) -> list[Seat]:
    """Job, GPUs seen and process; once all processes are there, or a quick one would take another's share."""
    (folder / str(os.getpid())).touch()
    while len(list(folder.iterdir())) < processes:
        time.sleep(0.01)
    return [(job, os.environ.get(devices.VISIBLE), os.getpid()) for job in jobs]


Spread = Callable[..., list[Seat]]


@pytest.fixture
def on_gpus(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Spread:
    """A function that spreads jobs on a machine with these GPUs, and a core for each of many more processes."""
    monkeypatch.setattr(workers, "cores", lambda: 16)

    def spread(names: list[str], jobs: Sequence[int], processes: int, threads: int | None = 1, gpus: int = 1) -> Any:
        monkeypatch.setattr(devices, "visible", lambda: names)
        return workers.spread(functools.partial(seats, tmp_path, processes), jobs, threads, gpus)

    return spread


@pytest.mark.timeout(120)
@pytest.mark.parametrize("threads", [None, 1])
def test_each_gpu_has_one_process_that_sees_no_other(on_gpus: Spread, threads: int | None) -> None:
    done = on_gpus(["4", "GPU-7f"], [1, 2, 3, 4, 5], 2, threads)
    assert [job for job, _, _ in done] == [1, 2, 3, 4, 5]
    assert len({(seen, pid) for _, seen, pid in done}) == 2
    assert {seen for _, seen, _ in done} == {"4", "GPU-7f"}


@pytest.mark.timeout(120)
def test_one_gpu_is_used_by_this_process_and_shared_only_if_asked(
    on_gpus: Spread, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert {pid for _, _, pid in on_gpus(["0"], [1, 2, 3], 1)} == {os.getpid()}
    monkeypatch.setenv(devices.SHARED_BY, "2")
    # This process has left its file too.
    done = on_gpus(["0"], [1, 2, 3], 3)
    assert len({pid for _, _, pid in done} - {os.getpid()}) == 2
    assert {seen for _, seen, _ in done} == {"0"}


def test_one_job_on_a_machine_with_two_gpus_sees_one(on_gpus: Spread) -> None:
    assert [seen for _, seen, _ in on_gpus(["0", "1"], [1], 1, threads=None)] == ["0"]


@pytest.mark.timeout(120)
def test_runs_that_need_two_gpus_have_two_each_and_the_odd_one_is_idle(on_gpus: Spread) -> None:
    done = on_gpus(["0", "1", "2", "3", "4"], [1, 2, 3], 2, gpus=2)
    assert {seen for _, seen, _ in done} == {"0,1", "2,3"}
    with pytest.raises(SettingsError, match=r"a run needs 8 GPUs .* and 5 can be used here"):
        on_gpus(["0", "1", "2", "3", "4"], [1], 1, gpus=8)


@pytest.mark.parametrize("given", ["0", "two", "", "-1"])
def test_a_share_of_a_gpu_that_is_no_number_is_refused(
    on_gpus: Spread, monkeypatch: pytest.MonkeyPatch, given: str
) -> None:
    monkeypatch.setenv(devices.SHARED_BY, given)
    with pytest.raises(SettingsError, match="QUP_RUNS_PER_GPU: expected a number of runs"):
        on_gpus(["0"], [1], 1)


def test_a_machine_without_a_gpu_has_none_to_share(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(devices.VISIBLE, "")
    assert devices.visible() == []
    # Named, but this torch sees none.
    monkeypatch.setenv(devices.VISIBLE, "0,1")
    monkeypatch.setattr("torch.cuda.device_count", lambda: 0)
    assert devices.visible() == []
    monkeypatch.setattr("torch.cuda.device_count", lambda: 1)
    assert devices.visible() == ["0"]


def test_what_a_gpu_computes_without_repeating_is_kept_apart_and_a_cpu_knows_no_such_difference(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    import torch

    here = devices.computing()
    monkeypatch.setenv(devices.REPEAT, "0")
    assert devices.computing() == here
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda: "toy")
    fast = devices.computing()
    monkeypatch.delenv(devices.REPEAT)
    assert fast[:2] == devices.computing()[:2] == [here[0], "toy"]
    assert fast != devices.computing()
