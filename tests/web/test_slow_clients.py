"""Slow clients hold a connection and never a thread."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Iterator, Sequence

import pytest
from web_images import one
from web_servers import Server, running, wait_until

pytestmark = pytest.mark.slow

HEADERS = b"GET /healthz HTTP/1.1\r\nHost: x\r\nX-Slow: "
POST = b"POST /predict HTTP/1.1\r\nHost: x\r\nContent-Type: image/png\r\n"
BODY = POST + b"Content-Length: 10000\r\n\r\n"
CHUNKS = POST + b"Transfer-Encoding: chunked\r\n\r\n"


@contextlib.contextmanager
def clients_that_sent(server: Server, beginnings: Sequence[bytes]) -> Iterator[list[socket.socket]]:
    with contextlib.ExitStack() as stack:
        clients = [stack.enter_context(server.connect()) for _ in beginnings]
        for client, beginning in zip(clients, beginnings, strict=True):
            client.sendall(beginning)
        yield clients


def test_200_slow_connections_do_not_stop_others() -> None:
    ways = {b"": b"GET ", HEADERS: b"slow", BODY: b"slow", CHUNKS + b"2710\r\n": b"slow", CHUNKS: b"0000"}
    with running() as server:
        for beginning, rest in ways.items():
            with clients_that_sent(server, [beginning] * 200) as clients:
                for byte in rest:
                    for client in clients:
                        client.sendall(bytes([byte]))
                    assert server.post(one())[0] == 200


def is_closed(client: socket.socket) -> bool:
    """Send another byte, and return whether the server has closed the connection."""
    client.setblocking(False)
    try:
        client.send(b"0")
        return client.recv(1) == b""
    except BlockingIOError:
        return False
    except ConnectionError:
        return True


def test_a_request_that_takes_too_long_to_arrive_ends_its_connection() -> None:
    with (
        running(DIGITREC_CLIENT_TIMEOUT_S="2") as server,
        clients_that_sent(server, [HEADERS, BODY, CHUNKS]) as clients,
    ):
        assert not any(map(is_closed, clients))
        for client in clients:
            wait_until(lambda: is_closed(client))  # noqa: B023  # called in this loop


def test_a_stop_waits_for_kept_connections_and_not_for_slow_clients() -> None:
    with (
        running(WEB_CONCURRENCY="1", DIGITREC_REQUEST_TIMEOUT_S="4") as server,
        clients_that_sent(server, [BODY] * 10),
        contextlib.closing(server.http()) as prober,
        contextlib.closing(server.http()) as client,
    ):
        for connection in (prober, client):
            connection.request("GET", "/readyz")
            assert connection.getresponse().read()
        server.terminate()
        wait_until(lambda: refuses(server))
        prober.request("GET", "/readyz")
        assert prober.getresponse().status == 503
        client.request("POST", "/predict", one(), {"Content-Type": "image/png"})
        response = client.getresponse()
        assert (response.status, response.headers["Connection"]) == (200, "close")
        assert server.end()[0] == 0


def refuses(server: Server) -> bool:
    """Return whether nothing listens any more."""
    try:
        server.connect().close()
    except ConnectionRefusedError:
        return True
    return False
