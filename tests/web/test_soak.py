"""The server under load for minutes: every request gets a prediction, and the memory does not grow.

`make load-test` sends 100,000 requests in five minutes and prints the measurements; otherwise it is 2,000 in eight
seconds. test_life.py kills and stops servers under load.
"""

from __future__ import annotations

import os
import statistics
from concurrent.futures import ThreadPoolExecutor

import psutil
import pytest
from digits import canvases
from server_process import machine
from steady_load import ANSWERED, Client, Load, post
from web_servers import Server, running, wait_until

from digitrec import __version__

pytestmark = pytest.mark.slow

NUM_REQUESTS, SECONDS = (100_000, 300) if os.environ.get("DIGITREC_LOAD_TEST") else (2000, 8)
CONNECTIONS, WORKERS = 32, 2
MAX_GROWTH = 0.05
WARM_FRACTION = 0.1  # until then every buffer gets its size
IMAGES_TO_WAKE = 30  # a request of so many takes a thread long enough that another one helps


def test_every_request_gets_a_prediction_and_the_memory_does_not_grow() -> None:
    images = [image for _, image in canvases(20)]
    with running(WEB_CONCURRENCY=str(WORKERS)) as server:
        wake_threads(server.port, images[0])
        with Load(server.port, images, CONNECTIONS, rate=NUM_REQUESTS / SECONDS) as load:
            samples_mb = sample_memory(server, load)
    times_ms = sorted(1000 * outcome.seconds for outcome in load.outcomes)
    print(
        f"digitrec {__version__}, {machine()}, {WORKERS} workers, {CONNECTIONS} connections: {load.count:,} requests, "
        f"p50 {statistics.median(times_ms):.1f} ms, p99 {times_ms[int(0.99 * len(times_ms))]:.1f} ms; both workers "
        f"{samples_mb[0]:.1f} MB after {WARM_FRACTION:.0%}, {samples_mb[-1]:.1f} MB at the end, "
        f"{max(samples_mb):.1f} MB at most"
    )
    assert load.kinds().keys() == {ANSWERED}
    assert samples_mb[-1] / samples_mb[0] - 1 < MAX_GROWTH


def wake_threads(port: int, image: bytes) -> None:
    """Send enough requests at once that every thread of every worker answers, and loads its interpreter.

    One thread answers as long as that is quick; which of the others helps for the first time, and when, is chance.
    """
    part = b'--b\r\nContent-Disposition: form-data; name="image"; filename="7.png"\r\n\r\n' + image + b"\r\n"
    body = part * IMAGES_TO_WAKE + b"--b--\r\n"
    request = post(body, "/predict", "multipart/form-data; boundary=b", keep_alive=False)
    with ThreadPoolExecutor(16 * WORKERS) as pool:
        labels = set(pool.map(lambda _: Client(port, 60.0).ask(request).label, range(32 * WORKERS)))
    assert labels == {ANSWERED}


def sample_memory(server: Server, load: Load) -> list[float]:
    """Wait for the requests, and return the resident memory of both workers in MB, at 20 times and at the end."""
    samples: list[float] = []
    for index in range(21):
        fraction = WARM_FRACTION + (1 - WARM_FRACTION) * index / 20
        wait_until(lambda: load.count >= NUM_REQUESTS * fraction, timeout_s=SECONDS)  # noqa: B023
        samples.append(sum(psutil.Process(pid).memory_info().rss for pid in server.workers) / 1e6)
    return samples
