"""A real gunicorn and a real waitress with the real model: started, asked, stopped."""

from __future__ import annotations

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import h5py
import pytest
from web_pictures import huge_png, one
from web_servers import (
    GUNICORN,
    PLAIN_GUNICORN,
    REPOSITORY,
    allocated_kb,
    children,
    free_port,
    post,
    running,
    serve_command,
    start,
    stop,
)

import digitrec
from digitrec.errors import SettingsError
from digitrec.files import packaged_model_path
from digitrec.web.config import Settings
from digitrec.web.server import run

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="gunicorn and POSIX signals: not on Windows")


@pytest.mark.parametrize("command", [GUNICORN, PLAIN_GUNICORN], ids=["Procfile", "create_app"])
def test_gunicorn_starts_answers_and_stops_on_sigterm(command: list[str]) -> None:
    port = free_port()
    with running(command, port) as server:
        status, body = post(port, one())
        assert (status, json.loads(body)["digit"]) == (200, 1)
        code, output = stop(server)
        assert code == 0, output
        assert "SIGKILL" not in output, "each worker ends by itself, within the graceful timeout"
        assert "Traceback" not in output


def test_digitrec_serve_starts_answers_and_stops_on_ctrl_c() -> None:
    port = free_port()
    with running(serve_command("run", port), port) as server:
        assert post(port, one())[0] == 200
        code, output = stop(server, signal.SIGINT)
        assert code == 0, output
        assert f"http://127.0.0.1:{port}" in output


def test_waitress_starts_answers_and_stops() -> None:
    pytest.importorskip("waitress", reason="waitress serves on Windows; pip install waitress tests it here")
    port = free_port()
    with running(serve_command("run_waitress", port), port) as server:
        assert post(port, one())[0] == 200
        assert post(port, b"text")[0] == 415
        code, output = stop(server, signal.SIGINT)
        assert code == 0, output
        assert output.count("returned 415") == 1, "a failure is logged once"


def test_a_failure_is_logged_once_by_gunicorn() -> None:
    port = free_port()
    with running(GUNICORN, port) as server:
        status, body = post(port, b"text")
        _, output = stop(server)
    assert status == 415
    assert output.count(json.loads(body)["request_id"]) == 1


def test_a_worker_stays_small_even_when_huge_pictures_come() -> None:
    port = free_port()
    with running(GUNICORN, port, WEB_CONCURRENCY="1") as server:
        (worker,) = children(server.pid)
        for _ in range(20):
            assert post(port, one())[0] == 200
        before_kb = allocated_kb(worker)
        for _ in range(20):
            assert post(port, huge_png())[0] == 413
        assert allocated_kb(worker) - before_kb < 4_000
        assert before_kb < 80_000


def test_a_body_over_the_limit_gets_its_413_and_not_a_broken_connection() -> None:
    port = free_port()
    with running(GUNICORN, port, DIGITREC_MAX_REQUEST_BYTES="1000000") as server:
        (worker, *_) = children(server.pid)
        status, body = post(port, bytes(1_900_000))
        assert (status, json.loads(body)["type"]) == (413, "/problems/request-too-large")
        assert allocated_kb(worker) < 80_000


def test_a_connection_lives_on_after_a_failure_that_left_the_body_unread() -> None:
    port = free_port()
    with running(GUNICORN, port):
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
        for path, body, status in (
            ("/predict?threshold=7", bytes(3_000_000), 400),
            ("/nowhere", bytes(3_000_000), 404),
            ("/predict", bytes(21_000_000), 413),
            ("/predict", iter([bytes(1_000_000)] * 21), 413),
            ("/predict", one(), 200),
        ):
            connection.request("POST", path, body, {"Content-Type": "image/png"})
            with connection.getresponse() as answer:
                assert answer.status == status
                answer.read()
        connection.close()


def test_a_client_that_breaks_off_leaves_the_server_answering() -> None:
    port = free_port()
    head = b"POST /predict HTTP/1.1\r\nHost: x\r\nContent-Type: %s\r\nContent-Length: 5000\r\n\r\n--x"
    with running(GUNICORN, port) as server:
        for content_type in (b"image/png", b"application/json", b"multipart/form-data; boundary=x"):
            with socket.create_connection(("127.0.0.1", port)) as client:
                client.sendall(head % content_type)
        assert post(port, one())[0] == 200
        code, output = stop(server)
    assert code == 0
    assert "Traceback" not in output


@pytest.mark.parametrize("command", [GUNICORN, PLAIN_GUNICORN], ids=["Procfile", "create_app"])
@pytest.mark.parametrize("damage", ["missing", "empty", "truncated", "of other weights"])
def test_gunicorn_refuses_to_start_without_a_good_model(
    tmp_path: Path, command: list[str], damage: str
) -> None:
    model = tmp_path / "broken.h5"
    if damage != "missing":
        whole = packaged_model_path().read_bytes()
        model.write_bytes(whole[: {"empty": 0, "truncated": len(whole) // 2}.get(damage)])
    if damage == "of other weights":
        with h5py.File(model, "a") as file:
            weights = []
            file["model_weights"].visititems(
                lambda _, item: weights.append(item) if isinstance(item, h5py.Dataset) else None
            )
            weights[0][...] = weights[0][...] + 1
    server = start(command, free_port(), DIGITREC_MODEL_PATH=str(model))
    output = server.communicate(timeout=30)[0]
    assert server.returncode not in (0, None)
    assert str(model) in output
    assert "Listening" not in output
    if command is GUNICORN:
        assert "Traceback" not in output
        assert output.count("digitrec cannot start") == 1


@pytest.mark.parametrize(
    ("variable", "value"), [("PORT", "eighty"), ("WEB_CONCURRENCY", "0"), ("DIGITREC_THREADS", "many")]
)
def test_gunicorn_refuses_to_start_with_a_setting_it_does_not_understand(variable: str, value: str) -> None:
    server = start(GUNICORN, free_port(), **{variable: value})
    output = server.communicate(timeout=30)[0]
    assert server.returncode not in (0, None)
    assert f"{variable}: expected a whole number above 0. Received: '{value}'" in output
    assert "Traceback" not in output


def test_digitrec_serve_names_the_variable_of_a_port_that_is_none() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "digitrec", "serve"],
        env={**os.environ, "PORT": "eighty"}, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 2
    assert "PORT" in done.stderr.splitlines()[-1]


def test_a_setting_whose_name_is_mistyped_is_told_once_at_the_start() -> None:
    port = free_port()
    with running(GUNICORN, port, DIGITREC_RATE_LIMT="5/minute", DIGITREC_DATA="mnist.npz") as server:
        _, output = stop(server)
    told = [line for line in output.splitlines() if "is not a setting" in line]
    assert len(told) == 1, told
    assert (
        "DIGITREC_RATE_LIMT is not a setting and has no effect. Did you mean DIGITREC_RATE_LIMIT?" in told[0]
    )


def test_digitrec_serve_refuses_a_worker_count_before_gunicorn_trips_over_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("WEB_CONCURRENCY", "many")
    with pytest.raises(
        SettingsError, match=r"WEB_CONCURRENCY: expected a whole number above 0\. Received: 'many'"
    ):
        run.run_gunicorn("127.0.0.1", free_port(), Settings())


def test_the_application_boots_without_tensorflow_keras_or_matplotlib() -> None:
    code = (
        "import sys; from digitrec.web import create_app; app = create_app();"
        "assert app.test_client().get('/readyz').status_code == 200;"
        "print([name for name in ('tensorflow', 'keras', 'matplotlib', 'sklearn') if name in sys.modules])"
    )
    env = {**os.environ, "PYTHONPATH": str(Path(digitrec.__file__).resolve().parents[1])}
    done = subprocess.run(
        [sys.executable, "-c", code], env=env, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.stdout.strip() == "[]", done.stderr


def test_the_options_come_from_the_settings_and_the_hosts_variables() -> None:
    options = run.gunicorn_options(
        Settings(threads=5, request_timeout_s=7), {"PORT": "9000", "WEB_CONCURRENCY": "3"}
    )
    assert (options["bind"], options["workers"]) == ("0.0.0.0:9000", 3)
    assert (options["threads"], options["timeout"], options["graceful_timeout"]) == (5, 7, 7)


def test_the_port_is_8000_and_the_machine_decides_on_workers_when_the_host_says_nothing() -> None:
    options = run.gunicorn_options(Settings(), {"PORT": "", "WEB_CONCURRENCY": " "})
    assert options["bind"] == "0.0.0.0:8000"
    assert 1 <= options["workers"] <= (os.cpu_count() or 1)


@pytest.mark.parametrize("value", ["0", "-1", "1.5", "many", "٣"])
def test_a_worker_count_that_is_no_whole_number_is_refused(value: str) -> None:
    with pytest.raises(SettingsError, match=r"WEB_CONCURRENCY: expected a whole number above 0. Received: '"):
        run.gunicorn_options(Settings(), {"WEB_CONCURRENCY": value})


@pytest.mark.parametrize(("platform", "server"), [("win32", "run_waitress"), ("linux", "run_gunicorn")])
def test_waitress_serves_on_windows_and_gunicorn_elsewhere(
    monkeypatch: pytest.MonkeyPatch, platform: str, server: str
) -> None:
    served: list[tuple[str, int, Settings]] = []
    monkeypatch.setattr(run.sys, "platform", platform)
    monkeypatch.setattr(run, server, lambda *arguments: served.append(arguments))
    run.run("::1", 8000, Settings())
    assert served == [("::1", 8000, Settings())]


def test_the_procfile_starts_gunicorn_with_this_application() -> None:
    assert (
        REPOSITORY / "Procfile"
    ).read_text() == "web: gunicorn 'digitrec.web.server.run:create_wsgi_app()'\n"
