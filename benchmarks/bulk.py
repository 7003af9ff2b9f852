#!/usr/bin/env python3
"""Measure `digitrec batch`: files a second, memory of all its processes, a kill half-way, and corrupt files.

    python benchmarks/bulk.py        some minutes, most of them to draw; nothing else should run

The pictures are 280 x 280 canvases, RGBA like those of browsers, as PNG: pen digits replayed with other pens, sizes and
places. The memory is the proportional set size of all processes together, so that what they share counts once.
"""

from __future__ import annotations

import argparse
import csv
import os
import platform
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from PIL import Image
from processes import family, pss_mb

from digitrec import __version__
from digitrec.preprocessing.strokes import render_strokes_randomized
from digitrec.training.data.pendigits import load_pendigits

_SAMPLE_S = 0.1


def main() -> None:
    """Draw the pictures where they are missing, and measure."""
    options = _arguments()
    print(f"digitrec {__version__}, Python {platform.python_version()}, {os.cpu_count()} cores")
    with tempfile.TemporaryDirectory() as temporary:
        folder = options.folder or Path(temporary)
        pictures = folder / "canvases"
        draw(options.strokes or environment_path("DIGITREC_STROKES"), pictures, options.count)
        whole = measure_rate(folder, pictures, options)
        measure_kill(folder, pictures, whole, options)
        measure_corrupt(folder, pictures, options)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Measure digitrec batch.")
    parser.add_argument(
        "--strokes", type=Path, help="pendigits-orig.tra; default: DIGITREC_STROKES, else downloaded"
    )
    parser.add_argument("--count", type=int, default=20_000, help="pictures; default: %(default)s")
    parser.add_argument("--corrupt", type=int, default=200, help="of them; default: %(default)s")
    parser.add_argument("--folder", type=Path, help="keeps the pictures for another time")
    parser.add_argument("bulk", nargs="*", help="after --, options for digitrec batch")
    return parser.parse_args()


def environment_path(name: str) -> Path | None:
    """Return the path that an environment variable has, None where it has none."""
    return Path(os.environ[name]) if os.environ.get(name) else None


def draw(strokes: Path | None, folder: Path, count: int) -> None:
    """Write `count` canvases into the folder, unless they are there."""
    if folder.is_dir() and len(list(folder.iterdir())) == count:
        return
    digits = load_pendigits(strokes)
    folder.mkdir(parents=True)
    for number in range(count):
        canvas = render_strokes_randomized(
            digits[number % len(digits)].strokes, np.random.default_rng(number)
        )
        Image.fromarray(canvas).convert("RGBA").save(folder / f"{number:06d}.png")


def measure_rate(folder: Path, pictures: Path, options: argparse.Namespace) -> bytes:
    """Print files a second and the memory; return the results."""
    run = Run(pictures, fresh(folder / "whole.csv"), options.bulk)
    code = run.wait()
    rows = read_rows(run.output)
    rate = options.count / run.seconds
    print(
        f"rate        {rate:,.0f} files/s, {run.seconds:.1f} s from start to end, n = {options.count:,}, "
        f"exit code {code}"
    )
    print(f"memory      {run.peak_mb:.0f} MB at most, {run.processes} processes together (PSS)")
    print(f"rows        {len(rows)}, {len({row['file'] for row in rows})} different")
    return run.output.read_bytes()


def measure_kill(folder: Path, pictures: Path, whole: bytes, options: argparse.Namespace) -> None:
    """Kill a run when half is written, go on, and print whether every row is there once."""
    output = fresh(folder / "killed.csv")
    run = Run(pictures, output, options.bulk)
    while count_lines(output) < options.count // 2:
        run.sample()
    run.process.kill()
    run.wait()
    before = count_lines(output) - 1
    code = Run(pictures, output, options.bulk).wait()
    rows = read_rows(output)
    same = "the same as without a kill" if output.read_bytes() == whole else "NOT the same as without a kill"
    print(
        f"kill        SIGKILL after {before:,} rows, then {len(rows):,}, {len({row['file'] for row in rows}):,} "
        f"different, {same}, exit code {code}"
    )


def measure_corrupt(folder: Path, pictures: Path, options: argparse.Namespace) -> None:
    """Cut some files short, and print how many rows have an error."""
    names = sorted(pictures.iterdir())[:: max(1, options.count // options.corrupt)][: options.corrupt]
    whole = {name: name.read_bytes() for name in names}
    try:
        for name, data in whole.items():
            name.write_bytes(data[: len(data) // 2])
        output = fresh(folder / "corrupt.csv")
        code = Run(pictures, output, options.bulk).wait()
    finally:
        for name, data in whole.items():
            name.write_bytes(data)
    rows = read_rows(output)
    print(
        f"corrupt     {len(names)} files cut short: {sum(bool(row['error']) for row in rows)} rows with an error "
        f"of {len(rows):,}, exit code {code}"
    )


class Run:
    """A `digitrec batch` process, and what it took."""

    def __init__(self, pictures: Path, output: Path, more: list[str]) -> None:
        self.output = output
        self.peak_mb = 0.0
        self.processes = 0
        self.seconds = 0.0
        self._start = time.perf_counter()
        command = [sys.executable, "-m", "digitrec", "bulk", str(pictures), "--output", str(output), *more]
        self.process = subprocess.Popen(command, stderr=subprocess.DEVNULL)  # noqa: S603

    def sample(self) -> None:
        """Wait a moment and note the memory."""
        time.sleep(_SAMPLE_S)
        sizes = [size for pid in family(self.process.pid) if (size := pss_mb(pid))]
        if sum(sizes) > self.peak_mb:
            self.peak_mb, self.processes = sum(sizes), len(sizes)

    def wait(self) -> int:
        """Return the exit code when it has ended."""
        while self.process.poll() is None:
            self.sample()
        self.seconds = time.perf_counter() - self._start
        return self.process.returncode


def fresh(output: Path) -> Path:
    """Return the path after what an earlier measurement left there is gone."""
    for path in (output, output.with_name(f"{output.name}.journal")):
        path.unlink(missing_ok=True)
    return output


def count_lines(path: Path) -> int:
    """Return how many lines a file has, 0 where there is none."""
    return path.read_bytes().count(b"\n") if path.exists() else 0


def read_rows(path: Path) -> list[dict[str, str]]:
    """Return the rows of a table."""
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


if __name__ == "__main__":
    main()
