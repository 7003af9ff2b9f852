"""Hostile inputs and attacks, on a server with one worker and 512 MiB of memory.

The first test sends an input to a server and measures the CPU time and the memory that each of its requests takes. The
second one starts a server for an attack, and measures how long a client waits that predicts a canvas ten times a second
meanwhile. `make attack` runs them on all inputs and attacks and prints the measurements; otherwise they run on a
sample, with bounds on the CPU time ten times as wide. Without the right to create a control group the memory is
measured, not limited.
"""

from __future__ import annotations

import json
import os
import random
import re
import signal
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import cv2
import psutil
import pytest
from digits import canvases, number
from server_process import Server, family, free_port, is_ready, machine, pss_mb
from steady_load import ANSWERED, CUT, Client, Load, connect, post, receive

import digitrec
from attacks import images, pages, requests
from attacks.requests import PREDICT, READ

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform != "linux", reason="there is no /proc on this system"),
]

IS_WHOLE = bool(os.environ.get("DIGITREC_ATTACK"))  # as `make attack` sets it
CPU_S = 2.0  # of one core, for a request with one image
SEVERAL_CPU_S = 30.0  # for a request with several images or fields: DIGITREC_REQUESTTIMEOUT_S
CPU_SLACK = 1.0 if IS_WHOLE else 10.0
MEMORY_MB = 300.0  # above an idle worker
MAX_WAIT_S = 10.0  # after which the normal client gives up
LIMIT_BYTES = 512 << 20
ROOT = Path(__file__).parents[1]
TIMEOUT_S, HOLD_S = 120.0, 15.0
HELD = "held"

# The folder of the control groups, and the files of one: its limit, its peak and its events.
GROUPS = Path("/sys/fs/cgroup")
if (GROUPS / "cgroup.controllers").is_file():
    LIMIT, PEAK, EVENTS = "memory.max", "memory.peak", "memory.events"
else:
    GROUPS /= "memory"
    LIMIT, PEAK, EVENTS = "memory.limit_in_bytes", "memory.max_usage_in_bytes", "memory.oom_control"


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
    assert len(file) <= 10_000_000, "else the size is rejected, and nothing else tested"
    return [post(file, PREDICT), post(file, READ)]


def _png(page: Callable[[], pages.Image]) -> bytes:
    return cv2.imencode(".png", page())[1].tobytes()


def _draw(drawing: Callable[[], pages.Drawing]) -> bytes:
    return post(json.dumps({"strokes": drawing()}).encode(), READ, "application/json")


def _constrain(constraint: Callable[[], dict[str, object]]) -> bytes:
    line = number("407392" * 10 + "1582")
    return requests.page_of_fields(line, {"f": {"box": [0, 0, 1, 1], **constraint()}})


class LimitedServer(Server):
    """A server with one worker, as the Procfile starts it, in a control group.

    Attributes
    ----------
    port : where it listens. group : the folder of the control group; None without the right to make one.
    """

    def __init__(self, folder: str, group: Path | None, port: int, open_files: int) -> None:
        self.port, self.group = port, group
        join = 'if [ -n "$0" ]; then echo $$ > "$0/cgroup.procs"; fi; ulimit -n "$1"; shift; exec "$@"'
        shell = ["sh", "-c", join, str(group or ""), str(open_files)]
        gunicorn = [sys.executable, "-m", "gunicorn", "digitrec.web.server.run:create_wsgi_app()"]
        environ = {
            "PYTHONPATH": str(Path(digitrec.__file__).resolve().parents[1]),
            "PORT": str(port),
            "WEB_CONCURRENCY": "1",
            "TMPDIR": folder,  # in memory, and so counted
        }
        super().__init__([*shell, *gunicorn], partial(is_ready, port), ROOT, environ)
        self._first_workers = set(self.workers)
        self._sampled_mb = 0.0
        if group is None:
            threading.Thread(target=self._sample, daemon=True).start()

    def _sample(self) -> None:
        while self.process.poll() is None:
            self._sampled_mb = max(self._sampled_mb, pss_mb(family(self.process.pid)))
            time.sleep(0.1)

    @property
    def worker(self) -> psutil.Process:
        """The worker that runs now."""
        while not (workers := self.workers):
            time.sleep(0.1)
        return workers[0]

    @property
    def replaced(self) -> int:
        """How many of the first processes are gone."""
        return len(self._first_workers - set(self.workers)) + (self.process.poll() is not None)

    @property
    def peak_mb(self) -> float:
        """The memory of all processes at most."""
        return int((self.group / PEAK).read_text()) / 2**20 if self.group else self._sampled_mb

    @property
    def kills(self) -> int:
        """How many processes were killed for memory."""
        events = (self.group / EVENTS).read_text() if self.group else "oom_kill 0"
        return int(re.findall(r"(?m)^oom_kill (\d+)", events)[0])


@contextmanager
def limited_server(open_files: int = 4096) -> Iterator[LimitedServer]:
    """Start a server, and stop it."""
    port = free_port()
    folder = tempfile.TemporaryDirectory(dir="/dev/shm" if Path("/dev/shm").is_dir() else None)
    with folder as name, control_group(f"digitrec-attack-{port}") as group:
        server = LimitedServer(name, group, port, open_files)
        try:
            yield server
        finally:
            server.stop()


@contextmanager
def control_group(name: str) -> Iterator[Path | None]:
    """Make a control group of `LIMIT_BYTES`, and remove it."""
    group = GROUPS / name
    try:
        group.mkdir()
        (group / LIMIT).write_text(str(LIMIT_BYTES))
    except OSError:
        yield None
        return
    try:
        yield group
    finally:
        for _ in range(100):
            with suppress(OSError):  # until its last process has gone
                group.rmdir()
                break
            time.sleep(0.05)


@dataclass(frozen=True)
class Cost:
    """The outcome of one request, the CPU time of the worker, and its memory above an idle one at most."""

    name: str
    outcome: str
    size_mb: float
    cpu_s: float
    memory_mb: float


COSTS: list[Cost] = []  # measured so far


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


@pytest.fixture(scope="module", autouse=True)
def interrupted_by_sigterm() -> Iterator[None]:
    """Let SIGTERM end the tests as SIGINT does, or else the server would go on."""
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    yield
    signal.signal(signal.SIGTERM, before)


@pytest.fixture(scope="module")
def server() -> Iterator[LimitedServer]:
    """A server that has loaded both models."""
    print(f"digitrec {digitrec.__version__}, {machine()}")
    with limited_server() as server:
        with closing(Client(server.port, TIMEOUT_S)) as client:
            for path in (PREDICT, READ):
                client.ask(post(number("407"), path))
        yield server


def sample() -> list[Case]:
    """Return all pages and all inputs that are quick to make, and some of the others."""
    single = [case for case in cases() if case.cpu_s == CPU_S]
    chosen = [case for case in single if case.name.startswith("page: ") or not case.is_heavy]
    return chosen + random.Random(0).sample([case for case in single if case not in chosen], 6)


@pytest.mark.parametrize("case", [*cases()] if IS_WHOLE else sample(), ids=lambda case: case.name)
def test_a_hostile_input_stays_within_its_limits(case: Case, server: LimitedServer) -> None:
    with closing(Client(server.port, TIMEOUT_S)) as client:
        for request in case.make():
            assert len(request.partition(b"\r\n\r\n")[2]) <= 20_000_000
            cost = _measure(case.name, request, client, server.worker)
            COSTS.append(cost)
            print(
                f"{cost.name:<62}{cost.size_mb:>6.1f} MB in{cost.cpu_s:>7.2f} s of CPU"
                f"{cost.memory_mb:>6.0f} MB  {cost.outcome}"
            )
            assert re.fullmatch(r"[234]\d\d|503", cost.outcome), cost
            assert cost.cpu_s <= case.cpu_s * CPU_SLACK, cost
            assert cost.memory_mb <= MEMORY_MB, cost


@dataclass(frozen=True)
class Attack:
    """Something that many clients do at once.

    Attributes
    ----------
    run : does it to the server at a port, and counts the outcomes of its requests.
    expected : a pattern of the outcomes that are allowed. A normal request has to be answered with 200.
    open_files : the maximum for the server.
    """

    name: str
    run: Callable[[int], Counter[str]]
    expected: str = r"normal 200|((hostile|large) )?([234]\d\d|503)"
    open_files: int = 4096


def ask_all(
    port: int, items: Iterable[tuple[str, Callable[[], bytes]]], connections: int = 8
) -> Counter[str]:
    """Send what (kind, make) pairs make over so many connections at once; return how often each outcome came."""
    thread = threading.local()

    def connect_thread() -> None:
        thread.client = Client(port, TIMEOUT_S)
        stack.callback(thread.client.close)

    def ask(item: tuple[str, Callable[[], bytes]]) -> str:
        kind, make = item
        label = thread.client.ask(make()).label.replace("answered", "200")
        return f"{kind} {label}".lstrip()

    with ExitStack() as stack, ThreadPoolExecutor(connections, initializer=connect_thread) as pool:
        return Counter(pool.map(ask, items))


def unread(port: int, connections: int, count: int, path: str) -> Counter[str]:
    """Ask `count` times on each connection, and read no response."""
    with ExitStack() as stack:
        for _ in range(connections):
            client = stack.enter_context(connect(port))
            client.settimeout(1.0)
            with suppress(OSError):
                client.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode() * count)
        time.sleep(HOLD_S)
    return Counter({HELD: connections})


def held_uploads(port: int, connections: int) -> Counter[str]:
    """Send 19.9 of 20 MB on each connection, and the rest after some time."""
    request = post(bytes(20_000_000))
    until = time.monotonic() + HOLD_S

    def hold(_: int) -> str:
        try:
            with connect(port, HOLD_S) as client:
                client.sendall(request[:-100_000])
                time.sleep(max(0.0, until - time.monotonic()))
                client.sendall(request[-100_000:])
                return receive(client)[0].split(b" ", 2)[1].decode()
        except TimeoutError:
            return HELD
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
        until = time.monotonic() + HOLD_S
        while time.monotonic() < until:
            for client in clients:
                with suppress(OSError):
                    client.sendall(b"0")
            time.sleep(0.5)
    return Counter({HELD: connections})


def attacks() -> Iterator[Attack]:
    """Yield the attacks; each makes its requests when it runs."""
    may_hold = f"{HELD}|{CUT}|400|408|413|422|503"
    file = "/docs/swagger-ui-bundle.js"  # 1.4 MB, the largest file of the server
    for connections in (10, 200):
        yield Attack(f"{connections} unread responses", partial(unread, connections=connections, count=40, path=file),
                     may_hold)  # fmt: skip
    yield Attack("unread responses, 1,024 files", partial(unread, connections=4, count=20_000, path="/healthz"),
                 may_hold, open_files=1024)  # fmt: skip
    for connections in (25, 100):
        yield Attack(f"{connections} held uploads", partial(held_uploads, connections=connections), may_hold)
    yield Attack("200 slow clients", partial(dribble, connections=200), may_hold)
    for name, make, connections in (
        ("chunks of one byte", chunks, 60),
        ("50 heavy images", lambda: 10 * ordinary(), 8),
        ("the worst inputs", worst, 8),
        ("several images or fields", several, 8),
    ):
        yield Attack(name, partial(ask_each, make=make, connections=connections))


def ask_each(port: int, make: Callable[[], list[bytes]], connections: int) -> Counter[str]:
    """Send each request once."""
    return ask_all(port, [("", partial(bytes, request)) for request in make()], connections)


def chunks() -> list[bytes]:
    """Return uploads of half a million chunks."""
    head = b"POST /api/v1/predict HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n"
    return [head + b"1\r\nA\r\n" * 512_000 + b"0\r\n\r\n"] * 60


def worst() -> list[bytes]:
    """Return the single inputs that took most CPU time."""
    single = {case.name: case for case in cases() if case.cpu_s == CPU_S}
    costly = sorted(COSTS, key=lambda cost: -cost.cpu_s)
    names = dict.fromkeys(cost.name.rpartition(" (")[0] for cost in costly)
    found = [single[name] for name in names if name in single][:8]
    return [request for case in found for request in case.make()] or ordinary()


def several() -> list[bytes]:
    """Return the requests of several images or fields."""
    return [request for case in cases() if case.cpu_s > CPU_S for request in case.make()]


def ordinary() -> list[bytes]:
    """Return requests with images as people send them, but large."""
    names = ("PNG RGBA", "WebP lossless", "JPEG 4:2:0", "TIFF I;16, tiff_lzw")
    return [*(post(images.HEAVY[name](), READ) for name in names), requests.spaced_image(2, b" ")]


def mixed(port: int) -> Counter[str]:
    """Send requests of which four of five are normal, and at most 5 % and 2,000 have large images."""
    count = 100_000 if IS_WHOLE else 100
    rng = random.Random(0)  # the same each time
    single = [case for case in cases() if case.cpu_s == CPU_S and not case.name.startswith("page: ")]
    sample = rng.sample(single, 90 if IS_WHOLE else 10)
    hostile = [request for case in sample for request in case.make()]
    pools = {
        "normal": [post(image) for _, image in canvases(20)],
        "hostile": [request for request in hostile if len(request) < 1_000_000],
        "large": [*ordinary(), *(request for request in hostile if len(request) >= 1_000_000)],
    }
    large = min(0.05, 2000 / count)
    kinds = rng.choices(list(pools), [0.8, 0.2 - large, large], k=count)
    return ask_all(port, [(kind, partial(rng.choice, pools[kind])) for kind in kinds])


@pytest.mark.parametrize(
    "attack", [*(attacks() if IS_WHOLE else ()), Attack("mixed", mixed)], ids=lambda attack: attack.name
)
def test_a_normal_client_is_served_during_an_attack(attack: Attack) -> None:
    with limited_server(attack.open_files) as server:
        with Load(
            server.port, [image for _, image in canvases(20)], 1, rate=10.0, timeout_s=MAX_WAIT_S
        ) as normal:
            time.sleep(1.0)
            outcomes = attack.run(server.port)
            time.sleep(2.0)
        waits_s = sorted(outcome.seconds for outcome in normal.outcomes)
        p50, p99, slowest = (1000 * waits_s[int(place * (len(waits_s) - 1))] for place in (0.5, 0.99, 1.0))
        print(
            f"{attack.name}: {len(waits_s):,} normal requests, p50 {p50:.0f} ms, p99 {p99:.0f} ms, slowest "
            f"{slowest:.0f} ms; {server.peak_mb:.0f} MB; {dict(sorted(outcomes.items()))}"
        )
        assert server.replaced == 0
        assert server.kills == 0
        assert server.peak_mb <= LIMIT_BYTES >> 20
    assert normal.kinds().keys() == {ANSWERED}
    assert [outcome for outcome in outcomes if not re.fullmatch(attack.expected, outcome)] == []
