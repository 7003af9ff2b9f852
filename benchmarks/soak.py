#!/usr/bin/env python3
"""Send 100,000 requests to a server, and report the outcome of every request and the growth of the memory.

    python benchmarks/soak.py                                   5 minutes at 32 connections, as `make load-test`
    python benchmarks/soak.py --requests 3000 --seconds 12      the short form

gunicorn runs with two workers, as the Procfile starts it. The exit status is 1 if a request has no prediction, or if
the memory grows by more than 5 % after a tenth of the requests. tests/web/test_life.py kills and stops servers.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

from digits import canvases
from server_process import Server, free_port, is_ready, machine
from steady_load import ANSWERED, Client, Load, post

from digitrec import __version__

WORKERS = 2
MAX_GROWTH = 0.05
_WARM_FRACTION = 0.1  # until then every buffer gets its size
_IMAGES_TO_WAKE = 30  # a request of so many takes a thread long enough that another one helps


def main() -> None:
    """Load a server, print a table, and exit with 1 if a limit is exceeded."""
    options = _arguments()
    print(f"digitrec {__version__}, {machine()}, {WORKERS} workers, {options.connections} connections")
    port = free_port()
    command = [sys.executable, "-m", "gunicorn", "digitrec.web.server.run:create_wsgi_app()"]
    environ = {"PORT": str(port), "WEB_CONCURRENCY": str(WORKERS)}
    server = Server(command, partial(is_ready, port), Path(__file__).resolve().parents[1], environ)
    images = [image for _, image in canvases(20)]
    try:
        wake_threads(port, images[0])
        with Load(port, images, options.connections, rate=options.requests / options.seconds) as load:
            samples_mb = sample_memory(server, load, options.requests)
    finally:
        server.stop()
    times_ms = sorted(1000 * outcome.seconds for outcome in load.outcomes)
    print(
        f"{load.count:,} requests, p50 {statistics.median(times_ms):.1f} ms, "
        f"p99 {times_ms[int(0.99 * len(times_ms))]:.1f} ms; both workers {samples_mb[0]:.1f} MB after "
        f"{_WARM_FRACTION:.0%}, {samples_mb[-1]:.1f} MB at the end, {max(samples_mb):.1f} MB at most"
    )
    findings = exceeded(load.kinds(), samples_mb)
    print(f"{len(findings)} findings", *findings, sep="\n  ")
    sys.exit(1 if findings else 0)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Load a server for some minutes.")
    parser.add_argument("--requests", type=int, default=100_000)
    parser.add_argument("--seconds", type=float, default=300, help="that the requests are spread over")
    parser.add_argument("--connections", type=int, default=32)
    return parser.parse_args()


def wake_threads(port: int, image: bytes) -> None:
    """Send enough requests at once that every thread of every worker answers, and loads its interpreter.

    One thread answers as long as that is quick; which of the others helps for the first time, and when, is chance.
    """
    part = b'--b\r\nContent-Disposition: form-data; name="image"; filename="7.png"\r\n\r\n' + image + b"\r\n"
    body = part * _IMAGES_TO_WAKE + b"--b--\r\n"
    request = post(body, "/predict", "multipart/form-data; boundary=b", keep_alive=False)
    with ThreadPoolExecutor(16 * WORKERS) as pool:
        labels = set(pool.map(lambda _: Client(port, 60.0).ask(request).label, range(64 * WORKERS)))
    if labels != {ANSWERED}:
        raise SystemExit(f"expected predictions for {_IMAGES_TO_WAKE} images. Received: {sorted(labels)}.")


def sample_memory(server: Server, load: Load, requests: int) -> list[float]:
    """Wait for so many requests, and return the resident memory of both workers in MB, at 20 times and at the end."""
    samples: list[float] = []
    while load.count < requests:
        time.sleep(0.25)
        if load.count >= requests * (_WARM_FRACTION + (1 - _WARM_FRACTION) * len(samples) / 20):
            samples.append(_memory_mb(server))
            print(f"  {load.count:>7,} requests, {samples[-1]:.0f} MB", file=sys.stderr)
    return [*samples, _memory_mb(server)]


def _memory_mb(server: Server) -> float:
    return sum(worker.memory_info().rss for worker in server.workers) / 1e6


def exceeded(outcomes: Counter[str], samples_mb: list[float]) -> list[str]:
    """Return the limits that were exceeded."""
    growth = samples_mb[-1] / samples_mb[0] - 1
    findings = {
        f"expected a prediction for each request. Received: {dict(outcomes)}": set(outcomes) != {ANSWERED},
        f"expected less than {MAX_GROWTH:.0%} more memory. Received: {growth:.1%}": growth >= MAX_GROWTH,
    }
    return [finding for finding, is_so in findings.items() if is_so]


if __name__ == "__main__":
    main()
