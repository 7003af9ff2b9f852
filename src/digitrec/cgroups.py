"""The cores and the memory that this process may use, also by its control groups."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

_CGROUPS = Path("/sys/fs/cgroup")
_OWN_CGROUPS = Path("/proc/self/cgroup")


def available_cores(root: Path = _CGROUPS, own: Path = _OWN_CGROUPS) -> float:
    """Return the cores that this process may use; a fraction below 1 is possible."""
    present = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    limits = [float(present)]
    for folder in _cgroups(root, own, "cpu"):
        with suppress(OSError, ValueError):  # "max" is no limit
            quota, period = (folder / "cpu.max").read_text().split()
            limits.append(int(quota) / int(period))
        with suppress(OSError, ValueError):
            quota, period = ((folder / f"cpu.cfs_{name}_us").read_text() for name in ("quota", "period"))
            if int(quota) > 0:  # -1 is no limit
                limits.append(int(quota) / int(period))
    return min(limits)


def available_memory_bytes(root: Path = _CGROUPS, own: Path = _OWN_CGROUPS) -> int:
    """Return the memory that this process and its children may use."""
    limits = [os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")]
    for folder in _cgroups(root, own, "memory"):
        for name in ("memory.max", "memory.limit_in_bytes"):
            with suppress(OSError, ValueError):
                limits.append(int((folder / name).read_text()))
    return min(limits)


def _cgroups(root: Path, own: Path, controller: str) -> Iterator[Path]:
    """Yield the control group of this process and its parents; the tightest limit applies.

    Version 2 has one hierarchy, in the root; version 1 has one for each controller, in a folder of the root. A
    container may see its own group as the root of a hierarchy.
    """
    hierarchies = {root: "/"}
    with suppress(OSError):
        for line in own.read_text().splitlines():
            _, controllers, path = line.split(":", 2)
            if not controllers:
                hierarchies[root] = path
            elif controller in controllers.split(","):
                hierarchies[root / controller] = path
    for top, path in hierarchies.items():
        group = top / path.lstrip("/")
        yield from (folder for folder in (group, *group.parents) if folder.is_relative_to(top))
