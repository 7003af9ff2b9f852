"""Clients that post pictures to a server and note what became of each request.

A client keeps its connection as long as the server does, and makes a new one for each request where asked to. What it
notes tells a request that was cut from one that never began: after a refused connection nothing was sent.
"""

from __future__ import annotations

import json
import socket
import threading
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from transport import connect, post, receive_answer

ANSWERED, REFUSED, CUT = "answered", "refused", "cut"
_PATIENCE_S = 30.0


@dataclass(frozen=True)
class Outcome:
    """What became of one request.

    Attributes
    ----------
    kind : answered; refused, where nobody listened; cut, where the connection broke before the whole answer had come.
    began, seconds : when it was sent, by `time.monotonic`, and how long it took.
    status : of the answer; 0 where none came.
    version : of the model that answered.
    """

    kind: str
    began: float
    seconds: float
    status: int = 0
    version: str = ""

    @property
    def ended(self) -> float:
        """When it was answered, refused or cut, by `time.monotonic`."""
        return self.began + self.seconds


class Load:
    """Posts `pictures` to /api/v1/predict on so many `connections` at once, as a context manager.

    Parameters
    ----------
    rate : requests a second, all clients together; None is as many as the server answers.
    keep_alive : whether a connection serves more than one request.
    ends_when_refused : whether a client goes home when nobody listens any more.
    """

    def __init__(
        self,
        port: int,
        pictures: Sequence[bytes],
        connections: int,
        *,
        rate: float | None = None,
        keep_alive: bool = True,
        ends_when_refused: bool = False,
    ) -> None:
        self._port = port
        self._requests = [post(picture, keep_alive=keep_alive) for picture in pictures]
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
        """Let every client finish its request and go home."""
        self._over.set()
        for thread in self._threads:
            thread.join(_PATIENCE_S)

    @property
    def outcomes(self) -> list[Outcome]:
        """What became of all requests so far, by the time they began."""
        return sorted(
            (outcome for notes in self._notes for outcome in list(notes)), key=lambda item: item.began
        )

    @property
    def count(self) -> int:
        """How many requests are over."""
        return sum(len(notes) for notes in self._notes)

    def kinds(self) -> Counter[str]:
        """Return how many requests were answered with 200, refused and cut, and how many got another status."""
        return Counter(
            str(outcome.status) if outcome.kind == ANSWERED and outcome.status != 200 else outcome.kind
            for outcome in self.outcomes
        )

    def _post(self, index: int) -> None:
        notes = self._notes[index]
        client = _Client(self._port)
        next_start = time.monotonic() + self._pause_s * index / len(self._threads)
        while not self._over.wait(max(0.0, next_start - time.monotonic())):
            next_start = max(next_start + self._pause_s, time.monotonic() - 1.0)
            notes.append(client.ask(self._requests[(index + len(notes)) % len(self._requests)]))
            if notes[-1].kind == REFUSED:
                if self._ends_when_refused:
                    break
                time.sleep(0.01)
        client.close()


class _Client:
    """One connection at a time."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._connection: socket.socket | None = None

    def ask(self, request: bytes) -> Outcome:
        """Send one request and wait for its answer."""
        began = time.monotonic()
        try:
            connection = self._connection or self._connected()
        except OSError:
            return Outcome(REFUSED, began, time.monotonic() - began)
        try:
            connection.sendall(request)
            head, body = receive_answer(connection)
        except OSError:
            self.close()
            return Outcome(CUT, began, time.monotonic() - began)
        if b"\r\nconnection: close" in head.lower():
            self.close()
        status = int(head.split(b" ", 2)[1])
        version = json.loads(body)["model"]["version"] if status == 200 else ""
        return Outcome(ANSWERED, began, time.monotonic() - began, status, version)

    def close(self) -> None:
        """Hang up."""
        if self._connection:
            self._connection.close()
        self._connection = None

    def _connected(self) -> socket.socket:
        self._connection = connect(self._port, _PATIENCE_S)
        return self._connection
