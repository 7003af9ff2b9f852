"""The metrics count what happened, in whichever worker, and whatever became of it."""

from __future__ import annotations

import io
import os
import re
import signal
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from types import SimpleNamespace

import pytest
from flask import Flask
from flask.testing import FlaskClient
from web_images import flat, one
from web_servers import Server, running, wait_until
from web_testing import StubClassifier, metric, samples

from digitrec.web.server import hooks

PREDICT_200 = {"endpoint": "/predict", "method": "POST", "status": "200"}


@pytest.fixture
def client(make_app: Callable[..., Flask]) -> FlaskClient:
    """A client of an application that has counted nothing yet."""
    return make_app().test_client()


def test_predictions_and_readings_are_counted(client: FlaskClient) -> None:
    for _ in range(3):
        client.post("/predict?threshold=0.95", data=one())
    client.post("/api/v1/read", data=one())
    client.post("/upload", data={"image": (io.BytesIO(one()), "x.png")})
    response = client.get("/metrics")
    assert response.mimetype == "text/plain"
    count = partial(metric, response.text)
    assert count("digitrec_requests_total", **PREDICT_200) == 3
    assert count("digitrec_predictions_total", digit="7", accepted="false") == 3
    assert count("digitrec_predictions_total", digit="7", accepted="true") == 1
    assert count("digitrec_prediction_confidence_bucket", kind="digit", le="0.95") == 4
    assert count("digitrec_prediction_confidence_bucket", kind="digit", le="0.9") == 0
    assert count("digitrec_request_duration_seconds_count", endpoint="/predict") == 3
    assert count("digitrec_readings_total") == 1
    assert count("digitrec_prediction_confidence_count", kind="number") == 1
    assert samples(response.text, "digitrec_model_info") == [({"name": "stub", "version": "9.9"}, 1)]


def test_each_error_is_counted_by_its_type(client: FlaskClient, classifier: StubClassifier) -> None:
    images = [(io.BytesIO(data), "x") for data in (flat(), one(), b"text")]
    client.post("/predict", data={"image": images})
    client.post("/predict", data=flat())
    classifier.error = ZeroDivisionError()
    client.post("/predict", data=one())
    count = partial(metric, client.get("/metrics").text)
    assert count("digitrec_errors_total", type="blank-image") == 2
    assert count("digitrec_errors_total", type="unsupported-image") == 1
    assert count("digitrec_errors_total", type="internal-error") == 1
    assert count("digitrec_predictions_total") == 1
    assert count("digitrec_requests_total", **PREDICT_200) == 1
    assert count("digitrec_requests_total", status="500") == 1


def test_each_status_is_counted_as_itself(make_app: Callable[..., Flask], sqlite_url: str) -> None:
    client = make_app(database_url=sqlite_url, database_access="open").test_client()
    form = {"name": "a", "fields": {"a": {"kind": "digit", "box": [0, 0, 1, 1]}}}
    statuses = [
        client.post("/api/v1/forms", json=form).status_code,
        client.delete("/api/v1/forms/1").status_code,
    ]
    counted = samples(client.get("/metrics").text, "digitrec_requests_total")
    assert (
        [labels["status"] for labels, _ in counted] == [str(status) for status in statuses] == ["201", "204"]
    )


def test_a_client_cannot_make_new_labels(client: FlaskClient) -> None:
    for index in range(20):
        client.get(f"/nowhere/{index}")
        client.open("/predict", method=f"MADEUP{index}")
        client.get(f"/problems/{index}")
    series = [labels for labels, _ in samples(client.get("/metrics").text, "digitrec_requests_total")]
    assert {labels["endpoint"] for labels in series} == {"none", "/problems/<name>"}
    assert len(series) == 3


@pytest.mark.parametrize(
    ("full", "expected"), [([], "/dev/shm"), (["/dev/shm"], "/tmp"), (["/dev/shm", "/tmp"], None)]
)
def test_the_metrics_get_a_folder_that_has_room(
    monkeypatch: pytest.MonkeyPatch, full: list[str], expected: str | None
) -> None:
    """A write to a mapped file without room kills the process; without a folder each worker counts for itself."""
    used: list[Path] = []

    def disk_usage(folder: str) -> SimpleNamespace:
        used.append(Path(folder))
        return SimpleNamespace(free=0 if str(used[-1].parent) in full else 1 << 30)

    monkeypatch.setattr(hooks.shutil, "disk_usage", disk_usage)
    monkeypatch.setattr(tempfile, "tempdir", "/tmp")
    monkeypatch.setenv("PROMETHEUS_MULTIPROC_DIR", "")  # an empty name is no folder
    hooks.enable_multiprocess_metrics()
    chosen = os.environ.pop("PROMETHEUS_MULTIPROC_DIR", None)
    assert (str(Path(chosen).parent) if chosen else None) == expected
    assert [str(folder) for folder in used if folder.exists()] == [chosen] * (chosen is not None)
    monkeypatch.setenv("PROMETHEUS_MULTIPROC_DIR", chosen or "")
    hooks.on_exit(None)
    assert [folder for folder in used if folder.exists()] == []


def test_an_operators_own_metrics_folder_is_used_and_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PROMETHEUS_MULTIPROC_DIR", str(tmp_path))
    hooks.enable_multiprocess_metrics()
    hooks.on_exit(None)
    assert os.environ["PROMETHEUS_MULTIPROC_DIR"] == str(tmp_path)
    assert tmp_path.is_dir()


@pytest.mark.slow
def test_two_workers_add_up_after_one_was_killed_and_leave_no_files() -> None:
    num_posted = 0

    def both_have_predicted(server: Server) -> bool:
        nonlocal num_posted
        assert server.post(one())[0] == 200
        num_posted += 1
        return all(f"[{pid}] [INFO] request" in server.log() for pid in server.workers)

    with running(WEB_CONCURRENCY="2") as server:
        for _ in range(3):
            wait_until(partial(both_have_predicted, server))
            victim = server.workers[0]
            os.kill(victim, signal.SIGKILL)
            wait_until(lambda: len(set(server.workers) - {victim}) == 2)  # noqa: B023  # called in this loop
        wait_until(partial(both_have_predicted, server))
        count = partial(metric, server.get("/metrics")[1])
        for name in ("digitrec_requests_total", "digitrec_request_duration_seconds_count"):
            assert count(name, endpoint="/predict") == num_posted
        assert count("digitrec_requests_total", **PREDICT_200) == num_posted
        assert count("digitrec_predictions_total", digit="1") == num_posted
        assert count("digitrec_prediction_confidence_count") == num_posted
        assert count("digitrec_requests_total") > num_posted, "the probes are counted, too"
        maps = "\n".join(Path(f"/proc/{pid}/maps").read_text() for pid in server.workers)
        folders = {Path(path).parent for path in re.findall(r"/\S*/digitrec-metrics-\S+\.db", maps)}
        server.stop()
    assert folders
    assert [folder for folder in folders if folder.exists()] == []
