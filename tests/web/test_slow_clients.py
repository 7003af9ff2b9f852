"""Clients that take their time hold a connection, and never a thread."""

from __future__ import annotations

import contextlib
import http.client
import json
import socket
import sys
import threading
import time
from collections.abc import Iterator

import pytest
from web_pictures import one
from web_servers import GUNICORN, allocated_kb, children, free_port, post, running, serve_command, stop

from digitrec.web.middleware.security_headers import SECURITY_HEADERS

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="gunicorn and signals: not on this system")

MANY = 200
HEADERS = b"GET /healthz HTTP/1.1\r\nHost: x\r\nX-Slow: "
POST = b"POST /predict HTTP/1.1\r\nHost: x\r\nContent-Type: image/png\r\n"
BODY = POST + b"Content-Length: 10000\r\n\r\n"
CHUNKS = POST + b"Transfer-Encoding: chunked\r\n\r\n"
SLOWLY = b"some of it"


@contextlib.contextmanager
def dribbling(port: int, beginning: bytes, rest: bytes, count: int = MANY) -> Iterator[list[socket.socket]]:
    """Give `count` connections that have sent `beginning`, and go on with `rest`, a byte a second."""
    clients = [socket.create_connection(("127.0.0.1", port)) for _ in range(count)]
    done = threading.Event()

    def dribble() -> None:
        for byte in rest:
            for client in clients:
                with contextlib.suppress(OSError):
                    client.sendall(bytes([byte]))
            if done.wait(1):
                return

    for client in clients:
        client.sendall(beginning)
    thread = threading.Thread(target=dribble)
    thread.start()
    try:
        yield clients
    finally:
        done.set()
        thread.join()
        for client in clients:
            client.close()


def slowest_answer_s(port: int, during_s: float) -> float:
    slowest_s = 0.0
    end = time.monotonic() + during_s
    while time.monotonic() < end:
        began = time.monotonic()
        assert post(port, one())[0] == 200
        slowest_s = max(slowest_s, time.monotonic() - began)
    return slowest_s


def closed_after_s(client: socket.socket) -> float:
    began = time.monotonic()
    client.settimeout(20)
    with contextlib.suppress(ConnectionResetError):
        assert client.recv(1) == b""
    return time.monotonic() - began


@pytest.mark.parametrize(
    ("beginning", "rest"),
    [(b"", b""), (HEADERS, SLOWLY), (BODY, SLOWLY), (CHUNKS + b"2710\r\n", SLOWLY), (CHUNKS, b"0" * 10)],
    ids=["nothing", "headers", "a body", "a chunk", "a chunk's size"],
)
def test_200_connections_that_dribble_do_not_stop_others(beginning: bytes, rest: bytes) -> None:
    port = free_port()
    with running(GUNICORN, port), dribbling(port, beginning, rest):
        assert slowest_answer_s(port, during_s=4) < 1.5


def test_waitress_alone_is_not_stopped_either() -> None:
    port = free_port()
    with running(serve_command("run_waitress", port), port), dribbling(port, BODY, SLOWLY):
        assert slowest_answer_s(port, during_s=2) < 1.5


@pytest.mark.parametrize("beginning", [HEADERS, BODY, CHUNKS], ids=["headers", "body", "chunks"])
def test_a_request_that_takes_too_long_to_come_ends_its_connection(beginning: bytes) -> None:
    port = free_port()
    with (
        running(GUNICORN, port, DIGITREC_CLIENT_TIMEOUT_S="2"),
        dribbling(port, beginning, b"0" * 20, count=1) as (client,),
    ):
        assert closed_after_s(client) > 1  # and within the 20 s that the client waits


def test_bodies_that_never_end_take_no_memory() -> None:
    port = free_port()
    most_of_it = bytes(5_000_000)
    with running(GUNICORN, port, WEB_CONCURRENCY="1") as server:
        (worker,) = children(server.pid)
        assert post(port, one())[0] == 200
        before_kb = allocated_kb(worker)
        with dribbling(port, POST + b"Content-Length: 5000001\r\n\r\n" + most_of_it, b"", count=30):
            assert post(port, one())[0] == 200
            assert allocated_kb(worker) - before_kb < 30_000


def test_clients_that_never_read_their_answers_do_not_stop_others() -> None:
    port = free_port()
    questions = b"GET /static/js/client.js HTTP/1.1\r\nHost: x\r\n\r\n" * 3_000  # some 12 MB of answers
    with contextlib.ExitStack() as stack:
        stack.enter_context(running(GUNICORN, port))
        for _ in range(20):
            client = stack.enter_context(socket.create_connection(("127.0.0.1", port)))
            client.setblocking(False)
            with contextlib.suppress(BlockingIOError):
                client.send(questions)
        time.sleep(1)
        assert slowest_answer_s(port, during_s=2) < 1.5


def test_a_chunk_whose_size_never_ends_is_refused() -> None:
    port = free_port()
    with running(GUNICORN, port), socket.create_connection(("127.0.0.1", port)) as client:
        client.sendall(CHUNKS + b"0" * 10_000)
        assert client.recv(100).startswith(b"HTTP/1.1 400 ")


@pytest.mark.parametrize(
    ("request_bytes", "status", "expected"),
    [
        (b"nonsense\r\n\r\n", 400, "Expected a valid HTTP request."),
        (b"GET / HTTP/1.1\r\nbroken header\r\n\r\n", 400, "Expected a valid HTTP request."),
        (
            b"GET / HTTP/1.1\r\nX: " + b"y" * 40_000 + b"\r\n\r\n",
            431,
            "Expected headers of at most 32,768 bytes.",
        ),
        (POST + b"Content-Length: -1\r\n\r\n", 400, "Expected a valid HTTP request."),
        (POST + b"Content-Length: 300000000\r\n\r\n", 413, "Expected a body of at most 20,000,000 bytes."),
        (POST + b"Transfer-Encoding: gzip\r\n\r\n", 501, "Expected a valid HTTP request."),
    ],
)
def test_what_is_no_http_is_answered_with_a_problem(request_bytes: bytes, status: int, expected: str) -> None:
    port = free_port()
    with running(GUNICORN, port) as server:
        with socket.create_connection(("127.0.0.1", port)) as client:
            client.sendall(request_bytes)
            with http.client.HTTPResponse(client) as answer:
                answer.begin()
                problem = json.loads(answer.read())
        _, output = stop(server)
    assert (answer.status, problem["status"]) == (status, status)
    assert problem["detail"].startswith(f"{expected} Received: ")
    assert ".." not in problem["detail"]
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["X-Request-ID"] == problem["request_id"]
    assert set(answer.headers.items()) >= set(SECURITY_HEADERS.items())
    (line,) = [line for line in output.splitlines() if problem["request_id"] in line]
    assert f"[INFO] request {problem['request_id']}: rejected with {status}, " in line
    assert "broken header" not in output


def test_a_client_that_waits_for_leave_to_send_its_body_gets_it() -> None:
    port = free_port()
    picture = one()
    with running(GUNICORN, port), socket.create_connection(("127.0.0.1", port)) as client:
        client.sendall(POST + b"Expect: 100-continue\r\nContent-Length: %d\r\n\r\n" % len(picture))
        assert client.recv(100) == b"HTTP/1.1 100 Continue\r\n\r\n"
        client.sendall(picture)
        assert client.recv(1000).startswith(b"HTTP/1.1 200 ")


def test_a_request_on_a_kept_connection_is_answered_while_the_worker_stops() -> None:
    port = free_port()
    with running(GUNICORN, port, WEB_CONCURRENCY="1") as server:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
        connection.request("GET", "/healthz")
        connection.getresponse().read()
        server.terminate()
        time.sleep(0.5)
        connection.request("POST", "/predict", one(), {"Content-Type": "image/png"})
        answer = connection.getresponse()
        assert (answer.status, answer.headers["Connection"]) == (200, "close")
        answer.read()
        connection.close()
        assert server.wait(10) == 0


def test_slow_clients_do_not_hold_up_a_stop_for_longer_than_the_graceful_timeout() -> None:
    port = free_port()
    with running(GUNICORN, port) as server, dribbling(port, BODY, SLOWLY * 3, count=10):
        code, output = stop(server, patience_s=12)
        assert code == 0, output


def test_gunicorns_max_requests_replaces_workers() -> None:
    port = free_port()
    options = ["--max-requests", "5", "--max-requests-jitter", "0"]
    with running([*GUNICORN, *options], port, WEB_CONCURRENCY="1") as server:
        for _ in range(20):
            assert post(port, one())[0] == 200
        _, output = stop(server)
    assert output.count("Restarting the worker after 5 requests.") >= 3
