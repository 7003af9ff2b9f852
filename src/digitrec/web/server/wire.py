"""What a connection may do: how long a request may take to come, and how large it may be.

waitress collects requests in one loop, so a slow client takes no thread. What it leaves open is closed here: a client
that dribbles for ever, and one that sends more than the application reads.
"""

from __future__ import annotations

import logging
import math
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from threading import Lock, get_ident
from typing import Any, Final

from waitress.buffers import OverflowableBuffer
from waitress.channel import HTTPChannel
from waitress.parser import HTTPRequestParser
from waitress.server import BaseWSGIServer, create_server
from waitress.task import WSGITask
from waitress.utilities import BadRequest

from digitrec.web.addresses import PROBES
from digitrec.web.server.progress import last_progress, note_progress
from digitrec.web.server.refusals import Refusal

# A client that takes nothing of its answer for so long is gone.
_STALLED_S: Final = 30
# A digit takes 2 ms, a number 20: who waits behind one that takes longer gets a thread of his own.
_SLOW_S: Final = 0.02
_MOST_HEADER_BYTES: Final = 32_768
# A chunk's size, or the trailer behind the last: waitress joins and searches all of it again with each byte that comes.
_MOST_CHUNK_LINE_BYTES: Final = 8_192
# A client may send all of a body that is too large, and is told so then: refused in the middle of sending, it would see
# a broken connection and no answer. Beyond this the courtesy ends.
_MOST_DISCARDED_BYTES: Final = 200_000_000
# Bodies beyond wait in a file: 500 clients that all hold back their last byte take 64 MB.
_MOST_MEMORY_BYTES: Final = 131_072

_log = logging.getLogger("waitress")


@dataclass(frozen=True)
class Bounds:
    """What a client may take.

    Attributes
    ----------
    receive_timeout_s : seconds for a whole request to come.
    keepalive_s : seconds that a connection stays open without one.
    max_request_bytes : the largest body that the application reads.
    """

    receive_timeout_s: int
    keepalive_s: int
    max_request_bytes: int


class Threads:
    """The threads that answer, and one for probes, which work does not keep waiting: none is made while one is idle.

    One thread answers as long as no request keeps it for long. Several would hand Python's lock to each other at every
    call into OpenCV: with four at work an answer took 3.4 ms of processor time, with one 2.8. The others help with
    what waits behind a slow request.
    """

    def __init__(self, count: int) -> None:
        self._first = ThreadPoolExecutor(1)
        self._helpers = ThreadPoolExecutor(count - 1) if count > 1 else None
        self._for_probes = ThreadPoolExecutor(1)
        self._waiting: deque[Channel] = deque()
        self._slow_from = math.inf  # by the monotonic clock: from when on the first thread's request is slow
        self._watch = Lock()  # held while a helper looks whether that is so
        self._at_work: dict[int, Channel] = {}  # by thread

    def add_task(self, channel: Channel) -> None:
        """Let a thread answer what `channel` asks."""
        if channel.asks_probe:
            self._for_probes.submit(self._serve, channel)
            return
        self._waiting.append(channel)
        self._first.submit(self._serve_first)
        if self._slow_from < math.inf or len(self._waiting) > 1:
            self._call_helper()

    def _serve_first(self) -> None:
        self._slow_from = time.monotonic() + _SLOW_S
        self._serve_next()
        self._slow_from = math.inf

    def _call_helper(self) -> None:
        if self._helpers and self._watch.acquire(blocking=False):
            self._helpers.submit(self._help)

    def _help(self) -> None:
        """Answer a request that waits behind a slow one; give up where none is slow before none waits."""
        while self._waiting and (pause_s := self._slow_from - time.monotonic()) > 0:
            time.sleep(min(pause_s, _SLOW_S))
        self._watch.release()
        if len(self._waiting) > 1:
            self._call_helper()
        self._serve_next()
        if self._waiting:
            self._call_helper()

    def _serve_next(self) -> None:
        with suppress(IndexError):  # another thread has taken it
            self._serve(self._waiting.popleft())

    def shutdown(self) -> None:
        """Begin nothing more."""
        for pool in (self._first, self._helpers, self._for_probes):
            if pool:
                pool.shutdown(wait=False, cancel_futures=True)

    def busy_since(self, now: float) -> float:
        """Return since when the slowest thread has not got on, by the monotonic clock; `now` where none is at work.

        A thread that waits for a client to take its answer does not hang.
        """
        at_work = list(self._at_work.items())
        return min(
            [now, *(last_progress(thread) for thread, channel in at_work if not channel.waits_for_client)]
        )

    def _serve(self, channel: Channel) -> None:
        thread = get_ident()
        note_progress()
        self._at_work[thread] = channel
        try:
            channel.service()
        except BaseException:  # noqa: BLE001  # the pool keeps it to itself, be it a SystemExit
            _log.exception("Exception when servicing %r", channel)
            channel.will_close = True
            channel.server.pull_trigger()
        finally:
            del self._at_work[thread]


def make_server(application: Callable[..., Any], bounds: Bounds, *, threads: int, **adjustments: Any) -> Any:
    """Return waitress's server for `application`, its connections kept within `bounds`.

    Parameters
    ----------
    adjustments : waitress's own, besides those that are made here.
    """
    parts: dict[int, Any] = adjustments.pop("map", {})
    server = create_server(
        application,
        map=parts,
        _dispatcher=Threads(threads),
        ident=None,
        cleanup_interval=1,
        max_request_header_size=_MOST_HEADER_BYTES,
        # waitress refuses what is as large as its limit
        max_request_body_size=max(_MOST_DISCARDED_BYTES, bounds.max_request_bytes + 1),
        inbuf_overflow=_MOST_MEMORY_BYTES,
        recv_bytes=65_536,
        asyncore_use_poll=True,
        clear_untrusted_proxy_headers=False,  # web/guards/origins.py decides whom to believe
        **adjustments,
    )
    for part in listeners(parts):
        part.channel_class = partial(Channel, bounds)
        part.maintenance = partial(_close_overdue, part)
    return server


def listeners(parts: dict[int, Any]) -> list[Any]:
    """Return waitress's servers, one for each address, among the `parts` of its loop."""
    return list({id(part): part for part in parts.values() if isinstance(part, BaseWSGIServer)}.values())


def channels(parts: dict[int, Any]) -> list[Channel]:
    """Return the open connections among the `parts` of waitress's loop."""
    return [part for part in parts.values() if isinstance(part, Channel)]


def _close_overdue(server: Any, now: float) -> None:
    for channel in [channel for channel in server.active_channels.values() if channel.is_overdue(now)]:
        if channel.total_outbufs_len:
            channel.handle_close()  # who takes nothing would never let it be closed after the last byte
        else:
            channel.will_close = True


class _BoundedBuffer(OverflowableBuffer):  # type: ignore[misc]
    """Counts all that comes, and keeps no more than the application would read."""

    def __init__(self, most_bytes: int) -> None:
        super().__init__(_MOST_MEMORY_BYTES)
        self._most_bytes = most_bytes
        self._came_bytes = 0

    def __len__(self) -> int:
        return self._came_bytes  # waitress makes it the Content-Length of a chunked body

    def append(self, data: bytes) -> None:
        self._came_bytes += len(data)
        if self._came_bytes <= self._most_bytes:
            super().append(data)


class _Parser(HTTPRequestParser):  # type: ignore[misc]
    def __init__(self, most_bytes: int, adjustments: Any) -> None:
        super().__init__(adjustments)
        self._most_bytes = most_bytes

    def parse_header(self, header_plus: bytes) -> None:
        super().parse_header(header_plus)
        if self.body_rcv is not None:
            self.body_rcv.buf = _BoundedBuffer(self._most_bytes)

    def received(self, data: bytes) -> int:
        consumed: int = super().received(data)
        chunk_line = getattr(self.body_rcv, "control_line", b"") + getattr(self.body_rcv, "trailer", b"")
        if len(chunk_line) > _MOST_CHUNK_LINE_BYTES:
            self.error = BadRequest(f"a chunk's size or trailer of more than {_MOST_CHUNK_LINE_BYTES} bytes")
            self.completed = True
        return consumed


class _Task(WSGITask):  # type: ignore[misc]
    """Sends the head of an answer with its body, where waitress sends the one and then the other."""

    wrote_header: bool

    def write(self, data: bytes) -> None:
        if self.complete and data and not self.wrote_header:
            head: bytes = self.build_response_header()
            self.wrote_header = True
            if self.has_body and len(data) <= (self.content_length or 0):
                self.content_bytes_written += len(data)
                self.channel.write_soon(head + data)
                return
            self.channel.write_soon(head)
        super().write(data)


class Channel(HTTPChannel):  # type: ignore[misc]
    """One connection."""

    task_class = _Task
    error_task_class = Refusal
    is_last = False  # whether the answer to the next request says that the connection ends

    def __init__(self, bounds: Bounds, *arguments: Any, **options: Any) -> None:
        self._bounds = bounds
        self._request_began = 0.0
        self.parser_class = partial(_Parser, bounds.max_request_bytes)
        super().__init__(*arguments, **options)

    @property
    def is_idle(self) -> bool:
        """Whether no request is coming, being answered, or waiting to be taken."""
        return self.request is None and not self.requests and not self.total_outbufs_len

    @property
    def asks_probe(self) -> bool:
        """Whether the request whose turn it is asks how the server is."""
        path = getattr(self.requests[0], "path", "")  # what is no HTTP has none
        return bool(PROBES.fullmatch(path))

    @property
    def waits_for_client(self) -> bool:
        """Whether so much of the answers is left to send that a thread waits before it makes more."""
        return bool(self.total_outbufs_len > self.adj.outbuf_high_watermark)

    def received(self, data: bytes) -> bool:
        """Take what has come."""
        if self.request is None:
            self._request_began = time.time()
        return bool(super().received(data))

    def handle_close(self) -> None:
        """Let go of the connection, and of the file in which a body waits that will not come to its end."""
        super().handle_close()
        if self.request is not None:
            self.request.close()

    def service(self) -> None:
        """Answer a request, in a thread."""
        if self.is_last:
            self.requests[0].headers["CONNECTION"] = "close"
        super().service()

    def is_overdue(self, now: float) -> bool:
        """Whether the client has had its time."""
        if self.requests and not self.waits_for_client:
            return False  # it is our turn
        if self.total_outbufs_len:
            since, patience_s = self.last_activity, _STALLED_S
        elif self.request is not None:
            since, patience_s = self._request_began, self._bounds.receive_timeout_s
        else:
            since, patience_s = self.last_activity, self._bounds.keepalive_s
        return bool(now - since > patience_s)
