"""A server's life under load: it stops, loses a worker and gets a new model, and who has asked gets an answer."""

from __future__ import annotations

import http.client
import json
import os
import shutil
import signal
import sys
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest
from test_metrics import PREDICT_200, scraped, value
from web_pictures import one
from web_servers import GUNICORN, REPOSITORY, children, free_port, running, serve_command, wait_until

from digitrec.files import packaged_model_path
from digitrec.model.model_file import read_model_file, write_model_file

sys.path.insert(0, str(REPOSITORY / "benchmarks"))

from steady_load import ANSWERED, CUT, REFUSED, Load

pytestmark = pytest.mark.skipif(
    sys.platform == "win32", reason="gunicorn and POSIX signals: not on this system"
)

CONNECTIONS = 8
QUIET = {"WEB_CONCURRENCY": "2", "DIGITREC_LOG_FORMAT": "text"}


@pytest.mark.parametrize("keep_alive", [True, False], ids=["kept connections", "a connection each"])
def test_sigterm_under_load_cuts_no_request(keep_alive: bool) -> None:
    port = free_port()
    with (
        running(GUNICORN, port, **QUIET) as server,
        Load(port, [one()], CONNECTIONS, keep_alive=keep_alive, ends_when_refused=True) as load,
    ):
        wait_until(lambda: load.count >= 50, 20)
        before = load.count
        server.send_signal(signal.SIGTERM)
        assert server.wait(15) == 0
        load.end()
    kinds = load.kinds()
    assert kinds.keys() == {ANSWERED, REFUSED}, kinds
    assert kinds[REFUSED] == CONNECTIONS
    assert load.count - kinds[REFUSED] >= before


def test_a_worker_killed_under_load_takes_no_more_than_what_it_has_in_hand() -> None:
    port = free_port()
    with running(GUNICORN, port, **QUIET) as server, Load(port, [one()], CONNECTIONS) as load:
        wait_until(lambda: load.count >= 50, 20)
        victim = children(server.pid)[0]
        held = connections_of(victim, port)
        killed = time.monotonic()
        os.kill(victim, signal.SIGKILL)
        wait_until(lambda: victim not in (now := children(server.pid)) and len(now) == 2, 5)
        wait_until(lambda: load.outcomes[-1].began > killed + 2, 10)
        load.end()
        counted = value(
            scraped(port), "digitrec_requests_total", **{**PREDICT_200, "endpoint": "/api/v1/predict"}
        )
    kinds = load.kinds()
    assert kinds.keys() <= {ANSWERED, CUT}, kinds
    assert kinds[CUT] <= held
    assert all(outcome.began < killed + 2 for outcome in load.outcomes if outcome.kind == CUT)
    # A killed worker may have counted an answer that it did not get out any more.
    assert kinds[ANSWERED] <= counted <= kinds[ANSWERED] + kinds[CUT]


def test_counts_are_exact_under_load() -> None:
    port = free_port()
    with running(GUNICORN, port, **QUIET):
        with Load(port, [one()], CONNECTIONS) as load:
            wait_until(lambda: load.count >= 300, 30)
        counted = value(scraped(port), "digitrec_predictions_total", digit="1")
    assert load.kinds() == {ANSWERED: counted}


def test_workers_are_replaced_after_so_many_requests_and_no_request_is_cut() -> None:
    port = free_port()
    with running([*GUNICORN, "--max-requests", "60"], port, **QUIET) as server:
        first = set(children(server.pid))
        with Load(port, [one()], CONNECTIONS) as load:
            wait_until(lambda: not first & set(children(server.pid)) and load.count >= 300, 40)
        assert load.kinds().keys() == {ANSWERED}
        assert "Restarting the worker" in server.said()


@pytest.mark.parametrize("command", ["gunicorn", "digitrec serve"])
def test_sighup_brings_the_new_model_without_a_failed_request(tmp_path: Path, command: str) -> None:
    port, model = free_port(), model_file(tmp_path, "1.0")
    started = GUNICORN if command == "gunicorn" else serve_command("run", port)
    with (
        running(started, port, DIGITREC_MODEL_PATH=str(model), **QUIET) as server,
        Load(port, [one()], CONNECTIONS) as load,
    ):
        wait_until(lambda: load.count >= 30, 20)
        model_file(tmp_path, "2.0")
        server.send_signal(signal.SIGHUP)
        wait_until(lambda: {outcome.version for outcome in load.outcomes[-20:]} == {"2.0"}, 20)
        load.end()
        assert "Loaded the model digitrec 2.0 in place of digitrec 1.0." in server.said()
    assert load.kinds().keys() == {ANSWERED}, load.kinds()
    assert load.outcomes[0].version == "1.0"


def truncated(model: Path) -> None:
    model.write_bytes(packaged_model_path().read_bytes()[:20_000])


def without_graph(model: Path) -> None:
    import h5py

    with h5py.File(model, "a") as file:
        del file["digitrec"]


@pytest.mark.parametrize(
    "damage", [truncated, without_graph, Path.unlink], ids=["truncated", "no graph", "gone"]
)
def test_sighup_with_a_damaged_model_keeps_the_old_one_and_says_why(
    tmp_path: Path, damage: Callable[[Path], None]
) -> None:
    port, model = free_port(), model_file(tmp_path, "1.0")
    with (
        running(GUNICORN, port, DIGITREC_MODEL_PATH=str(model), **QUIET) as server,
        Load(port, [one()], CONNECTIONS) as load,
    ):
        wait_until(lambda: load.count >= 30, 20)
        old = set(children(server.pid))
        damage(model)
        server.send_signal(signal.SIGHUP)
        wait_until(lambda: len(children(server.pid)) == 2 and not old & set(children(server.pid)), 20)
        began = load.count
        wait_until(lambda: load.count >= began + 30, 20)
        load.end()
        (line,) = [line for line in server.said().splitlines() if "Cannot load the new model" in line]
    assert "[ERROR] Cannot load the new model, so digitrec 1.0 stays" in line
    assert str(model) in line
    assert load.kinds().keys() == {ANSWERED}, load.kinds()
    assert {outcome.version for outcome in load.outcomes} == {"1.0"}


def test_a_second_sighup_after_the_file_is_mended_brings_the_new_model(tmp_path: Path) -> None:
    port, model = free_port(), model_file(tmp_path, "1.0")
    with running(GUNICORN, port, DIGITREC_MODEL_PATH=str(model), **QUIET) as server:
        truncated(model)
        server.send_signal(signal.SIGHUP)
        wait_until(lambda: "Cannot load the new model" in server.said(), 10)
        model_file(tmp_path, "2.0")
        server.send_signal(signal.SIGHUP)
        wait_until(lambda: ready(port) == (200, "2.0"), 20)


def test_readyz_says_503_while_the_server_drains_and_requests_are_still_answered() -> None:
    port = free_port()
    with (
        running(GUNICORN, port, DIGITREC_SHUTDOWN_DELAY_S="2", **QUIET) as server,
        Load(port, [one()], 2, ends_when_refused=True) as load,
    ):
        wait_until(lambda: load.count >= 10, 20)
        began = time.monotonic()
        server.send_signal(signal.SIGTERM)
        wait_until(lambda: ready(port)[0] == 503, 1)
        assert urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz", timeout=10).status == 200
        before = load.count
        wait_until(lambda: load.count >= before + 10, 2)
        assert server.wait(15) == 0
        assert time.monotonic() - began >= 2
        load.end()
    assert load.kinds().keys() == {ANSWERED, REFUSED}, load.kinds()


def test_a_second_sigterm_ends_the_draining() -> None:
    port = free_port()
    with running(GUNICORN, port, DIGITREC_SHUTDOWN_DELAY_S="60", **QUIET) as server:
        server.send_signal(signal.SIGTERM)
        wait_until(lambda: ready(port)[0] == 503, 5)
        server.send_signal(signal.SIGTERM)
        assert server.wait(10) == 0


def test_readyz_says_503_on_a_connection_that_outlives_the_listener() -> None:
    port = free_port()
    with running(GUNICORN, port, **QUIET) as server:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
        assert status_of(connection, "/readyz") == 200
        server.send_signal(signal.SIGTERM)
        wait_until(lambda: "Handling signal: term" in server.said(), 5)
        time.sleep(0.3)
        assert status_of(connection, "/readyz") == 503
        connection.close()
        assert server.wait(10) == 0


def model_file(folder: Path, version: str) -> Path:
    """Put the packaged model under another version into `folder`, in one step, as a deployment should."""
    model, beside = folder / "digitrec.h5", folder / "new.h5"
    shutil.copyfile(packaged_model_path(), beside)
    artifact = read_model_file(beside)
    assert artifact.graph is not None
    assert artifact.card is not None
    write_model_file(beside, artifact.graph, {**artifact.card, "version": version})
    beside.replace(model)
    return model


def connections_of(worker: int, port: int) -> int:
    return sum(
        connection.status == psutil.CONN_ESTABLISHED and connection.laddr.port == port
        for connection in psutil.Process(worker).net_connections("tcp")
    )


def ready(port: int) -> tuple[int, str]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    connection.request("GET", "/readyz", headers={"Connection": "close"})
    with connection.getresponse() as answer:
        body = json.loads(answer.read())
    return answer.status, body.get("model", {}).get("version", "")


def status_of(connection: http.client.HTTPConnection, path: str) -> int:
    connection.request("GET", path)
    with connection.getresponse() as answer:
        answer.read()
    return answer.status
