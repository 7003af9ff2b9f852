"""waitress as it is set up here, in the process of the test."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Callable
from typing import Any

import psutil
import pytest
from waitress import wasyncore

from digitrec.web.server import waitress_server as wire


def close(server: Any, parts: dict[int, Any]) -> None:
    server.task_dispatcher.shutdown()
    for part in list(parts.values()):
        part.close()


def turn_until(parts: dict[int, Any], holds: Callable[[], bool]) -> None:
    """Let the loop turn until it `holds`, 15 seconds at most."""
    deadline = time.monotonic() + 15
    while not holds() and time.monotonic() < deadline:
        wasyncore.loop(0.1, use_poll=True, map=parts, count=1)


def test_every_address_of_a_server_is_bounded() -> None:
    parts: dict[int, object] = {}
    server = wire.make_server(
        lambda environ, start: [b""],
        wire.Bounds(1, 1, 1),
        threads=1,
        listen="127.0.0.1:0 127.0.0.1:0",
        map=parts,
    )
    listeners = wire.listeners(parts)
    assert len(listeners) == 2
    assert all(listener.channel_class.func is wire.Channel for listener in listeners)
    server.close()


def test_a_client_that_reads_none_of_its_answers_is_let_go(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wire, "_STALLED_S", 1)
    parts: dict[int, object] = {}

    def application(_environ: object, start_response: Callable[..., object]) -> list[bytes]:
        start_response("200 OK", [("Content-Length", "1000000")])
        return [bytes(1_000_000)]

    server = wire.make_server(
        application, wire.Bounds(60, 75, 1000), threads=1, map=parts, host="127.0.0.1", port=0
    )
    with socket.create_connection(("127.0.0.1", server.effective_port)) as client:
        client.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n" * 100)
        deadline = time.monotonic() + 15
        seen = False
        while time.monotonic() < deadline and not (seen and not wire.channels(parts)):
            wasyncore.loop(0.1, use_poll=True, map=parts, count=1)
            seen = seen or any(channel.total_outbufs_len for channel in wire.channels(parts))
        assert seen
        assert not wire.channels(parts)
    close(server, parts)


def test_a_body_as_large_as_the_settings_allow_reaches_the_application(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(wire, "_MOST_DISCARDED_BYTES", 1_000)
    parts: dict[int, object] = {}
    came: list[bytes] = []

    def application(environ: dict[str, Any], start_response: Callable[..., object]) -> list[bytes]:
        came.append(environ["wsgi.input"].read())
        start_response("200 OK", [("Content-Length", "0")])
        return []

    server = wire.make_server(
        application, wire.Bounds(60, 75, 5_000), threads=1, map=parts, host="127.0.0.1", port=0
    )
    with socket.create_connection(("127.0.0.1", server.effective_port)) as client:
        client.sendall(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5000\r\n\r\n" + bytes(5_000))
        client.setblocking(False)
        answer = b""
        deadline = time.monotonic() + 15
        while time.monotonic() < deadline and not answer:
            wasyncore.loop(0.1, use_poll=True, map=parts, count=1)
            with contextlib.suppress(BlockingIOError):
                answer = client.recv(100)
    assert answer.startswith(b"HTTP/1.1 200 ")
    assert came == [bytes(5_000)]
    close(server, parts)


def test_nothing_stays_open_for_a_client_that_goes_in_the_middle_of_a_body() -> None:
    parts: dict[int, object] = {}
    server = wire.make_server(
        lambda environ, start: [],
        wire.Bounds(60, 75, 1_000_000),
        threads=1,
        map=parts,
        host="127.0.0.1",
        port=0,
    )
    files = psutil.Process().num_fds()
    with socket.create_connection(("127.0.0.1", server.effective_port)) as client:
        client.sendall(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 999999\r\n\r\n" + bytes(500_000))
        turn_until(
            parts, lambda: psutil.Process().num_fds() == files + 3
        )  # both ends, and where the body waits
        held = wire.channels(parts)
    turn_until(parts, lambda: not wire.channels(parts))
    assert not held[0].connected
    assert psutil.Process().num_fds() == files
    close(server, parts)


class Asked:
    """What `Threads` needs of a connection: what it asks takes some seconds."""

    asks_probe = has_large_body = False

    def __init__(self, seconds: float = 0.0) -> None:
        self._seconds = seconds
        self.thread = ""
        self.answered = threading.Event()

    def service(self) -> None:
        self.thread = threading.current_thread().name
        time.sleep(self._seconds)
        self.answered.set()


def ask(threads: wire.Threads, *seconds: float) -> list[Asked]:
    asked = [Asked(some) for some in seconds]
    for one in asked:
        threads.add_task(one)
    return asked


def test_quick_requests_are_answered_by_one_thread_in_the_order_they_came() -> None:
    threads = wire.Threads(4)
    asked = ask(threads, *[0.0] * 50)
    assert asked[-1].answered.wait(5)
    assert all(one.answered.is_set() for one in asked)
    assert len({one.thread for one in asked}) == 1
    threads.shutdown()


def test_who_waits_behind_a_slow_request_gets_another_thread() -> None:
    threads = wire.Threads(4)
    slow, *quick = ask(threads, 2.0, 0.0, 0.0, 0.0)
    assert all(one.answered.wait(1) for one in quick)
    assert not slow.answered.is_set()
    threads.shutdown()


def test_who_comes_while_all_but_one_thread_are_slow_is_answered() -> None:
    threads = wire.Threads(4)
    slow = ask(threads, 2.0, 2.0, 2.0)
    time.sleep(0.2)
    (quick,) = ask(threads, 0.0)
    assert quick.answered.wait(1)
    assert not any(one.answered.is_set() for one in slow)
    threads.shutdown()


def test_one_thread_alone_answers_all_in_turn() -> None:
    threads = wire.Threads(1)
    asked = ask(threads, 0.1, 0.0, 0.0)
    assert all(one.answered.wait(5) for one in asked)
    threads.shutdown()


def test_an_answer_goes_out_in_one_piece() -> None:
    parts: dict[int, object] = {}
    sent: list[bytes] = []

    def application(_environ: object, start_response: Callable[..., object]) -> list[bytes]:
        start_response("200 OK", [("Content-Length", "7")])
        return [b"abc", b"defg"]

    server = wire.make_server(
        application, wire.Bounds(60, 75, 5_000), threads=1, map=parts, host="127.0.0.1", port=0
    )
    with socket.create_connection(("127.0.0.1", server.effective_port)) as client:
        client.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        client.setblocking(False)

        def received() -> bool:
            with contextlib.suppress(BlockingIOError):
                sent.append(client.recv(4096))
            return b"".join(sent).endswith(b"defg")

        turn_until(parts, received)
    assert sent[0].partition(b"\r\n\r\n")[2].startswith(b"abc")
    assert b"".join(sent).endswith(b"\r\n\r\nabcdefg")
    close(server, parts)
