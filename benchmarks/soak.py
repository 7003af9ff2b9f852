#!/usr/bin/env python3
"""Ask a server 100,000 times, then kill one of its workers, then stop it, and tell what became of every request.

    python benchmarks/soak.py                                   5 minutes at 32 connections, as `make soak`
    python benchmarks/soak.py --requests 3000 --seconds 12      the short form

A real gunicorn with two workers runs on this machine, as the Procfile starts it, but for replacing workers, which
would hide memory that grows. The clients, threads of this process, run here, too; each keeps its connection and posts
the canvases of measure.py. Exit status 1: something was not as it should be.
"""

from __future__ import annotations

import argparse
import os
import platform
import signal
import socket
import statistics
import subprocess
import sys
import time
import urllib.request
from dataclasses import dataclass
from pathlib import Path

import psutil
from digits import canvases
from processes import processor
from steady_load import ANSWERED, CUT, REFUSED, Load, Outcome

from digitrec import __version__

ROOT = Path(__file__).resolve().parents[1]
WORKERS = 2
PICTURES = 20
# Until every thread has its interpreter and every buffer its size; growth is told from here on.
WARM_SHARE = 0.1
MOST_GROWTH = 0.05
WHOLE_AGAIN_S = 2.0


@dataclass(frozen=True)
class Memory:
    """What the workers hold together, in bytes: resident, and of it what nobody shares with them."""

    rss: int
    uss: int


class Server:
    """A gunicorn as the Procfile starts it, on a free port."""

    def __init__(self) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = int(free.getsockname()[1])
        environ = {
            **os.environ,
            "PORT": str(self.port),
            "WEB_CONCURRENCY": str(WORKERS),
            "DIGITREC_MAX_REQUESTS": "0",
        }
        command = [sys.executable, "-m", "gunicorn", "digitrec.web.serve:application()"]
        self.process = subprocess.Popen(  # noqa: S603
            command, cwd=ROOT, env=environ, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        wait_until(self.is_ready, 30, "the server was not ready; run the Procfile's command to see why")

    def is_ready(self) -> bool:
        """Tell whether /readyz says so."""
        try:
            address = f"http://127.0.0.1:{self.port}/readyz"
            with urllib.request.urlopen(address, timeout=5) as answer:  # nosec B310  # our own address
                return bool(answer.status == 200)
        except OSError:
            return False

    def workers(self) -> list[psutil.Process]:
        """Return the workers that run."""
        children = psutil.Process(self.process.pid).children()
        return [child for child in children if child.status() != psutil.STATUS_ZOMBIE]

    def memory(self) -> Memory:
        """Return what the workers hold now."""
        infos = [worker.memory_full_info() for worker in self.workers()]
        return Memory(sum(info.rss for info in infos), sum(info.uss for info in infos))


def soak(server: Server, load: Load, requests: int) -> list[Memory]:
    """Wait for so many requests, and return the memory from WARM_SHARE of them to the end."""
    samples: list[Memory] = []
    told = 0
    while load.count < requests:
        time.sleep(0.25)
        if load.count >= requests * (WARM_SHARE + (1 - WARM_SHARE) * len(samples) / 20):
            samples.append(server.memory())
        if load.count >= told + requests // 10:
            told = load.count
            print(f"  {told:>7,} requests, {samples[-1].rss / 1e6 if samples else 0:.0f} MB", file=sys.stderr)
    return [*samples, server.memory()]


def kill_one(server: Server) -> tuple[int, float]:
    """Kill a worker; return how many connections it held and the seconds until there are as many workers again."""
    victim = server.workers()[0]
    held = sum(item.status == psutil.CONN_ESTABLISHED for item in victim.net_connections("tcp"))
    victim.kill()
    seconds = wait_until(
        lambda: len(now := server.workers()) == WORKERS and victim not in now,
        10,
        "no worker came in its place",
    )
    return held, seconds


def wait_until(holds: object, patience_s: float, otherwise: str) -> float:
    """Return the seconds until `holds`, a function without arguments, does."""
    began = time.monotonic()
    while not holds():  # type: ignore[operator]
        if time.monotonic() - began > patience_s:
            raise SystemExit(otherwise)
        time.sleep(0.005)
    return time.monotonic() - began


def row(name: str, outcomes: list[Outcome]) -> str:
    """Return the line of one phase."""
    answered = [item for item in outcomes if item.kind == ANSWERED and item.status == 200]
    times = sorted(1000 * item.seconds for item in answered)
    others = sum(item.kind == ANSWERED and item.status != 200 for item in outcomes)
    kinds = [sum(item.kind == kind for item in outcomes) for kind in (CUT, REFUSED)]
    median, p99 = (statistics.median(times), times[int(0.99 * len(times))]) if times else (0.0, 0.0)
    return (
        f"{name:<14}{len(outcomes):>9,}{len(answered):>10,}{others:>8}{kinds[0]:>6}{kinds[1]:>9}"
        f"{median:>9.1f}{p99:>9.1f}"
    )


def main() -> None:
    """Run the three phases, print the table, and end with 1 where a bound was broken."""
    parser = argparse.ArgumentParser(description="Soak a server, kill a worker, stop it.")
    parser.add_argument("--requests", type=int, default=100_000)
    parser.add_argument("--seconds", type=float, default=300, help="that the requests are spread over")
    parser.add_argument("--connections", type=int, default=32)
    options = parser.parse_args()
    print(
        f"digitrec {__version__}, Python {platform.python_version()}, {processor()}, {os.cpu_count()} cores, "
        f"{WORKERS} workers, {options.connections} connections"
    )
    server = Server()
    try:
        sound = run(server, options)
    finally:
        if server.process.poll() is None:
            server.process.kill()
        server.process.wait(10)
    sys.exit(0 if sound else 1)


def run(server: Server, options: argparse.Namespace) -> bool:
    """Run the three phases on one load; return whether all was as it should be."""
    load = Load(
        server.port,
        [picture for _, picture in canvases(PICTURES)],
        options.connections,
        rate=options.requests / options.seconds,
        ends_when_refused=True,
    )
    began = time.monotonic()
    with load:
        samples = soak(server, load, options.requests)
        killed = time.monotonic()
        held, whole_s = kill_one(server)
        time.sleep(3)
        stopped = time.monotonic()
        server.process.send_signal(signal.SIGTERM)
        status = server.process.wait(30)
        over = time.monotonic()
        load.end()
    # By their end: what a kill or a stop cuts has begun before it.
    steady, after_kill, after_stop = (
        [item for item in load.outcomes if first <= item.ended < last]
        for first, last in ((began, killed), (killed, stopped), (stopped, float("inf")))
    )
    print(
        f"\n{'phase':<14}{'requests':>9}{'answered':>10}{'other':>8}{'cut':>6}{'refused':>9}{'p50 ms':>9}{'p99 ms':>9}"
    )
    print(row("steady", steady))
    print(row("after SIGKILL", after_kill))
    print(row("after SIGTERM", after_stop))
    grown = samples[-1].rss / samples[0].rss - 1
    highest = max(sample.rss for sample in samples)
    print(
        f"\nsteady: {len(steady) / (killed - began):.0f} requests/s over {killed - began:.0f} s; both workers "
        f"{samples[0].rss / 1e6:.1f} MB resident after {WARM_SHARE:.0%}, {samples[-1].rss / 1e6:.1f} MB at the end "
        f"({grown:+.2%}), {highest / 1e6:.1f} MB at most; unshared {samples[0].uss / 1e6:.1f} and "
        f"{samples[-1].uss / 1e6:.1f} MB"
    )
    print(f"SIGKILL: the worker held {held} connections; both workers ran again after {whole_s:.2f} s")
    print(f"SIGTERM: the server ended with {status} after {over - stopped:.1f} s")
    sound = {
        "every steady request is answered": all(
            item.kind == ANSWERED and item.status == 200 for item in steady
        ),
        f"memory grows by less than {MOST_GROWTH:.0%}": grown < MOST_GROWTH,
        "no more is cut than the killed worker held": sum(item.kind == CUT for item in after_kill) <= held,
        f"whole again within {WHOLE_AGAIN_S} s": whole_s < WHOLE_AGAIN_S
        and not any(item.kind != ANSWERED for item in after_kill if item.ended > killed + WHOLE_AGAIN_S),
        "SIGTERM cuts nothing": not any(item.kind == CUT for item in after_stop) and status == 0,
    }
    for claim, holds in sound.items():
        print(f"{'yes' if holds else 'NO':<4}{claim}")
    return all(sound.values())


if __name__ == "__main__":
    main()
