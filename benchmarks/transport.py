"""Requests to /api/v1/predict over plain sockets, so that the client takes little CPU time from the server."""

from __future__ import annotations

import re
import socket


def connect(port: int, timeout_s: float = 30.0) -> socket.socket:
    """Return a connection to a server on this machine, with Nagle's algorithm disabled."""
    connection = socket.create_connection(("127.0.0.1", port), timeout=timeout_s)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return connection


def post(image: bytes, *, keep_alive: bool = True) -> bytes:
    """Return a complete request that predicts the digit of a PNG file."""
    return (
        b"POST /api/v1/predict HTTP/1.1\r\nHost: localhost\r\nContent-Type: image/png\r\n"
        b"Connection: %s\r\nContent-Length: %d\r\n\r\n%s"
        % (b"keep-alive" if keep_alive else b"close", len(image), image)
    )


def receive_answer(connection: socket.socket) -> tuple[bytes, bytes]:
    """Return head and body of one response with a Content-Length.

    Raises
    ------
    ConnectionError : the server closed the connection.
    """
    received = b""
    while b"\r\n\r\n" not in received:
        received += _receive(connection)
    head, _, body = received.partition(b"\r\n\r\n")
    length = int(re.findall(rb"(?i)content-length: (\d+)", head)[0])
    while len(body) < length:
        body += _receive(connection)
    return head, body


def _receive(connection: socket.socket) -> bytes:
    data = connection.recv(65536)
    if not data:
        raise ConnectionError(
            "expected a response. Received: the end of the connection. Check the server log."
        )
    return data
