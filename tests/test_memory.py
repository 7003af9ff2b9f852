"""Large images share a memory budget: threads wait in order until their reservation fits."""

from __future__ import annotations

import contextlib
import random
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from digitrec.errors import BusyError, ImageTooLargeError
from digitrec.limits import MemoryBudget
from digitrec.preprocessing import decode as decode_module

LARGE = 60_000_000
TIMEOUT_S = 20


@pytest.fixture
def budget() -> MemoryBudget:
    return MemoryBudget(100_000_000)


def waiting_threads(budget: MemoryBudget) -> threading.Semaphore:
    """Return a semaphore that each thread releases when it begins to wait for the budget."""
    waiting = threading.Semaphore(0)

    @contextlib.contextmanager
    def wait() -> Iterator[None]:
        waiting.release()
        yield

    budget.while_waiting = wait
    return waiting


def test_small_amounts_are_not_counted(budget: MemoryBudget) -> None:
    with ThreadPoolExecutor(1) as pool, budget.reserve(budget.limit_bytes):
        assert pool.submit(lambda: budget.reserve(1_000).__enter__()).result(TIMEOUT_S) is None


def test_a_thread_alone_never_waits(budget: MemoryBudget) -> None:
    for num_bytes in (10**12, budget.limit_bytes):
        with budget.reserve(num_bytes):
            pass
    with budget.reserve(LARGE), budget.reserve(LARGE), budget.reserve(LARGE):  # nested ones are included
        pass
    for _ in range(5):
        with pytest.raises(ZeroDivisionError), budget.reserve(LARGE):
            raise ZeroDivisionError


def test_the_limit_is_never_exceeded(budget: MemoryBudget) -> None:
    held, most, lock = [0], [0], threading.Lock()

    def work(seed: int) -> None:
        num_bytes = random.Random(seed).randint(10_000_000, 100_000_000)
        with budget.reserve(num_bytes):
            with lock:
                held[0] += num_bytes
                most[0] = max(most[0], held[0])
            threading.Event().wait(0.001)
            with lock:
                held[0] -= num_bytes

    with ThreadPoolExecutor(16) as pool:
        list(pool.map(work, range(300)))
    assert 0 < most[0] <= budget.limit_bytes


def test_waiting_threads_are_served_in_order(budget: MemoryBudget) -> None:
    waiting = waiting_threads(budget)
    served: list[int] = []

    def work(number: int) -> None:
        with budget.reserve(LARGE if number else budget.limit_bytes):
            served.append(number)

    with ThreadPoolExecutor(8) as pool, budget.reserve(LARGE):
        for number in range(6):
            pool.submit(work, number)
            assert waiting.acquire(timeout=TIMEOUT_S)
    assert served == list(range(6))


def test_too_many_waiting_threads_raise_busy(budget: MemoryBudget) -> None:
    waiting = waiting_threads(budget)
    budget.max_waiting = 1
    with ThreadPoolExecutor(1) as pool, budget.reserve(LARGE):
        pool.submit(budget.reserve(LARGE).__enter__)
        assert waiting.acquire(timeout=TIMEOUT_S)
        another = ThreadPoolExecutor(1)
        with pytest.raises(BusyError, match=r"at most 1 large .* in some seconds"):
            another.submit(budget.reserve(LARGE).__enter__).result(TIMEOUT_S)
        another.shutdown()


def test_an_image_that_takes_more_than_the_budget_is_too_large(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(decode_module, "large_images", MemoryBudget(20_000_000))
    with pytest.raises(ImageTooLargeError, match="Scale the image down"):
        decode_module.decode(np.zeros((3000, 3000, 4), np.uint8))


def test_the_memory_of_an_image_is_reserved_until_the_block_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    budget = MemoryBudget(300_000_000)
    monkeypatch.setattr(decode_module, "large_images", budget)
    waiting = waiting_threads(budget)
    large = np.zeros((5000, 5000), np.uint8)
    with ThreadPoolExecutor(1) as pool:
        with decode_module.decoded(large), decode_module.decoded(large):
            later = pool.submit(decode_module.decode, large)
            assert waiting.acquire(timeout=TIMEOUT_S)
        assert later.result(TIMEOUT_S).shape == large.shape
