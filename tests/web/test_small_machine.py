"""The Procfile on a machine of 512 MB.

Where no control group can be made, as in most containers, nothing limits what counts there: resident memory. So the
kernel's own record of the most that each process ever held (VmHWM) is added up, shared pages counted for each, and that
sum has to stay below the limit. RLIMIT_DATA would not do: a worker at rest has 280 MB of it and holds 50.
"""

from __future__ import annotations

import io
import shlex
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from web_pictures import one
from web_servers import REPOSITORY, Server, children, free_port, post, running

from digitrec.web.server.sizing import worker_count
from digitrec.web.server.waitress_worker import MAX_WAITING

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="/proc: not on this system")

LIMIT_KB = 512 * 1024


def procfile() -> list[str]:
    command = shlex.split((REPOSITORY / "Procfile").read_text().removeprefix("web: "))
    assert command[0] == "gunicorn"
    return [sys.executable, "-m", *command]


def large(mode: str, file_format: str = "PNG") -> bytes:
    """Return a few hundred kilobytes that become 25 million pixels."""
    pixels = np.full((5000, 5000, 3), 240, np.uint8)
    pixels[1000:4000, 2400:2600] = 20
    file = io.BytesIO()
    options = {"compress_level": 1} if file_format == "PNG" else {"progressive": True}
    Image.fromarray(pixels).convert(mode).save(file, file_format, **options)
    return file.getvalue()


def memory_kb(server: Server, kind: str) -> int:
    """Return the resident memory of the whole tree, `kind` being VmRSS, now, or VmHWM, at most so far."""
    statuses = [Path(f"/proc/{pid}/status").read_text() for pid in (server.pid, *children(server.pid))]
    return sum(int(status.split(f"{kind}:")[1].split()[0]) for status in statuses)


def test_the_procfile_answers_many_and_large_pictures_in_512_mb() -> None:
    port = free_port()
    workers = str(worker_count(cores=32, memory_bytes=1024 * LIMIT_KB))
    pictures = [one()] * 40 + [large("RGBA"), large("L"), large("RGB", "JPEG")] * 3
    with running(procfile(), port, WEB_CONCURRENCY=workers) as server:
        before = children(server.pid)
        for _ in range(8):
            assert post(port, one())[0] == 200
        at_rest_kb = memory_kb(server, "VmRSS")
        with ThreadPoolExecutor(8) as clients:
            statuses = set(clients.map(lambda picture: post(port, picture)[0], pictures))
        assert statuses == {200}
        assert children(server.pid) == before, "no worker was lost"
        assert memory_kb(server, "VmHWM") < LIMIT_KB
        assert memory_kb(server, "VmRSS") - at_rest_kb < 60_000, "what large pictures took is given back"


def test_a_worker_reads_pictures_in_its_own_threads_alone() -> None:
    port = free_port()
    with running(procfile(), port, WEB_CONCURRENCY="1", DIGITREC_THREADS="1") as server:
        assert post(port, large("RGBA"))[0] == 200
        (worker,) = children(server.pid)
        threads = list(Path(f"/proc/{worker}/task").iterdir())
    assert (
        len(threads) == 2 + MAX_WAITING
    )  # the loop, one thread for requests, and those that may wait for memory
