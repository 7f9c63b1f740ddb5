"""Runs side by side: every job once, in order, and the number of cores shows in nothing but the time."""

import os
import time
from collections.abc import Sequence
from pathlib import Path

import pytest

from qup.lm import workers


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
    from qup.errors import SettingsError

    if 1 in jobs:
        raise SettingsError(f"no {jobs}")
    time.sleep(3600)
    return list(jobs)


@pytest.mark.usefixtures("cores")
@pytest.mark.timeout(120)
def test_an_error_does_not_wait_for_the_neighbours() -> None:
    from qup.errors import SettingsError

    with pytest.raises(SettingsError, match="no "):
        workers.spread(refuse_one, [1, 2], 1)


def refuse(jobs: Sequence[int]) -> list[int]:
    from qup.errors import SettingsError

    raise SettingsError(f"no {jobs}")


@pytest.mark.usefixtures("cores")
def test_a_users_error_in_a_process_is_a_users_error_here() -> None:
    from qup.errors import SettingsError

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
