#!/usr/bin/env python3
"""Measure digitrec beside other ways to serve the same network: start, memory, latency and throughput.

    make bench-compare              some minutes; needs wrk (apt-get install wrk), and nothing else should run
    python benchmarks/serving.py --rounds 1 --seconds 2 --only digitrec flask_keras

All have the same weights and the same preprocessing, and answer the same forms: a canvas of 280 x 280 pixels, RGBA,
PNG, as the file `image`. They run one after another, round by round; the client runs on the same cores. Each line of
benchmarks/results/serving.csv is one server in one round.
"""

from __future__ import annotations

import argparse
import csv
import http.client
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any

from digits import canvases
from server_process import Server, cpu_s, free_port, machine, machine_busy_s, others_load, pss_mb, rss_mb

HERE = Path(__file__).parent
RESULTS = HERE / "results"
RIVALS = HERE / "baselines"
PICTURES = 40

_BOUNDARY = "digitrec"
_WARM_UP_S = 2
_PYTHON = sys.executable
_GUNICORN = (_PYTHON, "-m", "gunicorn", "--workers", "1", "--bind")

# What starts each at a port. Where there is a choice of workers, it is one for each of two cores; where there is an
# access log, it is off.
SERVERS: dict[str, Callable[[int], list[str]]] = {
    "digitrec": lambda port: [_PYTHON, "-m", "digitrec", "serve", "--host", "127.0.0.1", "--port", str(port)],
    "flask_keras": lambda port: [*_GUNICORN, f"127.0.0.1:{port}", "flask_keras:app"],
    "flask_tf_function": lambda port: [*_GUNICORN, f"127.0.0.1:{port}", "flask_tf_function:app"],
    "fastapi_onnx": lambda port: [
        *(_PYTHON, "-m", "uvicorn", "fastapi_onnx:app", "--workers", "2", "--port", str(port)),
        "--no-access-log",
    ],
    "litserve_onnx": lambda port: [_PYTHON, "litserve_onnx.py", str(port)],
    "bentoml_onnx": lambda port: [
        *(_PYTHON, "-m", "bentoml", "serve", "bentoml_onnx:Digits", "--host", "127.0.0.1"),
        *("--port", str(port)),
    ],
}
_PACKAGES = (
    "digitrec", "ai-edge-litert", "flask", "gunicorn", "waitress", "pydantic", "tensorflow-cpu", "keras", "onnxruntime",
    "fastapi", "uvicorn", "litserve", "bentoml", "opencv-python-headless", "pillow", "numpy",
)  # fmt: skip


def main() -> None:
    """Measure the servers, round by round, and write what came of it."""
    options = _arguments()
    if shutil.which("wrk") is None:
        raise SystemExit("expected wrk, which makes the load. There is none; on Debian: apt-get install wrk")
    busy_before = others_load()
    with tempfile.TemporaryDirectory() as temporary:
        folder = options.folder or Path(temporary)
        if not (folder / "network.onnx").is_file():
            subprocess.run([_PYTHON, RIVALS / "convert.py", folder], check=True)  # noqa: S603
        write_forms(folder)
        rows = [
            measure(name, number, folder, options)
            for number in range(options.rounds)
            for name in options.only
        ]
    write(options.output, rows)
    options.output.with_suffix(".json").write_text(
        json.dumps(circumstances(options, busy_before), indent=1) + "\n", encoding="utf-8"
    )


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Measure digitrec beside other ways to serve its network.")
    parser.add_argument("--rounds", type=int, default=4, help="default: %(default)s")
    parser.add_argument("--seconds", type=int, default=8, help="of load a server; default: %(default)s")
    parser.add_argument("--connections", type=int, default=8, help="default: %(default)s")
    parser.add_argument("--only", nargs="+", choices=SERVERS, default=list(SERVERS), help="default: all")
    parser.add_argument("--folder", type=Path, help="keeps the converted network for another time")
    parser.add_argument("--output", type=Path, default=RESULTS / "serving.csv", help="default: %(default)s")
    return parser.parse_args()


def write_forms(folder: Path) -> None:
    """Write the requests' bodies for wrk: 0.form, 1.form and so on."""
    for number, (_, picture) in enumerate(canvases(PICTURES)):
        (folder / f"{number}.form").write_bytes(form(picture))


def form(picture: bytes) -> bytes:
    """Return a picture as the file `image` of a form."""
    head = f'--{_BOUNDARY}\r\nContent-Disposition: form-data; name="image"; filename="canvas.png"\r\n'
    return f"{head}Content-Type: image/png\r\n\r\n".encode() + picture + f"\r\n--{_BOUNDARY}--\r\n".encode()


def measure(name: str, number: int, folder: Path, options: argparse.Namespace) -> dict[str, Any]:
    """Start a server, load it, and return what it took; end where it gives a wrong answer."""
    port = free_port()
    environ = {
        "MODEL_H5": str(folder.resolve() / "network.h5"),
        "MODEL_ONNX": str(folder.resolve() / "network.onnx"),
        "DIGITREC_LOG_LEVEL": "WARNING",
        "TF_CPP_MIN_LOG_LEVEL": "3",
        "BENTOML_DO_NOT_TRACK": "true",
        "BENTOML_CONFIG_OPTIONS": "api_server.logging.access.enabled=false",
    }
    pictures = canvases(PICTURES)
    server = Server(SERVERS[name](port), partial(is_right, port, *pictures[0]), RIVALS, environ)
    try:
        for digit, picture in pictures:
            if not is_right(port, digit, picture):
                raise SystemExit(f"{name}: expected the digit {digit}. Received another answer.")
        load(port, folder, _WARM_UP_S, options.connections)
        processes = server.processes
        before = processor_time(processes)
        row = load(port, folder, options.seconds, options.connections)
        own_s, client_s, all_s = (
            after - start for after, start in zip(processor_time(processes), before, strict=True)
        )
        row["cpu_ms_an_answer"] = round(1000 * own_s / row["requests"], 3)
        row["others_cores"] = round(max(0.0, all_s - own_s - client_s) / row["seconds"], 2)
        memory = {
            "pss_mb": round(sum(map(pss_mb, processes)), 1),
            "largest_rss_mb": round(max(map(rss_mb, processes)), 1),
            "processes": len(processes),
        }
    finally:
        server.stop()
    row = {"round": number, "server": name, "start_s": round(server.ready_s, 3), **row, **memory}
    print(json.dumps(row), flush=True)
    return row


def processor_time(processes: list[int]) -> tuple[float, float, float]:
    """Return the processor time that the server, this process's clients, and all of the machine have used."""
    used = os.times()
    return sum(map(cpu_s, processes)), used.children_user + used.children_system, machine_busy_s()


def is_right(port: int, digit: int, picture: bytes) -> bool:
    """Return whether the server at the port reads the digit in a picture."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    try:
        headers = {"Content-Type": f"multipart/form-data; boundary={_BOUNDARY}"}
        connection.request("POST", "/predict", form(picture), headers)
        answer = connection.getresponse()
        body = answer.read()
    finally:
        connection.close()
    return answer.status == 200 and json.loads(body)["digit"] == digit


def load(port: int, folder: Path, seconds: int, connections: int) -> dict[str, Any]:
    """Return what wrk counts: answers a second, latencies, and what failed."""
    command = [
        "wrk",
        "--threads",
        "1",
        "--connections",
        str(connections),
        "--duration",
        f"{seconds}s",
        "--latency",
    ]
    command += ["--timeout", "30s", "--script", str(RIVALS / "load.lua"), f"http://127.0.0.1:{port}/predict"]
    command += ["--", str(folder), str(PICTURES)]
    run = subprocess.run(command, capture_output=True, text=True, check=True, timeout=seconds + 60)  # noqa: S603
    counted = json.loads(run.stdout.splitlines()[-1])
    return {"answers_per_s": round(counted["requests"] / counted["seconds"], 1), **counted}


def write(path: Path, rows: list[dict[str, Any]]) -> None:
    """Write rows with the same keys as a table."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="", encoding="utf-8") as file:
        table = csv.DictWriter(file, rows[0].keys(), lineterminator="\n")
        table.writeheader()
        table.writerows(rows)


def circumstances(options: argparse.Namespace, busy_before: float) -> dict[str, Any]:
    """Return what the figures depend on."""
    return {
        "machine": machine(),
        "load_before": round(busy_before, 2),
        "rounds": options.rounds,
        "seconds": options.seconds,
        "connections": options.connections,
        "versions": {name: version(name) for name in _PACKAGES},
    }


if __name__ == "__main__":
    main()
