"""Workers by what a container may take, and not by what its host has."""

from __future__ import annotations

from pathlib import Path

import pytest

from digitrec.cgroups import available_cores, available_memory_bytes
from digitrec.web.server.sizing import worker_count


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
def test_there_is_a_worker_for_each_core_if_the_memory_allows(
    cores: float, memory_mb: int, workers: int
) -> None:
    assert worker_count(cores, memory_mb * 1_000_000) == workers


@pytest.mark.parametrize(
    ("own", "files", "cores", "memory_bytes"),
    [
        ("0::/", {"cpu.max": "10000 100000", "memory.max": "536870912"}, 0.1, 536_870_912),
        (
            "0::/site/app",
            {"site/memory.max": "300000000", "site/app/memory.max": "max", "site/app/cpu.max": "max 100000"},
            None,
            300_000_000,
        ),
        (
            "9:memory:/app\n8:pids:/\n3:cpu,cpuacct:/app",
            {
                "memory/memory.limit_in_bytes": "9223372036854771712",
                "memory/app/memory.limit_in_bytes": "536870912",
                "cpu/cpu.cfs_quota_us": "-1",
                "cpu/cpu.cfs_period_us": "100000",
                "cpu/app/cpu.cfs_quota_us": "50000",
                "cpu/app/cpu.cfs_period_us": "100000",
            },
            0.5,
            536_870_912,
        ),
        (
            "9:memory:/docker/0123",
            {"memory/memory.limit_in_bytes": "300000000"},
            None,
            300_000_000,
        ),
    ],
    ids=["container", "tightest of the groups around", "version 1", "version 1, container"],
)
def test_the_limits_of_a_control_group_are_read(
    tmp_path: Path, own: str, files: dict[str, str], cores: float | None, memory_bytes: int
) -> None:
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text + "\n")
    own_file = tmp_path / "own"
    own_file.write_text(own + "\n")
    assert available_memory_bytes(tmp_path, own_file) == memory_bytes
    assert available_cores(tmp_path, own_file) == (
        cores or available_cores(tmp_path / "none", tmp_path / "none")
    )


def test_a_machine_without_control_groups_has_what_it_has(tmp_path: Path) -> None:
    nowhere = tmp_path / "nowhere"
    assert available_cores(nowhere, nowhere) >= 1
    assert available_memory_bytes(nowhere, nowhere) > 100_000_000
