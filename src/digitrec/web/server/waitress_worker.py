"""The gunicorn worker: waitress receives requests and sends responses, so a slow client takes no thread.

gunicorn starts, replaces and stops workers. docs/adr/0007-waitress-in-gunicorn.md has the reasons and the figures.
"""

from __future__ import annotations

import os
import resource
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from functools import partial
from typing import Any, Final

from gunicorn.workers.base import Worker
from waitress import wasyncore

from digitrec.cgroups import available_memory_bytes
from digitrec.limits import large_images
from digitrec.web.request_context import HEARTBEAT, state_of
from digitrec.web.server.connections import channels, listeners, make_server
from digitrec.web.server.request_threads import SLOW_S, RequestThreads
from digitrec.web.server.sizing import body_budget_bytes

MAX_WAITING: Final = 8  # threads that wait for memory to decode a large image
_POLL_S: Final = 1.0
_NOTIFY_S: Final = 0.1
_LINGER_S: Final = 2.0  # at shutdown, for a client that is about to send its next request
_RESERVED_FILES: Final = 200  # logs, libraries, and the files of multipart forms
_MIN_CONNECTIONS: Final = 16


class WaitressWorker(Worker):  # type: ignore[misc]
    """Serves gunicorn's sockets with waitress."""

    alive: bool
    _threads: RequestThreads

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self._sockets: dict[int, Any] = {}  # the map of waitress's loop; a signal may arrive before `run`
        self._next_notify = 0.0

    def run(self) -> None:
        """Serve until gunicorn stops this worker, then finish the requests in progress."""
        self._threads = RequestThreads(self.cfg.threads, num_spare=MAX_WAITING)
        large_images.while_waiting, large_images.max_waiting = self._threads.step_aside, MAX_WAITING
        make_server(
            self._application,
            state_of(self.wsgi).settings,
            body_budget_bytes=body_budget_bytes(available_memory_bytes(), self.cfg.workers),
            _dispatcher=self._threads,
            map=self._sockets,
            sockets=[listener.sock for listener in self.sockets],
            backlog=self.cfg.backlog,
            connection_limit=self._max_connections(),
        )
        while self.alive and self.ppid == os.getppid():
            self._poll()
        self._drain()

    def notify(self) -> None:
        """Report to gunicorn the last heartbeat of the slowest busy thread: the loop runs even if a thread hangs."""
        beat = self._threads.oldest_beat(time.monotonic())
        os.utime(self.tmp.fileno(), (beat, beat))

    def handle_exit(self, sig: int, frame: object) -> None:
        """Stop, and wake the loop."""
        super().handle_exit(sig, frame)
        self._wake_loop()

    def _poll(self) -> None:
        now = time.monotonic()
        if now >= self._next_notify:
            self._next_notify = now + _NOTIFY_S
            self.notify()
        self._threads.wake_helper()
        timeout_s = SLOW_S if self._threads.has_waiting else _POLL_S
        wasyncore.loop(timeout_s, use_poll=True, map=self._sockets, count=1)

    def _drain(self) -> None:
        for listener in listeners(self._sockets):
            _accept_last(listener)
        began = time.monotonic()
        while (
            open_channels := channels(self._sockets)
        ) and time.monotonic() - began < self.cfg.graceful_timeout:
            for channel in open_channels:
                channel.closes_after_response = True
                channel.will_close |= channel.is_idle and time.monotonic() - began > _LINGER_S
            self._poll()

    def _wake_loop(self) -> None:
        for listener in listeners(self._sockets):
            listener.pull_trigger()

    def _max_connections(self) -> int:
        """Return the limit; each connection may need two more files, for its body and its response."""
        max_files = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
        return min(
            int(self.cfg.worker_connections), max(_MIN_CONNECTIONS, (max_files - _RESERVED_FILES) // 3)
        )

    def _application(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        self.nr += 1
        if self.nr >= self.max_requests and self.alive:
            self.log.info("Restarting the worker after %d requests.", self.nr)
            self.alive = False
            self._wake_loop()
        environ[HEARTBEAT] = self._threads.beat
        try:
            response: Iterable[bytes] = self.wsgi(environ, start_response)
        except SystemExit as error:  # waitress would send no response
            raise RuntimeError("a view exited") from error
        return response


def _accept_last(listener: Any) -> None:
    """Close the listener, and keep the connections in its backlog, which the kernel would reset."""
    backlog = []
    with suppress(OSError):  # BlockingIOError: no more
        while True:
            backlog.append(listener.socket.accept())
    listener.socket.close()
    wasyncore.dispatcher.close(listener)
    listener.accept = partial(next, iter(backlog))
    for _ in backlog:
        listener.handle_accept()
