"""Clients that post requests to a server over plain sockets and note the outcome of each.

Plain sockets take little CPU time from the server, and they tell a request that was cut from one that never began:
after a refused connection nothing was sent.
"""

from __future__ import annotations

import re
import socket
import threading
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass

ANSWERED, REFUSED, CUT = "answered", "refused", "cut"
_TIMEOUT_S = 30.0


@dataclass(frozen=True)
class Outcome:
    """The outcome of one request.

    Attributes
    ----------
    kind : answered; refused, where nobody listened; cut, where the connection broke before the end of the response.
    began, seconds : when it was sent, by `time.monotonic`, and how long it took.
    status : of the response; 0 where none came.
    version : of the model that answered.
    """

    kind: str
    began: float
    seconds: float
    status: int = 0
    version: str = ""

    @property
    def label(self) -> str:
        """The kind, or the status of a response that is not 200."""
        return str(self.status) if self.kind == ANSWERED and self.status != 200 else self.kind


class Load:
    """Posts `images` to /api/v1/predict on `connections` at once, as a context manager.

    Parameters
    ----------
    rate : requests a second, all clients together; None is as many as the server answers.
    keep_alive : whether a connection serves more than one request.
    ends_when_refused : whether a client ends when nobody listens any more.
    timeout_s : how long a client waits for the server, until it counts the request as cut.
    """

    def __init__(
        self,
        port: int,
        images: Sequence[bytes],
        connections: int,
        *,
        rate: float | None = None,
        keep_alive: bool = True,
        ends_when_refused: bool = False,
        timeout_s: float = _TIMEOUT_S,
    ) -> None:
        self._port, self._timeout_s = port, timeout_s
        self._requests = [post(image, keep_alive=keep_alive) for image in images]
        self._pause_s = connections / rate if rate else 0.0
        self._ends_when_refused = ends_when_refused
        self._over = threading.Event()
        self._notes: list[list[Outcome]] = [[] for _ in range(connections)]
        self._threads = [
            threading.Thread(target=self._post, args=(index,), daemon=True) for index in range(connections)
        ]

    def __enter__(self) -> Load:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.end()

    def end(self) -> None:
        """Let every client finish its request, and wait for all."""
        self._over.set()
        for thread in self._threads:
            thread.join(_TIMEOUT_S)

    @property
    def outcomes(self) -> list[Outcome]:
        """The outcomes of all requests so far, by the time they began."""
        return sorted((item for notes in self._notes for item in list(notes)), key=lambda item: item.began)

    @property
    def count(self) -> int:
        """How many requests are over."""
        return sum(len(notes) for notes in self._notes)

    def kinds(self) -> Counter[str]:
        """Return how many requests have each label."""
        return Counter(outcome.label for outcome in self.outcomes)

    def _post(self, index: int) -> None:
        notes = self._notes[index]
        client = Client(self._port, self._timeout_s)
        next_start = time.monotonic() + self._pause_s * index / len(self._threads)
        while not self._over.wait(max(0.0, next_start - time.monotonic())):
            next_start = max(next_start + self._pause_s, time.monotonic() - 1.0)
            notes.append(client.ask(self._requests[(index + len(notes)) % len(self._requests)]))
            if notes[-1].kind == REFUSED:
                if self._ends_when_refused:
                    break
                time.sleep(0.01)
        client.close()


class Client:
    """A client that keeps its connection as long as the server does."""

    def __init__(self, port: int, timeout_s: float = _TIMEOUT_S) -> None:
        self._port, self._timeout_s = port, timeout_s
        self._socket: socket.socket | None = None

    def ask(self, request: bytes) -> Outcome:
        """Send one request and wait for its response."""
        began = time.monotonic()
        try:
            self._socket = self._socket or connect(self._port, self._timeout_s)
        except OSError:
            return Outcome(REFUSED, began, time.monotonic() - began)
        try:
            with suppress(BrokenPipeError, ConnectionResetError):  # a response may come before all is sent
                self._socket.sendall(request)
            head, body = receive(self._socket)
        except OSError:
            self.close()
            return Outcome(CUT, began, time.monotonic() - began)
        if b"\r\nconnection: close" in head.lower():
            self.close()
        version = re.search(rb'"version":"([^"]*)"', body)
        return Outcome(
            ANSWERED,
            began,
            time.monotonic() - began,
            int(head.split(b" ", 2)[1]),
            version[1].decode() if version else "",
        )

    def close(self) -> None:
        """Close the connection."""
        if self._socket:
            self._socket.close()
        self._socket = None


def connect(port: int, timeout_s: float = _TIMEOUT_S) -> socket.socket:
    """Return a connection to a server on this machine, with Nagle's algorithm disabled."""
    connection = socket.create_connection(("127.0.0.1", port), timeout=timeout_s)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return connection


def post(
    body: bytes,
    path: str = "/api/v1/predict",
    content_type: str = "image/png",
    *headers: str,
    keep_alive: bool = True,
) -> bytes:
    """Return a complete POST request."""
    lines = [
        f"POST {path} HTTP/1.1\r\nHost: localhost",
        f"Content-Type: {content_type}",
        f"Content-Length: {len(body)}",
        f"Connection: {'keep-alive' if keep_alive else 'close'}",
        *headers,
    ]
    return "\r\n".join([*lines, "\r\n"]).encode() + body


def receive(connection: socket.socket) -> tuple[bytes, bytes]:
    """Return head and body of one response with a Content-Length.

    Raises
    ------
    ConnectionError : the server closed the connection before the end of the response.
    """
    received = b""
    while b"\r\n\r\n" not in received:
        received += _receive_some(connection)
    head, _, body = received.partition(b"\r\n\r\n")
    length = int(re.findall(rb"(?i)content-length: (\d+)", head)[0])
    while len(body) < length:
        body += _receive_some(connection)
    return head, body


def _receive_some(connection: socket.socket) -> bytes:
    data = connection.recv(65536)
    if not data:
        raise ConnectionError("expected a response. Received: the end of the connection.")
    return data
