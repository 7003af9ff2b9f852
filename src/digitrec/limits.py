"""Limits: the largest input that is decoded, and how much memory the large images of a process may use together."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass

from digitrec.errors import BusyError

MAX_STROKE_POINTS = 20_000  # in one drawing

# What takes less does not wait: all threads of a server together stay far below the budget.
_SMALL_BYTES = 10_000_000


@dataclass(frozen=True)
class InputLimits:
    """The largest image that is decoded; checked before anything is decoded."""

    max_image_bytes: int = 10_000_000
    max_image_pixels: int = 25_000_000


class MemoryBudget:
    """A number of bytes that threads share; a thread that needs more than is left waits for those before it.

    Attributes
    ----------
    limit_bytes : what all threads together may reserve, and so the most that one input may need.
    max_waiting : how many threads may wait; one more gets a `BusyError`. None is any number.
    while_waiting : gives what is entered as long as a thread waits, such as a server's way to let another thread work.
    """

    def __init__(self, limit_bytes: int) -> None:
        self.limit_bytes = limit_bytes
        self.max_waiting: int | None = None
        self.while_waiting: Callable[[], AbstractContextManager[object]] = nullcontext
        self._left_bytes = limit_bytes
        self._changed = threading.Condition()
        self._waiting: deque[object] = deque()
        self._own = threading.local()

    @contextmanager
    def reserve(self, num_bytes: int) -> Iterator[None]:
        """Keep `num_bytes`, at most `limit_bytes`, for this thread until the block ends.

        What the block itself reserves is a part of that. Small amounts are not counted.

        Raises
        ------
        BusyError : too many threads wait already.
        """
        if num_bytes < _SMALL_BYTES or getattr(self._own, "has_reserved", False):
            yield
            return
        num_bytes = min(num_bytes, self.limit_bytes)
        self._take(num_bytes)
        self._own.has_reserved = True
        try:
            yield
        finally:
            self._own.has_reserved = False
            with self._changed:
                self._left_bytes += num_bytes
                self._changed.notify_all()

    def _take(self, num_bytes: int) -> None:
        ticket = object()
        with self._changed:
            if not self._waiting and num_bytes <= self._left_bytes:
                self._left_bytes -= num_bytes
                return
            if self.max_waiting is not None and len(self._waiting) >= self.max_waiting:
                raise BusyError(
                    f"expected at most {self.max_waiting} large images to wait for memory. Received: one more. "
                    "Send it again in some seconds, or send a smaller image."
                )
            self._waiting.append(ticket)
        with self.while_waiting(), self._changed:
            try:
                self._changed.wait_for(lambda: self._waiting[0] is ticket and num_bytes <= self._left_bytes)
                self._left_bytes -= num_bytes
            finally:
                self._waiting.remove(ticket)
                self._changed.notify_all()  # the next one may fit, too


# Of the process, since its memory is. With 250 MB a worker was killed after 20,000 mixed requests in 512 MiB.
large_images = MemoryBudget(215_000_000)
