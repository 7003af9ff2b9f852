"""How often a client may ask: counted in memory and in a real Redis, with and without proxies."""

from __future__ import annotations

import contextlib
import logging
import shutil
import socketserver
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from flask import Flask
from flask.testing import FlaskClient
from web_images import one
from web_servers import free_port, running, wait_until
from web_testing import assert_problem, settings_from

from digitrec.errors import SettingsError
from digitrec.web.middleware.api_keys import new_key

NEEDS_REDIS = "needs pip install 'digitrec[redis]'"
ONE = one()
MakeApp = Callable[..., Flask]


def ask(client: FlaskClient, times: int = 1, address: str = "192.0.2.1", **headers: str) -> list[int]:
    """Return the statuses of `times` predictions."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    environ = {"REMOTE_ADDR": address}
    post = client.post
    return [post("/predict", data=ONE, headers=named, environ_base=environ).status_code for _ in range(times)]


@contextlib.contextmanager
def redis_at(port: int) -> Iterator[str]:
    program = shutil.which("redis-server")
    if program is None:
        pytest.skip("no Redis found: apt-get install redis-server")
    redis = pytest.importorskip("redis", reason=NEEDS_REDIS)
    options = ["--port", str(port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]
    server = subprocess.Popen([program, *options], stdout=subprocess.DEVNULL, cwd="/")

    def is_ready() -> bool:
        with contextlib.suppress(redis.ConnectionError), redis.Redis(port=port) as client:
            return bool(client.ping())
        return False

    try:
        wait_until(is_ready)
        yield f"redis://127.0.0.1:{port}"
    finally:
        server.terminate()
        server.wait(10)


@pytest.fixture
def redis() -> Iterator[str]:
    with redis_at(free_port()) as address:
        yield address


def test_more_than_allowed_gets_429_and_when_to_retry(make_app: MakeApp) -> None:
    client = make_app(rate_limit="3/minute").test_client()
    assert ask(client, 5, "127.0.0.1") == [200, 200, 200, 429, 429]
    response = client.post("/predict", data=ONE)
    problem = assert_problem(response, 429, "too-many-requests")
    retry_after = int(response.headers["Retry-After"])
    assert retry_after in range(1, 61), "the rest of the minute that the limit counts in"
    assert f"Try again in {retry_after} s." in problem["detail"]
    assert "X-RateLimit-Limit" not in response.headers


def test_a_client_is_served_again_after_the_pause(make_app: MakeApp) -> None:
    client = make_app(rate_limit="1/second").test_client()
    responses = (client.post("/predict", data=ONE) for _ in range(1_000))
    rejected = next(response for response in responses if response.status_code == 429)
    time.sleep(int(rejected.headers["Retry-After"]))
    assert client.post("/predict", data=ONE).status_code == 200


def test_predictions_and_readings_count_together_and_pages_do_not(make_app: MakeApp) -> None:
    client = make_app(rate_limit="2/minute").test_client()
    for path in ("/predict", "/api/v1/read"):
        assert client.post(path, data=ONE).status_code == 200
    for path in ("/predict", "/api/v1/predict", "/api/v1/read", "/upload"):
        assert client.post(path, data=ONE).status_code == 429
    for path in ("/", "/healthz", "/readyz", "/api/v1/model", "/static/js/main.js"):
        assert client.get(path, buffered=True).status_code == 200


@pytest.mark.parametrize(
    ("addresses", "statuses"),
    [
        (["192.0.2.1", "192.0.2.2", "192.0.2.1"], [200, 200, 429]),
        (["2001:db8:1:2::1", "2001:db8:1:2:ffff::9", "2001:db8:1:3::1"], [200, 429, 200]),
        (["::ffff:192.0.2.7", "192.0.2.7"], [200, 429]),
    ],
    ids=["IPv4", "IPv6 network", "mapped IPv4"],
)
def test_each_address_or_ipv6_network_is_one_client(
    make_app: MakeApp, addresses: list[str], statuses: list[int]
) -> None:
    client = make_app(rate_limit="1/minute").test_client()
    assert [ask(client, address=address)[0] for address in addresses] == statuses


def test_each_key_is_one_client(make_app: MakeApp) -> None:
    (first, one_stored), (second, other_stored) = new_key("first"), new_key("second")
    client = make_app(rate_limit="1/minute", api_keys=(one_stored, other_stored)).test_client()
    assert [ask(client, X_API_Key=key) for key in (first, second, first)] == [[200], [200], [429]]
    assert ask(client, address="192.0.2.9", X_API_Key=first) == [429]


@pytest.mark.parametrize(("proxies", "statuses"), [(0, [200, 429, 429]), (1, [200, 200, 429])])
def test_as_many_proxies_are_trusted_as_are_set(make_app: MakeApp, proxies: int, statuses: list[int]) -> None:
    client = make_app(rate_limit="1/minute", trusted_proxies=proxies).test_client()
    seen = [f"192.0.2.7, 198.51.100.{end}" for end in (1, 2, 1)]
    assert [ask(client, X_Forwarded_For=value)[0] for value in seen] == statuses


def test_a_real_server_passes_the_address_of_a_proxy_on() -> None:
    settings = {"DIGITREC_TRUSTED_PROXIES": "1", "WEB_CONCURRENCY": "1"}
    with running(DIGITREC_RATE_LIMIT="1/minute", **settings) as server:
        seen = ("198.51.100.1", "198.51.100.2")
        assert [server.post(ONE, **{"X-Forwarded-For": value})[0] for value in seen] == [200, 200]


def test_a_limit_in_redis_holds_for_all_workers_together(make_app: MakeApp, redis: str) -> None:
    workers = [make_app(rate_limit="4/minute", rate_limit_storage=redis).test_client() for _ in range(2)]
    assert [ask(worker)[0] for worker in workers * 3] == [200, 200, 200, 200, 429, 429]


def test_a_worker_counts_for_itself_until_its_redis_is_back(
    make_app: MakeApp, caplog: pytest.LogCaptureFixture
) -> None:
    port = free_port()
    with redis_at(port) as address:
        client = make_app(rate_limit="2/minute", rate_limit_storage=address).test_client()
        assert ask(client, 1, address="192.0.2.5") == [200]
    with caplog.at_level(logging.WARNING):
        assert ask(client, 4) == [200, 200, 429, 429]
    assert sum("storage unreachable" in record.getMessage() for record in caplog.records) == 1
    with redis_at(port), sys.modules["redis"].Redis(port=port) as storage:

        def is_counted_in_redis() -> bool:
            ask(client, address="192.0.2.6")
            return bool(storage.dbsize())

        wait_until(is_counted_in_redis)


def test_a_server_starts_while_its_redis_is_away(make_app: MakeApp) -> None:
    pytest.importorskip("redis", reason=NEEDS_REDIS)
    app = make_app(rate_limit="1/minute", rate_limit_storage=f"redis://127.0.0.1:{free_port()}")
    assert ask(app.test_client(), 2) == [200, 429]


# What a server that is not a working Redis replies to each command, then nothing; None ends the connection.
GREETING = [b"+OK\r\n"] * 4  # what the client sends first when it connects
BROKEN: dict[str, list[bytes | None]] = {
    "says nothing": [],
    "hangs up": [None],
    "speaks HTTP": [b"HTTP/1.1 400 Bad Request\r\n\r\n"],
    "replies with random bytes": [b"\x00\xff\xfe" * 99],
    "says yes to all": [b"+OK\r\n"] * 99,
    "claims more than it sends": [b"$999999999999\r\nx"],
    "nests without an end": [b"*1\r\n" * 20_000],
    "fails": [b"-LOADING Redis is loading\r\n"] * 99,
    "hangs up in the middle": [*GREETING, None],
    "hangs in the middle": [*GREETING, b":"],
    "is full": [*GREETING, *[b"-OOM command not allowed\r\n"] * 9],
}


@pytest.fixture
def broken_redis(request: pytest.FixtureRequest) -> Iterator[str]:
    pytest.importorskip("redis", reason=NEEDS_REDIS)

    class Handler(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            replies = iter(BROKEN[request.param])
            with contextlib.suppress(OSError):
                while self.request.recv(65_536) and (reply := next(replies, b"")) is not None:
                    self.request.sendall(reply)

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads, server.block_on_close = True, False
        threading.Thread(target=server.serve_forever, args=[0.05]).start()
        yield f"redis://127.0.0.1:{server.server_address[1]}"
        server.shutdown()


@pytest.mark.parametrize("broken_redis", BROKEN, indirect=True)
def test_every_request_is_served_while_redis_is_broken(make_app: MakeApp, broken_redis: str) -> None:
    app = make_app(rate_limit="99/minute", rate_limit_storage=broken_redis)
    with ThreadPoolExecutor(12) as clients:
        assert list(clients.map(lambda _: ask(app.test_client())[0], range(36))) == [200] * 36


def test_a_redis_that_goes_during_a_429_costs_no_response(
    make_app: MakeApp, monkeypatch: pytest.MonkeyPatch, redis: str
) -> None:
    client = make_app(rate_limit="1/minute", rate_limit_storage=redis).test_client()
    assert ask(client, 2) == [200, 429]
    from limits.storage import RedisStorage

    def fail(*_: object) -> int:
        raise ConnectionResetError

    monkeypatch.setattr(RedisStorage, "get_expiry", fail)
    assert ask(client) == [429]


def test_an_error_names_the_missing_client_for_redis(
    make_app: MakeApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "redis", None)
    with pytest.raises(SettingsError, match=r"pip install 'digitrec\[redis\]'"):
        make_app(rate_limit="1/minute", rate_limit_storage="redis://127.0.0.1:6379")


@pytest.mark.parametrize("value", ["600/minute", "10/second;5000/day"])
def test_one_limit_or_several_are_valid(make_app: MakeApp, value: str) -> None:
    assert ask(make_app(rate_limit=settings_from(RATE_LIMIT=value).rate_limit).test_client()) == [200]
