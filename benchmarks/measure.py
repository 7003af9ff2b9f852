#!/usr/bin/env python3
"""Measure latency, startup time, memory and throughput.

    python benchmarks/measure.py            about half a minute, on an otherwise idle machine

The images are 280 x 280 RGBA canvases as PNG, like those of browsers. The client runs on the same machine and needs no
installation. benchmarks/serving.py measures with wrk.
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
from server_process import Server, free_port, is_ready, machine, rss_mb
from transport import connect, post, receive_answer

from digitrec import Recognizer, __version__
from digitrec.model.classifier import INPUT_SHAPE
from digitrec.preprocessing.ops import disable_opencv_threads
from digitrec.saliency import occlusion_saliency

IMAGES = 20


def measure_prediction(images: list[bytes], rounds: int) -> None:
    """Print the latency of a prediction from bytes to result on one core, and of its parts."""
    recognizer = Recognizer.load()
    predictions = [recognizer.predict(image) for image in images]
    inputs = [prediction.normalized_image.reshape(1, *INPUT_SHAPE) for prediction in predictions]
    with one_core():
        print_latency("prediction", lambda index: recognizer.predict(images[index]), rounds)
        print_latency("network", lambda index: recognizer.classifier.probabilities(inputs[index]), rounds)
        print_latency(
            "saliency",
            lambda index: occlusion_saliency(
                recognizer.classifier, predictions[index].normalized_image, predictions[index].digit
            ),
            rounds // 5,
        )


def measure_reading(rounds: int) -> None:
    """Print the latency of reading a number of six digits on one core."""
    recognizer = Recognizer.load()
    images = [number(digits) for digits in NUMBERS]
    with one_core():
        print_latency(
            "six digits",
            lambda index: recognizer.read(images[index % len(images)]),
            rounds,
            "600 x 160 RGBA PNG",
        )


@contextmanager
def one_core() -> Iterator[None]:
    """Pin this process to one core if the system supports it."""
    if not hasattr(os, "sched_setaffinity"):
        yield
        return
    cores = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {max(cores)})
    try:
        yield
    finally:
        os.sched_setaffinity(0, cores)


def print_latency(
    name: str, call: Callable[[int], object], rounds: int, file: str = "280 x 280 RGBA PNG"
) -> None:
    """Print the median and the 99th percentile of `call`, which gets the index of an image."""
    times = []
    for index in range(rounds):
        start = time.perf_counter()
        call(index % IMAGES)
        times.append(1000 * (time.perf_counter() - start))
    times.sort()
    print(
        f"{name:<12} {statistics.median(times):.2f} ms median, {times[int(0.99 * rounds)]:.2f} ms p99, "
        f"n = {rounds}, one core, {file}"
    )


def measure_server(images: list[tuple[int, bytes]], seconds: float, connections: int) -> None:
    """Print startup time, throughput and memory of the server."""
    port = free_port()
    command = [sys.executable, "-m", "digitrec", "serve", "--host", "127.0.0.1", "--port", str(port)]
    server = Server(command, partial(is_ready, port))
    try:
        load(port, images, 1.0, connections)  # each thread creates its interpreter
        counts, times = load(port, images, seconds, connections)
        memory = [rss_mb(pid) for pid in server.workers]
    finally:
        server.stop()
    times.sort()
    print(f"start        {server.ready_s:.2f} s from process start to /readyz 200")
    print(
        f"throughput   {counts / seconds:.0f} predictions/s, p50 {1000 * statistics.median(times):.1f} ms, "
        f"p99 {1000 * times[int(0.99 * len(times))]:.1f} ms, {connections} connections, "
        f"{seconds:.0f} s, n = {counts}"
    )
    print("memory       " + ", ".join(f"{size:.0f} MB" for size in memory) + " resident per worker")


def load(
    port: int, images: list[tuple[int, bytes]], seconds: float, connections: int
) -> tuple[int, list[float]]:
    """Return the number of responses, and the latency of each in s."""
    end = time.perf_counter() + seconds
    with ThreadPoolExecutor(connections) as pool:
        results = list(pool.map(lambda _: post_until(port, images, end), range(connections)))
    times = [one for result in results for one in result]
    return len(times), times


def post_until(port: int, images: list[tuple[int, bytes]], end: float) -> list[float]:
    """Post images over one connection until `end`, and return the latency of each response in s."""
    requests = [post(image) for _, image in images]
    expected = [b'"digit":%d' % digit for digit, _ in images]
    times = []
    with connect(port) as connection:
        while (start := time.perf_counter()) < end:
            index = len(times) % len(requests)
            connection.sendall(requests[index])
            head, body = receive_answer(connection)
            if not head.startswith(b"HTTP/1.1 200") or expected[index] not in body:
                raise SystemExit(f"expected {expected[index]!r}. Received: {head!r} {body[:400]!r}")
            times.append(time.perf_counter() - start)
    return times


def main() -> None:
    """Run all measurements and print them with the versions and the hardware."""
    parser = argparse.ArgumentParser(description="Measure one prediction, the start, memory and throughput.")
    parser.add_argument("--rounds", type=int, default=1000, help="predictions to time; default: %(default)s")
    parser.add_argument("--seconds", type=float, default=10, help="of load; default: %(default)s")
    parser.add_argument("--connections", type=int, default=8, help="default: %(default)s")
    options = parser.parse_args()
    print(f"digitrec {__version__}, {machine()}")
    images = canvases(IMAGES)
    disable_opencv_threads()  # like the server
    measure_prediction([image for _, image in images], options.rounds)
    measure_reading(options.rounds // 5)
    measure_server(images, options.seconds, options.connections)


if __name__ == "__main__":
    main()
