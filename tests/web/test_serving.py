"""Real servers with the real model: they start, respond, reject what is not HTTP, and stop."""

from __future__ import annotations

import http.client
import json
import os
import signal
from collections.abc import Sequence
from pathlib import Path

import pytest
from web_images import huge_png, one
from web_servers import (
    GUNICORN,
    PLAIN_GUNICORN,
    SERVE,
    WAITRESS,
    Server,
    memory_kb,
    running,
    wait_until,
)

from digitrec.errors import SettingsError
from digitrec.files import packaged_model_path
from digitrec.web.config import Settings
from digitrec.web.middleware.security_headers import SECURITY_HEADERS
from digitrec.web.server import run

POST = b"POST /predict HTTP/1.1\r\nHost: x\r\nContent-Type: image/png\r\n"


@pytest.mark.parametrize(
    ("command", "stop_signal", "num_warnings"),
    [
        (GUNICORN, signal.SIGTERM, 1),
        (PLAIN_GUNICORN, signal.SIGTERM, 0),
        (SERVE, signal.SIGINT, 1),
        (WAITRESS, signal.SIGINT, 0),
    ],
    ids=["gunicorn", "create_app", "serve", "waitress"],
)
def test_a_server_starts_predicts_and_stops(
    command: Sequence[str], stop_signal: int, num_warnings: int
) -> None:
    head = b"POST /predict HTTP/1.1\r\nHost: x\r\nContent-Type: %s\r\nContent-Length: 5000\r\n\r\n--x"
    with running(command, DIGITREC_RATE_LIMT="5/minute", DIGITREC_DATA="mnist.npz") as server:
        for content_type in (b"image/png", b"application/json", b"multipart/form-data; boundary=x"):
            with server.connect() as client:  # it breaks off
                client.sendall(head % content_type)
        status, body = server.post(one())
        assert (status, json.loads(body)["digit"]) == (200, 1)
        status, body = server.post(b"text")
        assert status == 415
        code, log = server.stop(stop_signal)
    assert code == 0, log
    assert log.count(json.loads(body)["request_id"]) == 1, "an error is logged once"
    assert "SIGKILL" not in log, "each worker ends by itself, within the graceful timeout"
    assert "Traceback" not in log
    assert f"http://127.0.0.1:{server.port}" in log or command in (GUNICORN, PLAIN_GUNICORN)
    warnings = [line for line in log.splitlines() if "is not a setting" in line]
    assert len(warnings) == num_warnings
    for warning in warnings:
        assert (
            "DIGITREC_RATE_LIMT is not a setting and has no effect. Did you mean DIGITREC_RATE_LIMIT?"
            in warning
        )


@pytest.mark.slow
def test_a_worker_stays_small() -> None:
    with running(WEB_CONCURRENCY="1") as server:
        (worker,) = server.workers
        for _ in range(20):
            assert server.post(one())[0] == 200
        before_kb = memory_kb(worker)
        assert before_kb < 70_000
        for _ in range(20):
            assert server.post(huge_png())[0] == 413
        assert memory_kb(worker) - before_kb < 4_000
        clients = [server.connect() for _ in range(30)]
        for client in clients:
            client.sendall(POST + b"Content-Length: 5000001\r\n\r\n" + bytes(5_000_000))
        assert server.post(one())[0] == 200
        assert memory_kb(worker) - before_kb < 30_000
        for client in clients:
            client.close()


def test_a_connection_survives_an_error_that_left_the_body_unread(server: Server) -> None:
    connection = server.http()
    for path, body, status in (
        ("/predict?threshold=7", bytes(3_000_000), 400),
        ("/nowhere", bytes(3_000_000), 404),
        ("/predict", bytes(21_000_000), 413),
        ("/predict", iter([bytes(1_000_000)] * 21), 413),
        ("/predict", one(), 200),
    ):
        connection.request("POST", path, body, {"Content-Type": "image/png"})
        with connection.getresponse() as response:
            assert response.status == status
            response.read()
    connection.close()
    assert max(map(memory_kb, server.workers)) < 80_000


@pytest.mark.parametrize(
    ("sent", "status", "expected"),
    [
        (b"nonsense\r\n\r\n", 400, "a valid HTTP request."),
        (b"GET / HTTP/1.1\r\nbroken header\r\n\r\n", 400, "a valid HTTP request."),
        (b"GET / HTTP/1.1\r\nX: " + b"y" * 40_000 + b"\r\n\r\n", 431, "headers of at most 32,768 bytes."),
        (POST + b"Content-Length: -1\r\n\r\n", 400, "a valid HTTP request."),
        (POST + b"Content-Length: 300000000\r\n\r\n", 413, "a body of at most 20,000,000 bytes."),
        (POST + b"Transfer-Encoding: gzip\r\n\r\n", 501, "a valid HTTP request."),
        (POST + b"Transfer-Encoding: chunked\r\n\r\n" + b"0" * 10_000, 400, "a valid HTTP request."),
    ],
    ids=["nonsense", "header", "long header", "length", "large body", "encoding", "chunk size"],
)
def test_what_is_not_http_gets_a_problem(server: Server, sent: bytes, status: int, expected: str) -> None:
    with server.connect() as client:
        client.sendall(sent)
        with http.client.HTTPResponse(client) as response:
            response.begin()
            problem = json.loads(response.read())
    assert (response.status, problem["status"]) == (status, status)
    assert problem["detail"].startswith(f"Expected {expected} Received: ")
    assert ".." not in problem["detail"]
    assert response.headers["Content-Type"] == "application/problem+json"
    assert response.headers["Cache-Control"] == "no-store"
    assert response.headers["X-Request-ID"] == problem["request_id"]
    assert set(response.headers.items()) >= set(SECURITY_HEADERS.items())
    wait_until(lambda: problem["request_id"] in server.log())
    (line,) = [line for line in server.log().splitlines() if problem["request_id"] in line]
    assert f"[INFO] request {problem['request_id']}: rejected with {status}, " in line
    assert "broken header" not in server.log()


def test_a_client_that_waits_for_100_continue_gets_it(server: Server) -> None:
    with server.connect() as client:
        client.sendall(POST + b"Expect: 100-continue\r\nContent-Length: %d\r\n\r\n" % len(one()))
        assert client.recv(100) == b"HTTP/1.1 100 Continue\r\n\r\n"
        client.sendall(one())
        assert client.recv(1000).startswith(b"HTTP/1.1 200 ")


@pytest.fixture
def truncated_model(tmp_path: Path) -> Path:
    model, content = tmp_path / "broken.h5", packaged_model_path().read_bytes()
    model.write_bytes(content[: len(content) // 2])
    return model


def test_the_application_does_not_start_without_a_good_model(
    truncated_model: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PROMETHEUS_MULTIPROC_DIR", str(truncated_model.parent))
    with pytest.raises(SystemExit):
        run.create_wsgi_app(Settings(model_path=truncated_model))
    (line,) = capfd.readouterr().err.splitlines()
    assert line.startswith("digitrec cannot start: ")
    assert str(truncated_model) in line


def test_gunicorn_does_not_start_without_a_good_model(truncated_model: Path) -> None:
    code, log = Server(DIGITREC_MODEL_PATH=str(truncated_model)).end()
    assert code != 0
    assert str(truncated_model) in log
    assert "Listening" not in log
    assert log.count("digitrec cannot start") == 1
    assert "Traceback" not in log


def test_gunicorn_does_not_start_with_an_invalid_setting() -> None:
    code, log = Server(WEB_CONCURRENCY="0").end()
    assert code != 0
    assert "WEB_CONCURRENCY: expected a whole number above 0. Received: '0'" in log
    assert "Traceback" not in log


@pytest.mark.parametrize(
    "value", ["0", "-1", "1.5", "many", "٣", pytest.param("9" * 5000, id="5,000 digits")]
)
@pytest.mark.parametrize("variable", ["PORT", "WEB_CONCURRENCY"])
def test_a_port_or_worker_count_that_is_not_a_whole_number_is_rejected(variable: str, value: str) -> None:
    with pytest.raises(SettingsError, match=rf"{variable}: expected a whole number above 0\. Received: '"):
        run.gunicorn_options(Settings(), {variable: value})


def test_the_options_come_from_the_settings_and_variables() -> None:
    options = run.gunicorn_options(
        Settings(threads=5, request_timeout_s=7), {"PORT": "9000", "WEB_CONCURRENCY": "3"}
    )
    assert (options["bind"], options["workers"]) == ("0.0.0.0:9000", 3)
    assert (options["threads"], options["timeout"], options["graceful_timeout"]) == (5, 7, 7)


def test_without_variables_the_port_is_8000_and_the_machine_decides_on_workers() -> None:
    options = run.gunicorn_options(Settings(), {"PORT": "", "WEB_CONCURRENCY": " "})
    assert options["bind"] == "0.0.0.0:8000"
    assert 1 <= options["workers"] <= (os.cpu_count() or 1)


@pytest.mark.parametrize(("platform", "server"), [("win32", "run_waitress"), ("linux", "run_gunicorn")])
def test_waitress_serves_on_windows_and_gunicorn_elsewhere(
    monkeypatch: pytest.MonkeyPatch, platform: str, server: str
) -> None:
    served: list[tuple[str, int, Settings]] = []
    monkeypatch.setattr(run.sys, "platform", platform)
    monkeypatch.setattr(run, server, lambda *arguments: served.append(arguments))
    run.run("::1", 8000, Settings())
    assert served == [("::1", 8000, Settings())]
