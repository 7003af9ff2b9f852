"""What a connection may do: how long a request may take to come, how large it may be, and what it may hold meanwhile.

waitress collects requests in one loop, so a slow client takes no thread. What it leaves open is bounded here: clients
that send slowly or hold back the end, that send more than the application reads, that ask again before they take an
answer, and all bodies together.
"""

from __future__ import annotations

import logging
import math
import sys
import time
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from threading import Lock, Semaphore, get_ident
from typing import Any, Final

from waitress.buffers import OverflowableBuffer
from waitress.channel import HTTPChannel
from waitress.parser import HTTPRequestParser, ParsingError
from waitress.server import BaseWSGIServer, create_server
from waitress.task import WSGITask
from waitress.utilities import BadRequest, RequestEntityTooLarge

from digitrec.limits import large_images
from digitrec.web.routes import PROBES
from digitrec.web.server.heartbeat import last_progress, note_progress
from digitrec.web.server.protocol_errors import NoRoomError, Refusal

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
# Larger bodies wait in a file, and for room: 1,000 clients that all hold back their last byte take 33 MB.
_SMALL_BODY_BYTES: Final = 32_768
# Larger ones are answered by threads of their own, so that no more of them than these are in memory.
_LARGE_BODY_BYTES: Final = 1_000_000
_LARGE_BODY_THREADS: Final = 2
# Each takes 3 microseconds of the loop. Clients write chunks of 1 kB and more.
_MOST_CHUNKS: Final = 20_000
# While others wait for room, an upload has to get on by so much in so long.
_LEAST_PROGRESS_BYTES: Final = 65_536
_PROGRESS_S: Final = 5
# Threads that wait for memory to decode a large image; the others answer meanwhile.
_MAX_WAITING: Final = 8

# For waitress, which counts by the wall clock and so would pause for as long as that is set back.
_EVERY_TURN: Final = -(2**31)

_log = logging.getLogger("waitress")


@dataclass(frozen=True)
class Bounds:
    """What a client may take.

    Attributes
    ----------
    receive_timeout_s : seconds for a whole request to come.
    keepalive_s : seconds that a connection stays open without one.
    max_request_bytes : the largest body that the application reads.
    uploads_bytes : what all bodies that are not small may take together; the next ones are not read meanwhile.
    """

    receive_timeout_s: int
    keepalive_s: int
    max_request_bytes: int
    uploads_bytes: int = 64_000_000


class Threads:
    """The threads that answer, and one for probes, which work does not keep waiting: none is made while one is idle.

    One thread answers as long as no request keeps it for long. Several would hand Python's lock to each other at every
    call into OpenCV: with four at work an answer took 3.4 ms of processor time, with one 2.8. The others help with
    what waits behind a slow request. Large bodies have threads of their own. A thread that waits for memory lets
    another one answer.
    """

    def __init__(self, count: int) -> None:
        self._first = ThreadPoolExecutor(1)
        self._helpers = ThreadPoolExecutor(count - 1 + _MAX_WAITING) if count > 1 else None
        self._for_large_bodies = ThreadPoolExecutor(_LARGE_BODY_THREADS) if count > 1 else None
        self._for_probes = ThreadPoolExecutor(1)
        self._waiting: deque[Channel] = deque()
        self._slow_from = math.inf  # by the monotonic clock: from when on the first thread's request is slow
        self._watch = Lock()  # held while a helper looks whether that is so
        self._turns = Semaphore(max(1, count - 1))  # of the helpers that do not wait for memory
        self._at_work: dict[int, Channel] = {}  # by thread
        self._helping: set[int] = set()
        self._aside: set[int] = set()

    def add_task(self, channel: Channel) -> None:
        """Let a thread answer what `channel` asks."""
        if channel.asks_probe:
            self._for_probes.submit(self._serve, channel)
            return
        if self._for_large_bodies and channel.has_large_body:
            self._for_large_bodies.submit(self._serve, channel)
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
        """Give a turn to a helper, unless one watches already or all turns are taken."""
        if self._helpers and self._turns.acquire(blocking=False):
            if self._watch.acquire(blocking=False):
                self._helpers.submit(self._help)
            else:
                self._turns.release()

    def _help(self) -> None:
        """Answer a request that waits behind a slow one; give up where none is slow before none waits."""
        while self._waiting and (pause_s := self._slow_from - time.monotonic()) > 0:
            time.sleep(min(pause_s, _SLOW_S))
        self._watch.release()
        if len(self._waiting) > 1:
            self._call_helper()
        self._helping.add(get_ident())
        self._serve_next()
        self._helping.discard(get_ident())
        self._end_turn()

    def _end_turn(self) -> None:
        self._turns.release()
        if self._waiting:
            self._call_helper()

    @contextmanager
    def step_aside(self) -> Iterator[None]:
        """Let another thread answer as long as this one waits for memory: it does not hang meanwhile."""
        thread = get_ident()
        self._aside.add(thread)
        if thread in self._helping:
            self._end_turn()
        try:
            yield
        finally:
            if thread in self._helping:
                self._turns.acquire()
            note_progress()
            self._aside.discard(thread)

    def _serve_next(self) -> None:
        with suppress(IndexError):  # another thread has taken it
            self._serve(self._waiting.popleft())

    def shutdown(self) -> None:
        """Begin nothing more."""
        for pool in (self._first, self._helpers, self._for_large_bodies, self._for_probes):
            if pool:
                pool.shutdown(wait=False, cancel_futures=True)

    def busy_since(self, now: float) -> float:
        """Return since when the slowest thread has not got on, by the monotonic clock; `now` where none is at work."""
        return min([now, *(last_progress(thread) for thread in set(self._at_work) - self._aside)])

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
    dispatcher = Threads(threads)
    large_images.while_waiting, large_images.max_waiting = dispatcher.step_aside, _MAX_WAITING
    server = create_server(
        application,
        map=parts,
        _dispatcher=dispatcher,
        ident=None,
        cleanup_interval=_EVERY_TURN,
        max_request_header_size=_MOST_HEADER_BYTES,
        # waitress refuses what is as large as its limit
        max_request_body_size=max(_MOST_DISCARDED_BYTES, bounds.max_request_bytes + 1),
        inbuf_overflow=_SMALL_BODY_BYTES,
        outbuf_high_watermark=sys.maxsize,  # a connection has one answer at a time, and no thread waits for a client
        asyncore_use_poll=True,
        clear_untrusted_proxy_headers=False,  # web/guards/origins.py decides whom to believe
        **adjustments,
    )
    uploads = Uploads(max(bounds.uploads_bytes, 2 * bounds.max_request_bytes))
    for part in listeners(parts):
        part.channel_class = partial(Channel, bounds, uploads)
        part.maintenance = _Maintenance(part, uploads)
    return server


def listeners(parts: dict[int, Any]) -> list[Any]:
    """Return waitress's servers, one for each address, among the `parts` of its loop."""
    return list({id(part): part for part in parts.values() if isinstance(part, BaseWSGIServer)}.values())


def channels(parts: dict[int, Any]) -> list[Channel]:
    """Return the open connections among the `parts` of waitress's loop."""
    return [part for part in parts.values() if isinstance(part, Channel)]


class _Maintenance:
    """Closes connections that have had their time, once a second by a clock that nobody sets."""

    def __init__(self, server: Any, uploads: Uploads) -> None:
        self._server = server
        self._uploads = uploads
        self._next = 0.0

    def __call__(self, _wall_clock: float) -> None:
        now = time.monotonic()
        if now < self._next:
            return
        self._next = now + 1.0
        for channel in self._uploads.stalled(now):
            channel.will_close = True
        for channel in [item for item in self._server.active_channels.values() if item.is_overdue(now)]:
            if channel.total_outbufs_len:
                channel.handle_close()  # a client that takes nothing would keep it open after the last byte
            else:
                channel.will_close = True


class Uploads:
    """The room for all bodies of one worker, from their first byte to their answer; only waitress's loop asks for it.

    A body gets its whole length at once, in the order in which bodies came. The next ones are not read meanwhile, so
    that they wait at the client.
    """

    def __init__(self, limit_bytes: int) -> None:
        self._left_bytes = limit_bytes
        self._held: dict[Channel, int] = {}
        self._waiting: dict[Channel, None] = {}
        self._marks: dict[Channel, tuple[float, int]] = {}  # when an upload had got how far

    def admit(self, channel: Channel, num_bytes: int) -> bool:
        """Return whether a body of `num_bytes` may be read; small ones always."""
        more_bytes = num_bytes - self._held.get(channel, _SMALL_BODY_BYTES)
        if more_bytes <= 0:
            return True
        if next(iter(self._waiting), channel) is not channel or more_bytes > self._left_bytes:
            self._waiting[channel] = None
            return False
        self._waiting.pop(channel, None)
        self._left_bytes -= num_bytes - self._held.get(channel, 0)
        self._held[channel] = num_bytes
        return True

    def release(self, channel: Channel) -> None:
        """Give back what `channel` holds, and what it waits for."""
        self._waiting.pop(channel, None)
        self._marks.pop(channel, None)
        self._left_bytes += self._held.pop(channel, 0)

    def stalled(self, now: float) -> list[Channel]:
        """Return the uploads that hold room which others wait for, and have hardly got on for some seconds."""
        if not self._waiting:
            self._marks.clear()
            return []
        found = []
        for channel in [item for item in self._held if item.request is not None]:
            come_bytes = channel.request.body_bytes_received
            since, before_bytes = self._marks.setdefault(channel, (now, come_bytes))
            if now - since >= _PROGRESS_S:
                self._marks[channel] = now, come_bytes
                if come_bytes - before_bytes < _LEAST_PROGRESS_BYTES:
                    found.append(channel)
        return found


class _BoundedBuffer(OverflowableBuffer):  # type: ignore[misc]
    """Counts all that comes, and keeps no more than the application would read.

    Attributes
    ----------
    pieces : how often something came: each chunk, and each part of one.
    has_failed : whether there was no room on the disk.
    """

    def __init__(self, most_bytes: int) -> None:
        super().__init__(_SMALL_BODY_BYTES)
        self._most_bytes = most_bytes
        self._came_bytes = 0
        self.pieces = 0
        self.has_failed = False

    def __len__(self) -> int:
        return self._came_bytes  # waitress makes it the Content-Length of a chunked body

    def append(self, data: bytes) -> None:
        self._came_bytes += len(data)
        self.pieces += 1
        if self._came_bytes <= self._most_bytes and not self.has_failed:
            try:
                super().append(data)
            except OSError:
                self.has_failed = True
                _log.exception("No room for the body of a request")


class _Parser(HTTPRequestParser):  # type: ignore[misc]
    def __init__(self, most_bytes: int, adjustments: Any) -> None:
        super().__init__(adjustments)
        self._most_bytes = most_bytes
        self._buffer = _BoundedBuffer(0)

    @property
    def room_bytes(self) -> int:
        """How much the body may come to, as far as it is kept."""
        if not self.chunked:
            return self.content_length if self.content_length <= self._most_bytes else 0
        return self._most_bytes if self.body_bytes_received > _SMALL_BODY_BYTES else _SMALL_BODY_BYTES

    def parse_header(self, header_plus: bytes) -> None:
        try:
            super().parse_header(header_plus)
        except ValueError as error:  # an address that is none, a number of a thousand digits
            raise ParsingError(f"Invalid header: {error}") from error
        self._require_one_meaning(header_plus)
        if self.body_rcv is not None:
            too_long = self.content_length > self._most_bytes
            self._buffer = self.body_rcv.buf = _BoundedBuffer(0 if too_long else self._most_bytes)

    def _require_one_meaning(self, header_plus: bytes) -> None:
        """Reject what a proxy in front may understand otherwise (RFC 9112, sections 3.2 and 6.1)."""
        if self.version not in ("1.0", "1.1"):
            raise ParsingError("An HTTP version other than 1.0 and 1.1")
        hosts = header_plus.lower().count(b"\r\nhost:")
        if hosts > 1 or (hosts == 0 and self.version == "1.1"):
            raise ParsingError(f"{hosts} Host headers where one is expected")
        if "TRANSFER_ENCODING" in self.headers or (self.chunked and "CONTENT_LENGTH" in self.headers):
            raise ParsingError("Transfer-Encoding in HTTP/1.0, or together with Content-Length")

    def received(self, data: bytes) -> int:
        consumed: int = super().received(data)
        chunk_line = getattr(self.body_rcv, "control_line", b"") + getattr(self.body_rcv, "trailer", b"")
        if len(chunk_line) > _MOST_CHUNK_LINE_BYTES:
            self._fail(BadRequest(f"a chunk's size or trailer of more than {_MOST_CHUNK_LINE_BYTES} bytes"))
        if self.chunked and self.body_rcv.chunk_remainder >= self.adj.max_request_body_size:
            self._fail(RequestEntityTooLarge("a chunk of more than the largest body"))
        if self.chunked and self._buffer.pieces > _MOST_CHUNKS:
            self._fail(BadRequest(f"a body of more than {_MOST_CHUNKS:,} chunks. Send larger ones"))
        if self.completed and self._buffer.has_failed:
            self._fail(NoRoomError("there is no room for the body of the request"))
        return consumed

    def _fail(self, error: Any) -> None:
        self.error = error
        self.completed = True


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
    request: Any  # that comes
    requests: list[Any]  # at most one, whose answer is made
    sent_continue: bool
    is_last = False  # whether the answer to the next request says that the connection ends

    def __init__(self, bounds: Bounds, uploads: Uploads, *arguments: Any, **options: Any) -> None:
        self._bounds = bounds
        self._uploads = uploads
        self._request_began = 0.0
        self._last_activity = 0.0
        self._ahead = b""  # what came before the answer to the request before has left
        self.parser_class = partial(_Parser, bounds.max_request_bytes)
        super().__init__(*arguments, **options)

    @property
    def last_activity(self) -> float:
        """When something was last received or sent, by the monotonic clock."""
        return self._last_activity

    @last_activity.setter
    def last_activity(self, _wall_clock: float) -> None:
        self._last_activity = time.monotonic()

    @property
    def is_idle(self) -> bool:
        """Whether no request is coming, being answered, or waiting to be taken."""
        return self.request is None and not self.requests and not self.total_outbufs_len and not self._ahead

    @property
    def asks_probe(self) -> bool:
        """Whether the request whose turn it is asks how the server is."""
        path = getattr(self.requests[0], "path", "")  # what is no HTTP has none
        return bool(PROBES.fullmatch(path))

    @property
    def has_large_body(self) -> bool:
        """Whether the request whose turn it is has a body that only few threads take."""
        return bool(self.requests[0].body_bytes_received > _LARGE_BODY_BYTES)

    def readable(self) -> bool:
        """Whether to read more: not before the last answer has left, and there is room for the body that comes."""
        if not super().readable():
            return False
        if self._ahead:
            self._parse()
        if self.request is None or self.request.body_rcv is None:
            self._uploads.release(self)
            return not self.requests
        return self._uploads.admit(self, self.request.room_bytes)

    def received(self, data: bytes) -> bool:
        """Take what has come, and of it one request at a time."""
        self._ahead += data
        return self._parse()

    def _parse(self) -> bool:
        with self.requests_lock:
            if self.will_close or self.close_when_flushed:
                return False
            while self._ahead and not self.requests and not self.total_outbufs_len:
                if self.request is None:
                    self.request = self.parser_class(self.adj)
                    self._request_began = time.monotonic()
                self._ahead = self._ahead[self.request.received(self._ahead) :]
                if self.request.expect_continue and self.request.headers_finished and not self.sent_continue:
                    self.send_continue()
                if self.request.completed:
                    self._take_request()
        return True

    def _take_request(self) -> None:
        request, self.request, self.sent_continue = self.request, None, False
        if not request.empty:
            self.requests.append(request)
            self.server.add_task(self)

    def handle_close(self) -> None:
        """Let go of the connection, and of the file in which a body waits that will not come to its end."""
        super().handle_close()
        self._uploads.release(self)
        if self.request is not None:
            self.request.close()

    def service(self) -> None:
        """Answer a request, in a thread."""
        if self.is_last:
            self.requests[0].headers["CONNECTION"] = "close"
        super().service()

    def is_overdue(self, now: float) -> bool:
        """Whether the client has had its time."""
        if self.requests:
            return False  # it is our turn
        if self.total_outbufs_len:
            since, patience_s = self.last_activity, _STALLED_S
        elif self.request is not None:
            since, patience_s = self._request_began, self._bounds.receive_timeout_s
        else:
            since, patience_s = self.last_activity, self._bounds.keepalive_s
        return bool(now - since > patience_s)
