"""Workers by what a container may take, and not by what its host has."""

from __future__ import annotations

from pathlib import Path

import pytest

from digitrec.cgroups import available_cores, available_memory_bytes
from digitrec.web.server.sizing import worker_count

MB = 1_000_000


@pytest.mark.parametrize(
    ("cores", "memory_mb", "workers"),
    [
        (0.1, 512, 1),
        (1, 512, 1),
        (32, 537, 1),
        (2, 1024, 2),
        (2, 16_000, 2),
        (32, 64_000, 32),
        (2.5, 4000, 2),
    ],
)
def test_there_is_a_worker_for_each_core_as_far_as_the_memory_goes(
    cores: float, memory_mb: int, workers: int
) -> None:
    assert worker_count(cores, memory_mb * MB) == workers


def group(folder: Path, own: str, **files: str) -> tuple[Path, Path]:
    """Return the folder of control groups and the file that names our own."""
    for name, text in files.items():
        path = folder / name.replace("__", "/").replace("DOT", ".")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text + "\n")
    (folder / "own").write_text(own + "\n")
    return folder, folder / "own"


def test_a_containers_limits_are_read(tmp_path: Path) -> None:
    places = group(tmp_path, "0::/", cpuDOTmax="10000 100000", memoryDOTmax="536870912")
    assert (available_cores(*places), available_memory_bytes(*places)) == (0.1, 536_870_912)


def test_the_tightest_limit_of_the_groups_around_holds(tmp_path: Path) -> None:
    places = group(
        tmp_path,
        "0::/site/app",
        site__memoryDOTmax="300000000",
        site__app__memoryDOTmax="max",
        site__app__cpuDOTmax="max 100000",
    )
    assert available_memory_bytes(*places) == 300_000_000


def test_a_machine_without_control_groups_has_what_it_has(tmp_path: Path) -> None:
    nowhere = tmp_path / "nowhere"
    assert available_cores(nowhere, nowhere) >= 1
    assert available_memory_bytes(nowhere, nowhere) > 100 * MB
