#!/usr/bin/env python3
"""Throughput and memory of `digitrec batch`.

    python benchmarks/batch_throughput.py        some minutes, most of them to draw the images

The images are 280 x 280 RGBA canvases as PNG files: digits drawn with random pens, sizes and positions. The memory is
the proportional set size of all processes, which counts shared memory once.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from digits import canvas_png
from server_process import family, machine, pss_mb

from digitrec import __version__


def main() -> None:
    """Draw the images if they are missing, run digitrec batch, and print the results."""
    parser = argparse.ArgumentParser(description="Throughput and memory of digitrec batch.")
    parser.add_argument("--count", type=int, default=20_000, help="images; default: %(default)s")
    parser.add_argument("--folder", type=Path, help="folder that keeps the images for later runs")
    parser.add_argument("batch_options", nargs="*", help="after --, options of digitrec batch")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        images = options.folder or Path(temporary) / "images"
        if not images.is_dir():
            images.mkdir(parents=True)
            for index in range(options.count):
                (images / f"{index:06d}.png").write_bytes(canvas_png(index % 10, index))
        output = Path(temporary) / "rows.csv"
        command = [sys.executable, "-m", "digitrec", "batch", images, "--output", output]
        start = time.perf_counter()
        process = subprocess.Popen([*command, *options.batch_options], stderr=subprocess.DEVNULL)  # noqa: S603
        peak_mb, processes = 0.0, 0
        while process.poll() is None:
            time.sleep(0.1)
            running = family(process.pid)
            peak_mb, processes = max((peak_mb, processes), (pss_mb(running), len(running)))
        seconds = time.perf_counter() - start
        rows = output.read_bytes().count(b"\n") - 1
    print(f"digitrec {__version__}, {machine()}")
    print(
        f"throughput  {rows / seconds:,.0f} files/s, {seconds:.1f} s, n = {rows:,}, exit code {process.returncode}"
    )
    print(f"memory      {peak_mb:.0f} MB peak, {processes} processes (PSS)")


if __name__ == "__main__":
    main()
