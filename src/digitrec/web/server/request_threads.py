"""The threads of a worker that process requests; a task dispatcher for waitress."""

from __future__ import annotations

import logging
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Condition, Thread, get_ident
from typing import Any, Final

from digitrec.web.request_context import PROBES

SLOW_S: Final = 0.02  # a prediction takes 2 ms, a short number 20

_log = logging.getLogger(__name__)


class RequestThreads:
    """Threads of which one processes requests as long as none takes longer than `SLOW_S`, else up to `max_busy`.

    Several threads would exchange the GIL at each call into OpenCV (docs/adr/0008-one-thread-for-quick-requests.md).

    Parameters
    ----------
    max_busy : the threads that process requests at the same time. A health probe may take one more.
    num_spare : further threads, for those that `step_aside`.

    Attributes
    ----------
    num_busy : the threads that process a request, or are about to wait for their first.
    """

    def __init__(self, max_busy: int, num_spare: int) -> None:
        self._max_busy = max_busy
        self.num_busy = max_busy + num_spare
        self._queue: deque[Any] = deque()
        self._wake = Condition()
        self._beats: dict[int, float] = {}  # by thread
        self._last_start = 0.0
        for number in range(self.num_busy):
            Thread(target=self._process, name=f"request-{number}", daemon=True).start()

    @property
    def has_waiting(self) -> bool:
        """Whether a request waits for a thread."""
        return bool(self._queue)

    def add_task(self, task: Any) -> None:
        """Queue a request; health probes come first. A busy thread takes the next request itself."""
        with self._wake:
            if _is_probe(task):
                self._queue.appendleft(task)
                self._wake.notify()
                return
            self._queue.append(task)
            if len(self._queue) == 1 and self.num_busy == 0:
                self._last_start = time.monotonic()
                self._wake.notify()

    def wake_helper(self) -> None:
        """Let another thread process requests if all busy ones are slow; the worker's loop calls it."""
        with self._wake:
            now = time.monotonic()
            if self._may_take() and now > self._last_start + SLOW_S:
                self._last_start = now
                self._wake.notify()

    @contextmanager
    def step_aside(self) -> Iterator[None]:
        """Let another thread process requests as long as this one waits for memory."""
        del self._beats[get_ident()]
        with self._wake:
            self.num_busy -= 1
            self._last_start = time.monotonic()
            self._wake.notify()
        try:
            yield
        finally:
            with self._wake:
                self.num_busy += 1
            self.beat()

    def beat(self) -> None:
        """Record that this thread's request makes progress."""
        self._beats[get_ident()] = time.monotonic()

    def oldest_beat(self, now: float) -> float:
        """Return the last heartbeat of the slowest busy thread, or `now` if none is busy."""
        return min([now, *list(self._beats.values())])

    def _may_take(self) -> bool:
        return bool(self._queue) and (self.num_busy < self._max_busy or _is_probe(self._queue[0]))

    def _process(self) -> None:
        while True:
            with self._wake:
                self.num_busy -= 1
                self._wake.wait_for(self._may_take)
                self.num_busy += 1
                task = self._queue.popleft()
            self.beat()
            self._last_start = self._beats[get_ident()]
            try:
                task.service()
            except BaseException:  # noqa: BLE001  # a dead thread would take no further request
                _log.exception("a request ended its thread's work")
            del self._beats[get_ident()]


def _is_probe(task: Any) -> bool:
    return PROBES.fullmatch(getattr(task.requests[0], "path", "")) is not None
