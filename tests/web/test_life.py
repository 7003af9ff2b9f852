"""A server's life under load: it stops, loses a worker and gets a new model without losing requests."""

from __future__ import annotations

import json
import os
import shutil
import signal
import time
from pathlib import Path

import h5py
import psutil
import pytest
from steady_load import ANSWERED, CUT, REFUSED, Load
from web_images import one
from web_servers import GUNICORN, SERVE, Server, running, wait_until
from web_testing import metric

from digitrec.files import packaged_model_path
from digitrec.model.model_file import read_model_file, write_model_file

pytestmark = pytest.mark.slow

CONNECTIONS = 8
PREDICTED = {"endpoint": "/api/v1/predict", "method": "POST", "status": "200"}


def wait_for(load: Load, count: int) -> None:
    """Wait for so many more requests."""
    began = load.count
    wait_until(lambda: load.count >= began + count)


def status_and_version(server: Server) -> tuple[int, str]:
    status, body = server.get("/readyz")
    return status, json.loads(body).get("model", {}).get("version", "")


def test_sigterm_under_load_cuts_no_request() -> None:
    with running(WEB_CONCURRENCY="2") as server:
        loads = [
            Load(server.port, [one()], CONNECTIONS, keep_alive=keep_alive, ends_when_refused=True)
            for keep_alive in (True, False)
        ]
        with loads[0], loads[1]:
            for load in loads:
                wait_for(load, 30)
            assert server.stop()[0] == 0
    for load in loads:
        kinds = load.kinds()
        assert kinds.keys() == {ANSWERED, REFUSED}
        assert kinds[REFUSED] == CONNECTIONS


def test_a_worker_killed_under_load_cuts_only_its_own_requests() -> None:
    with running(WEB_CONCURRENCY="2") as server, Load(server.port, [one()], CONNECTIONS) as load:
        wait_for(load, 50)
        victim = server.workers[0]
        connections = psutil.Process(victim).net_connections("tcp")
        num_held = sum(item.status == psutil.CONN_ESTABLISHED for item in connections)
        os.kill(victim, signal.SIGKILL)
        wait_until(lambda: victim not in server.workers and len(server.workers) == 2)
        replaced = time.monotonic()
        wait_for(load, 100)
        load.end()
        counted = metric(server.get("/metrics")[1], "digitrec_requests_total", **PREDICTED)
    kinds = load.kinds()
    assert kinds.keys() <= {ANSWERED, CUT}
    assert kinds[CUT] <= num_held
    assert all(outcome.began < replaced for outcome in load.outcomes if outcome.kind == CUT)
    # A killed worker may have counted a response that it did not send any more.
    assert kinds[ANSWERED] <= counted <= kinds[ANSWERED] + kinds[CUT]


def test_replacing_workers_after_many_requests_cuts_and_miscounts_none() -> None:
    with running([*GUNICORN, "--max-requests", "60"], WEB_CONCURRENCY="2") as server:
        first = set(server.workers)
        with Load(server.port, [one()], CONNECTIONS) as load:
            wait_until(lambda: not first & set(server.workers) and load.count >= 300)
        assert "Restarting the worker after 60 requests." in server.log()
        counted = metric(server.get("/metrics")[1], "digitrec_predictions_total", digit="1")
    assert load.kinds() == {ANSWERED: counted}


def write_model(model: Path, version: str) -> None:
    """Put the packaged model under another version to `model`, in one step, as a deployment should."""
    new = model.with_name("new.h5")
    shutil.copyfile(packaged_model_path(), new)
    content = read_model_file(new)
    write_model_file(new, content.graph, {**content.card, "version": version})
    new.replace(model)


def remove_graph(model: Path) -> None:
    with h5py.File(model, "a") as file:
        del file["digitrec"]


def test_sighup_loads_a_good_model_keeps_the_old_one_otherwise_and_fails_no_request(tmp_path: Path) -> None:
    model = tmp_path / "digitrec.h5"
    write_model(model, "1.0")
    with (
        running(SERVE, DIGITREC_MODEL_PATH=str(model), WEB_CONCURRENCY="2") as server,
        Load(server.port, [one()], CONNECTIONS) as load,
    ):
        wait_for(load, 30)
        for num_errors, damage in enumerate((remove_graph, Path.unlink), 1):
            old = set(server.workers)
            damage(model)
            server.send_signal(signal.SIGHUP)
            wait_until(lambda: len(server.workers) == 2 and not old & set(server.workers))  # noqa: B023
            wait_for(load, 30)
            errors = [line for line in server.log().splitlines() if "Cannot load the new model" in line]
            assert len(errors) == num_errors
            assert "[ERROR] Cannot load the new model, so digitrec 1.0 stays" in errors[-1]
            assert str(model) in errors[-1]
        assert {outcome.version for outcome in load.outcomes} == {"1.0"}
        write_model(model, "2.0")
        server.send_signal(signal.SIGHUP)
        wait_until(lambda: {outcome.version for outcome in load.outcomes[-20:]} == {"2.0"})
        load.end()
        assert "Loaded the model digitrec 2.0 in place of digitrec 1.0." in server.log()
    assert load.kinds().keys() == {ANSWERED}


def test_readyz_returns_503_while_the_server_drains_and_requests_are_served() -> None:
    with (
        running(DIGITREC_SHUTDOWN_DELAY_S="3", WEB_CONCURRENCY="2") as server,
        Load(server.port, [one()], 2, ends_when_refused=True) as load,
    ):
        wait_for(load, 10)
        server.terminate()
        wait_until(lambda: status_and_version(server)[0] == 503)
        assert server.get("/healthz")[0] == 200
        wait_for(load, 10)
        assert server.end()[0] == 0
        load.end()
    assert load.kinds().keys() == {ANSWERED, REFUSED}


def test_a_second_sigterm_ends_the_draining() -> None:
    with running(DIGITREC_SHUTDOWN_DELAY_S="600", WEB_CONCURRENCY="2") as server:
        server.terminate()
        wait_until(lambda: status_and_version(server)[0] == 503)
        assert server.stop()[0] == 0
