"""Requests to /api/v1/predict over plain sockets, so that a client takes little of the machine that it measures."""

from __future__ import annotations

import re
import socket


def connect(port: int, timeout_s: float = 30.0) -> socket.socket:
    """Return a connection to a server on this machine that waits for no more bytes before it sends some."""
    connection = socket.create_connection(("127.0.0.1", port), timeout=timeout_s)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return connection


def post(picture: bytes, *, keep_alive: bool = True) -> bytes:
    """Return the whole request that asks for the digit in a PNG file."""
    return (
        b"POST /api/v1/predict HTTP/1.1\r\nHost: localhost\r\nContent-Type: image/png\r\n"
        b"Connection: %s\r\nContent-Length: %d\r\n\r\n%s"
        % (b"keep-alive" if keep_alive else b"close", len(picture), picture)
    )


def receive_answer(connection: socket.socket) -> tuple[bytes, bytes]:
    """Return head and body of one whole answer, as long as its Content-Length says.

    Raises
    ------
    ConnectionError : the server hung up before.
    """
    received = b""
    while b"\r\n\r\n" not in received:
        received += _received(connection)
    head, _, body = received.partition(b"\r\n\r\n")
    length = int(re.findall(rb"(?i)content-length: (\d+)", head)[0])
    while len(body) < length:
        body += _received(connection)
    return head, body


def _received(connection: socket.socket) -> bytes:
    data = connection.recv(65536)
    if not data:
        raise ConnectionError(
            "expected an answer. Received: the end of the connection. Read the server's log."
        )
    return data
