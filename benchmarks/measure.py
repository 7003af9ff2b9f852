#!/usr/bin/env python3
"""Measure what README claims: one prediction, the start, memory and answers a second.

    python benchmarks/measure.py            about half a minute; nothing else should run

The pictures are 280 x 280 canvases, RGBA like those of browsers, as PNG. The client runs on the same machine.
"""

from __future__ import annotations

import argparse
import http.client
import io
import os
import platform
import re
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from PIL import Image

from digitrec import Recognizer, Strokes, __version__
from digitrec.explanation import saliency
from digitrec.ink.render import replay_on_canvas
from digitrec.model.runtime import INK_SHAPE

SEVEN = [[[10, 12], [80, 10], [50, 60], [38, 110]], [[30, 62], [70, 58]]]
PICTURES = 20


def canvases() -> list[bytes]:
    """Return a crossed 7 on canvases, drawn with several pens, sizes and places, as PNG files."""
    strokes = Strokes.from_lists(SEVEN)
    grey = [replay_on_canvas(strokes, np.random.default_rng(seed)) for seed in range(PICTURES)]
    return [as_png(Image.fromarray(picture).convert("RGBA")) for picture in grey]


def as_png(picture: Image.Image) -> bytes:
    """Return the picture as a PNG file; Pillow filters its rows much as browsers do."""
    file = io.BytesIO()
    picture.save(file, "PNG")
    return file.getvalue()


def measure_prediction(pictures: list[bytes], rounds: int) -> None:
    """Print the time from bytes to answer through the Python surface, on one core, and of its parts."""
    recognizer = Recognizer.load()
    answers = [recognizer.predict(picture) for picture in pictures]
    inks = [answer.ink.reshape(1, *INK_SHAPE) for answer in answers]
    with one_core():
        print_times("prediction", lambda index: recognizer.predict(pictures[index]), rounds)
        print_times("network", lambda index: recognizer.classifier.probabilities(inks[index]), rounds)
        print_times(
            "saliency",
            lambda index: saliency(recognizer.classifier, answers[index].ink, answers[index].digit),
            rounds // 5,
        )


@contextmanager
def one_core() -> Iterator[None]:
    """Keep this process on one core, where the system can."""
    if not hasattr(os, "sched_setaffinity"):
        yield
        return
    cores = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {max(cores)})
    try:
        yield
    finally:
        os.sched_setaffinity(0, cores)


def print_times(name: str, run: Callable[[int], object], rounds: int) -> None:
    """Print the median time of `run`, which gets the number of a picture."""
    times = []
    for index in range(rounds):
        start = time.perf_counter()
        run(index % PICTURES)
        times.append(1000 * (time.perf_counter() - start))
    times.sort()
    print(
        f"{name:<12} {statistics.median(times):.2f} ms median, {times[int(0.99 * rounds)]:.2f} ms p99, "
        f"n = {rounds}, one core, 280 x 280 RGBA PNG"
    )


class Server:
    """A `digitrec serve` process on a free port; `ready_s` is its time from start to /readyz 200."""

    def __init__(self) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        start = time.perf_counter()
        command = [sys.executable, "-m", "digitrec", "serve", "--host", "127.0.0.1", "--port", str(self.port)]
        self._process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)  # noqa: S603
        while not self._is_ready():
            if self._process.poll() is not None or time.perf_counter() - start > 30:
                self.stop()
                raise SystemExit("the server did not become ready; run `digitrec serve` to see why")
            time.sleep(0.005)
        self.ready_s = time.perf_counter() - start

    def worker_megabytes(self) -> list[float]:
        """Return the resident memory of each worker."""
        children = Path(f"/proc/{self._process.pid}/task/{self._process.pid}/children").read_text()
        statuses = [Path(f"/proc/{pid}/status").read_text() for pid in children.split()]
        return [int(re.findall(r"VmRSS:\s+(\d+)", status)[0]) / 1024 for status in statuses]

    def stop(self) -> None:
        """End the process and wait for it."""
        self._process.terminate()
        self._process.wait(15)

    def _is_ready(self) -> bool:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=5)
        try:
            connection.request("GET", "/readyz")
            return connection.getresponse().status == 200
        except OSError:
            return False
        finally:
            connection.close()


def measure_server(pictures: list[bytes], seconds: float, connections: int) -> None:
    """Print start, throughput and memory of the server."""
    server = Server()
    try:
        load(server.port, pictures, 1.0, connections)  # every thread makes its interpreter
        counts, times = load(server.port, pictures, seconds, connections)
        memory = server.worker_megabytes() if Path("/proc").is_dir() else []
    finally:
        server.stop()
    times.sort()
    print(f"start        {server.ready_s:.2f} s from the process's start to /readyz 200")
    print(
        f"throughput   {counts / seconds:.0f} answers/s, p50 {1000 * statistics.median(times):.1f} ms, "
        f"p99 {1000 * times[int(0.99 * len(times))]:.1f} ms, {connections} connections, "
        f"{seconds:.0f} s, n = {counts}"
    )
    print("memory       " + ", ".join(f"{size:.0f} MB" for size in memory) + " resident, a worker")


def load(port: int, pictures: list[bytes], seconds: float, connections: int) -> tuple[int, list[float]]:
    """Return how many answers came in time, and the time of each in s."""
    end = time.perf_counter() + seconds
    with ThreadPoolExecutor(connections) as pool:
        results = list(pool.map(lambda _: post_until(port, pictures, end), range(connections)))
    times = [one for result in results for one in result]
    return len(times), times


def post_until(port: int, pictures: list[bytes], end: float) -> list[float]:
    """Post pictures over one connection until `end`, and return the time of each answer in s.

    The requests are written out beforehand, so that the client takes little of the machine that it measures.
    """
    requests = [
        b"POST /api/v1/predict HTTP/1.1\r\nHost: localhost\r\nContent-Type: image/png\r\n"
        b"Content-Length: %d\r\n\r\n%b" % (len(picture), picture)
        for picture in pictures
    ]
    times = []
    with socket.create_connection(("127.0.0.1", port), timeout=30) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        while (start := time.perf_counter()) < end:
            connection.sendall(requests[len(times) % len(requests)])
            answer = receive_answer(connection)
            if not answer.startswith(b"HTTP/1.1 200") or b'"digit":7' not in answer:
                raise SystemExit(f"expected a 7. Received: {answer[:400]!r}")
            times.append(time.perf_counter() - start)
    return times


def receive_answer(connection: socket.socket) -> bytes:
    """Return one whole HTTP answer, as long as its Content-Length says."""
    answer = b""
    while b"\r\n\r\n" not in answer:
        answer += receive(connection)
    head, _, body = answer.partition(b"\r\n\r\n")
    length = int(re.findall(rb"(?i)content-length: (\d+)", head)[0])
    while len(body) < length:
        body += receive(connection)
    return head + b"\r\n\r\n" + body


def receive(connection: socket.socket) -> bytes:
    """Return what has come; end where the server hangs up."""
    data = connection.recv(65536)
    if not data:
        raise SystemExit("the server closed the connection; run `digitrec serve` to see why")
    return data


def main() -> None:
    """Measure everything and print it with the versions and the hardware."""
    parser = argparse.ArgumentParser(description="Measure one prediction, the start, memory and throughput.")
    parser.add_argument("--rounds", type=int, default=1000, help="predictions to time; default: %(default)s")
    parser.add_argument("--seconds", type=float, default=10, help="of load; default: %(default)s")
    parser.add_argument("--connections", type=int, default=8, help="default: %(default)s")
    options = parser.parse_args()
    print(
        f"digitrec {__version__}, Python {platform.python_version()}, {processor()}, {os.cpu_count()} cores"
    )
    pictures = canvases()
    measure_prediction(pictures, options.rounds)
    measure_server(pictures, options.seconds, options.connections)


def processor() -> str:
    """Return the processor's name as the system has it."""
    path = Path("/proc/cpuinfo")
    names = re.findall(r"model name\s*:\s*(.+)", path.read_text()) if path.is_file() else []
    return names[0] if names else platform.processor() or platform.machine()


if __name__ == "__main__":
    main()
