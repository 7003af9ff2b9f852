#!/usr/bin/env python3
"""Compare digitrec with other ways to serve the same network: startup time, memory, latency and throughput.

    make bench-compare              some minutes; needs wrk (apt-get install wrk) and an otherwise idle machine
    python benchmarks/serving.py --rounds 1 --seconds 2 --only digitrec flask_keras --output /tmp/serving.csv

All have the same weights and the same preprocessing, and get the same forms: a canvas of 280 x 280 pixels, RGBA, PNG,
as the file `image`. They run one after another, round by round; wrk runs on the same cores. Each line of
benchmarks/results/serving.csv is one server in one round. A complete run also writes the table of docs/performance.md
and docs/serving.svg.
"""

from __future__ import annotations

import argparse
import csv
import http.client
import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any

import psutil
from digits import canvases
from server_process import Server, family, free_port, machine, pss_mb

HERE = Path(__file__).parent
RESULTS = HERE / "results" / "serving.csv"
PAGE = HERE.parent / "docs" / "performance.md"
BASELINES = HERE / "baselines"
IMAGES = 40

NAMES = {
    "digitrec": "digitrec, 2 workers",
    "flask_keras": "Flask, `model.predict`, 1 worker",
    "flask_tf_function": "Flask, `tf.function`, 1 worker",
    "fastapi_onnx": "FastAPI, ONNX Runtime, 2 workers",
    "litserve_onnx": "LitServe, ONNX Runtime, 2 workers",
    "bentoml_onnx": "BentoML, ONNX Runtime, 2 workers",
}
# What Python runs to start each at a port, with a worker for each of two cores where there are workers, and without an
# access log.
COMMANDS = {
    "digitrec": "-m digitrec serve --host 127.0.0.1 --port {}",
    "flask_keras": "-m gunicorn --workers 1 --bind 127.0.0.1:{} flask_keras:create_app('predict')",
    "flask_tf_function": "-m gunicorn --workers 1 --bind 127.0.0.1:{} flask_keras:create_app('tf_function')",
    "fastapi_onnx": "-m uvicorn fastapi_onnx:app --workers 2 --port {} --no-access-log",
    "litserve_onnx": "litserve_onnx.py {}",
    "bentoml_onnx": "-m bentoml serve bentoml_onnx:Digits --host 127.0.0.1 --port {}",
}
_PACKAGES = (
    "digitrec", "ai-edge-litert", "flask", "gunicorn", "waitress", "pydantic", "tensorflow-cpu", "keras", "onnxruntime",
    "fastapi", "uvicorn", "litserve", "bentoml", "opencv-python-headless", "pillow", "numpy",
)  # fmt: skip

Row = dict[str, Any]


def main() -> None:
    """Measure the servers round by round, and write the results."""
    options = _arguments()
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        subprocess.run([sys.executable, BASELINES / "convert.py", folder], check=True)  # noqa: S603
        for index, (_, image) in enumerate(canvases(IMAGES)):
            (folder / f"{index}.form").write_bytes(form(image))
        rows = [
            {"round": index, "server": name, **measure(name, folder, options.seconds, options.connections)}
            for index in range(options.rounds)
            for name in options.only
        ]
    with options.output.open("w", newline="", encoding="utf-8") as file:
        table = csv.DictWriter(file, rows[0].keys(), lineterminator="\n")
        table.writeheader()
        table.writerows(rows)
    facts = {
        "machine": machine(),
        "rounds": options.rounds,
        "seconds": options.seconds,
        "connections": options.connections,
        "versions": {name: version(name) for name in _PACKAGES},
    }
    options.output.with_suffix(".json").write_text(json.dumps(facts, indent=1) + "\n", encoding="utf-8")
    if options.output == RESULTS and options.only == list(COMMANDS):
        PAGE.write_text(page(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
        draw(PAGE.with_name("serving.svg"))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Compare digitrec with other ways to serve its network.")
    parser.add_argument("--rounds", type=int, default=4, help="default: %(default)s")
    parser.add_argument(
        "--seconds", type=int, default=8, help="of load for each server; default: %(default)s"
    )
    parser.add_argument("--connections", type=int, default=8, help="default: %(default)s")
    parser.add_argument("--only", nargs="+", choices=COMMANDS, default=list(COMMANDS), help="default: all")
    parser.add_argument("--output", type=Path, default=RESULTS, help="default: %(default)s")
    return parser.parse_args()


def form(image: bytes) -> bytes:
    """Return an image as the file `image` of a form."""
    head = '--digitrec\r\nContent-Disposition: form-data; name="image"; filename="canvas.png"\r\n'
    return f"{head}Content-Type: image/png\r\n\r\n".encode() + image + b"\r\n--digitrec--\r\n"


def measure(name: str, folder: Path, seconds: int, connections: int) -> Row:
    """Start a server, load it, and return its results; exit if it gives a wrong answer."""
    port = free_port()
    environ = {
        "MODEL_H5": str(folder / "network.h5"),
        "MODEL_ONNX": str(folder / "network.onnx"),
        "DIGITREC_LOG_LEVEL": "WARNING",
        "TF_CPP_MIN_LOG_LEVEL": "3",
        "BENTOML_DO_NOT_TRACK": "true",
        "BENTOML_CONFIG_OPTIONS": "api_server.logging.access.enabled=false",
    }
    images = canvases(IMAGES)
    command = [sys.executable, *COMMANDS[name].format(port).split()]
    server = Server(command, partial(is_right, port, *images[0]), BASELINES, environ)
    try:
        for digit, image in images:
            if not is_right(port, digit, image):
                raise SystemExit(f"{name}: expected the digit {digit}. Received another one.")
        load(port, folder, 2, connections)  # warm up
        processes = family(server.process.pid)
        before = _cpu_seconds(processes)
        counts = load(port, folder, seconds, connections)
        own, client, busy = (
            after - start for after, start in zip(_cpu_seconds(processes), before, strict=True)
        )
        pss = pss_mb(processes)
    finally:
        server.stop()
    row = {
        "start_s": round(server.ready_s, 3),
        **counts,
        "cpu_ms_an_answer": round(1000 * own / counts["requests"], 3),
        "others_cores": round(max(0.0, busy - own - client) / counts["seconds"], 2),
        "pss_mb": round(pss, 1),
    }
    print(name, json.dumps(row), flush=True)
    return row


def _cpu_seconds(processes: list[psutil.Process]) -> tuple[float, float, float]:
    """Return the CPU time that the server, the client, and all processes of the machine have used."""
    times, children, total = [process.cpu_times() for process in processes], os.times(), psutil.cpu_times()
    return (
        sum(used.user + used.system for used in times),
        children.children_user + children.children_system,
        total.user + total.nice + total.system + total.irq + total.softirq,
    )


def is_right(port: int, digit: int, image: bytes) -> bool:
    """Return whether the server at the port predicts this digit."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    try:
        headers = {"Content-Type": "multipart/form-data; boundary=digitrec"}
        connection.request("POST", "/predict", form(image), headers)
        response = connection.getresponse()
        body = response.read()
    finally:
        connection.close()
    return response.status == 200 and json.loads(body)["digit"] == digit


def load(port: int, folder: Path, seconds: int, connections: int) -> Row:
    """Return what wrk measures: answers per second, latencies, and failures."""
    command = [
        *("wrk", "--threads=1", f"--connections={connections}", f"--duration={seconds}s", "--latency"),
        *("--timeout=30s", "--script", BASELINES / "load.lua", f"http://127.0.0.1:{port}/predict"),
        *("--", folder, str(IMAGES)),
    ]
    run = subprocess.run(command, capture_output=True, text=True, check=True, timeout=seconds + 60)  # noqa: S603
    counts = json.loads(run.stdout.splitlines()[-1])
    return {"answers_per_s": round(counts["requests"] / counts["seconds"], 1), **counts}


def read_results() -> dict[str, list[Row]]:
    """Return the rounds of each server, in the order of `NAMES`."""
    with RESULTS.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    return {name: [row for row in rows if row["server"] == name] for name in NAMES}


def page(text: str) -> str:
    """Return the page with the table of the results between its markers."""
    servers, facts = read_results(), json.loads(RESULTS.with_suffix(".json").read_text(encoding="utf-8"))
    own = statistics.median(_column(servers["digitrec"], "answers_per_s"))
    lines = [
        "| | answers/s | digitrec's to it | p50 ms | p99 ms | CPU ms an answer | first answer s | all processes MB |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for server, rounds in servers.items():
        cells = [
            _range(rounds, "answers_per_s", ".0f"),
            f"{own / statistics.median(_column(rounds, 'answers_per_s')):.2f}",
            _range(rounds, "p50_ms", ".1f"),
            _range(rounds, "p99_ms", ".0f"),
            f"{statistics.median(_column(rounds, 'cpu_ms_an_answer')):.2f}",
            _range(rounds, "start_s", ".2f"),
            f"{statistics.median(_column(rounds, 'pss_mb')):.0f}",
        ]
        lines.append(f"| {NAMES[server]} | " + " | ".join(cells) + " |")
    everything = [row for rounds in servers.values() for row in rounds]
    others = _column(everything, "others_cores")
    lines.append(
        f"\nThe middle of {facts['rounds']} rounds of {facts['seconds']} s (and their range), {facts['connections']} "
        f"connections; {sum(_column(everything, 'requests')):,.0f} answers, "
        f"{sum(_column(everything, 'failed')):,.0f} failed. Other programs used {statistics.median(others):.2f} cores "
        f"meanwhile ({min(others):.2f} to {max(others):.2f}). {facts['machine']}; "
        + ", ".join(f"{name} {release}" for name, release in facts["versions"].items())
        + "."
    )
    before, _, after = re.split("(?s)(?<=<!-- serving -->\n)(.*)(?=\n<!-- /serving -->)", text)
    return before + "\n".join(lines) + after


def _column(rounds: list[Row], key: str) -> list[float]:
    return [float(row[key]) for row in rounds]


def _range(rounds: list[Row], key: str, kind: str) -> str:
    values = _column(rounds, key)
    return f"{statistics.median(values):{kind}} ({min(values):{kind}} to {max(values):{kind}})"


def draw(path: Path) -> None:
    """Draw throughput, latency and memory, a bar per server; thin lines are the range of the rounds."""
    import matplotlib as mpl  # noqa: PLC0415  # the page can be tested without it

    mpl.use("svg")
    mpl.rcParams.update({"svg.fonttype": "none", "svg.hashsalt": "digitrec", "font.size": 9})
    from matplotlib import pyplot  # noqa: PLC0415

    servers = dict(reversed(read_results().items()))
    names = [NAMES[name].replace("`", "") for name in servers]
    figure, axes = pyplot.subplots(1, 3, figsize=(9.5, 2.6), sharey=True, layout="constrained")
    columns = {
        "answers_per_s": "answers a second",
        "p99_ms": "p99, ms (logarithmic)",
        "pss_mb": "memory, MB",
    }
    for axis, (key, title) in zip(axes, columns.items(), strict=True):
        values = [_column(rounds, key) for rounds in servers.values()]
        medians = [statistics.median(rounds) for rounds in values]
        errors = [
            [middle - min(rounds) for middle, rounds in zip(medians, values, strict=True)],
            [max(rounds) - middle for middle, rounds in zip(medians, values, strict=True)],
        ]
        colors = ["#1f6feb" if name == "digitrec" else "#9aa4b2" for name in servers]
        axis.barh(names, medians, xerr=errors, color=colors, ecolor="#333333")
        axis.set_title(title, fontsize=9)
        axis.spines[["top", "right"]].set_visible(False)
        if "logarithmic" in title:
            axis.set_xscale("log")
    figure.savefig(path, metadata={"Date": None})


if __name__ == "__main__":
    main()
