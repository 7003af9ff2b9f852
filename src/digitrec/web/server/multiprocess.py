"""What gunicorn's master and its workers share: whether the service stops, and what each worker has counted.

Each worker has a slot, a number that no other living worker has, and its successor gets it back. A slot names the files
that the worker counts in, mapped into memory: what a worker has counted outlives it, whatever killed it, and the files
are as many as the most workers that ever ran at once. Named by process, as prometheus-client does without this,
there would be two more after each replacement.

A write to a mapped file that has no room left kills the process with SIGBUS. So the master fills the files of a slot
with zeros, which prometheus-client takes as empty, before a worker maps them.
"""

from __future__ import annotations

import mmap
import os
import shutil
import tempfile
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from prometheus_client import values

MOST_SLOTS = 1023
# Room for everything that web/observation/metrics.py can count; a test adds it up.
FILE_BYTES = 262_144
_KINDS = ("counter", "histogram")  # prometheus-client has a file for each kind of metric
_PREFIX = "digitrec-counts-"
_LOCK = "lock"
_MASTER = 0
_NOBODY = 2**31 - 1

# Anonymous memory that every forked process sees: [0] whether the service stops, [slot] connections of that worker.
_board = memoryview(mmap.mmap(-1, 4 * (MOST_SLOTS + 1))).cast("i")
for _slot in range(1, MOST_SLOTS + 1):
    _board[_slot] = _NOBODY


class _Place:
    """Where this process stands: its slot, the folder of all counts, and the slots that have files there."""

    slot = _MASTER
    folder: Path | None = None
    lock: int | None = None
    allocated: frozenset[int] = frozenset()


def tell_stopping() -> None:
    """Let every worker know that the whole service stops."""
    _board[0] = 1


def is_stopping() -> bool:
    """Tell whether the whole service stops, and not only this worker."""
    return bool(_board[0])


def free_slot(taken: Iterable[int]) -> int:
    """Return the lowest slot that is not `taken`."""
    used = set(taken)
    return next(slot for slot in range(1, MOST_SLOTS + 1) if slot not in used)


def take_slot(slot: int) -> None:
    """Let this process, just forked, be the worker of `slot`; without files there it counts in its own memory."""
    _Place.slot = slot
    _board[slot] = 0
    if slot not in _Place.allocated:
        values.ValueClass = values.MutexValue


def leave_slot(slot: int) -> None:
    """Forget the connections of the worker that was in `slot`; the master calls it."""
    _board[slot] = _NOBODY


def tell_connections(count: int | None) -> None:
    """Let the other workers know how many connections this one holds; None, that it takes no more."""
    _board[_Place.slot] = _NOBODY if count is None else count


def connections_more(count: int, workers: int) -> int:
    """Return how many connections `count`, this worker's, is more than that of the one of `workers` with the fewest."""
    return max(0, count - min(_board[slot] for slot in _slots(workers)))


def _slots(workers: int) -> range:
    """Return the slots of `workers`, and of as many that replace them."""
    return range(1, min(2 * workers, MOST_SLOTS) + 1)


def share_counts(workers: int) -> None:
    """Count in files from now on, for the `workers` that this process forks; a second call changes nothing.

    Raises
    ------
    OSError : neither memory nor the folder for temporary files has room; each worker counts for itself then.
    """
    if _Place.folder:
        return
    try:
        _share_counts_in(_memory(), workers)
    except OSError:
        _share_counts_in(Path(tempfile.gettempdir()), workers)
    os.environ["PROMETHEUS_MULTIPROC_DIR"] = str(_Place.folder)  # where prometheus-client looks
    values.ValueClass = values.MultiProcessValue(lambda: _Place.slot)  # type: ignore[no-untyped-call]


def _share_counts_in(root: Path, workers: int) -> None:
    _remove_left_behind(root)
    folder = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=root))
    try:
        for slot in _slots(workers):
            _allocate(folder, slot)
        _Place.lock = _lock(folder)
    except OSError:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    _Place.folder, _Place.allocated = folder, frozenset(_slots(workers))


def allocate_slot(slot: int) -> None:
    """Give `slot` its files where it has none yet; the master calls it before it forks the worker.

    Raises
    ------
    OSError : there is no room; the worker counts in its own memory then.
    """
    if _Place.folder and slot not in _Place.allocated:
        _allocate(_Place.folder, slot)
        _Place.allocated |= {slot}


def _allocate(folder: Path, slot: int) -> None:
    """Write what a hole would leave to the worker's first touch; a page of zeros that is written has its memory."""
    files = [folder / f"{kind}_{slot}.db" for kind in _KINDS]
    try:
        for file in files:
            file.write_bytes(bytes(FILE_BYTES))
    except OSError:
        for file in files:
            file.unlink(missing_ok=True)
        raise


def counts_folder() -> Path | None:
    """Return the folder of all workers' counts; None where one process counts in its own memory."""
    return _Place.folder


def remove_counts() -> None:
    """Remove the folder, at the end of the master."""
    if _Place.folder:
        shutil.rmtree(_Place.folder, ignore_errors=True)


def _memory() -> Path:
    """Return a folder in memory, wherever the system has one: a disk can hold up a write to a mapped file."""
    return Path("/dev/shm")  # noqa: S108  # nosec B108  # mkdtemp makes a folder there that is this user's alone


def _remove_left_behind(root: Path) -> None:
    """Remove the folders of this user's masters that were killed: nobody holds their lock any more."""
    for folder in root.glob(f"{_PREFIX}*"):
        with suppress(OSError):  # it has no lock yet, or its master lives
            if folder.lstat().st_uid == os.geteuid():
                lock = os.open(folder / _LOCK, os.O_RDWR | os.O_NOFOLLOW)
                with os.fdopen(lock, "r+"):
                    _take(lock)
                    shutil.rmtree(folder, ignore_errors=True)


def _lock(folder: Path) -> int:
    """Lock `folder` for this process and those it forks, to their end.

    The file gets its name once it is locked: a master that starts at the same time passes over a folder without one.
    """
    unnamed = folder / "new"
    lock = os.open(unnamed, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
    _take(lock)
    unnamed.rename(folder / _LOCK)
    return lock


def _take(lock: int) -> None:
    import fcntl  # noqa: PLC0415  # not on Windows, where nothing is shared

    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
