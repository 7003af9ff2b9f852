"""The gunicorn worker: waitress speaks HTTP in it, so that a slow client holds a connection and no thread.

gunicorn's own threaded worker reads a request in the thread that answers it: a few that dribble take all threads.
waitress collects requests in one loop, and its threads get whole ones. gunicorn does what it is good at: it starts,
replaces and stops workers.
"""

from __future__ import annotations

import logging
import os
import resource
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from datetime import timedelta
from functools import partial
from types import SimpleNamespace
from typing import Any

from gunicorn.workers.base import Worker
from waitress import wasyncore
from waitress.trigger import trigger

from digitrec.web.app_state import state_of
from digitrec.web.server import multiprocess as shared
from digitrec.web.server import waitress_server as wire
from digitrec.web.server.cgroups import available_memory_bytes, uploads_bytes

# A client may be sending its next request on a kept connection while the worker stops.
_LINGER_S = 2.0
_TICK_S = 1.0
_TELL_S = 0.1
# For each connection more: long enough for a worker that waits to wake up, and little beside the 3 ms of an answer.
_COURTESY_S = 0.001
_MOST_COURTESY = 5
# Logs, libraries, and the images of forms, which werkzeug keeps in files from 500 kB on: 40 in the largest request.
_OTHER_FILES = 200
_FEWEST_CONNECTIONS = 16


class PatientWorker(Worker):  # type: ignore[misc]
    """Serves with waitress on gunicorn's sockets."""

    alive: bool
    _threads: wire.Threads

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        # A signal may come before the loop is made.
        self._parts: dict[int, Any] = {}  # of waitress's loop, by file descriptor
        self._listeners: list[Any] = []  # among them
        self._next_tick = 0.0

    def run(self) -> None:
        """Answer requests until gunicorn says to stop, then finish those that have begun."""
        self._share_log()
        settings = state_of(self.wsgi).settings
        server = wire.make_server(
            self._answer,
            wire.Bounds(
                settings.receive_timeout_s,
                self.cfg.keepalive,
                settings.max_request_bytes,
                uploads_bytes(available_memory_bytes(), self.cfg.workers),
            ),
            threads=self.cfg.threads,
            map=self._parts,
            sockets=[listener.sock for listener in self.sockets],
            backlog=self.cfg.backlog,
            connection_limit=self._most_connections(),
        )
        self._threads = server.task_dispatcher
        self._listeners = wire.listeners(self._parts)
        for listener in self._listeners:
            listener.handle_accept = partial(self._accept, listener.handle_accept)
        while self.alive and self.ppid == os.getppid():
            self._turn()
        self._finish()

    def notify(self) -> None:
        """Tell gunicorn that all was well when the slowest thread last got on, or is, where none is at work.

        The loop goes on whatever the threads do, so the present time would say nothing about them.
        """
        well = self._threads.busy_since(time.monotonic())
        os.utime(self.tmp.fileno(), (well, well))

    def handle_exit(self, sig: int, frame: object) -> None:
        """Stop, and wake the loop for it."""
        super().handle_exit(sig, frame)
        self._wake()

    def _share_log(self) -> None:
        """Let waitress log where gunicorn does, and in its format."""
        waitress, gunicorn = logging.getLogger("waitress"), self.log.error_log
        waitress.handlers, waitress.propagate = gunicorn.handlers, False
        waitress.setLevel(gunicorn.level)

    def _accept(self, accept: Callable[[], object]) -> None:
        """Accept a connection, after a worker with fewer has had the chance.

        Who wakes up first takes all: eight connections that stay open, opened at once, all went to one of two workers
        in most runs, and its core did all the work.
        """
        more = shared.connections_more(self._held(), self.cfg.workers) if self.alive else 0
        if more:
            time.sleep(_COURTESY_S * min(more, _MOST_COURTESY))
        accept()
        self._tell_connections()

    def _tell_connections(self) -> None:
        shared.tell_connections(self._held() if self.alive else None)

    def _held(self) -> int:
        return sum(len(listener.active_channels) for listener in self._listeners)

    def _turn(self) -> None:
        now = time.monotonic()
        if now >= self._next_tick:  # not at each of a thousand turns a second
            self._next_tick = now + _TELL_S
            self.notify()
            self._tell_connections()
        wasyncore.loop(_TICK_S, use_poll=True, map=self._parts, count=1)

    def _finish(self) -> None:
        for listener in self._listeners:
            _accept_last(listener)
        began = time.monotonic()
        while (open_channels := wire.channels(self._parts)) and self._may_go_on(began):
            for channel in open_channels:
                channel.is_last = True
                channel.will_close |= channel.is_idle and time.monotonic() - began > _LINGER_S
            self._turn()

    def _may_go_on(self, began: float) -> bool:
        return bool(time.monotonic() - began < self.cfg.graceful_timeout)

    def _wake(self) -> None:
        for part in list(self._parts.values()):
            if isinstance(part, trigger):
                part.pull_trigger()
                return

    def _most_connections(self) -> int:
        """Each connection may take two more files, for its body and its answer; some are left for everything else."""
        most_files = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
        return min(
            int(self.cfg.worker_connections), max(_FEWEST_CONNECTIONS, (most_files - _OTHER_FILES) // 3)
        )

    def _answer(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        self.nr += 1
        if self.nr >= self.max_requests and self.alive:
            self.log.info("Autorestarting worker after current request.")
            self.alive = False
            self._wake()
        if not getattr(self.log, "access_log_enabled", True):  # older ones ask themselves
            answer: Iterable[bytes] = self.wsgi(environ, start_response)
            return answer
        return self._logged(environ, start_response)

    def _logged(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        """Answer with a line in gunicorn's access log, which takes what gunicorn's own objects have."""
        told = SimpleNamespace(status="", headers=[], sent=None)

        def start(status: str, headers: list[tuple[str, str]], *rest: Any) -> Any:
            told.status, told.headers, told.sent = status, headers, dict(headers).get("Content-Length")
            return start_response(status, headers, *rest)

        began = time.monotonic()
        answer: Iterable[bytes] = self.wsgi(environ, start)
        asked = [
            (name[5:].replace("_", "-"), value) for name, value in environ.items() if name.startswith("HTTP_")
        ]
        passed = timedelta(seconds=time.monotonic() - began)
        self.log.access(told, asked, {"RAW_URI": environ["REQUEST_URI"], **environ}, passed)
        return answer


def _accept_last(listener: Any) -> None:
    """Close the listener, and keep those who wait: the kernel would reset them.

    All are taken first and looked at later, so that nobody comes between the last of them and the end.
    """
    waiting = []
    with suppress(OSError):  # BlockingIOError: no more
        while True:
            waiting.append(listener.socket.accept())
    listener.socket.close()
    wasyncore.dispatcher.close(listener)
    listener.accept = partial(next, iter(waiting))
    for _ in waiting:
        listener.handle_accept()
