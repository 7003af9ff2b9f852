"""All cores of one machine: a process for each, a recognizer in each process."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from pathlib import Path

from digitrec.batch.inputs import InputItem
from digitrec.batch.task import BatchRecognizer, RecognitionTask, Row, error_row

# Batches for each process: one that it reads, one that waits for it, and one that may be long.
_AHEAD = 3
_DIED = "expected an answer. The process that read this picture died, twice. Try the picture by itself."

_recognizer: BatchRecognizer | None = None  # of this process, where it is a worker


def available_cpus() -> int:
    """Return how many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def run_local(
    batches: Iterable[list[InputItem]], task: RecognitionTask, model: Path, workers: int
) -> Iterator[list[Row]]:
    """Give the rows of each batch, in order; few batches are in memory at once.

    A worker that dies takes its pool along. The batches that were under way are then read again, one by one in a new
    pool, and pictures one by one where a batch kills that, too: the one that does gets its error.
    """
    with _Pool(task, model, workers) as pool:
        ahead: deque[tuple[list[InputItem], Future[list[Row]]]] = deque()
        for batch in batches:
            ahead.append((batch, pool.submit(batch)))
            if len(ahead) >= _AHEAD * workers:
                yield from _first(ahead, pool)
        while ahead:
            yield from _first(ahead, pool)


def _first(ahead: deque[tuple[list[InputItem], Future[list[Row]]]], pool: _Pool) -> Iterator[list[Row]]:
    """Give the rows of the batch that is first; where its pool has died, of all that were under way."""
    try:
        yield ahead[0][1].result()
        ahead.popleft()
        return
    except BrokenProcessPool:
        pool.renew()
    while ahead:
        batch, done = ahead.popleft()
        yield done.result() if _has_result(done) else _retry_alone(batch, pool)


def _has_result(done: Future[list[Row]]) -> bool:
    return done.done() and not done.cancelled() and done.exception() is None


def _retry_alone(batch: list[InputItem], pool: _Pool) -> list[Row]:
    """Return the rows of a batch while nothing else is under way, so that it is known who kills a worker."""
    try:
        return pool.submit(batch).result()
    except BrokenProcessPool:
        pool.renew()
    if len(batch) == 1:
        return [error_row(batch[0], _DIED)]
    return [row for item in batch for row in _retry_alone([item], pool)]


class _Pool:
    """Processes that answer batches."""

    def __init__(self, task: RecognitionTask, model: Path, workers: int) -> None:
        self._context = (task, model)
        self._workers = workers
        self._executor = self._started()

    def __enter__(self) -> _Pool:
        return self

    def __exit__(self, *exception: object) -> None:
        self._executor.shutdown(cancel_futures=True)

    def submit(self, batch: list[InputItem]) -> Future[list[Row]]:
        """Hand a batch over."""
        try:
            with _interrupt_held_back():  # a submission may start a process, which takes this over
                return self._executor.submit(_rows, *self._context, batch)
        except BrokenProcessPool as error:  # a worker died before anyone waited for it
            broken: Future[list[Row]] = Future()
            broken.set_exception(error)
            return broken

    def renew(self) -> None:
        """Start other processes in the place of those that died."""
        self._executor.shutdown(wait=False, cancel_futures=True)
        self._executor = self._started()

    def _started(self) -> ProcessPoolExecutor:
        # A forked process would take over half of a lock that a thread of this one holds.
        context = multiprocessing.get_context("spawn")
        return ProcessPoolExecutor(self._workers, context, _init_worker)


def _init_worker() -> None:
    threading.Thread(target=_die_with_parent, daemon=True).start()


def _die_with_parent() -> None:
    """End this process when the one that began it was killed; it would wait for work for ever."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _rows(task: RecognitionTask, model: Path, batch: list[InputItem]) -> list[Row]:
    global _recognizer  # noqa: PLW0603 - the pool has no other place for what a process keeps
    if _recognizer is None:  # here and not where the process begins, so that the model's own error is told
        _recognizer = BatchRecognizer(task, model)
    return _recognizer.rows(batch)


@contextmanager
def _interrupt_held_back() -> Iterator[None]:
    """Keep Ctrl-C from processes that start meanwhile: it goes to all of a terminal, and the first alone shall act."""
    if not hasattr(signal, "pthread_sigmask"):  # Windows
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
