#!/usr/bin/env python3
"""Send hostile inputs to a server with one worker and 512 MiB of memory, and look for findings.

    python benchmarks/attack.py                            everything, as `make attack`; about an hour
    python benchmarks/attack.py --part 1 --only 'PNG '     single inputs
    python benchmarks/attack.py --short                    the short form

Part 1 sends one input after another to a server, and measures the CPU time and the memory of each. Part 2 starts a
server for each attack, and measures how long a client waits that predicts a canvas ten times a second meanwhile. The
exit status is 1 if there is a finding. Without the right to create a control group the memory is measured, not limited.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import re
import shutil
import signal
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import cv2
import psutil
from attacks import images, pages, requests
from attacks.requests import PREDICT, READ
from digits import canvases, number
from server_process import Server, family, free_port, is_ready, machine, pss_mb
from steady_load import CUT, Client, Load, connect, post, receive

from digitrec import __version__

CPU_S = 2.0  # of one core, for a request with one image
SEVERAL_CPU_S = 30.0  # for a request with several images or fields: DIGITREC_REQUEST_TIMEOUT_S
MEMORY_MB = 300.0  # above an idle worker
MAX_WAIT_S = 10.0  # of the normal client
LIMIT_BYTES = 512 << 20
_ROOT = Path(__file__).resolve().parents[1]
_TIMEOUT_S, _HOLD_S = 120.0, 15.0
_HELD = "held"


@dataclass(frozen=True)
class Case:
    """A hostile input: its name, what makes the requests that contain it, and the CPU time that each may take."""

    name: str
    make: Callable[[], list[bytes]]
    is_heavy: bool = False
    cpu_s: float = CPU_S


def cases() -> Iterator[Case]:
    """Yield every hostile input."""
    for files, is_heavy in ((images.QUICK, False), (images.HEAVY, True)):
        for name, make in files.items():
            yield Case(name, partial(_predict_and_read, make), is_heavy)
    for name, request in requests.QUICK.items():
        yield Case(name, partial(_all_of, request))
    for name, request in requests.SEVERAL.items():
        yield Case(f"several: {name}", partial(_all_of, request), True, SEVERAL_CPU_S)
    for name, page in pages.PAGES.items():
        yield Case(f"page: {name}", partial(_predict_and_read, partial(_png, page)), True)
    for name, drawing in pages.DRAWINGS.items():
        yield Case(f"drawing: {name}", partial(_all_of, partial(_draw, drawing)))
    for name, constraint in pages.CONSTRAINTS.items():
        yield Case(f"constraint: {name}", partial(_all_of, partial(_constrain, constraint)))


def _all_of(*makers: Callable[[], bytes]) -> list[bytes]:
    return [make() for make in makers]


def _predict_and_read(make: Callable[[], bytes]) -> list[bytes]:
    file = make()
    return [post(file, PREDICT), post(file, READ)]


def _png(page: Callable[[], pages.Image]) -> bytes:
    return cv2.imencode(".png", page())[1].tobytes()


def _draw(drawing: Callable[[], pages.Drawing]) -> bytes:
    return post(json.dumps({"strokes": drawing()}).encode(), READ, "application/json")


def _constrain(constraint: Callable[[], dict[str, object]]) -> bytes:
    line = number("407392" * 10 + "1582")
    return requests.page_of_fields(line, {"f": {"box": [0, 0, 1, 1], **constraint()}})


class LimitedServer:
    """A server with one worker, as the Procfile starts it, in a control group of `LIMIT_BYTES` where one can be made.

    Attributes
    ----------
    port : where it listens. group : the folder of the control group, version 1 or 2; None without the right to it.
    """

    def __init__(self, stack: ExitStack, open_files: int) -> None:
        root = Path("/sys/fs/cgroup")
        is_second = (root / "cgroup.controllers").is_file()
        self._files = ("max", "peak", "events") if is_second else (
            "limit_in_bytes", "max_usage_in_bytes", "oom_control")  # fmt: skip
        self.port = free_port()
        group = (root if is_second else root / "memory") / f"digitrec-attack-{os.getpid()}-{self.port}"
        self.group: Path | None = group
        stack.callback(_remove_group, group)
        try:
            group.mkdir()
            (group / f"memory.{self._files[0]}").write_text(str(LIMIT_BYTES))
        except OSError:
            self.group = None
        folder = tempfile.mkdtemp(dir=next(filter(os.path.isdir, ["/dev/shm"]), None))  # noqa: S108  # nosec B108
        stack.callback(shutil.rmtree, folder, ignore_errors=True)
        join = 'if [ -n "$0" ]; then echo $$ > "$0/cgroup.procs"; fi; ulimit -n "$1"; shift; exec "$@"'
        shell = ["sh", "-c", join, str(self.group or ""), str(open_files)]
        gunicorn = [sys.executable, "-m", "gunicorn", "digitrec.web.server.run:create_wsgi_app()"]
        environ = {
            "PORT": str(self.port),
            "WEB_CONCURRENCY": "1",
            "TMPDIR": folder,
        }  # in memory, and so counted
        self._server = Server([*shell, *gunicorn], partial(is_ready, self.port), _ROOT, environ)
        stack.callback(self._server.stop)
        self._first_workers = set(self._server.workers)
        self._sampled_mb = 0.0
        if self.group is None:
            threading.Thread(target=self._sample, daemon=True).start()

    def _sample(self) -> None:
        while self._server.process.poll() is None:
            self._sampled_mb = max(self._sampled_mb, pss_mb(family(self._server.process.pid)))
            time.sleep(0.1)

    @property
    def worker(self) -> psutil.Process:
        """The worker that runs now."""
        while not (workers := self._server.workers):
            time.sleep(0.1)
        return workers[0]

    @property
    def replaced(self) -> int:
        """How many of the first processes are gone."""
        return len(self._first_workers - set(self._server.workers)) + (
            self._server.process.poll() is not None
        )

    @property
    def peak_mb(self) -> float:
        """The memory of all processes at most."""
        return int(self._read(1)) / 2**20 if self.group else self._sampled_mb

    @property
    def kills(self) -> int:
        """How many processes were killed for memory."""
        return int(re.findall(r"(?m)^oom_kill (\d+)", self._read(2))[0]) if self.group else 0

    def _read(self, index: int) -> str:
        return (self.group / f"memory.{self._files[index]}").read_text() if self.group else ""


def _remove_group(group: Path) -> None:
    for _ in range(100):
        if not group.is_dir():
            return
        with suppress(OSError):  # until its last process has gone
            group.rmdir()
        time.sleep(0.05)


@contextmanager
def limited_server(open_files: int = 4096) -> Iterator[LimitedServer]:
    """Start a server, and stop it."""
    with ExitStack() as stack:
        yield LimitedServer(stack, open_files)


@dataclass(frozen=True)
class Cost:
    """The outcome of one request, the CPU time of the worker, and its memory above an idle one at most."""

    name: str
    outcome: str
    size_mb: float
    cpu_s: float
    memory_mb: float

    def finding(self, max_cpu_s: float) -> str:
        """Return what must not be, or nothing."""
        findings = {
            f"the request was {self.outcome}": not self.outcome[:1].isdigit(),
            f"status {self.outcome}": self.outcome.startswith("5") and self.outcome != "503",
            f"more than {max_cpu_s:.0f} s of CPU time": self.cpu_s > max_cpu_s,
            f"more than {MEMORY_MB:.0f} MB above an idle worker": self.memory_mb > MEMORY_MB,
        }
        return "; ".join(finding for finding, is_so in findings.items() if is_so)


def single_inputs(chosen: Iterable[Case], cpu_slack: float) -> Iterator[tuple[Cost, str]]:
    """Yield the cost and the finding of each request; `cpu_slack` times its CPU time is allowed."""
    with limited_server() as server:
        client = Client(server.port, _TIMEOUT_S)
        for request in (post(number("407"), path) for path in (PREDICT, READ)):
            client.ask(request)  # each loads its model
        for case in chosen:
            for request in case.make():
                cost = _measure(case.name, request, client, server.worker)
                yield cost, cost.finding(case.cpu_s * cpu_slack)


def _measure(name: str, request: bytes, client: Client, worker: psutil.Process) -> Cost:
    Path(f"/proc/{worker.pid}/clear_refs").write_text("5")  # the peak starts at the current memory
    idle_mb, before = worker.memory_info().rss / 2**20, _cpu_s(worker)
    label = client.ask(request).label.replace("answered", "200")
    endpoint = request.split(b" ", 2)[1].partition(b"?")[0].decode().rpartition("/")[2]
    return Cost(
        f"{name} ({endpoint})",
        label,
        len(request) / 1e6,
        _cpu_s(worker) - before,
        max(0.0, _peak_mb(worker) - idle_mb),
    )


def _cpu_s(process: psutil.Process) -> float:
    with suppress(psutil.Error):
        times = process.cpu_times()
        return times.user + times.system
    return 0.0


def _peak_mb(process: psutil.Process) -> float:
    with suppress(OSError):
        status = Path(f"/proc/{process.pid}/status").read_text()
        return int(re.findall(r"VmHWM:\s+(\d+)", status)[0]) / 1024
    return 0.0


@dataclass(frozen=True)
class Attack:
    """Something that many clients do at once.

    Attributes
    ----------
    run : does it to the server at a port, and counts the outcomes of its requests.
    expected : the outcomes that are allowed; None is every status below 500, and 503.
    open_files : the maximum for the server.
    """

    name: str
    run: Callable[[int], Counter[str]]
    expected: frozenset[str] | None = None
    open_files: int = 4096

    def is_expected(self, outcome: str) -> bool:
        """Return whether an outcome is allowed; a normal request has to be answered with 200."""
        kind, _, status = outcome.rpartition(" ")
        if self.expected is not None:
            return outcome in self.expected
        return status == "200" if kind == "normal" else status[:1] in "234" or status == "503"


def ask_all(
    port: int, items: Iterable[tuple[str, Callable[[], bytes]]], connections: int = 8
) -> Counter[str]:
    """Send what (kind, make) pairs make over so many connections at once; return how often each outcome came."""
    thread = threading.local()

    def connect_thread() -> None:
        thread.client = Client(port, _TIMEOUT_S)

    def ask(item: tuple[str, Callable[[], bytes]]) -> str:
        kind, make = item
        label = thread.client.ask(make()).label.replace("answered", "200")
        return f"{kind} {label}".lstrip()

    with ThreadPoolExecutor(connections, initializer=connect_thread) as pool:
        return Counter(pool.map(ask, items))


def unread(port: int, connections: int, count: int, path: str) -> Counter[str]:
    """Ask `count` times on each connection, and read no response."""
    with ExitStack() as stack:
        for _ in range(connections):
            client = stack.enter_context(connect(port))
            client.settimeout(1.0)
            with suppress(OSError):
                client.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode() * count)
        time.sleep(_HOLD_S)
    return Counter({_HELD: connections})


def held_uploads(port: int, connections: int) -> Counter[str]:
    """Send 19.9 of 20 MB on each connection, and the rest after some time."""
    request = post(bytes(20_000_000))
    until = time.monotonic() + _HOLD_S

    def hold(_: int) -> str:
        try:
            with connect(port, _HOLD_S) as client:
                client.sendall(request[:-100_000])
                time.sleep(max(0.0, until - time.monotonic()))
                client.sendall(request[-100_000:])
                return receive(client)[0].split(b" ", 2)[1].decode()
        except TimeoutError:
            return _HELD
        except OSError:
            return CUT

    with ThreadPoolExecutor(connections) as pool:
        return Counter(pool.map(hold, range(connections)))


def dribble(port: int, connections: int) -> Counter[str]:
    """Send headers, bodies and chunks a byte at a time."""
    head = b"POST /api/v1/predict HTTP/1.1\r\nHost: localhost\r\n"
    starts = [
        b"GET / HTTP/1.1\r\nX: ",
        post(bytes(9999))[:-9999],
        head + b"Transfer-Encoding: chunked\r\n\r\n1",
    ]
    with ExitStack() as stack:
        clients = [stack.enter_context(connect(port)) for _ in range(connections)]
        for index, client in enumerate(clients):
            client.sendall(starts[index % len(starts)])
        until = time.monotonic() + _HOLD_S
        while time.monotonic() < until:
            for client in clients:
                with suppress(OSError):
                    client.sendall(b"0")
            time.sleep(0.5)
    return Counter({_HELD: connections})


def attacks(worst: Sequence[Case]) -> Iterator[Attack]:
    """Yield the attacks; `worst` are the most expensive single inputs."""
    may_hold = frozenset({_HELD, CUT, "400", "408", "413", "422", "503"})
    file = "/docs/swagger-ui-bundle.js"  # 1.4 MB, the largest file of the server
    for connections in (10, 200):
        yield Attack(f"{connections} unread responses", partial(unread, connections=connections, count=40, path=file),
                     may_hold)  # fmt: skip
    yield Attack("unread responses, 1,024 files", partial(unread, connections=4, count=20_000, path="/healthz"),
                 may_hold, open_files=1024)  # fmt: skip
    for connections in (25, 100):
        yield Attack(f"{connections} held uploads", partial(held_uploads, connections=connections), may_hold)
    yield Attack("200 slow clients", partial(dribble, connections=200), may_hold)
    head = b"POST /api/v1/predict HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n"
    chunks = head + b"1\r\nA\r\n" * 512_000 + b"0\r\n\r\n"
    yield Attack("chunks of one byte", lambda port: ask_all(port, [("", lambda: chunks)] * 60, 60))
    several = [request for case in cases() if case.cpu_s > CPU_S for request in case.make()]
    for name, heavy in {
        "50 heavy images": 10 * ordinary(),
        "the worst inputs": [request for case in worst for request in case.make()] or ordinary(),
        "several images or fields": several,
    }.items():
        items = [("", lambda request=request: request) for request in heavy]
        yield Attack(name, partial(ask_all, items=items))


def ordinary() -> list[bytes]:
    """Return requests with images as people send them, but large."""
    names = ("PNG RGBA", "WebP lossless", "JPEG 4:2:0", "TIFF I;16, tiff_lzw")
    return [*(post(images.HEAVY[name](), READ) for name in names), requests.spaced_image(2, b" ")]


def mixed(count: int) -> Attack:
    """Return an attack of which four of five requests are normal, and at most 5 % and 2,000 have large images."""
    rng = random.Random(0)  # noqa: S311  # nosec B311  # the same each time
    single = [case for case in cases() if case.cpu_s == CPU_S and not case.name.startswith("page: ")]
    sample = rng.sample(single, 20 if count < 1000 else 90)
    hostile = [request for case in sample for request in case.make()]
    pools = {
        "normal": [post(image) for _, image in canvases(20)],
        "hostile": [request for request in hostile if len(request) < 1_000_000],
        "large": [*ordinary(), *(request for request in hostile if len(request) >= 1_000_000)],
    }
    large = min(0.05, 2000 / count)
    kinds = rng.choices(list(pools), [0.8, 0.2 - large, large], k=count)
    items = [(kind, partial(rng.choice, pools[kind])) for kind in kinds]
    return Attack("mixed", lambda port: ask_all(port, items))


@dataclass(frozen=True)
class Result:
    """The outcomes of an attack, and what became of the server and of the requests of the normal client."""

    name: str
    outcomes: Counter[str]
    normal: Counter[str]
    waits_ms: tuple[float, float, float]  # median, 99th percentile, maximum
    replaced: int
    kills: int
    peak_mb: float

    def finding(self, attack: Attack) -> str:
        """Return what must not be, or nothing."""
        unexpected = [outcome for outcome in self.outcomes if not attack.is_expected(outcome)]
        findings = {
            f"{self.replaced} processes gone": self.replaced,
            f"{self.kills} killed for memory": self.kills,
            f"normal requests: {dict(self.normal)}": set(self.normal) != {"answered"},
            f"a normal request took {self.waits_ms[2] / 1000:.1f} s": self.waits_ms[2] > 1000 * MAX_WAIT_S,
            f"more than {LIMIT_BYTES >> 20} MiB": self.peak_mb > LIMIT_BYTES >> 20,
            f"unexpected: {unexpected}": unexpected,
        }
        return "; ".join(finding for finding, is_so in findings.items() if is_so)


def run(attack: Attack) -> Result:
    """Run an attack next to the normal client, and the client some seconds longer."""
    with limited_server(attack.open_files) as server:
        with Load(server.port, [image for _, image in canvases(20)], 1, rate=10.0) as normal:
            time.sleep(1.0)
            outcomes = attack.run(server.port)
            time.sleep(2.0)
        waits_ms = sorted(1000 * outcome.seconds for outcome in normal.outcomes) or [0.0]
        p50, p99, slowest = (waits_ms[int(place * (len(waits_ms) - 1))] for place in (0.5, 0.99, 1.0))
        return Result(
            attack.name,
            outcomes,
            normal.kinds(),
            (p50, p99, slowest),
            server.replaced,
            server.kills,
            server.peak_mb,
        )


def main() -> None:
    """Run the parts, print their tables, and exit with 1 if there is a finding."""
    options = _arguments()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # else the server would go on
    chosen = [case for case in cases() if re.search(options.only, case.name)]
    if options.short:
        heavy = [case for case in chosen if case.is_heavy and case.cpu_s == CPU_S]
        sample = random.Random(0).sample(heavy, min(16, len(heavy)))  # noqa: S311  # nosec B311
        chosen = [case for case in chosen if not case.is_heavy] + sample
    print(f"digitrec {__version__}, {machine()}")
    costs: list[Cost] = []
    findings = []
    if options.part != 2:
        print(f"\n{'input':<62}{'MB in':>6}{'CPU s':>7}{'MB':>6}  outcome")
        for cost, finding in single_inputs(chosen, 10.0 if options.short else 1.0):
            costs.append(cost)
            findings += [f"{cost.name}: {finding}"] * bool(finding)
            print(f"{_cost_row(cost)}  {finding}", flush=True)
        for title, key in (("slowest", lambda cost: cost.cpu_s), ("largest", lambda cost: cost.memory_mb)):
            print(f"\nthe {title}", *map(_cost_row, sorted(costs, key=key, reverse=True)[:10]), sep="\n")
    if options.part != 1:
        worst = {cost.name.rpartition(" (")[0] for cost in sorted(costs, key=lambda cost: -cost.cpu_s)[:8]}
        found = [case for case in chosen if case.name in worst and case.cpu_s == CPU_S]
        every = (
            [] if options.short else [each for each in attacks(found) if re.search(options.only, each.name)]
        )
        every += [mixed(300 if options.short else options.mixed)] if re.search(options.only, "mixed") else []
        print(f"\n{'attack':<32}{'normal':>8}{'p50 ms':>8}{'p99 ms':>8}{'slowest':>9}{'MB':>6}  outcomes")
        for attack in every:
            result = run(attack)
            finding = result.finding(attack)
            findings += [f"{attack.name}: {finding}"] * bool(finding)
            waits = "{:>8.0f}{:>8.0f}{:>9.0f}".format(*result.waits_ms)
            print(f"{attack.name:<32}{result.normal.total():>8,}{waits}{result.peak_mb:>6.0f}  "
                  f"{dict(sorted(result.outcomes.items()))}  {finding}", flush=True)  # fmt: skip
    print(f"\n{len(findings)} findings", *findings, sep="\n  ")
    sys.exit(1 if findings else 0)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Send hostile inputs to a server.")
    parser.add_argument(
        "--part", type=int, choices=(1, 2), help="1 is single inputs, 2 attacks; default: both"
    )
    parser.add_argument("--only", default="", help="a pattern of names of inputs and attacks")
    parser.add_argument("--short", action="store_true", help="a sample, and bounds ten times as wide")
    parser.add_argument("--mixed", type=int, default=100_000, help="requests of the mixed attack")
    return parser.parse_args()


def _cost_row(cost: Cost) -> str:
    return f"{cost.name:<62}{cost.size_mb:>6.1f}{cost.cpu_s:>7.2f}{cost.memory_mb:>6.0f}  {cost.outcome}"


if __name__ == "__main__":
    main()
