"""Worker count and memory of request bodies, by the cores and the memory that are available."""

from __future__ import annotations

# One worker and its master take 115 MB. Large images take 215 MB more (digitrec.limits), request bodies 97 MB
# (`body_budget_bytes` and 1,000 small ones) and what the threads make of them 50 MB.
_WORKER_BYTES = 450_000_000
_MIN_BODY_BYTES, _MAX_BODY_BYTES = 64_000_000, 1_000_000_000


def worker_count(cores: float, memory_bytes: int) -> int:
    """Return one worker for each core, as far as the memory allows, and at least one."""
    return max(1, min(int(cores), memory_bytes // _WORKER_BYTES))


def body_budget_bytes(memory_bytes: int, workers: int) -> int:
    """Return what request bodies may take in each worker; the folder for temporary files may be in memory."""
    return max(_MIN_BODY_BYTES, min(memory_bytes // workers - _WORKER_BYTES, _MAX_BODY_BYTES))
