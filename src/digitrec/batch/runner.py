"""Run a batch job: recognize every input image once, and write a row for each."""

from __future__ import annotations

import hashlib
import signal
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from types import FrameType
from typing import Any

from digitrec.batch.inputs import batched, iter_inputs, validate_inputs
from digitrec.batch.journal import Journal, journal_path
from digitrec.batch.local_backend import run_local
from digitrec.batch.output import output_at
from digitrec.batch.summary import Summary
from digitrec.batch.task import InputItem, RecognitionTask, Row
from digitrec.cgroups import available_cores
from digitrec.errors import InvalidFieldError
from digitrec.files import ensure_writable_dir, packaged_model_path
from digitrec.model.subprocess_check import read_checked_model_file

# About 50 ms of work each: a killed run loses the batches that are in progress.
_BATCH_SIZE = {"digit": 32, "number": 4, "form": 1}


@dataclass(frozen=True, eq=False)
class BatchJob:
    """The parameters of a batch run.

    Attributes
    ----------
    inputs : paths and globs.
    output : the file of results.
    task : what to recognize.
    model : the digit network's model file.
    workers : processes on this machine, or actors on a cluster; None is one per core.
    use_ray : run on a Ray cluster instead of on this machine.
    ray_address : of the cluster; None is RAY_ADDRESS, or else a cluster on this machine for the duration of the run.
    """

    inputs: tuple[str, ...]
    output: Path
    task: RecognitionTask
    model: Path = field(default_factory=packaged_model_path)
    workers: int | None = None
    use_ray: bool = False
    ray_address: str | None = None

    def fingerprint(self) -> dict[str, Any]:
        """Return what determines the results, as JSON types."""
        models = [read_checked_model_file(path).path for path in (self.model, packaged_model_path("lines"))]
        return {
            "input": list(self.inputs),
            "models": [hashlib.sha256(model.read_bytes()).hexdigest() for model in models],
            "task": self.task.fingerprint(),
        }


def run(job: BatchJob, on_progress: Callable[[int], object] = lambda count: None) -> Summary:
    """Recognize all images that have no row in the output yet, and return a summary.

    The first SIGINT or SIGTERM stops the run after the batches in progress.

    Parameters
    ----------
    on_progress : called with the number of new rows; at the beginning, with the number of rows of earlier runs.

    Raises
    ------
    InvalidFieldError : an input does not exist, or the inputs contain no images.
    OutputError : the output cannot be written, or belongs to another command.
    ModelError : the model cannot be loaded.
    """
    started = time.perf_counter()
    output = output_at(job.output, job.task)
    validate_inputs(job.inputs)
    items = _at_least_one(iter_inputs(job.inputs), job.inputs)
    fingerprint = job.fingerprint()  # first: with an invalid model nothing is written
    ensure_writable_dir(job.output.parent)
    with (
        Journal(journal_path(job.output), fingerprint, keep_rows=output.buffers_rows) as journal,
        closing(output),
        _InterruptHandler() as interrupt,
    ):
        output.open(journal.length, is_begun=journal.is_begun)
        journal.begin()
        rows_before = journal.counts.rows
        on_progress(rows_before)
        pending = _PendingInputs(items, journal, interrupt)
        for rows in _rows(job, pending, journal, interrupt):
            journal.add(rows, output.append(rows))
            pending.forget(row["file"] for row in rows)
            on_progress(len(rows))
        if not interrupt.requested:
            output.finish(journal.rows())
        return Summary(
            journal.counts,
            rows_before,
            # On a cluster, the reader skips the images that have a row.
            pending.skipped if job.use_ray else max(0, pending.skipped - rows_before),
            time.perf_counter() - started,
            is_interrupted=interrupt.requested,
        )


def _rows(
    job: BatchJob, pending: _PendingInputs, journal: Journal, interrupt: _InterruptHandler
) -> Iterator[list[Row]]:
    """Yield the rows of the pending images, a batch at a time."""
    size = _BATCH_SIZE[job.task.kind]
    if not job.use_ray:
        batches = batched(pending, size)
        yield from run_local(batches, job.task, job.model, job.workers or max(1, int(available_cores())))
        return
    for rows in _ray_rows(job, journal):
        new = pending.unwritten(rows)
        # A cluster returns hundreds of rows at once: small transactions lose less when the run is killed.
        yield from (new[start : start + size] for start in range(0, len(new), size))
        if interrupt.requested:
            return


def _ray_rows(job: BatchJob, journal: Journal) -> Iterator[list[Row]]:
    try:
        from digitrec.batch.ray_backend import run_on_ray  # noqa: PLC0415 - Ray is an extra, and slow to import
    except ImportError as error:
        raise InvalidFieldError("ray", f"expected Ray ({error}). Run: pip install 'digitrec[ray]'") from error
    return run_on_ray(
        job.inputs,
        list(journal.names()),
        job.task,
        job.model,
        address=job.ray_address,
        workers=job.workers,
    )


def _at_least_one(items: Iterator[InputItem], inputs: Sequence[str]) -> Iterator[InputItem]:
    first = next(items, None)
    if first is None:
        raise InvalidFieldError(
            "input", f"expected images in {', '.join(inputs)}. Received: none. Give another path."
        )
    return chain([first], items)


class _PendingInputs:
    """The images that have no row yet, each once.

    Attributes
    ----------
    skipped : how many inputs have a row, or were named before.
    """

    def __init__(self, items: Iterable[InputItem], journal: Journal, interrupt: _InterruptHandler) -> None:
        self._items = items
        self._journal = journal
        self._interrupt = interrupt
        self._in_progress: set[str] = set()
        self.skipped = 0

    def __iter__(self) -> Iterator[InputItem]:
        for item in self._items:
            if self._interrupt.requested:
                return
            if item.name in self._in_progress or self._journal.has(item.name):
                self.skipped += 1
            else:
                self._in_progress.add(item.name)
                yield item

    def unwritten(self, rows: Iterable[Row]) -> list[Row]:
        """Return the first row of each image that is not in the journal; a cluster does not detect duplicates."""
        new: dict[str, Row] = {}
        for row in rows:
            if row["file"] in new or self._journal.has(row["file"]):
                self.skipped += 1
            else:
                new[row["file"]] = row
        return list(new.values())

    def forget(self, names: Iterable[str]) -> None:
        """Remove images that are now in the journal."""
        self._in_progress.difference_update(names)


class _InterruptHandler:
    """Handles the first SIGINT or SIGTERM; the second has its default effect."""

    def __init__(self) -> None:
        self.requested = False
        self._previous_handlers: dict[int, Any] = {}

    def __enter__(self) -> _InterruptHandler:
        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGINT, signal.SIGTERM):
                self._previous_handlers[number] = signal.signal(number, self._handle)
        return self

    def __exit__(self, *exception: object) -> None:
        self._restore()

    def _handle(self, number: int, frame: FrameType | None) -> None:
        self.requested = True
        self._restore()

    def _restore(self) -> None:
        for number, handler in self._previous_handlers.items():
            signal.signal(number, handler)
