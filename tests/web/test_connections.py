"""What one connection, and all of them together, may hold: one request at a time, and room for bodies."""

from __future__ import annotations

import contextlib
import socket
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import psutil
import pytest
from waitress import wasyncore
from waitress.adjustments import Adjustments

from digitrec.web.config import Settings
from digitrec.web.server import connections

TIMEOUT_S = 15
GET = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"
CHUNKED = b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
OK = b"HTTP/1.1 200 "


def post(length: int, sent: int | None = None) -> bytes:
    head = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % length
    return head + bytes(length if sent is None else sent)


class Serving:
    """A server whose loop turns in the thread of the test; it notes the bodies, and responds with zeros."""

    def __init__(
        self, *, max_request_bytes: int = 1_000_000, response_bytes: int = 5, threads: int = 2
    ) -> None:
        self.bodies: list[bytes] = []
        self.sockets: dict[int, Any] = {}
        self._response = bytes(response_bytes)
        self._clients: list[socket.socket] = []
        self._server = connections.make_server(
            self._application, Settings(max_request_bytes=max_request_bytes), body_budget_bytes=1_000_000,
            threads=threads, map=self.sockets, host="127.0.0.1", port=0,
        )  # fmt: skip

    def _application(self, environ: dict[str, Any], start: Callable[..., object]) -> list[bytes]:
        self.bodies.append(environ["wsgi.input"].read())
        start("200 OK", [("Content-Length", str(len(self._response)))])
        return [self._response]

    @property
    def channels(self) -> list[connections.Channel]:
        return connections.channels(self.sockets)

    def held(self) -> list[int]:
        """Return how much of its body each connection has sent so far."""
        return [item.request.body_bytes_received for item in self.channels if item.request]

    def connect(self, data: bytes = b"") -> socket.socket:
        client = socket.create_connection(("127.0.0.1", self._server.effective_port))
        client.setblocking(False)
        self._clients.append(client)
        self.send(client, data)
        return client

    def send(self, client: socket.socket, data: bytes) -> int:
        """Send until nothing is taken for a while, and return how much that was."""
        sent = num_blocked = 0
        while sent < len(data) and num_blocked < 20:
            try:
                sent += client.send(data[sent : sent + 65_536])
                num_blocked = 0
            except BlockingIOError:
                num_blocked += 1
            except ConnectionError:
                break
            self._turn(0.01 if num_blocked else 0.0)
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

        self.turn_until(is_enough)
        return bytes(came)

    def is_served(self, client: socket.socket) -> bool:
        return self.receive(client).startswith(OK)

    def turn_until(self, holds: Callable[[], bool], timeout_s: float = TIMEOUT_S) -> None:
        deadline = time.monotonic() + timeout_s
        while not holds():
            assert time.monotonic() < deadline
            self._turn(0.1)

    def turn(self, seconds: float) -> None:
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            self._turn(0.02)

    def _turn(self, timeout_s: float) -> None:
        wasyncore.loop(timeout_s, use_poll=True, map=self.sockets, count=1)

    def close(self) -> None:
        for client in self._clients:
            client.close()
        for channel in self.channels:
            channel.handle_close()
        self._server.task_dispatcher.shutdown()
        for item in list(self.sockets.values()):
            item.close()


Serve = Callable[..., Serving]


@pytest.fixture
def serve() -> Iterator[Serve]:
    """A function that starts a `Serving`."""
    with contextlib.ExitStack() as stack:
        yield lambda **options: stack.enter_context(contextlib.closing(Serving(**options)))


@pytest.fixture
def small(serve: Serve) -> Serving:
    """A server whose budget has room for two of the largest bodies."""
    return serve(max_request_bytes=400_000)


@pytest.mark.parametrize(
    "lengths", [[0], [0] * 500, [0, 1, 7, 100, 9_000, 40_000, 3]], ids=["1", "500", "bodies"]
)
def test_pipelined_requests_are_served_one_after_the_other(serve: Serve, lengths: list[int]) -> None:
    served = serve()
    client = served.connect(b"".join(post(length) if length else GET for length in lengths))
    received = served.receive(client, lambda data: data.count(OK) == len(lengths))
    assert received.count(OK) == len(lengths)
    assert [len(body) for body in served.bodies] == lengths


def test_requests_after_an_unread_response_are_dropped(serve: Serve) -> None:
    served = serve(response_bytes=3_000_000)
    client = served.connect(GET * 100)
    served.turn_until(lambda: any(channel.close_when_flushed for channel in served.channels))
    received = served.receive(client, lambda _: False)
    # How many responses wait in the buffers of the system differs between machines.
    assert 2 <= received.count(OK) == len(served.bodies) < 50
    assert received.count(b"Connection: close") == 1


def test_a_client_that_reads_nothing_holds_no_thread(serve: Serve) -> None:
    served = serve(response_bytes=20_000_000, threads=1)
    for _ in range(10):
        served.connect(GET * 10)
    served.turn(0.3)
    assert served.receive(served.connect(GET), lambda data: len(data) > 1_000_000).startswith(OK)


def test_the_loop_waits_while_a_thread_sends(serve: Serve) -> None:
    served = serve(response_bytes=20_000_000)
    served.connect(GET)
    served.turn_until(lambda: any(channel.total_outbufs_len for channel in served.channels))
    (channel,) = served.channels
    with ThreadPoolExecutor(1) as thread, channel.outbuf_lock:
        assert not thread.submit(channel.writable).result()
    assert channel.writable()


def test_the_loop_is_woken_for_what_a_thread_could_not_send(
    serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    served = serve(response_bytes=20_000_000)
    served.connect(GET)
    served.turn_until(lambda: any(channel.total_outbufs_len for channel in served.channels))
    (channel,) = served.channels
    may_send = []
    with ThreadPoolExecutor(1) as loop:
        monkeypatch.setattr(
            channel.server, "pull_trigger", lambda: may_send.append(loop.submit(channel.writable).result())
        )
        channel.write_soon(b"more")
    assert may_send[-1]


def test_a_body_in_chunks_of_one_byte_is_rejected(serve: Serve) -> None:
    served = serve()
    served.send(served.connect(CHUNKED), b"1\r\nx\r\n" * 500_000)
    served.turn_until(lambda: not served.channels)
    assert not served.bodies


def test_a_body_in_ordinary_chunks_is_taken(serve: Serve) -> None:
    served = serve()
    chunks = (b"400\r\n" + bytes(1024) + b"\r\n") * 900
    assert served.is_served(served.connect(CHUNKED + chunks + b"0\r\n\r\n"))
    assert [len(body) for body in served.bodies] == [900 * 1024]


@pytest.fixture
def parser() -> Iterator[Any]:
    parser = connections.Channel.parser_class(Adjustments())
    parser.received(CHUNKED)
    yield parser
    parser.close()


@pytest.mark.parametrize("size", [1, 2, 3, 5, 64, 8_192])
def test_small_chunks_are_counted_however_they_arrive(parser: Any, size: int) -> None:
    body = b"1\r\nx\r\n" * 100_000
    for start in range(0, len(body), size):
        if parser.completed:
            break
        parser.received(body[start : start + size])
    assert parser.error.code == 400
    assert "small chunks" in parser.error.body


def test_line_breaks_in_a_chunk_are_content(parser: Any) -> None:
    content = b"\r\n" * 500_000
    parser.received(b"%x\r\n" % len(content) + content + b"\r\n0\r\n\r\n")
    assert parser.error is None
    assert (parser.completed, len(parser.body_rcv)) == (True, len(content))


def test_bodies_that_do_not_fit_wait_at_the_client_and_small_ones_do_not(small: Serving) -> None:
    for _ in range(8):
        small.connect(post(400_000, sent=399_999))
    small.turn_until(lambda: small.held().count(399_999) == 2)
    small.turn(0.3)
    assert sum(small.held()) < 1_000_000 + 6 * 9_000
    assert small.is_served(small.connect(post(30_000)))


def test_bodies_of_unknown_length_count_too(small: Serving) -> None:
    for _ in range(8):
        small.connect(CHUNKED + b"61a80\r\n" + bytes(399_999))
    small.turn(0.5)
    assert sum(small.held()) < 1_000_000 + 6 * (connections._SMALL_BODY_BYTES + 9_000)


def test_a_body_is_read_once_there_is_room(small: Serving) -> None:
    rests = {small.connect(): post(400_000) for _ in range(8)}
    received = dict.fromkeys(rests, b"")

    def are_served() -> bool:
        for client in rests:
            rests[client] = rests[client][small.send(client, rests[client]) :]
            with contextlib.suppress(BlockingIOError):
                received[client] += client.recv(1_000)
        return all(response.startswith(OK) for response in received.values())

    small.turn_until(are_served)
    assert [len(body) for body in small.bodies] == [400_000] * 8


@pytest.mark.parametrize("num_uploads", [1, 8])
def test_a_stalled_upload_is_ended_only_if_others_wait(
    small: Serving, monkeypatch: pytest.MonkeyPatch, num_uploads: int
) -> None:
    monkeypatch.setattr(connections, "_GRACE_S", -1_000)
    client, *_ = [small.connect(post(400_000, sent=399_999)) for _ in range(num_uploads)]
    if num_uploads > 1:
        small.turn_until(lambda: len(small.channels) <= 3)
        return
    small.turn(2.5)
    assert small.held() == [399_999]
    small.send(client, b"x")
    assert small.is_served(client)


def test_only_a_body_much_larger_than_allowed_does_not_reach_the_application(small: Serving) -> None:
    assert small.receive(small.connect(post(800_001, sent=0))).startswith(b"HTTP/1.1 413 ")
    assert small.is_served(small.connect(post(400_000)))
    assert [len(body) for body in small.bodies] == [400_000]


def test_every_address_of_a_server_follows_the_rules() -> None:
    sockets: dict[int, Any] = {}
    addresses = "127.0.0.1:0 127.0.0.1:0"
    server = connections.make_server(
        print, Settings(), body_budget_bytes=1, threads=1, listen=addresses, map=sockets
    )
    listeners = connections.listeners(sockets)
    assert len(listeners) == 2
    assert all(listener.channel_class.func is connections.Channel for listener in listeners)
    server.close()


def test_a_client_that_never_reads_its_response_is_disconnected(
    serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connections, "KEEPALIVE_S", 1)
    served = serve(response_bytes=20_000_000)
    served.connect(GET)
    served.turn_until(lambda: any(item.total_outbufs_len for item in served.channels))
    served.turn_until(lambda: not served.channels)


def test_nothing_stays_open_for_a_client_that_leaves_during_its_upload(serve: Serve) -> None:
    served, num_files = serve(), psutil.Process().num_fds
    before = num_files()
    client = served.connect(post(999_999, sent=500_000))
    served.turn_until(lambda: num_files() == before + 3)  # two ends, the body
    (channel,) = served.channels
    client.close()
    served.turn_until(lambda: not served.channels)
    assert not channel.connected
    assert num_files() == before


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
        b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabc",
        b"GET http://[ HTTP/1.1\r\nHost: a\r\n\r\n",
        b"GET / HTTP/1.2\r\nHost: a\r\n\r\n",
        b"GET / HTTP/2.0\r\nHost: a\r\n\r\n",
        b"GET /\r\nHost: a\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost:\r\nHost: b\r\n\r\n",
    ],
)
def test_an_ambiguous_request_gets_400_and_ends_its_connection(serve: Serve, data: bytes) -> None:
    served = serve()
    received = served.receive(served.connect(data + GET), lambda _: False)
    assert received.startswith((b"HTTP/1.1 400 ", b"HTTP/1.0 400 "))
    assert received.count(b" 400 Bad Request") == 1
    assert b" 200 " not in received
    assert not served.bodies


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
def test_an_ordinary_request_is_served(serve: Serve, data: bytes) -> None:
    served = serve()
    assert b" 200 OK" in served.receive(served.connect(data))
