"""The cores and the memory that this process may use, also by its control group (version 2)."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

_CGROUPS = Path("/sys/fs/cgroup")
_OWN_CGROUP = Path("/proc/self/cgroup")


def available_cores(root: Path = _CGROUPS, own: Path = _OWN_CGROUP) -> float:
    """Return the cores that this process may use; a fraction below 1 is possible."""
    present = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    limits = [float(present)]
    for folder in _cgroups(root, own):
        with suppress(OSError, ValueError):  # "max" is no limit
            quota, period = (folder / "cpu.max").read_text().split()
            limits.append(int(quota) / int(period))
    return min(limits)


def available_memory_bytes(root: Path = _CGROUPS, own: Path = _OWN_CGROUP) -> int:
    """Return the memory that this process and its children may use."""
    limits = [os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")]
    for folder in _cgroups(root, own):
        with suppress(OSError, ValueError):
            limits.append(int((folder / "memory.max").read_text()))
    return min(limits)


def _cgroups(root: Path, own: Path) -> Iterator[Path]:
    """Yield the control group of this process and its parents; the tightest limit applies."""
    with suppress(OSError):
        path = next((line[3:] for line in own.read_text().splitlines() if line.startswith("0::")), "/")
        group = root / path.lstrip("/")
        yield from (folder for folder in (group, *group.parents) if folder.is_relative_to(root))
