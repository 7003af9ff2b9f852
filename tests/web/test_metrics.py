"""What Prometheus is told is what happened, whichever worker did it and whatever became of it."""

from __future__ import annotations

import io
import os
import re
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest
from flask.testing import FlaskClient
from prometheus_client.parser import text_string_to_metric_families
from web_classifier import SteadyClassifier
from web_pictures import flat, one
from web_servers import GUNICORN, REPOSITORY, Server, children, free_port, post, running, wait_until

from digitrec.web.server.hooks import enable_multiprocess_metrics

POSIX = pytest.mark.skipif(sys.platform == "win32", reason="gunicorn and POSIX signals: not on this system")
PREDICT_200 = {"endpoint": "/predict", "method": "POST", "status": "200"}


def samples(text: str, name: str) -> list[tuple[dict[str, str], float]]:
    return [
        (sample.labels, sample.value)
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if sample.name == name
    ]


def value(text: str, name: str, **labels: str) -> float:
    return sum(value for found, value in samples(text, name) if found.items() >= labels.items())


def scraped(port: int) -> str:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=20) as answer:
        return str(answer.read().decode())


def test_an_answer_is_counted_by_route_digit_and_confidence(client: FlaskClient) -> None:
    for _ in range(3):
        client.post("/predict?threshold=0.95", data=one())
    answer = client.get("/metrics")
    assert answer.mimetype == "text/plain"
    text = answer.text
    assert value(text, "digitrec_requests_total", **PREDICT_200) == 3
    assert value(text, "digitrec_predictions_total", digit="7", accepted="false") == 3
    assert value(text, "digitrec_prediction_confidence_bucket", kind="digit", le="0.95") == 3
    assert value(text, "digitrec_prediction_confidence_bucket", kind="digit", le="0.9") == 0
    assert value(text, "digitrec_request_duration_seconds_count", endpoint="/predict") == 3
    assert samples(text, "digitrec_model_info") == [({"name": "steady", "version": "9.9"}, 1)]


def test_each_failed_picture_is_counted_by_its_problem(client: FlaskClient) -> None:
    pictures = [(io.BytesIO(data), "x") for data in (flat(), one(), b"text")]
    client.post("/predict", data={"image": pictures})
    client.post("/predict", data=flat())
    text = client.get("/metrics").text
    assert value(text, "digitrec_errors_total", type="blank-image") == 2
    assert value(text, "digitrec_errors_total", type="unsupported-image") == 1
    assert value(text, "digitrec_predictions_total") == 1
    assert value(text, "digitrec_requests_total", **PREDICT_200) == 1


def test_a_number_and_the_form_of_the_page_are_counted(client: FlaskClient) -> None:
    client.post("/api/v1/read", data=one())
    client.post("/upload", data={"image": (io.BytesIO(one()), "x.png")})
    text = client.get("/metrics").text
    assert value(text, "digitrec_readings_total") == 1
    assert value(text, "digitrec_prediction_confidence_count", kind="number") == 1
    assert value(text, "digitrec_predictions_total", digit="7") == 1


def test_a_defect_is_counted(client: FlaskClient, classifier: SteadyClassifier) -> None:
    classifier.error = ZeroDivisionError()
    client.post("/predict", data=one())
    text = client.get("/metrics").text
    assert value(text, "digitrec_requests_total", status="500") == 1
    assert value(text, "digitrec_errors_total", type="internal-error") == 1


def test_nobody_can_make_a_label_of_his_own(client: FlaskClient) -> None:
    for index in range(20):
        client.get(f"/nowhere/{index}")
        client.open("/predict", method=f"MADEUP{index}")
        client.get(f"/problems/{index}")
    text = client.get("/metrics").text
    series = [labels for labels, _ in samples(text, "digitrec_requests_total")]
    assert {labels["endpoint"] for labels in series} == {"none", "/problems/<name>"}
    assert len(series) == 3


@pytest.mark.skipif(sys.platform != "linux", reason="mounts a folder in memory: not on this system")
@pytest.mark.parametrize("full", ["/dev/shm", "/dev/shm /tmp /var/tmp"])
def test_a_server_without_room_for_its_counts_answers_all(full: str, tmp_path: Path) -> None:
    """In a world of its own, where these folders are of memory, have the smallest size and are full."""
    own_world = ["unshare", *([] if os.geteuid() == 0 else ["-r"]), "-m", "sh", "-c"]
    if subprocess.run(
        [*own_world, "mount -t tmpfs tmpfs /dev/shm"], capture_output=True, check=False
    ).returncode:
        pytest.skip("a folder cannot be mounted on this system")
    if "/tmp" in full and REPOSITORY.is_relative_to("/tmp"):
        pytest.skip("the repository would be hidden on this system: it lies in /tmp")
    fill = f"for place in {full}; do mount -t tmpfs -o size=64k tmpfs $place; cat /dev/zero > $place/x; done"
    full_everywhere = "/tmp" in full
    there = "/tmp" if full_everywhere else str(tmp_path)
    port = free_port()
    command = [
        *own_world,
        f'({fill}) 2>/dev/null; cd {there}; exec "$@" -c {REPOSITORY}/gunicorn.conf.py',
        "sh",
    ]
    with running([*command, *GUNICORN], port, WEB_CONCURRENCY="2", TMPDIR=there) as server:
        wait_until(lambda: len(children(server.pid)) == 2, 10)
        workers = children(server.pid)
        answers = [post(port, one())[0] for _ in range(20)]
        counted = value(scraped(port), "digitrec_predictions_total")
        assert answers == [200] * 20
        assert children(server.pid) == workers, "none was killed"
        assert counted <= 20 if full_everywhere else counted == 20


@POSIX
def test_two_workers_add_up_after_one_was_killed_and_replaced() -> None:
    port = free_port()
    with running(GUNICORN, port, WEB_CONCURRENCY="2") as server:
        ask_both(server, port, times=20)
        before = scraped(port)
        asked = value(before, "digitrec_requests_total", **PREDICT_200)
        assert asked == value(before, "digitrec_predictions_total", digit="1") >= 20
        assert len(samples(before, "digitrec_requests_total")) > 1, "the probes are counted, too"
        for _ in range(3):
            replace_a_worker(server)
            assert value(scraped(port), "digitrec_requests_total", **PREDICT_200) == asked
            for _ in range(10):
                assert post(port, one())[0] == 200
            asked += 10
            text = scraped(port)
            for name in ("digitrec_requests_total", "digitrec_request_duration_seconds_count"):
                assert value(text, name, endpoint="/predict") == asked
            assert value(text, "digitrec_prediction_confidence_count") == asked


@POSIX
def test_the_folder_of_the_metrics_is_removed_at_the_end() -> None:
    port = free_port()
    with running(GUNICORN, port, WEB_CONCURRENCY="1") as server:
        folders = metrics_folders(server)
        server.send_signal(signal.SIGTERM)
        server.wait(10)
    assert folders
    assert [folder for folder in folders if folder.exists()] == []


@POSIX
def test_an_operators_own_metrics_folder_is_used_and_kept(tmp_path: Path) -> None:
    port = free_port()
    with running(GUNICORN, port, WEB_CONCURRENCY="1", PROMETHEUS_MULTIPROC_DIR=str(tmp_path)) as server:
        assert post(port, one())[0] == 200
        assert value(scraped(port), "digitrec_predictions_total") == 1
        server.send_signal(signal.SIGTERM)
        server.wait(10)
    assert list(tmp_path.glob("counter_*.db"))


@POSIX
def test_an_empty_name_is_no_metrics_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PROMETHEUS_MULTIPROC_DIR", "")
    enable_multiprocess_metrics()
    folder = Path(os.environ["PROMETHEUS_MULTIPROC_DIR"])
    assert folder.is_absolute()
    folder.rmdir()


def ask_both(server: Server, port: int, times: int) -> None:
    """Post until every worker has answered; the log says who did."""
    workers = {str(pid) for pid in children(server.pid)}
    for _ in range(times):
        assert post(port, one())[0] == 200

    def all_answered() -> bool:
        assert post(port, one())[0] == 200
        return all(f"[{pid}] [INFO] request" in server.said() for pid in workers)

    wait_until(all_answered, 10)


def replace_a_worker(server: Server) -> None:
    before = set(children(server.pid))
    victim = min(before)
    os.kill(victim, signal.SIGKILL)
    wait_until(lambda: len(set(children(server.pid)) - {victim}) == len(before), 5)
    time.sleep(0.1)


def metrics_folders(server: Server) -> set[Path]:
    """Return the folder that the workers have mapped."""
    maps = "\n".join(Path(f"/proc/{pid}/maps").read_text() for pid in children(server.pid))
    return {Path(path).parent for path in re.findall(r"/\S*/digitrec-metrics-\S+\.db", maps)}
