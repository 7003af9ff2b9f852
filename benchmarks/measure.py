#!/usr/bin/env python3
"""Measure what README claims: one prediction, the start, memory and answers a second.

    python benchmarks/measure.py            about half a minute; nothing else should run

The pictures are 280 x 280 canvases, RGBA like those of browsers, as PNG. The client runs on the same machine; it is
Python's own, so that nothing has to be installed. benchmarks/serving.py measures with wrk.
"""

from __future__ import annotations

import argparse
import http.client
import os
import re
import socket
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial

from digits import canvases
from processes import Server, free_port, machine, rss_mb

from digitrec import Recognizer, __version__
from digitrec.explanation import saliency
from digitrec.model.runtime import INK_SHAPE

PICTURES = 20


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


def measure_server(pictures: list[tuple[int, bytes]], seconds: float, connections: int) -> None:
    """Print start, throughput and memory of the server."""
    port = free_port()
    command = [sys.executable, "-m", "digitrec", "serve", "--host", "127.0.0.1", "--port", str(port)]
    server = Server(command, partial(is_ready, port))
    try:
        load(port, pictures, 1.0, connections)  # every thread makes its interpreter
        counts, times = load(port, pictures, seconds, connections)
        memory = [rss_mb(pid) for pid in server.workers]
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


def is_ready(port: int) -> bool:
    """Return whether the server at the port says that it can answer."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", "/readyz")
        return connection.getresponse().status == 200
    finally:
        connection.close()


def load(
    port: int, pictures: list[tuple[int, bytes]], seconds: float, connections: int
) -> tuple[int, list[float]]:
    """Return how many answers came in time, and the time of each in s."""
    end = time.perf_counter() + seconds
    with ThreadPoolExecutor(connections) as pool:
        results = list(pool.map(lambda _: post_until(port, pictures, end), range(connections)))
    times = [one for result in results for one in result]
    return len(times), times


def post_until(port: int, pictures: list[tuple[int, bytes]], end: float) -> list[float]:
    """Post pictures over one connection until `end`, and return the time of each answer in s.

    The requests are written out beforehand, so that the client takes little of the machine that it measures.
    """
    requests = [
        b"POST /api/v1/predict HTTP/1.1\r\nHost: localhost\r\nContent-Type: image/png\r\n"
        b"Content-Length: %d\r\n\r\n%b" % (len(picture), picture)
        for _, picture in pictures
    ]
    expected = [b'"digit":%d' % digit for digit, _ in pictures]
    times = []
    with socket.create_connection(("127.0.0.1", port), timeout=30) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        while (start := time.perf_counter()) < end:
            turn = len(times) % len(requests)
            connection.sendall(requests[turn])
            answer = receive_answer(connection)
            if not answer.startswith(b"HTTP/1.1 200") or expected[turn] not in answer:
                raise SystemExit(f"expected {expected[turn]!r}. Received: {answer[:400]!r}")
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
    print(f"digitrec {__version__}, {machine()}")
    pictures = canvases(PICTURES)
    measure_prediction([picture for _, picture in pictures], options.rounds)
    measure_server(pictures, options.seconds, options.connections)


if __name__ == "__main__":
    main()
