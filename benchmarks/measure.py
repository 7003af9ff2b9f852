#!/usr/bin/env python3
"""Measure what README claims: one prediction, one number, the start, memory and answers a second.

    python benchmarks/measure.py            about half a minute; nothing else should run

The pictures are 280 x 280 canvases, RGBA like those of browsers, as PNG. The client runs on the same machine; it is
Python's own, so that nothing has to be installed. benchmarks/serving.py measures with wrk.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial

from digits import NUMBERS, canvases, number
from processes import Server, free_port, is_ready, machine, rss_mb
from wire import connect, post, receive_answer

from digitrec import Recognizer, __version__
from digitrec.model.classifier import INPUT_SHAPE
from digitrec.preprocessing.ops import disable_opencv_threads
from digitrec.saliency import occlusion_saliency

PICTURES = 20


def measure_prediction(pictures: list[bytes], rounds: int) -> None:
    """Print the time from bytes to answer through the Python surface, on one core, and of its parts."""
    recognizer = Recognizer.load()
    answers = [recognizer.predict(picture) for picture in pictures]
    inks = [answer.ink.reshape(1, *INPUT_SHAPE) for answer in answers]
    with one_core():
        print_times("prediction", lambda index: recognizer.predict(pictures[index]), rounds)
        print_times("network", lambda index: recognizer.classifier.probabilities(inks[index]), rounds)
        print_times(
            "saliency",
            lambda index: occlusion_saliency(
                recognizer.classifier, answers[index].normalized_image, answers[index].digit
            ),
            rounds // 5,
        )


def measure_reading(rounds: int) -> None:
    """Print the time from bytes to answer for a number of six digits, on one core."""
    recognizer = Recognizer.load()
    pictures = [number(digits) for digits in NUMBERS]
    with one_core():
        print_times(
            "six digits",
            lambda index: recognizer.read(pictures[index % len(pictures)]),
            rounds,
            "600 x 160 RGBA PNG",
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


def print_times(
    name: str, run: Callable[[int], object], rounds: int, file: str = "280 x 280 RGBA PNG"
) -> None:
    """Print the median time of `run`, which gets the number of a picture."""
    times = []
    for index in range(rounds):
        start = time.perf_counter()
        run(index % PICTURES)
        times.append(1000 * (time.perf_counter() - start))
    times.sort()
    print(
        f"{name:<12} {statistics.median(times):.2f} ms median, {times[int(0.99 * rounds)]:.2f} ms p99, "
        f"n = {rounds}, one core, {file}"
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
    """Post pictures over one connection until `end`, and return the time of each answer in s."""
    requests = [post(picture) for _, picture in pictures]
    expected = [b'"digit":%d' % digit for digit, _ in pictures]
    times = []
    with connect(port) as connection:
        while (start := time.perf_counter()) < end:
            turn = len(times) % len(requests)
            connection.sendall(requests[turn])
            head, body = receive_answer(connection)
            if not head.startswith(b"HTTP/1.1 200") or expected[turn] not in body:
                raise SystemExit(f"expected {expected[turn]!r}. Received: {head!r} {body[:400]!r}")
            times.append(time.perf_counter() - start)
    return times


def main() -> None:
    """Measure everything and print it with the versions and the hardware."""
    parser = argparse.ArgumentParser(description="Measure one prediction, the start, memory and throughput.")
    parser.add_argument("--rounds", type=int, default=1000, help="predictions to time; default: %(default)s")
    parser.add_argument("--seconds", type=float, default=10, help="of load; default: %(default)s")
    parser.add_argument("--connections", type=int, default=8, help="default: %(default)s")
    options = parser.parse_args()
    print(f"digitrec {__version__}, {machine()}")
    pictures = canvases(PICTURES)
    disable_opencv_threads()  # as the server has it
    measure_prediction([picture for _, picture in pictures], options.rounds)
    measure_reading(options.rounds // 5)
    measure_server(pictures, options.seconds, options.connections)


if __name__ == "__main__":
    main()
