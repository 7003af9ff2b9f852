"""How many threads of a worker process requests at a time."""

from __future__ import annotations

import contextlib
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
        self._waiting = threads.step_aside if waits else contextlib.nullcontext
        self.has_begun, self.may_end, self.has_ended = (threading.Event() for _ in range(3))
        self.thread = 0
        if may_end:
            self.may_end.set()
        threads.add_task(self)

    def service(self) -> None:
        self.thread = threading.get_ident()
        with self._waiting():
            self.has_begun.set()
            self.may_end.wait(TIMEOUT_S)
        self.has_ended.set()


def have_begun(*tasks: Task) -> bool:
    return all(task.has_begun.wait(TIMEOUT_S) for task in tasks)


def end(*tasks: Task) -> None:
    for task in tasks:
        task.may_end.set()
    assert all(task.has_ended.wait(TIMEOUT_S) for task in tasks)


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
        made.append(RequestThreads(count, NUM_SPARE))
        wait_until_idle(made[-1])
        return made[-1]

    yield make
    stop.set()
    looping.join()


Make = Callable[[int], RequestThreads]


def test_quick_requests_are_processed_by_one_thread() -> None:
    threads = RequestThreads(4, NUM_SPARE)  # no loop: nothing wakes a helper
    wait_until_idle(threads)
    first = Task(threads)
    assert have_begun(first)  # else it may be done before the next one is there, and any thread may take that
    tasks = [Task(threads, may_end=True) for _ in range(50)]
    end(first, *tasks)
    assert {task.thread for task in tasks} == {first.thread}


@pytest.mark.parametrize("count", [1, 2, 4])
def test_requests_behind_slow_ones_get_the_other_threads_and_probes_one_more(
    make_threads: Make, count: int
) -> None:
    threads = make_threads(count)
    slow = [Task(threads) for _ in range(count)]
    assert have_begun(*slow)
    waiting = [Task(threads) for _ in range(20)]
    end(*(Task(threads, path="/readyz") for _ in range(4)))
    time.sleep(0.2)
    assert not any(task.has_begun.is_set() for task in waiting), "the thread of a probe takes nothing else"
    end(slow[0])
    assert have_begun(waiting[0])
    end(*slow, *waiting)


def test_no_request_is_left_waiting(make_threads: Make) -> None:
    threads = make_threads(2)
    paths = ["/predict" if n % 7 else "/healthz" for n in range(400)]
    end(*(Task(threads, path=path, waits=n % 3 == 0, may_end=True) for n, path in enumerate(paths)))
    wait_until_idle(threads)
    assert threads.oldest_beat(1e9) == 1e9


@pytest.mark.parametrize("count", [1, 2, 4])
def test_requests_that_wait_for_memory_leave_their_threads_and_do_not_count_as_hanging(
    make_threads: Make, count: int
) -> None:
    threads = make_threads(count)
    heavy = [Task(threads, waits=True) for _ in range(NUM_SPARE)]
    assert have_begun(*heavy)
    assert threads.oldest_beat(1e9) == 1e9
    end(Task(threads))
    end(*heavy)


def test_the_oldest_heartbeat_is_that_of_the_slowest_thread(make_threads: Make) -> None:
    threads = make_threads(2)
    assert threads.oldest_beat(5.0) == 5.0
    began = time.monotonic()
    slow = Task(threads)
    assert have_begun(slow)
    assert began <= threads.oldest_beat(began + 1_000) < began + 100
    end(slow)
    wait_until_idle(threads)
    assert threads.oldest_beat(began + 1_000) == began + 1_000
