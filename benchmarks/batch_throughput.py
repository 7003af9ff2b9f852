#!/usr/bin/env python3
"""Throughput and memory of `digitrec batch`.

    python benchmarks/batch_throughput.py        some minutes, most of them to draw the images

The images are 280 x 280 RGBA canvases as PNG files: pen digits rendered with random pens, sizes and positions. The
memory is the proportional set size of all processes, which counts shared memory once.
"""

from __future__ import annotations

import argparse
import os
import platform
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from PIL import Image
from server_process import family, pss_mb

from digitrec import __version__
from digitrec.preprocessing.strokes import render_strokes_randomized
from digitrec.training.data.pendigits import load_pendigits


def main() -> None:
    """Draw the images if they are missing, run digitrec batch, and print the results."""
    parser = argparse.ArgumentParser(description="Throughput and memory of digitrec batch.")
    parser.add_argument("--pendigits", type=Path, default=os.environ.get("DIGITREC_STROKES") or None)
    parser.add_argument("--count", type=int, default=20_000, help="images; default: %(default)s")
    parser.add_argument("--folder", type=Path, help="folder that keeps the images for later runs")
    parser.add_argument("batch_options", nargs="*", help="after --, options of digitrec batch")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        images = options.folder or Path(temporary) / "images"
        draw(options.pendigits, images, options.count)
        output = Path(temporary) / "rows.csv"
        command = [sys.executable, "-m", "digitrec", "batch", images, "--output", output]
        start = time.perf_counter()
        process = subprocess.Popen([*command, *options.batch_options], stderr=subprocess.DEVNULL)  # noqa: S603
        peak_mb, processes = 0.0, 0
        while process.poll() is None:
            time.sleep(0.1)
            sizes = [size for pid in family(process.pid) if (size := pss_mb(pid))]
            peak_mb, processes = max((peak_mb, processes), (sum(sizes), len(sizes)))
        seconds = time.perf_counter() - start
        rows = output.read_bytes().count(b"\n") - 1
    print(f"digitrec {__version__}, Python {platform.python_version()}, {os.cpu_count()} cores")
    print(
        f"throughput  {rows / seconds:,.0f} files/s, {seconds:.1f} s, n = {rows:,}, exit code {process.returncode}"
    )
    print(f"memory      {peak_mb:.0f} MB peak, {processes} processes (PSS)")


def draw(pendigits: Path | None, folder: Path, count: int) -> None:
    """Write `count` canvases into the folder, unless they are there."""
    if folder.is_dir() and len(list(folder.iterdir())) == count:
        return
    digits = load_pendigits(pendigits)
    folder.mkdir(parents=True)
    for index in range(count):
        strokes = digits[index % len(digits)].strokes
        canvas = render_strokes_randomized(strokes, np.random.default_rng(index))
        Image.fromarray(canvas).convert("RGBA").save(folder / f"{index:06d}.png")


if __name__ == "__main__":
    main()
