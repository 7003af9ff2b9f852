#!/usr/bin/env python3
"""Time the network alone, one ink and one thread, in LiteRT, ONNX Runtime and OpenCV, beside what the core can do.

    make bench-serving        runs this, too; benchmarks/results/engines.csv

The multiply-adds are counted from the graph, two operations each; the core's peak is the fastest product of two
matrices of 1024 x 1024 float32 by numpy's BLAS with one thread. The engines take turns, round by round.
"""

from __future__ import annotations

import os

os.environ["OPENBLAS_NUM_THREADS"] = "1"  # before numpy, which reads it when it is imported

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

import cv2
import numpy as np
import onnx
import onnxruntime
from digits import canvas
from measure import one_core
from numpy.typing import NDArray
from processes import machine, others_load
from serving import RESULTS, RIVALS, write

from digitrec.files import packaged_model_path
from digitrec.model.classifier import load_classifier
from digitrec.preprocessing.normalize import normalize

Ink = NDArray[np.float32]

_TOLERANCE = 1e-4
_BATCH = 50  # runs of one engine before the next one's turn
_MATRIX = 1024


def main() -> None:
    """Time the engines and write what came of it."""
    options = _arguments()
    busy_before = others_load()
    with tempfile.TemporaryDirectory() as temporary:
        folder = options.folder or Path(temporary)
        if not (folder / "network.onnx").is_file():
            subprocess.run([sys.executable, RIVALS / "convert.py", folder], check=True)  # noqa: S603
        path = folder / "network.onnx"
        engines = {"LiteRT": litert(), "ONNX Runtime": onnx_runtime(path), "OpenCV DNN": opencv(path)}
        operations = 2 * multiply_adds(onnx.load(path))
    with one_core():
        peak = max(matrix_product() for _ in range(5 * options.rounds))
        times = time_engines(engines, options.rounds)
    write(options.output, [_row(name, times[name], operations, peak) for name in engines])
    facts = {
        "machine": machine(),
        "load_before": round(busy_before, 2),
        "runs": options.rounds * _BATCH,
        "multiply_adds": operations // 2,
        "peak_gflops": round(peak / 1e9, 1),
        "versions": {
            name: version(name)
            for name in ("ai-edge-litert", "onnxruntime", "opencv-python-headless", "numpy")
        },
    }
    options.output.with_suffix(".json").write_text(json.dumps(facts, indent=1) + "\n", encoding="utf-8")
    print(options.output.read_text(), json.dumps(facts))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Time the network alone in three engines.")
    parser.add_argument("--rounds", type=int, default=40, help="of 50 runs an engine; default: %(default)s")
    parser.add_argument("--folder", type=Path, help="has or keeps the converted network")
    parser.add_argument("--output", type=Path, default=RESULTS / "engines.csv", help="default: %(default)s")
    return parser.parse_args()


def litert() -> Callable[[Ink], Ink]:
    """Return digitrec's own classifier, one thread."""
    return load_classifier(packaged_model_path()).probabilities


def onnx_runtime(path: Path) -> Callable[[Ink], Ink]:
    """Return an ONNX Runtime session with one thread."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    return lambda ink: session.run(None, {"ink": ink})[0]


def opencv(path: Path) -> Callable[[Ink], Ink]:
    """Return OpenCV's own engine, one thread."""
    cv2.setNumThreads(1)
    network = cv2.dnn.readNetFromONNX(str(path))

    def run(ink: Ink) -> Ink:
        network.setInput(ink)
        return np.asarray(network.forward())

    return run


def time_engines(engines: dict[str, Callable[[Ink], Ink]], rounds: int) -> dict[str, list[float]]:
    """Return the seconds of each run, after each engine has answered as the first does."""
    inks = [normalize(canvas(digit, digit)).reshape(1, 28, 28, 1) for digit in range(10)]
    expected = [np.asarray(next(iter(engines.values()))(ink)) for ink in inks]
    for name, run in engines.items():
        difference = max(float(np.abs(run(ink) - one).max()) for ink, one in zip(inks, expected, strict=True))
        if not difference <= _TOLERANCE:
            raise SystemExit(
                f"{name}: expected the others' answer to {_TOLERANCE}. Received: {difference:.2g}."
            )
    times: dict[str, list[float]] = {name: [] for name in engines}
    for _ in range(rounds):
        for name, run in engines.items():
            for turn in range(_BATCH):
                start = time.perf_counter()
                run(inks[turn % len(inks)])
                times[name].append(time.perf_counter() - start)
    return times


def multiply_adds(model: onnx.ModelProto) -> int:
    """Return how many multiplications, each with an addition, one ink takes in the graph."""
    model.graph.input[0].type.tensor_type.shape.dim[0].dim_value = 1
    graph = onnx.shape_inference.infer_shapes(model, data_prop=True).graph
    weights = {tensor.name: tuple(tensor.dims) for tensor in graph.initializer}
    shapes = {
        value.name: tuple(dim.dim_value for dim in value.type.tensor_type.shape.dim)
        for value in (*graph.value_info, *graph.output)
    }
    total = 0
    for node in graph.node:
        if node.op_type == "Conv":  # weights: outputs, inputs a group, rows, columns
            _, inputs, *kernel = weights[node.input[1]]
            _, outputs, *size = shapes[node.output[0]]
            total += int(np.prod([outputs, *size, inputs, *kernel]))
        elif node.op_type in ("MatMul", "Gemm"):
            total += int(np.prod(weights[node.input[1]]))
    return total


def matrix_product() -> float:
    """Return the operations a second of one product of two matrices."""
    rng = np.random.default_rng(0)
    left, right = rng.random((2, _MATRIX, _MATRIX), np.float32)
    start = time.perf_counter()
    left @ right
    return 2 * _MATRIX**3 / (time.perf_counter() - start)


def _row(name: str, seconds: list[float], operations: int, peak: float) -> dict[str, str | float]:
    median = statistics.median(seconds)
    return {
        "engine": name,
        "median_ms": round(1000 * median, 4),
        "p99_ms": round(1000 * sorted(seconds)[int(0.99 * len(seconds))], 4),
        "gflops": round(operations / median / 1e9, 1),
        "share_of_peak": round(operations / median / peak, 3),
    }


if __name__ == "__main__":
    main()
