"""Run a batch task on one machine: one process per CPU core, with a recognizer in each."""

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

from digitrec.batch.task import BatchRecognizer, InputItem, RecognitionTask, Row, error_row
from digitrec.errors import without_tracebacks

# Batches per worker: one running, one queued, and one more for batches that take long.
_PREFETCH = 3
_WORKER_DIED = "expected a result. Received: a worker process that died, twice. Try the image by itself."

_recognizer: BatchRecognizer | None = None  # of a worker process


def run_local(
    batches: Iterable[list[InputItem]], task: RecognitionTask, model: Path, workers: int
) -> Iterator[list[Row]]:
    """Yield the rows of each batch, in order; only a few batches are in memory at once.

    If a worker dies, its process pool breaks. All pending batches then run again, one at a time in a new pool, and
    image by image where a batch breaks that, too: the image that causes it gets an error row.
    """
    with _Pool(task, model, workers) as pool:
        pending: deque[tuple[list[InputItem], Future[list[Row]]]] = deque()
        for batch in batches:
            pending.append((batch, pool.submit(batch)))
            if len(pending) >= _PREFETCH * workers:
                yield from _first(pending, pool)
        while pending:
            yield from _first(pending, pool)


def _first(pending: deque[tuple[list[InputItem], Future[list[Row]]]], pool: _Pool) -> Iterator[list[Row]]:
    """Yield the rows of the first pending batch, or of all of them if the pool is broken."""
    try:
        yield pending[0][1].result()
        pending.popleft()
        return
    except BrokenProcessPool:
        pool.renew()
    while pending:
        batch, future = pending.popleft()
        yield future.result() if _has_result(future) else _retry_alone(batch, pool)


def _has_result(future: Future[list[Row]]) -> bool:
    return future.done() and not future.cancelled() and future.exception() is None


def _retry_alone(batch: list[InputItem], pool: _Pool) -> list[Row]:
    """Return the rows of a batch while nothing else runs, to find the image that kills a worker."""
    try:
        return pool.submit(batch).result()
    except BrokenProcessPool:
        pool.renew()
    if len(batch) == 1:
        return [error_row(batch[0], _WORKER_DIED)]
    return [row for item in batch for row in _retry_alone([item], pool)]


class _Pool:
    """A process pool that can be renewed after it broke."""

    def __init__(self, task: RecognitionTask, model: Path, workers: int) -> None:
        self._arguments = (task, model)
        self._workers = workers
        self._executor = self._start()

    def __enter__(self) -> _Pool:
        return self

    def __exit__(self, *exception: object) -> None:
        self._executor.shutdown(cancel_futures=True)

    def submit(self, batch: list[InputItem]) -> Future[list[Row]]:
        """Start a batch."""
        try:
            with _sigint_blocked():  # a submission may start a process, which inherits the signal mask
                return self._executor.submit(_rows, *self._arguments, batch)
        except BrokenProcessPool as error:  # a worker died before its result was requested
            broken: Future[list[Row]] = Future()
            broken.set_exception(without_tracebacks(error))
            return broken

    def renew(self) -> None:
        """Replace the workers."""
        self._executor.shutdown(wait=False, cancel_futures=True)
        self._executor = self._start()

    def _start(self) -> ProcessPoolExecutor:
        # A forked process would inherit locks that other threads hold.
        context = multiprocessing.get_context("spawn")
        return ProcessPoolExecutor(self._workers, context, _init_worker)


def _init_worker() -> None:
    threading.Thread(target=_exit_with_parent, daemon=True).start()


def _exit_with_parent() -> None:
    """Exit when the parent process was killed; a worker would wait for work indefinitely."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _rows(task: RecognitionTask, model: Path, batch: list[InputItem]) -> list[Row]:
    global _recognizer  # noqa: PLW0603 - a process pool has no other place for the state of a worker
    if _recognizer is None:  # not in the initializer, so that a model error reaches the caller
        _recognizer = BatchRecognizer(task, model)
    return _recognizer.rows(batch)


@contextmanager
def _sigint_blocked() -> Iterator[None]:
    """Block SIGINT in processes that start meanwhile: Ctrl-C is sent to all, and only the parent handles it."""
    if not hasattr(signal, "pthread_sigmask"):  # Windows
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
