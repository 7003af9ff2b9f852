"""Input limits, and a memory budget for the large images of a process."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass

from digitrec.errors import BusyError

MAX_STROKE_POINTS = 20_000  # in one drawing

# Smaller reservations are not counted: those of all threads of a server are far below the budget.
_SMALL_BYTES = 10_000_000


@dataclass(frozen=True)
class InputLimits:
    """The largest image that is decoded; checked before decoding."""

    max_image_bytes: int = 10_000_000
    max_image_pixels: int = 25_000_000


class MemoryBudget:
    """A number of bytes shared by threads; a thread that needs more than is free waits, first come, first served.

    Attributes
    ----------
    limit_bytes : the bytes that all threads together may reserve, and the maximum for one input.
    max_waiting : the number of threads that may wait; another one gets a `BusyError`. None means no limit.
    while_waiting : returns a context manager that is entered while a thread waits.
    """

    def __init__(self, limit_bytes: int) -> None:
        self.limit_bytes = limit_bytes
        self.max_waiting: int | None = None
        self.while_waiting: Callable[[], AbstractContextManager[object]] = nullcontext
        self._free_bytes = limit_bytes
        self._changed = threading.Condition()
        self._waiting: deque[object] = deque()
        self._thread = threading.local()

    @contextmanager
    def reserve(self, num_bytes: int) -> Iterator[None]:
        """Reserve `num_bytes`, at most `limit_bytes`, for this thread until the end of the block.

        Nested reservations are included in the outer one. Small amounts are not counted.

        Raises
        ------
        BusyError : too many threads are waiting.
        """
        if num_bytes < _SMALL_BYTES or getattr(self._thread, "has_reserved", False):
            yield
            return
        num_bytes = min(num_bytes, self.limit_bytes)
        self._take(num_bytes)
        self._thread.has_reserved = True
        try:
            yield
        finally:
            self._thread.has_reserved = False
            with self._changed:
                self._free_bytes += num_bytes
                self._changed.notify_all()

    def _take(self, num_bytes: int) -> None:
        ticket = object()
        with self._changed:
            if not self._waiting and num_bytes <= self._free_bytes:
                self._free_bytes -= num_bytes
                return
            if self.max_waiting is not None and len(self._waiting) >= self.max_waiting:
                raise BusyError(
                    f"expected at most {self.max_waiting} large images to wait for memory. Received: one more. "
                    "Send it again in some seconds, or send a smaller image."
                )
            self._waiting.append(ticket)
        with self.while_waiting(), self._changed:
            try:
                self._changed.wait_for(lambda: self._waiting[0] is ticket and num_bytes <= self._free_bytes)
                self._free_bytes -= num_bytes
            finally:
                self._waiting.remove(ticket)
                self._changed.notify_all()  # the next one may fit, too


# One budget per process. With it a server of one worker reaches 480 MB under `make attack`, of 512 MiB.
large_images = MemoryBudget(215_000_000)
