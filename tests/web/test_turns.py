"""How many threads of a worker process requests at a time."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

import pytest

if __import__("sys").platform == "win32":
    pytest.skip("gunicorn: not on this system", allow_module_level=True)

from digitrec.web.server.waitress_worker import Turns

TIMEOUT_S = 15


class Request:
    """A thread that takes a turn, runs `work`, and ends when it `may_end`."""

    def __init__(self, turns: Turns, *, waits_for_memory: bool = False) -> None:
        self._turns = turns
        self._waits_for_memory = waits_for_memory
        self.has_begun, self.may_end = threading.Event(), threading.Event()
        self.thread = threading.Thread(target=self._process, daemon=True)
        self.thread.start()

    def _process(self) -> None:
        with self._turns.take():
            if self._waits_for_memory:
                with self._turns.step_aside():
                    self._wait()
            else:
                self._wait()

    def _wait(self) -> None:
        self.has_begun.set()
        self.may_end.wait(TIMEOUT_S)

    def end(self) -> None:
        self.may_end.set()
        self.thread.join(TIMEOUT_S)
        assert not self.thread.is_alive()


def eventually(holds: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + TIMEOUT_S
    while not holds() and time.monotonic() < deadline:
        time.sleep(0.01)
    return holds()


def test_quick_requests_do_not_overlap() -> None:
    turns, overlaps, at_work = Turns(4), [], []

    def process() -> None:
        with turns.take():
            at_work.append(1)
            overlaps.append(len(at_work) > 1)
            at_work.pop()

    threads = [threading.Thread(target=process) for _ in range(50)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert overlaps == [False] * 50


@pytest.mark.parametrize("count", [2, 4])
def test_requests_behind_slow_ones_get_the_other_turns(count: int) -> None:
    turns = Turns(count)
    slow = [Request(turns) for _ in range(count)]
    assert all(request.has_begun.wait(TIMEOUT_S) for request in slow)
    waiting = Request(turns)
    assert not waiting.has_begun.wait(0.1)
    slow[0].end()
    assert waiting.has_begun.wait(TIMEOUT_S)
    for request in [*slow, waiting]:
        request.end()


@pytest.mark.parametrize("count", [1, 2, 4])
def test_a_request_that_waits_for_memory_gives_up_its_turn(count: int) -> None:
    turns = Turns(count)
    heavy = [Request(turns, waits_for_memory=True) for _ in range(8)]
    assert all(request.has_begun.wait(TIMEOUT_S) for request in heavy)
    light = Request(turns)
    assert light.has_begun.wait(TIMEOUT_S)
    for request in [light, *heavy]:
        request.end()


def test_the_oldest_heartbeat_is_that_of_the_slowest_thread() -> None:
    turns = Turns(2)
    assert turns.oldest_beat(5.0) == 5.0
    began = time.monotonic()
    slow = Request(turns)
    assert slow.has_begun.wait(TIMEOUT_S)
    assert began <= turns.oldest_beat(began + 1_000) < began + 100
    slow.end()
    assert turns.oldest_beat(began + 1_000) == began + 1_000


def test_a_request_that_waits_for_memory_does_not_count_as_hanging() -> None:
    turns = Turns(2)
    heavy = Request(turns, waits_for_memory=True)
    assert heavy.has_begun.wait(TIMEOUT_S)
    assert turns.oldest_beat(1e9) == 1e9
    heavy.end()
