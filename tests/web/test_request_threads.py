"""How many threads of a worker process requests at a time."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable, Iterator
from types import SimpleNamespace

import pytest

if sys.platform == "win32":
    pytest.skip("gunicorn: not on this system", allow_module_level=True)

from digitrec.web.server.request_threads import RequestThreads

NUM_SPARE = 8
TIMEOUT_S = 15


class Task:
    """A request that ends when it `may_end`."""

    def __init__(
        self, threads: RequestThreads, *, path: str = "/predict", waits: bool = False, may_end: bool = False
    ) -> None:
        self.requests = [SimpleNamespace(path=path)]
        self._threads, self._waits_for_memory = threads, waits
        self.has_begun, self.may_end, self.has_ended = (threading.Event() for _ in range(3))
        self.thread = 0
        if may_end:
            self.may_end.set()
        threads.add_task(self)

    def service(self) -> None:
        self.thread = threading.get_ident()
        if self._waits_for_memory:
            with self._threads.step_aside():
                self._wait()
        else:
            self._wait()
        self.has_ended.set()

    def _wait(self) -> None:
        self.has_begun.set()
        self.may_end.wait(TIMEOUT_S)


def started(count: int) -> RequestThreads:
    threads = RequestThreads(count, NUM_SPARE)
    wait_until_idle(threads)
    return threads


def wait_until_idle(threads: RequestThreads) -> None:
    while threads.num_busy:
        time.sleep(0.01)


@pytest.fixture
def make_threads() -> Iterator[Callable[[int], RequestThreads]]:
    """Return a function that makes threads, and calls `wake_helper` as waitress's loop does."""
    made: list[RequestThreads] = []
    stop = threading.Event()

    def loop() -> None:
        while not stop.wait(0.01):
            for threads in made:
                threads.wake_helper()

    looping = threading.Thread(target=loop)
    looping.start()

    def make(count: int) -> RequestThreads:
        made.append(started(count))
        return made[-1]

    yield make
    stop.set()
    looping.join()


Make = Callable[[int], RequestThreads]


def test_quick_requests_are_processed_by_one_thread() -> None:
    threads = started(4)  # no loop: nothing wakes a helper
    tasks = [Task(threads, may_end=True) for _ in range(50)]
    assert all(task.has_ended.wait(TIMEOUT_S) for task in tasks)
    assert len({task.thread for task in tasks}) == 1


@pytest.mark.parametrize("count", [1, 2, 4])
def test_requests_behind_slow_ones_get_the_other_threads(make_threads: Make, count: int) -> None:
    threads = make_threads(count)
    slow = [Task(threads) for _ in range(count)]
    assert all(task.has_begun.wait(TIMEOUT_S) for task in slow)
    waiting = Task(threads)
    assert not waiting.has_begun.wait(0.2)
    slow[0].may_end.set()
    assert waiting.has_begun.wait(TIMEOUT_S)
    for task in [*slow, waiting]:
        task.may_end.set()


def test_a_probe_is_processed_while_every_thread_is_busy(make_threads: Make) -> None:
    threads = make_threads(1)
    slow, waiting = Task(threads), Task(threads)
    assert slow.has_begun.wait(TIMEOUT_S)
    probe = Task(threads, path="/healthz", may_end=True)
    assert probe.has_ended.wait(TIMEOUT_S)
    for task in (slow, waiting):
        task.may_end.set()
    assert waiting.has_ended.wait(TIMEOUT_S)


@pytest.mark.parametrize("count", [1, 2, 4])
def test_a_thread_that_a_probe_woke_takes_no_further_request(make_threads: Make, count: int) -> None:
    threads = make_threads(count)
    slow = [Task(threads) for _ in range(count)]
    assert all(task.has_begun.wait(TIMEOUT_S) for task in slow)
    waiting = [Task(threads) for _ in range(20)]
    probes = [Task(threads, path="/readyz", may_end=True) for _ in range(4)]
    assert all(probe.has_ended.wait(TIMEOUT_S) for probe in probes)
    time.sleep(0.2)
    assert not any(task.has_begun.is_set() for task in waiting)
    for task in [*slow, *waiting]:
        task.may_end.set()
    assert all(task.has_ended.wait(TIMEOUT_S) for task in waiting)


def test_no_request_is_left_waiting(make_threads: Make) -> None:
    threads = make_threads(2)
    tasks = [
        Task(threads, path="/healthz" if n % 7 == 0 else "/predict", waits=n % 3 == 0, may_end=True)
        for n in range(400)
    ]
    assert all(task.has_ended.wait(TIMEOUT_S) for task in tasks)
    wait_until_idle(threads)
    assert threads.oldest_beat(1e9) == 1e9


@pytest.mark.parametrize("count", [1, 2, 4])
def test_requests_that_wait_for_memory_leave_their_threads_to_others(make_threads: Make, count: int) -> None:
    threads = make_threads(count)
    heavy = [Task(threads, waits=True) for _ in range(NUM_SPARE)]
    assert all(task.has_begun.wait(TIMEOUT_S) for task in heavy)
    light = Task(threads, may_end=True)
    assert light.has_ended.wait(TIMEOUT_S)
    for task in heavy:
        task.may_end.set()


def test_the_oldest_heartbeat_is_that_of_the_slowest_thread(make_threads: Make) -> None:
    threads = make_threads(2)
    assert threads.oldest_beat(5.0) == 5.0
    began = time.monotonic()
    slow = Task(threads)
    assert slow.has_begun.wait(TIMEOUT_S)
    assert began <= threads.oldest_beat(began + 1_000) < began + 100
    slow.may_end.set()
    wait_until_idle(threads)
    assert threads.oldest_beat(began + 1_000) == began + 1_000


def test_a_request_that_waits_for_memory_does_not_count_as_hanging(make_threads: Make) -> None:
    threads = make_threads(2)
    heavy = Task(threads, waits=True)
    assert heavy.has_begun.wait(TIMEOUT_S)
    assert threads.oldest_beat(1e9) == 1e9
    heavy.may_end.set()
