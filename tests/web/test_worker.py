"""What the worker does about an application that hangs or fails, and about signals."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import signal
import sys
import threading
import time
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor

import pytest
from web_faults import FAULTY, SLOW
from web_pictures import one
from web_servers import children, free_port, post, running, stop, wait_until

if sys.platform == "win32":
    pytest.skip("gunicorn and signals: not on this system", allow_module_level=True)

from gunicorn.config import Config

from digitrec.web.server.waitress_worker import WaitressWorker

FORM = "multipart/form-data; boundary=x"


def ask(port: int, path: str) -> None:
    with contextlib.suppress(OSError, http.client.HTTPException):
        urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=30).close()


def form(files: list[tuple[str, bytes]], **texts: bytes) -> bytes:
    """Return the body of a form, of the type `FORM`."""
    parts = [
        *((f'{name}"; filename="x.png', content) for name, content in files),
        *texts.items(),
    ]
    return (
        b"".join(
            b'--x\r\nContent-Disposition: form-data; name="%s"\r\n\r\n%s\r\n' % (name.encode(), content)
            for name, content in parts
        )
        + b"--x--\r\n"
    )


def test_a_worker_whose_thread_hangs_is_replaced_after_the_timeout() -> None:
    port = free_port()
    settings = {"WEB_CONCURRENCY": "1", "DIGITREC_THREADS": "1", "DIGITREC_REQUEST_TIMEOUT_S": "2"}
    with running(FAULTY, port, **settings) as server:
        (stuck,) = children(server.pid)
        client = threading.Thread(target=ask, args=(port, "/hang"))
        began = time.monotonic()
        client.start()
        wait_until(lambda: stuck not in (now := children(server.pid)) and len(now) == 1, 15)
        assert time.monotonic() - began > 2
        assert post(port, one())[0] == 200
        assert "WORKER TIMEOUT" in server.said()
        client.join()


def test_a_worker_that_waits_for_requests_is_not_replaced() -> None:
    port = free_port()
    with running(FAULTY, port, WEB_CONCURRENCY="1", DIGITREC_REQUEST_TIMEOUT_S="2") as server:
        before = children(server.pid)
        time.sleep(5)
        assert post(port, one())[0] == 200
        assert children(server.pid) == before
        assert "WORKER TIMEOUT" not in server.said()


def test_a_worker_that_reads_many_slow_pictures_is_not_replaced_and_does_not_read_them_for_ever() -> None:
    port = free_port()
    pages = form([("image", one())] * 10)
    boxes = json.dumps({f"{index}": {"box": [0, 0, 1, 1]} for index in range(10)}).encode()
    page_with_boxes = form([("image", one())], fields=boxes)
    asked = [
        ("/predict", pages),
        ("/upload", pages),
        ("/api/v1/read", pages),
        ("/api/v1/read", page_with_boxes),
    ]
    with (
        running(SLOW, port, WEB_CONCURRENCY="1", DIGITREC_REQUEST_TIMEOUT_S="2") as server,
        ThreadPoolExecutor(4) as pool,
    ):
        before = children(server.pid)
        answers = list(pool.map(lambda each: post(port, each[1], FORM, each[0]), asked))
        assert children(server.pid) == before
        assert "WORKER TIMEOUT" not in server.said()
    assert [status for status, _ in answers] == [413] * len(asked)


def test_probes_are_answered_while_every_thread_works() -> None:
    port = free_port()
    settings = {"WEB_CONCURRENCY": "1", "DIGITREC_THREADS": "1", "DIGITREC_REQUEST_TIMEOUT_S": "10"}
    with running(FAULTY, port, **settings) as server:
        (worker,) = children(server.pid)
        client = threading.Thread(target=ask, args=(port, "/hang"))
        client.start()
        time.sleep(0.5)
        for probe in ("/healthz", "/readyz", "/v2/health/ready?verbose=1"):
            assert urllib.request.urlopen(f"http://127.0.0.1:{port}{probe}", timeout=3).status == 200
        os.kill(worker, signal.SIGKILL)
        client.join()


def test_sigterm_stops_a_worker_that_still_boots() -> None:
    worker = WaitressWorker(1, os.getpid(), [], None, 30, Config(), None)
    worker.handle_exit(signal.SIGTERM, None)
    assert not worker.alive
    worker.tmp.close()


def test_an_answer_that_fails_while_it_is_sent_is_told_as_the_servers_fault() -> None:
    port = free_port()
    with running(FAULTY, port) as server:
        with pytest.raises(urllib.error.HTTPError) as failed:
            urllib.request.urlopen(f"http://127.0.0.1:{port}/break", timeout=20)
        problem = json.loads(failed.value.read())
        _, output = stop(server)
    assert (failed.value.code, problem["type"]) == (500, "/problems/internal-error")
    assert "The server failed" in problem["detail"]
    assert "Exception while serving /break" in output
    assert output.count(problem["request_id"]) == 1


@pytest.mark.parametrize("path", ["/break", "/exit"])
def test_what_waitress_logs_is_json_where_the_log_is(path: str) -> None:
    port = free_port()
    with running(FAULTY, port, DIGITREC_LOG_FORMAT="json") as server:
        ask(port, path)
        wait_until(lambda: "Traceback" in server.said(), 5)
        _, output = stop(server)
    lines = [json.loads(line) for line in output.splitlines()]
    (line,) = [line for line in lines if line["logger"] == "waitress"]
    assert line["level"] == "ERROR"
    assert "Traceback" in line["exc_info"]
