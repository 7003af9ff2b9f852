"""How often a client may ask: in memory and in a real Redis, with proxies before it and without."""

from __future__ import annotations

import contextlib
import http.client
import logging
import shutil
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from web_answers import assert_problem
from web_pictures import one
from web_servers import GUNICORN, free_port, running
from web_settings import settings_from

from digitrec.errors import SettingsError
from digitrec.web.middleware import api_keys as keys


def ask(client: FlaskClient, times: int = 1, address: str = "192.0.2.1", **headers: str) -> list[int]:
    """Return the statuses of so many answers."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    environ = {"REMOTE_ADDR": address}
    return [
        client.post("/predict", data=one(), headers=named, environ_base=environ).status_code
        for _ in range(times)
    ]


@contextlib.contextmanager
def redis_at(port: int) -> Iterator[None]:
    program = shutil.which("redis-server")
    if program is None:
        pytest.skip("no Redis found: apt-get install redis-server")
    pytest.importorskip("redis", reason="needs pip install 'digitrec[redis]'")
    options = ["--port", str(port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]
    server = subprocess.Popen([program, *options], stdout=subprocess.DEVNULL, cwd="/")
    try:
        deadline = time.monotonic() + 10
        while time.monotonic() < deadline:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
                break
            time.sleep(0.02)
        yield
    finally:
        server.terminate()
        server.wait(10)


@pytest.fixture
def redis() -> Iterator[str]:
    port = free_port()
    with redis_at(port):
        yield f"redis://127.0.0.1:{port}"


def test_nobody_is_limited_unless_asked_for(client: FlaskClient) -> None:
    assert set(ask(client, 50)) == {200}


def test_more_than_allowed_is_answered_with_429_and_when_to_come_back(make_app: Callable[..., Flask]) -> None:
    client = make_app(rate_limit="3/minute").test_client()
    assert ask(client, 5) == [200, 200, 200, 429, 429]
    answer = client.post("/predict", data=one(), environ_base={"REMOTE_ADDR": "192.0.2.1"})
    problem = assert_problem(answer, 429, "too-many-requests")
    retry_after = int(answer.headers["Retry-After"])
    assert retry_after in range(1, 61), "the rest of the minute that the limit counts in"
    assert f"Try again in {retry_after} s." in problem["detail"]
    assert "X-RateLimit-Limit" not in answer.headers


def test_a_client_is_answered_again_after_the_pause(make_app: Callable[..., Flask]) -> None:
    client = make_app(rate_limit="1/second").test_client()
    answers = (client.post("/predict", data=one()) for _ in range(1_000))
    refused = next(answer for answer in answers if answer.status_code == 429)
    time.sleep(int(refused.headers["Retry-After"]))
    assert client.post("/predict", data=one()).status_code == 200


def test_all_answers_count_together_and_pages_and_probes_do_not(make_app: Callable[..., Flask]) -> None:
    client = make_app(rate_limit="2/minute").test_client()
    for address in ("/predict", "/api/v1/read"):
        assert client.post(address, data=one()).status_code == 200
    for address in ("/predict", "/api/v1/predict", "/api/v1/read", "/upload"):
        assert client.post(address, data=one()).status_code == 429
    for address in ("/", "/healthz", "/readyz", "/api/v1/model", "/static/js/main.js"):
        assert client.get(address, buffered=True).status_code == 200


def test_each_address_and_each_key_has_a_count_of_its_own(make_app: Callable[..., Flask]) -> None:
    (first, one_stored), (second, other_stored) = keys.new_key("first"), keys.new_key("second")
    client = make_app(rate_limit="1/minute").test_client()
    assert [ask(client, address=f"192.0.2.{end}") for end in (1, 2, 1)] == [[200], [200], [429]]
    client = make_app(rate_limit="1/minute", api_keys=(one_stored, other_stored)).test_client()
    assert [ask(client, X_API_Key=key) for key in (first, second, first)] == [[200], [200], [429]]
    assert ask(client, address="192.0.2.9", X_API_Key=first) == [429]


def test_the_addresses_of_one_ipv6_network_are_one_client(make_app: Callable[..., Flask]) -> None:
    client = make_app(rate_limit="1/minute").test_client()
    addresses = [
        "2001:db8:1:2::1",
        "2001:db8:1:2:ffff::9",
        "2001:db8:1:3::1",
        "::ffff:192.0.2.7",
        "192.0.2.7",
    ]
    assert [ask(client, address=address)[0] for address in addresses] == [200, 429, 200, 200, 429]


def test_a_forged_forwarding_header_does_not_evade_the_limit(make_app: Callable[..., Flask]) -> None:
    client = make_app(rate_limit="1/minute").test_client()
    statuses = [ask(client, X_Forwarded_For=f"198.51.100.{end}")[0] for end in range(3)]
    assert statuses == [200, 429, 429]


@pytest.mark.parametrize(("proxies", "seen"), [(1, "{client}"), (2, "{client}, 203.0.113.8")])
def test_behind_proxies_the_client_is_the_one_that_the_outermost_saw(
    make_app: Callable[..., Flask], proxies: int, seen: str
) -> None:
    client = make_app(rate_limit="1/minute", trusted_proxies=proxies).test_client()

    def through(address: str, forged: str = "") -> int:
        (status,) = ask(client, address="10.0.0.1", X_Forwarded_For=forged + seen.format(client=address))
        return status

    assert [through("198.51.100.1"), through("198.51.100.2")] == [200, 200]
    assert through("198.51.100.1", forged="192.0.2.77, ") == 429


@pytest.mark.skipif(sys.platform == "win32", reason="gunicorn: not on this system")
@pytest.mark.parametrize(("proxies", "statuses"), [("0", [200, 429, 429]), ("1", [200, 200, 429])])
def test_a_real_server_believes_as_many_proxies_as_it_is_told(proxies: str, statuses: list[int]) -> None:
    port = free_port()
    environ = {
        "DIGITREC_RATE_LIMIT": "1/minute", "DIGITREC_TRUSTED_PROXIES": proxies, "WEB_CONCURRENCY": "1",
    }  # fmt: skip
    with running(GUNICORN, port, **environ):
        got = []
        for address in ("198.51.100.1", "198.51.100.2", "198.51.100.1"):
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
            connection.request("POST", "/predict", one(), {"X-Forwarded-For": f"192.0.2.7, {address}"})
            got.append(connection.getresponse().status)
            connection.close()
    assert got == statuses


def test_a_limit_in_redis_holds_for_all_workers_together(make_app: Callable[..., Flask], redis: str) -> None:
    workers = [make_app(rate_limit="4/minute", rate_limit_storage=redis).test_client() for _ in range(2)]
    assert [ask(worker)[0] for worker in workers * 3] == [200, 200, 200, 200, 429, 429]


def test_without_its_redis_each_worker_counts_for_itself_and_says_so(
    make_app: Callable[..., Flask], caplog: pytest.LogCaptureFixture
) -> None:
    port = free_port()
    with redis_at(port):
        app = make_app(rate_limit="2/minute", rate_limit_storage=f"redis://127.0.0.1:{port}")
        assert ask(app.test_client(), 1, address="192.0.2.5") == [200]
    with caplog.at_level(logging.WARNING):
        assert ask(app.test_client(), 4) == [200, 200, 429, 429]
    assert sum("storage unreachable" in record.getMessage() for record in caplog.records) == 1
    with redis_at(port):
        deadline = time.monotonic() + 20
        while any(limiter._storage_dead for limiter in app.extensions["limiter"]):
            assert time.monotonic() < deadline, "the limiter has not come back to its Redis"
            ask(app.test_client(), address="192.0.2.6")
            time.sleep(0.2)


def test_a_server_starts_while_its_redis_is_away(make_app: Callable[..., Flask]) -> None:
    pytest.importorskip("redis", reason="needs pip install 'digitrec[redis]'")
    app = make_app(rate_limit="1/minute", rate_limit_storage=f"redis://127.0.0.1:{free_port()}")
    assert ask(app.test_client(), 2) == [200, 429]


class Impostor:
    """Takes connections as a Redis would, and answers each command with the next of `replies`, then no more.

    A reply of None ends the connection.
    """

    def __init__(self, replies: Sequence[bytes | None]) -> None:
        self._replies = replies
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.address = f"redis://127.0.0.1:{self._listener.getsockname()[1]}"
        self.connections: list[socket.socket] = []
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):  # closed
            while True:
                self.connections.append(self._listener.accept()[0])
                threading.Thread(target=self._talk, args=[self.connections[-1]], daemon=True).start()

    def _talk(self, connection: socket.socket) -> None:
        replies = iter(self._replies)
        with contextlib.suppress(OSError):
            while connection.recv(65_536):
                reply = next(replies, b"")
                if reply is None:
                    connection.close()
                    return
                connection.sendall(reply)

    def close(self) -> None:
        self._listener.close()
        for connection in self.connections:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
            connection.close()


GREETING = [b"+OK\r\n"] * 4  # what the client says of itself when it connects
IMPOSTORS: dict[str, list[bytes | None]] = {
    "says nothing": [],
    "hangs up": [None],
    "speaks HTTP": [b"HTTP/1.1 400 Bad Request\r\n\r\n"],
    "answers with bytes of no meaning": [b"\x00\xff\xfe" * 99],
    "says yes to all": [b"+OK\r\n"] * 99,
    "claims more than it sends": [b"$999999999999\r\nx"],
    "nests without an end": [b"*1\r\n" * 20_000],
    "fails": [b"-LOADING Redis is loading\r\n"] * 99,
    "hangs up in the middle": [*GREETING, None],
    "hangs in the middle": [*GREETING, b":"],
    "is full": [*GREETING, *[b"-OOM command not allowed\r\n"] * 9],
}


@pytest.fixture
def impostor(request: pytest.FixtureRequest) -> Iterator[Impostor]:
    pytest.importorskip("redis", reason="needs pip install 'digitrec[redis]'")
    redis = Impostor(IMPOSTORS[request.param])
    yield redis
    redis.close()


@pytest.mark.parametrize("impostor", IMPOSTORS, indirect=True)
def test_every_request_is_answered_while_the_redis_gives_no_answers(
    make_app: Callable[..., Flask], impostor: Impostor
) -> None:
    app = make_app(rate_limit="9/minute", rate_limit_storage=impostor.address)
    assert ask(app.test_client(), 5) == [200] * 5


@pytest.mark.parametrize("impostor", ["says nothing", "hangs in the middle", "hangs up"], indirect=True)
def test_many_who_find_out_at_once_are_all_answered(
    make_app: Callable[..., Flask], impostor: Impostor
) -> None:
    app = make_app(rate_limit="99/minute", rate_limit_storage=impostor.address)
    with ThreadPoolExecutor(12) as clients:
        answers = list(clients.map(lambda _: ask(app.test_client())[0], range(36)))
    assert answers == [200] * 36


def test_a_redis_that_goes_while_it__of_a_429_costs_no_answer(
    make_app: Callable[..., Flask], monkeypatch: pytest.MonkeyPatch
) -> None:
    port = free_port()
    with redis_at(port):
        app = make_app(rate_limit="1/minute", rate_limit_storage=f"redis://127.0.0.1:{port}")
        assert ask(app.test_client(), 2) == [200, 429]
        from limits.storage import RedisStorage

        def fail(*_: object) -> int:
            raise ConnectionResetError

        monkeypatch.setattr(RedisStorage, "get_expiry", fail)
        assert ask(app.test_client(), 1) == [429]


def test_without_the_client_for_redis_the_server_says_what_to_install(
    make_app: Callable[..., Flask], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "redis", None)
    with pytest.raises(SettingsError, match=r"pip install 'digitrec\[redis\]'"):
        make_app(rate_limit="1/minute", rate_limit_storage="redis://127.0.0.1:6379")


@pytest.mark.parametrize(
    "value", ["600", "600/minutes", "0/minute", "many/minute", "1/minute;", "1 / minute"]
)
def test_a_limit_that_is_none_is_refused_at_the_start(value: str) -> None:
    with pytest.raises(SettingsError, match="DIGITREC_RATE_LIMIT: expected a limit such as 600/minute"):
        settings_from({"DIGITREC_RATE_LIMIT": value})


@pytest.mark.parametrize("value", ["600/minute", "10/second;5000/day"])
def test_a_limit_or_several_are_taken(make_app: Callable[..., Any], value: str) -> None:
    settings = settings_from({"DIGITREC_RATE_LIMIT": value})
    assert ask(make_app(rate_limit=settings.rate_limit).test_client()) == [200]


def test_the_password_of_a_redis_is_not_told_to_the_log() -> None:
    with pytest.raises(SettingsError, match="DIGITREC_RATE_LIMIT_STORAGE: expected memory://") as caught:
        settings_from({"DIGITREC_RATE_LIMIT_STORAGE": "http://:secret@host"})
    assert "secret" not in str(caught.value)
