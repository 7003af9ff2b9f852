#!/usr/bin/env python3
"""Send 100,000 requests to a server, kill one of its workers, stop it, and report the outcome of every request.

    python benchmarks/soak.py                                   5 minutes at 32 connections, as `make load-test`
    python benchmarks/soak.py --requests 3000 --seconds 12      the short form

A real gunicorn with two workers runs on this machine, as the Procfile starts it. The clients are threads of this
process; each keeps its connection and posts the canvases of measure.py. The exit status is 1 if a check fails.
"""

from __future__ import annotations

import argparse
import http.client
import signal
import statistics
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import psutil
from digits import canvases
from server_process import Server, free_port, is_ready, machine
from steady_load import ANSWERED, CUT, REFUSED, Load, Outcome

from digitrec import __version__

ROOT = Path(__file__).resolve().parents[1]
WORKERS = 2
PICTURES = 20
_SLOW_PICTURES = 30  # in a request that keeps a thread for twice as long as a helper waits
# Until every buffer has its size; growth is told from here on.
WARM_SHARE = 0.1
MOST_GROWTH = 0.05
WHOLE_AGAIN_S = 2.0


@dataclass(frozen=True)
class Memory:
    """What the workers hold together, in bytes: resident, and of it what nobody shares with them."""

    rss: int
    uss: int


@dataclass(frozen=True)
class Course:
    """What the three phases came to.

    Attributes
    ----------
    steady, after_kill, after_stop : what became of the requests that ended in each phase.
    samples : the memory while the load was steady, from WARM_SHARE of the requests on.
    steady_s : how long that was.
    killed : when a worker was killed, by `time.monotonic`.
    held : how many connections it had. whole_s : the seconds until there were as many workers again.
    status, stop_s : the exit status of the server, and the seconds that its stop took.
    """

    steady: list[Outcome]
    after_kill: list[Outcome]
    after_stop: list[Outcome]
    samples: list[Memory]
    steady_s: float
    killed: float
    held: int
    whole_s: float
    status: int
    stop_s: float

    @property
    def growth(self) -> float:
        """The share by which the memory of the workers grew."""
        return self.samples[-1].rss / self.samples[0].rss - 1


def main() -> None:
    """Run the three phases, print the table, and end with 1 where a bound was broken."""
    options = _arguments()
    print(f"digitrec {__version__}, {machine()}, {WORKERS} workers, {options.connections} connections")
    port = free_port()
    command = [sys.executable, "-m", "gunicorn", "digitrec.web.server.run:create_wsgi_app()"]
    environ = {"PORT": str(port), "WEB_CONCURRENCY": str(WORKERS)}
    pictures = [picture for _, picture in canvases(PICTURES)]
    rate = options.requests / options.seconds
    server = Server(command, partial(is_ready, port), ROOT, environ)
    try:
        wake_threads(port, pictures[0])
        load = Load(port, pictures, options.connections, rate=rate, ends_when_refused=True)
        course = run(server, load, options.requests)
    finally:
        server.stop()
    tell(course)
    sound = bounds(course)
    for claim, holds in sound.items():
        print(f"{'yes' if holds else 'NO':<4}{claim}")
    sys.exit(0 if all(sound.values()) else 1)


def wake_threads(port: int, picture: bytes) -> None:
    """Ask for so much at once that every thread of every worker answers, and has its interpreter from here on.

    One answers as long as that is quick; which of the others helps for the first time, and when, is chance.
    """
    part = (
        b'--soak\r\nContent-Disposition: form-data; name="image"; filename="7.png"\r\n\r\n'
        + picture
        + b"\r\n"
    )
    body = part * _SLOW_PICTURES + b"--soak--\r\n"

    def ask(_: int) -> int:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        with closing(connection):
            connection.request(
                "POST", "/predict", body, {"Content-Type": "multipart/form-data; boundary=soak"}
            )
            return connection.getresponse().status

    with ThreadPoolExecutor(16 * WORKERS) as pool:
        statuses = set(pool.map(ask, range(64 * WORKERS)))
    if statuses != {200}:
        raise SystemExit(f"expected 200 for many pictures at once. Received: {sorted(statuses)}.")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Soak a server, kill a worker, stop it.")
    parser.add_argument("--requests", type=int, default=100_000)
    parser.add_argument("--seconds", type=float, default=300, help="that the requests are spread over")
    parser.add_argument("--connections", type=int, default=32)
    return parser.parse_args()


def run(server: Server, load: Load, requests: int) -> Course:
    """Run the three phases on one load."""
    began = time.monotonic()
    with load:
        samples = soak(server, load, requests)
        killed = time.monotonic()
        held, whole_s = kill_one(server)
        time.sleep(3)
        stopped = time.monotonic()
        server.process.send_signal(signal.SIGTERM)
        status = server.process.wait(30)
        stop_s = time.monotonic() - stopped
        load.end()
    # By their end: what a kill or a stop cuts has begun before it.
    phases = (
        [item for item in load.outcomes if first <= item.ended < last]
        for first, last in ((began, killed), (killed, stopped), (stopped, float("inf")))
    )
    return Course(*phases, samples, killed - began, killed, held, whole_s, status, stop_s)


def soak(server: Server, load: Load, requests: int) -> list[Memory]:
    """Wait for so many requests, and return the memory from WARM_SHARE of them to the end."""
    samples: list[Memory] = []
    told = 0
    while load.count < requests:
        time.sleep(0.25)
        if load.count >= requests * (WARM_SHARE + (1 - WARM_SHARE) * len(samples) / 20):
            samples.append(memory(server))
        if load.count >= told + requests // 10:
            told = load.count
            print(f"  {told:>7,} requests, {samples[-1].rss / 1e6 if samples else 0:.0f} MB", file=sys.stderr)
    return [*samples, memory(server)]


def workers(server: Server) -> list[psutil.Process]:
    """Return the workers that run."""
    children = psutil.Process(server.process.pid).children()
    return [child for child in children if child.status() != psutil.STATUS_ZOMBIE]


def memory(server: Server) -> Memory:
    """Return what the workers hold now."""
    infos = [worker.memory_full_info() for worker in workers(server)]
    return Memory(sum(info.rss for info in infos), sum(info.uss for info in infos))


def kill_one(server: Server) -> tuple[int, float]:
    """Kill a worker; return how many connections it held and the seconds until there are as many workers again."""
    victim = workers(server)[0]
    held = sum(item.status == psutil.CONN_ESTABLISHED for item in victim.net_connections("tcp"))
    victim.kill()
    seconds = wait_until(
        lambda: len(now := workers(server)) == WORKERS and victim not in now,
        10,
        "no worker came in its place",
    )
    return held, seconds


def wait_until(holds: Callable[[], bool], patience_s: float, otherwise: str) -> float:
    """Return the seconds until `holds` does."""
    began = time.monotonic()
    while not holds():
        if time.monotonic() - began > patience_s:
            raise SystemExit(otherwise)
        time.sleep(0.005)
    return time.monotonic() - began


def tell(course: Course) -> None:
    """Print the table, and what memory, kill and stop came to."""
    print(
        f"\n{'phase':<14}{'requests':>9}{'answered':>10}{'other':>8}{'cut':>6}{'refused':>9}{'p50 ms':>9}{'p99 ms':>9}"
    )
    print(row("steady", course.steady))
    print(row("after SIGKILL", course.after_kill))
    print(row("after SIGTERM", course.after_stop))
    first, last = course.samples[0], course.samples[-1]
    highest = max(sample.rss for sample in course.samples)
    print(
        f"\nsteady: {len(course.steady) / course.steady_s:.0f} requests/s over {course.steady_s:.0f} s; both workers "
        f"{first.rss / 1e6:.1f} MB resident after {WARM_SHARE:.0%}, {last.rss / 1e6:.1f} MB at the end "
        f"({course.growth:+.2%}), {highest / 1e6:.1f} MB at most; unshared {first.uss / 1e6:.1f} and "
        f"{last.uss / 1e6:.1f} MB"
    )
    print(
        f"SIGKILL: the worker held {course.held} connections; both workers ran again after {course.whole_s:.2f} s"
    )
    print(f"SIGTERM: the server ended with {course.status} after {course.stop_s:.1f} s")


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


def bounds(course: Course) -> dict[str, bool]:
    """Return what should be so, and whether it was."""
    whole = course.killed + WHOLE_AGAIN_S
    late = [item for item in course.after_kill if item.ended > whole]
    return {
        "every steady request is answered": all(
            item.kind == ANSWERED and item.status == 200 for item in course.steady
        ),
        f"memory grows by less than {MOST_GROWTH:.0%}": course.growth < MOST_GROWTH,
        "no more is cut than the killed worker held": cuts(course.after_kill) <= course.held,
        f"whole again within {WHOLE_AGAIN_S} s": course.whole_s < WHOLE_AGAIN_S
        and all(item.kind == ANSWERED for item in late),
        "SIGTERM cuts nothing": cuts(course.after_stop) == 0 and course.status == 0,
    }


def cuts(outcomes: list[Outcome]) -> int:
    """Return how many requests were cut."""
    return sum(item.kind == CUT for item in outcomes)


if __name__ == "__main__":
    main()
