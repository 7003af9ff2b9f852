"""How many workers a machine carries: by the cores and the memory that this process may use.

A container sees all the cores and memory of its host; what it may take of them stands in its control group.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

# At rest one worker and its master take 115 MB. Large images take 215 MB more (digitrec.limits), the bodies of requests
# 97 MB (Bounds.uploads_bytes and 1,000 small ones), and what two threads make of large bodies 50 MB.
_WORKER_BYTES = 450_000_000
_MIN_UPLOADS_BYTES, _MAX_UPLOADS_BYTES = 64_000_000, 1_000_000_000
_GROUPS = Path("/sys/fs/cgroup")
_OWN_GROUPS = Path("/proc/self/cgroup")


def worker_count(cores: float, memory_bytes: int) -> int:
    """Return how many workers to run: one a core, as far as the memory goes, and at least one.

    The network and the normalisation keep a core busy, so more workers than cores wait for each other.
    """
    return max(1, min(int(cores), memory_bytes // _WORKER_BYTES))


def uploads_bytes(memory_bytes: int, workers: int) -> int:
    """Return what the bodies of requests may take in each of the workers; a folder for them may be in memory, too."""
    spare_bytes = memory_bytes // workers - _WORKER_BYTES
    return max(_MIN_UPLOADS_BYTES, min(spare_bytes, _MAX_UPLOADS_BYTES))


def available_cores(groups: Path = _GROUPS, own: Path = _OWN_GROUPS) -> float:
    """Return the cores that this process may use at once; below 1 where it gets a part of one."""
    present = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return min([float(present), *_quotas(groups, own)])


def available_memory_bytes(groups: Path = _GROUPS, own: Path = _OWN_GROUPS) -> int:
    """Return the memory that this process, and those it forks, may use."""
    present = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return int(min([float(present), *_memory_limits(groups, own)]))


def _quotas(groups: Path, own: Path) -> Iterator[float]:
    for folder in _folders(groups, own, "cpu"):
        with suppress(OSError, ValueError, ZeroDivisionError):  # "max" is no limit
            quota, period = (folder / "cpu.max").read_text().split()
            yield int(quota) / int(period)
        with suppress(OSError, ValueError, ZeroDivisionError):  # version 1: -1 is no limit
            quota, period = ((folder / f"cpu.cfs_{name}_us").read_text() for name in ("quota", "period"))
            if int(quota) > 0:
                yield int(quota) / int(period)


def _memory_limits(groups: Path, own: Path) -> Iterator[float]:
    for folder in _folders(groups, own, "memory"):
        for name in ("memory.max", "memory.limit_in_bytes"):  # version 2, version 1
            with suppress(OSError, ValueError):
                yield float(int((folder / name).read_text()))


def _folders(groups: Path, own: Path, controller: str) -> Iterator[Path]:
    """Yield the folder of this process's control group and of those around it: the tightest limit holds."""
    with suppress(OSError):
        for line in own.read_text().splitlines():
            _, controllers, path = line.split(":", 2)
            if controllers and controller not in controllers.split(","):
                continue
            root = groups / controllers if controllers else groups
            group = root / path.lstrip("/")
            yield from (folder for folder in (group, *group.parents) if folder.is_relative_to(root))
