#!/usr/bin/env python3
"""Measure latency, startup time, memory and throughput.

    python benchmarks/measure.py            about half a minute, on an otherwise idle machine

The images are 280 x 280 RGBA canvases as PNG, like those of browsers. The client runs on the same machine.
benchmarks/serving.py measures with wrk.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial

import psutil
from digits import NUMBERS, canvases, number
from server_process import Server, free_port, is_ready, machine
from steady_load import ANSWERED, Load

from digitrec import Recognizer, __version__
from digitrec.model.classifier import INPUT_SHAPE
from digitrec.preprocessing.ops import disable_opencv_threads
from digitrec.saliency import occlusion_saliency

IMAGES = 20


def measure_recognizer(images: list[bytes], rounds: int) -> None:
    """Print the latency of a prediction from bytes to result on one core, of its parts, and of reading six digits."""
    recognizer, numbers = Recognizer.load(), [number(digits) for digits in NUMBERS]
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
        print_latency(
            "six digits",
            lambda index: recognizer.read(numbers[index % len(numbers)]),
            rounds // 5,
            "600 x 160 RGBA PNG",
        )


@contextmanager
def one_core() -> Iterator[None]:
    """Pin this process to one core if the system supports it."""
    process = psutil.Process()
    cores = process.cpu_affinity() if hasattr(process, "cpu_affinity") else []
    if cores:
        process.cpu_affinity([max(cores)])
    try:
        yield
    finally:
        if cores:
            process.cpu_affinity(cores)


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


def measure_server(images: list[bytes], seconds: float, connections: int) -> None:
    """Print startup time, throughput and memory of the server."""
    port = free_port()
    command = [sys.executable, "-m", "digitrec", "serve", "--host", "127.0.0.1", "--port", str(port)]
    server = Server(command, partial(is_ready, port))
    try:
        load(port, images, 1.0, connections)  # creates the interpreters
        times = load(port, images, seconds, connections)
        memory = [worker.memory_info().rss / 2**20 for worker in server.workers]
    finally:
        server.stop()
    print(f"start        {server.ready_s:.2f} s from process start to /readyz 200")
    print(
        f"throughput   {len(times) / seconds:.0f} predictions/s, p50 {1000 * statistics.median(times):.1f} ms, "
        f"p99 {1000 * times[int(0.99 * len(times))]:.1f} ms, {connections} connections, "
        f"{seconds:.0f} s, n = {len(times)}"
    )
    print("memory       " + ", ".join(f"{size:.0f} MB" for size in memory) + " resident per worker")


def load(port: int, images: list[bytes], seconds: float, connections: int) -> list[float]:
    """Return the latency of each response in s, sorted."""
    with Load(port, images, connections) as clients:
        time.sleep(seconds)
    if set(clients.kinds()) != {ANSWERED}:
        raise SystemExit(f"expected a prediction for each request. Received: {dict(clients.kinds())}")
    return sorted(outcome.seconds for outcome in clients.outcomes)


def main() -> None:
    """Run all measurements and print them with the versions and the hardware."""
    parser = argparse.ArgumentParser(description="Measure one prediction, the start, memory and throughput.")
    parser.add_argument("--rounds", type=int, default=1000, help="predictions to time; default: %(default)s")
    parser.add_argument("--seconds", type=float, default=10, help="of load; default: %(default)s")
    parser.add_argument("--connections", type=int, default=8, help="default: %(default)s")
    options = parser.parse_args()
    print(f"digitrec {__version__}, {machine()}")
    images = [image for _, image in canvases(IMAGES)]
    disable_opencv_threads()  # like the server
    measure_recognizer(images, options.rounds)
    measure_server(images, options.seconds, options.connections)


if __name__ == "__main__":
    main()
