"""Attacks on the connections of a server; each returns how often what came of its requests."""

from __future__ import annotations

import random
import socket
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from dataclasses import dataclass

from steady_load import connect
from steady_load import receive as receive_answer

from attacks.case import Request

CUT, UNCONNECTED, HELD = "cut", "unconnected", "held"
_PATIENCE_S = 120.0
_HOLD_S = 15.0
_LARGE_FILE = "/docs/swagger-ui-bundle.js"  # 1.4 MB, the largest that the server gives away
_POST = b"POST /api/v1/predict HTTP/1.1\r\nHost: localhost\r\nContent-Type: image/png\r\n"


@dataclass(frozen=True)
class Attack:
    """What is done to a server.

    Attributes
    ----------
    name, reason : as of a `Case`. run : does it to the server at a port, and counts what became of its requests.
    expected : the outcomes that may be; None is every status but 5xx, and 503 where it says when to come again.
    open_files : as many as the server may open.
    """

    name: str
    reason: str
    run: Callable[[int], Counter[str]]
    expected: frozenset[str] | None = None
    open_files: int = 4096

    def is_expected(self, outcome: str) -> bool:
        """Return whether an outcome may be."""
        if self.expected is not None:
            return outcome in self.expected
        return outcome.rpartition(" ")[2][:1] in "234" or outcome.endswith("503")


class Client:
    """A client that keeps its connection as long as the server does."""

    def __init__(self, port: int) -> None:
        self._port, self._connection = port, ExitStack()
        self._socket: socket.socket | None = None

    def ask(self, data: bytes) -> str:
        """Return the status of the answer, or that there was none."""
        try:
            self._socket = self._socket or self._connection.enter_context(connect(self._port, _PATIENCE_S))
        except OSError:
            return UNCONNECTED
        with suppress(OSError):  # an answer may come before everything is sent
            self._socket.sendall(data)
        try:
            head, _ = receive_answer(self._socket)
        except (OSError, IndexError):
            self.close()
            return CUT
        if b"\r\nconnection: close" in head.lower():
            self.close()
        status = head.split(b" ", 2)[1].decode()
        return (
            "503 without Retry-After"
            if status == "503" and b"\r\nretry-after:" not in head.lower()
            else status
        )

    def close(self) -> None:
        """Hang up."""
        self._connection.close()
        self._socket = None


def raw(request: Request) -> bytes:
    """Return a request as its bytes on the wire."""
    lines = [f"POST {request.path} HTTP/1.1", "Host: localhost", f"Content-Type: {request.content_type}"]
    lines += [f"{name}: {value}" for name, value in request.headers]
    return "\r\n".join([*lines, f"Content-Length: {len(request.body)}", "", ""]).encode() + request.body


def ask_all(port: int, requests: Iterable[tuple[str, bytes]], connections: int) -> Counter[str]:
    """Send (kind, request) pairs over so many connections at once; return how often what came of each kind."""
    waiting, lock, outcomes = iter(requests), threading.Lock(), Counter[str]()

    def work(_: int) -> None:
        client = Client(port)
        while True:
            with lock:
                item = next(waiting, None)
            if item is None:
                return client.close()
            outcome = f"{item[0]} {client.ask(item[1])}".lstrip()
            with lock:
                outcomes[outcome] += 1

    with ThreadPoolExecutor(connections) as pool:
        list(pool.map(work, range(connections)))
    return outcomes


def unread(port: int, connections: int, requests: int, path: str) -> Counter[str]:
    """Ask often on each connection, and take no answer."""
    with ExitStack() as stack:
        for _ in range(connections):
            client = stack.enter_context(connect(port))
            with suppress(OSError):
                client.sendall(b"GET %s HTTP/1.1\r\nHost: localhost\r\n\r\n" % path.encode() * requests)
        time.sleep(_HOLD_S)
    return Counter({HELD: connections})


def held_uploads(port: int, connections: int) -> Counter[str]:
    """Send 19.9 of 20 MB on each connection, and the rest after some time."""
    body, rest = bytes(19_900_000), bytes(100_000)
    until = time.monotonic() + _HOLD_S

    def hold(_: int) -> str:
        try:
            with connect(port, _HOLD_S) as client:
                client.sendall(_POST + b"Content-Length: 20000000\r\n\r\n" + body)
                time.sleep(max(0.0, until - time.monotonic()))
                client.sendall(rest)
                return receive_answer(client)[0].split(b" ", 2)[1].decode()
        except TimeoutError:
            return HELD
        except OSError:
            return CUT

    with ThreadPoolExecutor(connections) as pool:
        return Counter(pool.map(hold, range(connections)))


def dribble(port: int, connections: int) -> Counter[str]:
    """Send headers, bodies and chunks a byte at a time."""
    starts = [
        b"GET / HTTP/1.1\r\nX: ",
        _POST + b"Content-Length: 9999\r\n\r\n",
        _POST + b"Transfer-Encoding: chunked\r\n\r\n1",
    ]
    with ExitStack() as stack:
        clients = [stack.enter_context(connect(port)) for _ in range(connections)]
        for index, client in enumerate(clients):
            client.sendall(starts[index % len(starts)])
        until = time.monotonic() + _HOLD_S
        while time.monotonic() < until:
            for client in clients:
                with suppress(OSError):
                    client.sendall(b"0")
            time.sleep(0.5)
    return Counter({HELD: connections})


def one_byte_chunks(size: int) -> bytes:
    """Return a request whose body of so many bytes comes in chunks of one."""
    return _POST + b"Transfer-Encoding: chunked\r\n\r\n" + b"1\r\nA\r\n" * size + b"0\r\n\r\n"


_GET, _CHUNK = b"GET /healthz HTTP/1.1\r\n", b"1\r\nA\r\n0\r\n\r\n"
# What is no HTTP, or means one thing to a proxy and another to a server.
MALFORMED = {
    "Content-Length and Transfer-Encoding": _POST + b"Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n" + _CHUNK,
    "Transfer-Encoding in HTTP/1.0": _POST.replace(b"1.1", b"1.0", 1) + b"Transfer-Encoding: chunked\r\n\r\n" + _CHUNK,
    "two Hosts": _GET + b"Host: a\r\nHost: b\r\n\r\n",
    "no Host": _GET + b"\r\n",
    "an empty Host and another": _GET + b"Host:\r\nHost: b\r\n\r\n",
    "GET http://[": b"GET http://[ HTTP/1.1\r\nHost: a\r\n\r\n",
    "a length of 5,000 digits": _POST + b"Content-Length: " + b"9" * 5000 + b"\r\n\r\n",
    "a length below 0": _POST + b"Content-Length: -1\r\n\r\n",
    "a length with a sign": _POST + b"Content-Length: +1\r\n\r\nA",
    "two lengths": _POST + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\nAB",
    "a blank before the colon": _GET + b"Host: a\r\nX : 1\r\n\r\n",
    "a new line alone": _GET + b"Host: a\nX: 1\r\n\r\n",
    "HTTP/9.9": b"GET /healthz HTTP/9.9\r\nHost: a\r\n\r\n",
    "a chunk of no size": _POST + b"Transfer-Encoding: chunked\r\n\r\nx\r\nA\r\n0\r\n\r\n",
    "a chunk below 0": _POST + b"Transfer-Encoding: chunked\r\n\r\n-1\r\nA\r\n0\r\n\r\n",
    "a chunk without its end": _POST + b"Transfer-Encoding: chunked\r\n\r\n1\r\nAB0\r\n\r\n",
    "a chunk of 5,000 digits": _POST + b"Transfer-Encoding: chunked\r\n\r\n" + b"9" * 5000 + b"\r\n",
}  # fmt: skip
_CLOSED = "400 and closed"


def malformed(port: int) -> Counter[str]:
    """Send what is no HTTP; each has to be answered with 400, and its connection closed."""

    def ask(data: bytes) -> str:
        try:
            with connect(port, 10) as client:
                client.sendall(data)
                status = receive_answer(client)[0].split(b" ", 2)[1].decode()
                with suppress(TimeoutError):
                    if not client.recv(1):
                        return f"{status} and closed"
                return f"{status} and open"
        except TimeoutError:
            return HELD
        except (OSError, IndexError):
            return CUT

    outcomes = {name: ask(data) for name, data in MALFORMED.items()}
    return Counter(
        outcome if outcome == _CLOSED else f"{name}: {outcome}" for name, outcome in outcomes.items()
    )


def mixed(
    normal: Sequence[bytes], small: Sequence[bytes], large: Sequence[bytes], count: int
) -> Iterator[tuple[str, bytes]]:
    """Yield `count` requests, four of five normal, and at most 5 % and 2,000 large ones."""
    rng = random.Random(0)  # noqa: S311  # nosec B311  # the same each time
    large_share = min(0.05, 2000 / count)
    for _ in range(count):
        place = rng.random()
        kind, pool = (
            ("large", large)
            if place < large_share
            else ("hostile", small)
            if place < 0.2
            else ("normal", normal)
        )
        yield kind, rng.choice(pool)


def attacks(heavy: Sequence[bytes], heaviest: Sequence[bytes], several: Sequence[bytes]) -> Iterator[Attack]:
    """Yield the attacks, but for the mixed one."""
    may_hold = frozenset({HELD, CUT, "400", "408", "413", "422", "503"})
    for connections in (10, 18, 200):
        yield Attack(f"unread answers, {connections} connections", "a thread waits for each client that takes nothing",
                     lambda port, n=connections: unread(port, n, 40, _LARGE_FILE), may_hold)  # fmt: skip
    yield Attack("unread answers, 1,024 files", "a connection takes files for what it asks and gets",
                 lambda port: unread(port, 4, 20_000, "/healthz"), may_hold, open_files=1024)  # fmt: skip
    for connections in (25, 100):
        yield Attack(f"held uploads, {connections} connections", "bodies wait in memory",
                     lambda port, n=connections: held_uploads(port, n), may_hold)  # fmt: skip
    yield Attack("chunks of one byte", "a chunk costs a turn of the loop",
                 lambda port: ask_all(port, [("", one_byte_chunks(512_000))] * 60, 60))  # fmt: skip
    yield Attack("slow clients", "a thread reads a request", lambda port: dribble(port, 200), may_hold)
    yield Attack("what is no HTTP", "a proxy understands it otherwise", malformed,
                 frozenset({_CLOSED, "a chunk of 5,000 digits: 413 and closed"}))  # fmt: skip
    for name, requests in {
        "50 heavy images": heavy,
        "the heaviest": heaviest,
        "many images and fields": several,
    }.items():
        yield Attack(name, "several at once take memory together",
                     lambda port, items=requests: ask_all(port, [("", item) for item in items], 8))  # fmt: skip
