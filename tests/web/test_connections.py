"""What one connection, and all of them together, may hold: one request at a time, and room for bodies."""

from __future__ import annotations

import contextlib
import socket
import time
from collections.abc import Callable, Iterator
from typing import Any

import psutil
import pytest
from waitress import wasyncore
from waitress.adjustments import Adjustments

from digitrec.web.config import Settings
from digitrec.web.server import connections

PATIENCE_S = 15


def close(server: Any, sockets: dict[int, Any]) -> None:
    server.task_dispatcher.shutdown()
    for item in list(sockets.values()):
        item.close()


def turn_until(sockets: dict[int, Any], holds: Callable[[], bool]) -> None:
    """Let the loop turn until it `holds`, 15 seconds at most."""
    deadline = time.monotonic() + PATIENCE_S
    while not holds() and time.monotonic() < deadline:
        wasyncore.loop(0.1, use_poll=True, map=sockets, count=1)


class Serving:
    """A server whose loop turns in the thread of the test."""

    def __init__(self, application: Callable[..., Any], settings: Settings, threads: int = 2) -> None:
        self.parts: dict[int, Any] = {}
        self.server = connections.make_server(
            application, settings, body_budget_bytes=1_000_000, threads=threads, map=self.parts,
            host="127.0.0.1", port=0,
        )  # fmt: skip

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
    application: Callable[..., Any], settings: Settings | None = None, threads: int = 2
) -> Iterator[Serving]:
    served = Serving(application, settings or Settings(max_request_bytes=1_000_000), threads)
    try:
        yield served
    finally:
        for channel in connections.channels(served.parts):
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


def test_requests_after_an_unread_response_are_dropped() -> None:
    echo = Echo(answer_bytes=3_000_000)
    with serving(echo) as served:
        client = served.connect(GET * 100)
        turn_until(served.parts, lambda: len(echo.bodies) >= 2)
        answers = served.receive(client, lambda data: False)
        client.close()
    assert 2 <= answers.count(b"200 OK") == len(echo.bodies) <= 4
    assert answers.count(b"Connection: close") == 1


def test_a_client_that_takes_nothing_of_its_answer_holds_no_thread() -> None:
    with serving(Echo(answer_bytes=20_000_000), threads=1) as served:
        idle = [served.connect(GET * 10) for _ in range(10)]
        served.turn(0.3)
        client = served.connect(GET)
        assert served.receive(client, lambda data: len(data) > 1_000_000).startswith(b"HTTP/1.1 200 OK")
        for each in [client, *idle]:
            each.close()


CHUNKED = b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"


def test_a_body_in_chunks_of_one_byte_is_rejected() -> None:
    echo = Echo()
    with serving(echo) as served:
        client = served.connect(CHUNKED)
        with contextlib.suppress(ConnectionError):
            served.send(client, b"1\r\nx\r\n" * 500_000)
        turn_until(served.parts, lambda: not connections.channels(served.parts))
        assert not connections.channels(served.parts)
        client.close()
    assert not echo.bodies


def test_a_body_in_ordinary_chunks_is_taken() -> None:
    echo = Echo()
    with serving(echo) as served:
        client = served.connect(CHUNKED + (b"400\r\n" + bytes(1024) + b"\r\n") * 900 + b"0\r\n\r\n")
        assert served.receive(client).startswith(b"HTTP/1.1 200 ")
        client.close()
    assert [len(body) for body in echo.bodies] == [900 * 1024]


@pytest.mark.parametrize("size", [1, 2, 3, 5, 64, 8_192])
def test_small_chunks_are_counted_however_they_arrive(size: int) -> None:
    parser = connections.Channel.parser_class(Adjustments())
    parser.received(CHUNKED)
    body = b"1\r\nx\r\n" * 100_000
    for start in range(0, len(body), size):
        if parser.completed:
            break
        parser.received(body[start : start + size])
    assert parser.error.code == 400
    assert "small chunks" in parser.error.body
    parser.close()


def test_line_breaks_in_a_chunk_are_no_chunks() -> None:
    parser = connections.Channel.parser_class(Adjustments())
    content = b"\r\n" * 500_000
    parser.received(CHUNKED)
    parser.received(b"%x\r\n" % len(content) + content + b"\r\n0\r\n\r\n")
    assert parser.error is None
    assert (parser.completed, len(parser.body_rcv)) == (True, len(content))
    parser.close()


SETTINGS = Settings(max_request_bytes=400_000)


def held(served: Serving) -> list[int]:
    """Return how much of its body each connection has sent so far."""
    return [item.request.body_bytes_received for item in connections.channels(served.parts) if item.request]


def test_bodies_that_do_not_fit_wait_at_the_client() -> None:
    with serving(Echo(), SETTINGS) as served:
        clients = [served.connect(post(400_000, sent=399_999)) for _ in range(8)]
        turn_until(served.parts, lambda: held(served).count(399_999) == 2)
        served.turn(0.3)
        assert sum(held(served)) < 1_000_000 + 6 * 9_000
        for client in clients:
            client.close()


def test_small_bodies_never_wait() -> None:
    echo = Echo()
    with serving(echo, SETTINGS) as served:
        large = [served.connect(post(400_000, sent=399_999)) for _ in range(8)]
        small = served.connect(post(30_000))
        assert served.receive(small).startswith(b"HTTP/1.1 200 ")
        for client in [*large, small]:
            client.close()


def test_a_body_is_read_once_there_is_room() -> None:
    echo = Echo()
    with serving(echo, SETTINGS) as served:
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
    monkeypatch.setattr(connections, "_GRACE_S", -1_000)
    with serving(Echo(), SETTINGS) as served:
        idle = [served.connect(post(400_000, sent=399_999)) for _ in range(8)]
        turn_until(served.parts, lambda: len(connections.channels(served.parts)) <= 3)
        assert len(connections.channels(served.parts)) <= 3
        for client in idle:
            client.close()


def test_an_upload_may_stand_still_where_nobody_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "_GRACE_S", -1_000)
    with serving(Echo(), SETTINGS) as served:
        client = served.connect(post(400_000, sent=399_999))
        served.turn(2.5)
        assert held(served) == [399_999]
        served.send(client, b"x")
        assert served.receive(client).startswith(b"HTTP/1.1 200 ")
        client.close()


def test_bodies_of_unknown_length_share_the_room_too() -> None:
    with serving(Echo(), SETTINGS) as served:
        clients = [served.connect(CHUNKED + b"61a80\r\n" + bytes(399_999)) for _ in range(8)]
        served.turn(0.5)
        assert sum(held(served)) < 1_000_000 + 6 * (connections._SMALL_BODY_BYTES + 9_000)
        for client in clients:
            client.close()


def test_a_body_larger_than_allowed_is_rejected_before_it_arrives() -> None:
    with serving(Echo(), SETTINGS) as served:
        client = served.connect(post(800_001, sent=0))
        assert served.receive(client).startswith(b"HTTP/1.1 413 ")
        client.close()


def test_a_body_as_large_as_the_settings_allow_reaches_the_application() -> None:
    echo = Echo()
    with serving(echo, SETTINGS) as served:
        client = served.connect(post(400_000))
        assert served.receive(client).startswith(b"HTTP/1.1 200 ")
        client.close()
    assert [len(body) for body in echo.bodies] == [400_000]


def test_every_address_of_a_server_follows_the_rules() -> None:
    sockets: dict[int, Any] = {}
    server = connections.make_server(
        Echo(), SETTINGS, body_budget_bytes=1, threads=1, listen="127.0.0.1:0 127.0.0.1:0", map=sockets
    )
    listeners = connections.listeners(sockets)
    assert len(listeners) == 2
    assert all(listener.channel_class.func is connections.Channel for listener in listeners)
    server.close()


def test_a_client_that_never_reads_its_response_is_disconnected(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "KEEPALIVE_S", 1)
    with serving(Echo(answer_bytes=20_000_000)) as served:
        client = served.connect(GET)
        turn_until(served.parts, lambda: any(item.total_outbufs_len for item in channels_of(served)))
        turn_until(served.parts, lambda: not channels_of(served))
        assert not channels_of(served)
        client.close()


def test_nothing_stays_open_for_a_client_that_leaves_during_its_upload() -> None:
    with serving(Echo()) as served:
        num_files = psutil.Process().num_fds()
        client = served.connect(post(999_999, sent=500_000))
        turn_until(served.parts, lambda: psutil.Process().num_fds() == num_files + 3)  # two ends, the body
        (channel,) = channels_of(served)
        client.close()
        turn_until(served.parts, lambda: not channels_of(served))
        assert not channel.connected
        assert psutil.Process().num_fds() == num_files


def channels_of(served: Serving) -> list[connections.Channel]:
    return connections.channels(served.parts)


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
        b"GET / HTTP/1.1\r\nHost:\r\nHost: b\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\nX: 1\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: +1\r\n\r\na",
        b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nx\r\na\r\n0\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n-1\r\na\r\n0\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nab0\r\n\r\n",
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
