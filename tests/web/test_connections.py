"""What one connection, and all of them together, may hold: one request at a time, and room for bodies."""

from __future__ import annotations

import contextlib
import errno
import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from test_wire import Asked, close, turn_until
from waitress import wasyncore

from digitrec.web.server import waitress_server as wire

PATIENCE_S = 15


class Serving:
    """A server whose loop turns in the thread of the test."""

    def __init__(self, application: Callable[..., Any], bounds: wire.Bounds, threads: int = 2) -> None:
        self.parts: dict[int, Any] = {}
        self.server = wire.make_server(
            application, bounds, threads=threads, map=self.parts, host="127.0.0.1", port=0
        )

    def connect(self, data: bytes = b"") -> socket.socket:
        client = socket.create_connection(("127.0.0.1", self.server.effective_port))
        client.setblocking(False)
        self.send(client, data)
        return client

    def send(self, client: socket.socket, data: bytes) -> int:
        """Send until nothing is taken for a while, and return how much that was."""
        sent = refused = 0
        while sent < len(data) and refused < 20:
            try:
                sent += client.send(data[sent : sent + 65_536])
                refused = 0
            except BlockingIOError:
                refused += 1
            wasyncore.loop(0.01 if refused else 0.0, use_poll=True, map=self.parts, count=1)
        return sent

    def receive(self, client: socket.socket, until: Callable[[bytes], bool] = bool) -> bytes:
        """Return what comes until it is enough, or the connection is closed."""
        came = bytearray()

        def is_enough() -> bool:
            try:
                part = client.recv(1_000_000)
            except BlockingIOError:
                return False
            except ConnectionResetError:
                return True
            came.extend(part)
            return not part or until(bytes(came))

        turn_until(self.parts, is_enough)
        return bytes(came)

    def turn(self, seconds: float) -> None:
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            wasyncore.loop(0.02, use_poll=True, map=self.parts, count=1)


@contextlib.contextmanager
def serving(
    application: Callable[..., Any], bounds: wire.Bounds | None = None, threads: int = 2
) -> Iterator[Serving]:
    served = Serving(application, bounds or wire.Bounds(60, 75, 1_000_000), threads)
    try:
        yield served
    finally:
        for channel in wire.channels(served.parts):
            channel.handle_close()
        close(served.server, served.parts)


class Echo:
    """Answers with as many bytes as the query says, and notes each request."""

    def __init__(self, answer_bytes: int = 5) -> None:
        self.answer_bytes = answer_bytes
        self.bodies: list[bytes] = []

    def __call__(self, environ: dict[str, Any], start: Callable[..., object]) -> list[bytes]:
        self.bodies.append(environ["wsgi.input"].read())
        start("200 OK", [("Content-Length", str(self.answer_bytes))])
        return [bytes(self.answer_bytes)]


def post(length: int, sent: int | None = None) -> bytes:
    return b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % length + bytes(
        length if sent is None else sent
    )


GET = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"


@pytest.mark.parametrize("count", [1, 2, 50, 500])
def test_requests_in_one_piece_are_answered_one_after_the_other(count: int) -> None:
    echo = Echo()
    with serving(echo) as served:
        client = served.connect(GET * count)
        answers = served.receive(client, lambda data: data.count(b"200 OK") == count)
        client.close()
    assert answers.count(b"200 OK") == len(echo.bodies) == count


def test_bodies_of_pipelined_requests_stay_whole() -> None:
    echo = Echo()
    lengths = [0, 1, 7, 100, 9_000, 40_000, 3]
    with serving(echo) as served:
        client = served.connect(b"".join(post(length) for length in lengths))
        served.receive(client, lambda data: data.count(b"200 OK") == len(lengths))
        client.close()
    assert [len(body) for body in echo.bodies] == lengths


def test_the_next_request_waits_until_the_last_answer_has_left() -> None:
    echo = Echo(answer_bytes=20_000_000)
    with serving(echo) as served:
        client = served.connect(GET * 3_000)
        turn_until(served.parts, lambda: bool(echo.bodies))
        served.turn(0.3)
        (channel,) = wire.channels(served.parts)
        assert len(echo.bodies) == 1
        assert channel.total_outbufs_len > 0
        assert len(channel._ahead) < 10_000, "the rest waits at the client"
        client.close()


def test_a_client_that_takes_nothing_of_its_answer_holds_no_thread() -> None:
    with serving(Echo(answer_bytes=20_000_000), threads=1) as served:
        idle = [served.connect(GET * 10) for _ in range(10)]
        served.turn(0.3)
        client = served.connect(GET)
        assert served.receive(client, lambda data: len(data) > 1_000_000).startswith(b"HTTP/1.1 200 OK")
        for each in [client, *idle]:
            each.close()


CHUNKED = b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"


def test_a_body_in_chunks_of_one_byte_is_refused_before_it_takes_the_loops_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    echo, pieces, append = Echo(), [], wire._BoundedBuffer.append

    def count(buffer: wire._BoundedBuffer, data: bytes) -> None:
        pieces.append(len(data))
        append(buffer, data)

    monkeypatch.setattr(wire._BoundedBuffer, "append", count)
    with serving(echo) as served:
        client = served.connect(CHUNKED)
        with contextlib.suppress(ConnectionError):
            served.send(client, b"1\r\nx\r\n" * 500_000)
        turn_until(served.parts, lambda: not wire.channels(served.parts))
        client.close()
    assert wire._MOST_CHUNKS < len(pieces) < 1.2 * wire._MOST_CHUNKS
    assert not echo.bodies


def test_a_body_of_too_many_chunks_is_answered_with_what_to_do() -> None:
    with serving(Echo()) as served:
        client = served.connect(CHUNKED + b"1\r\nx\r\n" * (wire._MOST_CHUNKS + 1))
        answer = served.receive(client, lambda data: data.endswith(b"}"))
        client.close()
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert b"Send larger ones" in answer


@pytest.mark.parametrize("size", [b"7fffffff", b"f" * 16, b"f" * 5_000])
def test_a_chunk_larger_than_any_body_is_refused_before_it_comes(size: bytes) -> None:
    with serving(Echo()) as served:
        client = served.connect(CHUNKED + size + b"\r\n")
        assert served.receive(client).startswith(b"HTTP/1.1 413 ")
        client.close()


def test_a_body_in_ordinary_chunks_is_taken() -> None:
    echo = Echo()
    with serving(echo) as served:
        client = served.connect(CHUNKED + (b"400\r\n" + bytes(1024) + b"\r\n") * 900 + b"0\r\n\r\n")
        assert served.receive(client).startswith(b"HTTP/1.1 200 ")
        client.close()
    assert [len(body) for body in echo.bodies] == [900 * 1024]


BOUNDS = wire.Bounds(60, 75, max_request_bytes=400_000, uploads_bytes=1_000_000)


def held(served: Serving) -> list[int]:
    """Return how much of its body each connection has sent so far."""
    return [item.request.body_bytes_received for item in wire.channels(served.parts) if item.request]


def test_bodies_that_do_not_fit_wait_at_the_client() -> None:
    with serving(Echo(), BOUNDS) as served:
        clients = [served.connect(post(400_000, sent=399_999)) for _ in range(8)]
        turn_until(served.parts, lambda: held(served).count(399_999) == 2)
        served.turn(0.3)
        assert sum(held(served)) < 1_000_000 + 6 * 9_000
        for client in clients:
            client.close()


def test_small_bodies_never_wait() -> None:
    echo = Echo()
    with serving(echo, BOUNDS) as served:
        large = [served.connect(post(400_000, sent=399_999)) for _ in range(8)]
        small = served.connect(post(30_000))
        assert served.receive(small).startswith(b"HTTP/1.1 200 ")
        for client in [*large, small]:
            client.close()


def test_a_body_is_read_once_there_is_room() -> None:
    echo = Echo()
    with serving(echo, BOUNDS) as served:
        clients = [served.connect() for _ in range(8)]
        rests = {client: post(400_000) for client in clients}
        answers = dict.fromkeys(clients, b"")

        def is_answered() -> bool:
            for client in clients:
                rests[client] = rests[client][served.send(client, rests[client]) :]
                with contextlib.suppress(BlockingIOError):
                    answers[client] += client.recv(1_000)
            return all(answer.startswith(b"HTTP/1.1 200 ") for answer in answers.values())

        turn_until(served.parts, is_answered)
        for client in clients:
            client.close()
    assert [len(body) for body in echo.bodies] == [400_000] * 8


def test_an_upload_that_stands_still_gives_its_room_to_others(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wire, "_PROGRESS_S", 0)
    with serving(Echo(), BOUNDS) as served:
        idle = [served.connect(post(400_000, sent=399_999)) for _ in range(8)]
        turn_until(served.parts, lambda: len(wire.channels(served.parts)) <= 3)
        assert len(wire.channels(served.parts)) <= 3
        for client in idle:
            client.close()


def test_an_upload_may_stand_still_where_nobody_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wire, "_PROGRESS_S", 0)
    with serving(Echo(), BOUNDS) as served:
        client = served.connect(post(400_000, sent=399_999))
        served.turn(2.5)
        assert held(served) == [399_999]
        served.send(client, b"x")
        assert served.receive(client).startswith(b"HTTP/1.1 200 ")
        client.close()


def test_bodies_of_unknown_length_share_the_room_too() -> None:
    with serving(Echo(), BOUNDS) as served:
        clients = [served.connect(CHUNKED + b"61a80\r\n" + bytes(399_999)) for _ in range(8)]
        served.turn(0.5)
        assert sum(held(served)) < 1_000_000 + 6 * (wire._SMALL_BODY_BYTES + 9_000)
        for client in clients:
            client.close()


def test_a_body_larger_than_allowed_takes_no_room() -> None:
    with serving(Echo(), BOUNDS) as served:
        client = served.connect()
        served.send(client, post(5_000_000, sent=4_999_999))
        turn_until(served.parts, lambda: held(served) == [4_999_999])
        (channel,) = wire.channels(served.parts)
        assert channel.request._buffer.overflowed is False
        client.close()


def test_a_body_for_which_the_disk_has_no_room_is_answered(monkeypatch: pytest.MonkeyPatch) -> None:
    def no_room(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(wire.OverflowableBuffer, "_set_large_buffer", no_room)
    echo = Echo()
    with serving(echo) as served:
        client = served.connect()
        served.send(client, post(500_000))
        head, _, body = served.receive(client).partition(b"\r\n\r\n")
        client.close()
    assert head.startswith(b"HTTP/1.1 503 ")
    assert b"Retry-After: 5" in head
    assert json.loads(body)["type"] == "/problems/busy"
    assert not echo.bodies


@pytest.mark.parametrize("step_s", [-86_400.0, 86_400.0])
def test_a_wall_clock_that_jumps_closes_nothing_and_keeps_nothing_open(
    monkeypatch: pytest.MonkeyPatch, step_s: float
) -> None:
    real = time.time
    with serving(Echo(), wire.Bounds(60, 1, 1_000)) as served:
        client = served.connect(GET)
        assert served.receive(client).startswith(b"HTTP/1.1 200 ")
        monkeypatch.setattr(time, "time", lambda: real() + step_s)
        wasyncore.loop(0.0, use_poll=True, map=served.parts, count=1)
        assert wire.channels(served.parts), "it has had no second yet"
        turn_until(served.parts, lambda: not wire.channels(served.parts))
        assert not wire.channels(served.parts), "it has had its second"
        client.close()


@pytest.mark.parametrize(
    "data",
    [
        b"GET / HTTP/1.1\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\nhOST: a\r\n\r\n",
        b"GET / HTTP/1.0\r\nHost: a\r\nHost: a\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n0\r\n\r\n",
        b"POST / HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"POST / HTTP/1.0\r\nTransfer-Encoding: identity\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: " + b"9" * 5_000 + b"\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3, 3\r\n\r\nabc",
        b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabc",
        b"GET http://[ HTTP/1.1\r\nHost: a\r\n\r\n",
        b"GET http://[::1/ HTTP/1.1\r\nHost: a\r\n\r\n",
        b"GET / HTTP/1.2\r\nHost: a\r\n\r\n",
        b"GET / HTTP/2.0\r\nHost: a\r\n\r\n",
        b"GET /\r\nHost: a\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost : a\r\n\r\n",
        b"\xff\xfe / HTTP/1.1\r\nHost: a\r\n\r\n",
    ],
)
def test_a_request_of_two_meanings_is_answered_with_400_and_ends_its_connection(data: bytes) -> None:
    echo = Echo()
    with serving(echo) as served:
        client = served.connect(data + GET)
        answer = served.receive(client, lambda _: False)
        client.close()
    assert answer.startswith((b"HTTP/1.1 400 ", b"HTTP/1.0 400 "))
    assert answer.count(b" 400 Bad Request") == 1
    assert b" 200 " not in answer
    assert not echo.bodies


@pytest.mark.parametrize(
    "data",
    [
        GET,
        b"GET http://example.org/ HTTP/1.1\r\nHost: example.org\r\n\r\n",
        b"GET / HTTP/1.0\r\n\r\n",
        b"GET / HTTP/1.1\r\nX-Host: a\r\nhost:x\r\n\r\n",
        b"\r\n\r\n" + GET,
    ],
)
def test_an_ordinary_request_is_answered(data: bytes) -> None:
    with serving(Echo()) as served:
        client = served.connect(data)
        assert b" 200 OK" in served.receive(client)
        client.close()


class Heavy(Asked):
    """Waits for memory until it is let go on."""

    def __init__(self, threads: wire.Threads) -> None:
        super().__init__()
        self._threads = threads
        self.waits = threading.Event()
        self.may_go_on = threading.Event()

    def service(self) -> None:
        with self._threads.step_aside():
            self.waits.set()
            self.may_go_on.wait(PATIENCE_S)
        super().service()


@pytest.mark.parametrize("count", [1, 2, 4])
def test_who_waits_for_memory_holds_nobody_up(count: int) -> None:
    threads = wire.Threads(count)
    heavy = [Heavy(threads) for _ in range(wire._MAX_WAITING if count > 1 else 1)]
    for each in heavy:
        threads.add_task(each)
        assert each.waits.wait(PATIENCE_S)
    light = [Asked() for _ in range(10)]
    for each in light:
        threads.add_task(each)
    if count > 1:
        assert all(each.answered.wait(PATIENCE_S) for each in light)
    for each in heavy:
        each.may_go_on.set()
    assert all(each.answered.wait(PATIENCE_S) for each in [*heavy, *light])
    threads.shutdown()


def test_no_more_threads_are_made_than_help_at_once() -> None:
    threads = wire.Threads(3)
    asked = [Asked(0.05) for _ in range(60)]
    for each in asked:
        threads.add_task(each)
    assert all(each.answered.wait(PATIENCE_S) for each in asked)
    assert len({each.thread for each in asked}) <= 4  # one may be giving up its turn
    threads.shutdown()


def test_who_waits_for_memory_does_not_hang() -> None:
    threads = wire.Threads(2)
    heavy = Heavy(threads)
    threads.add_task(heavy)
    assert heavy.waits.wait(PATIENCE_S)
    now = time.monotonic() + 1_000
    assert threads.busy_since(now) == now
    heavy.may_go_on.set()
    assert heavy.answered.wait(PATIENCE_S)
    threads.shutdown()


def test_large_bodies_leave_the_other_threads_alone() -> None:
    threads = wire.Threads(2)
    large = [Heavy(threads) for _ in range(10)]
    for each in large:
        each.has_large_body = True
        threads.add_task(each)
    light = Asked()
    threads.add_task(light)
    assert light.answered.wait(PATIENCE_S)
    assert sum(each.waits.is_set() for each in large) <= wire._LARGE_BODY_THREADS
    for each in large:
        each.may_go_on.set()
    assert all(each.answered.wait(PATIENCE_S) for each in large)
    threads.shutdown()
