"""Worker count by the cores and memory that the control group (version 2) of this process allows."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

# One worker and its master take 115 MB. Large images take 215 MB more (digitrec.limits), request bodies 97 MB
# (`body_budget_bytes` and 1,000 small ones) and what the threads make of them 50 MB.
_WORKER_BYTES = 450_000_000
_MIN_BODY_BYTES, _MAX_BODY_BYTES = 64_000_000, 1_000_000_000
_CGROUPS = Path("/sys/fs/cgroup")
_OWN_CGROUP = Path("/proc/self/cgroup")


def worker_count(cores: float, memory_bytes: int) -> int:
    """Return one worker for each core, as far as the memory allows, and at least one."""
    return max(1, min(int(cores), memory_bytes // _WORKER_BYTES))


def body_budget_bytes(memory_bytes: int, workers: int) -> int:
    """Return what request bodies may take in each worker; the folder for temporary files may be in memory."""
    return max(_MIN_BODY_BYTES, min(memory_bytes // workers - _WORKER_BYTES, _MAX_BODY_BYTES))


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
