"""What the worker does about an application that hangs, fails or needs much memory."""

from __future__ import annotations

import contextlib
import http.client
import io
import json
import os
import shlex
import signal
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import psutil
import pytest
from PIL import Image
from web_faults import FAULTY, SLOW
from web_images import one
from web_servers import REPOSITORY, Server, memory_kb, running, wait_until

if sys.platform == "win32":
    pytest.skip("gunicorn and signals: not on this system", allow_module_level=True)

from gunicorn.config import Config

from digitrec.web.server.sizing import worker_count
from digitrec.web.server.waitress_worker import MAX_WAITING, WaitressWorker

pytestmark = pytest.mark.slow

LIMIT_KB = 512 * 1024
FORM = "multipart/form-data; boundary=x"


@contextlib.contextmanager
def hanging(server: Server) -> Iterator[None]:
    """Send a request that never ends."""
    with contextlib.closing(server.http()) as connection:
        connection.request("GET", "/hang")
        yield


def form(num_images: int, template: str = "{}") -> bytes:
    head = b"--x\r\nContent-Disposition: form-data; name="
    image = head + b'"image"; filename="x.png"\r\n\r\n' + one() + b"\r\n"
    return image * num_images + head + b'"form"\r\n\r\n' + template.encode() + b"\r\n--x--\r\n"


def test_a_worker_is_replaced_if_a_thread_hangs_and_not_if_it_is_idle() -> None:
    settings = {"WEB_CONCURRENCY": "1", "DIGITREC_THREADS": "1", "DIGITREC_REQUEST_TIMEOUT_S": "2"}
    with running(FAULTY, **settings) as server:
        (stuck,) = server.workers
        with hanging(server):
            wait_until(lambda: stuck not in server.workers and len(server.workers) == 1)
        assert server.post(one())[0] == 200
        idle = server.workers
        time.sleep(4)
        assert server.workers == idle
        assert server.log().count("WORKER TIMEOUT") == 1


def test_a_worker_with_many_slow_images_is_not_replaced_and_rejects_the_rest() -> None:
    boxes = json.dumps({"fields": {f"{index}": {"box": [0, index / 10, 1, 0.1]} for index in range(10)}})
    pages = form(10)
    requests = [
        ("/predict", pages), ("/upload", pages), ("/api/v1/read", pages.replace(b'"form"', b'"other"')),
        ("/api/v1/read", form(1, boxes)),
    ]  # fmt: skip
    with (
        running(SLOW, WEB_CONCURRENCY="1", DIGITREC_REQUEST_TIMEOUT_S="2") as server,
        ThreadPoolExecutor(4) as pool,
    ):
        before = server.workers
        responses = list(pool.map(lambda each: server.post(each[1], each[0], FORM), requests))
        assert server.workers == before
        assert "WORKER TIMEOUT" not in server.log()
    assert [status for status, _ in responses] == [413] * len(requests)


def test_failing_and_busy_threads_leave_the_server_responding() -> None:
    settings = {"WEB_CONCURRENCY": "1", "DIGITREC_THREADS": "1", "DIGITREC_LOG_FORMAT": "json"}
    with running(FAULTY, **settings) as server:
        status, body = server.get("/break")
        problem = json.loads(body)
        assert (status, problem["type"]) == (500, "/problems/internal-error")
        assert "The server failed" in problem["detail"]
        with contextlib.suppress(OSError, http.client.HTTPException):
            server.get("/exit")
        wait_until(lambda: "serving /exit" in server.log())
        with hanging(server):
            for probe in ("/healthz", "/readyz", "/v2/health/ready?verbose=1"):
                assert server.get(probe)[0] == 200
            os.kill(server.workers[0], signal.SIGKILL)
        _, log = server.stop()
    assert sum(problem["request_id"] in line for line in log.splitlines()) == 1
    lines = [line for line in map(json.loads, log.splitlines()) if line["logger"] == "waitress"]
    assert [line["level"] for line in lines] == ["ERROR"] * 2
    assert "Exception while serving /break" in lines[0]["message"]
    assert all("Traceback" in line["exc_info"] for line in lines)


def test_sigterm_stops_a_worker_that_still_boots() -> None:
    worker = WaitressWorker(1, os.getpid(), [], None, 30, Config(), None)
    worker.handle_exit(signal.SIGTERM, None)
    assert not worker.alive
    worker.tmp.close()


def large(mode: str, file_format: str = "PNG") -> bytes:
    """Return a few hundred kilobytes that become 25 million pixels."""
    pixels = np.full((5000, 5000, 3), 240, np.uint8)
    pixels[1000:4000, 2400:2600] = 20
    file = io.BytesIO()
    options = {"compress_level": 1} if file_format == "PNG" else {"progressive": True}
    Image.fromarray(pixels).convert(mode).save(file, file_format, **options)
    return file.getvalue()


@pytest.mark.skipif(sys.platform != "linux", reason="/proc: not on this system")
def test_the_procfile_serves_many_and_large_images_in_512_mb() -> None:
    """Where no control group can be made, nothing limits resident memory, so its record (VmHWM) is added up.

    Shared pages count for each process. RLIMIT_DATA would not do: an idle worker has 280 MB of it and holds 50.
    """
    command = shlex.split((REPOSITORY / "Procfile").read_text().removeprefix("web: "))
    workers = str(worker_count(cores=32, memory_bytes=1024 * LIMIT_KB))
    images = [one()] * 40 + [large("RGBA"), large("L"), large("RGB", "JPEG")] * 3

    def total_kb(kind: str) -> int:
        return sum(memory_kb(pid, kind) for pid in (server.pid, *server.workers))

    with running([sys.executable, "-m", *command], WEB_CONCURRENCY=workers) as server:
        before = server.workers
        for _ in range(8):
            assert server.post(one())[0] == 200
        idle_kb = total_kb("VmRSS")
        with ThreadPoolExecutor(8) as clients:
            assert {status for status, _ in clients.map(server.post, images)} == {200}
        assert server.workers == before, "no worker was lost"
        assert total_kb("VmHWM") < LIMIT_KB
        assert total_kb("VmRSS") - idle_kb < 60_000, "what large images took is given back"
        num_threads = {len(psutil.Process(worker).threads()) for worker in server.workers}
    assert num_threads == {1 + 4 + MAX_WAITING}, (
        "the loop, the request threads, and those that wait for memory"
    )
