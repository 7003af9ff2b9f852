"""A bulk run: pictures in, rows out, each once."""

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

from digitrec.batch.inputs import InputItem, batched
from digitrec.batch.journal import Journal, journal_path
from digitrec.batch.local_backend import available_cpus, run_local
from digitrec.batch.output import output_at
from digitrec.batch.sources import iter_inputs, validate_inputs
from digitrec.batch.summary import Summary
from digitrec.batch.task import RecognitionTask, Row
from digitrec.errors import InvalidFieldError
from digitrec.files import ensure_writable_dir, packaged_model_path
from digitrec.limits import InputLimits
from digitrec.model.model_file import read_model_file

# Some 50 ms of work each: what is under way is lost at a kill.
_BATCH = {"digit": 32, "number": 4, "form": 1}


@dataclass(frozen=True, eq=False)
class BatchJob:
    """What a batch run does.

    Attributes
    ----------
    inputs : paths and globs.
    output : the file for the results.
    task : what to recognize.
    model : the digit network's model file.
    workers : processes on this machine, or actors on a cluster; None is one for each core.
    ray : the address of a Ray cluster, empty for the one that Ray finds by itself; None is this machine without Ray.
    """

    inputs: tuple[str, ...]
    output: Path
    task: RecognitionTask
    model: Path = field(default_factory=packaged_model_path)
    workers: int | None = None
    ray: str | None = None

    def fingerprint(self) -> dict[str, Any]:
        """Return what makes the results another's, as JSON's own types; how many workers there are does not."""
        models = [read_model_file(path).path for path in (self.model, packaged_model_path("lines"))]
        return {
            "input": list(self.inputs),
            "models": [hashlib.sha256(model.read_bytes()).hexdigest() for model in models],
            "task": self.task.fingerprint(),
        }


def run(job: BatchJob, advance: Callable[[int], object] = lambda count: None) -> Summary:
    """Read all pictures that have no row in the output yet, and return what came out.

    Ctrl-C, once, ends it after the batches that are under way.

    Parameters
    ----------
    advance : called with the number of rows that came, those of an earlier run at the beginning.

    Raises
    ------
    InvalidFieldError : an input is missing, or there are no pictures in any.
    OutputError : the output cannot be written, or belongs to another command.
    ModelError : the model cannot be served.
    """
    started = time.perf_counter()
    output = output_at(job.output, job.task)
    validate_inputs(job.inputs)
    found = _at_least_one(iter_inputs(job.inputs, InputLimits()), job.inputs)
    ensure_writable_dir(job.output.parent)
    with (
        Journal(journal_path(job.output), job.fingerprint(), keep_rows=output.buffers_rows) as journal,
        closing(output),
        _InterruptHandler() as stop,
    ):
        output.open(journal.length, is_begun=journal.is_begun)
        journal.begin()
        before = journal.tally.rows
        advance(before)
        pending = _PendingInputs(found, journal, stop)
        for rows in _rows(job, pending, journal, stop):
            journal.add(rows, output.append(rows))
            pending.forget(row["file"] for row in rows)
            advance(len(rows))
        if not stop.requested:
            output.finish(journal.rows())
        return Summary(
            journal.tally,
            before,
            max(0, pending.known - before) if job.ray is None else pending.known,
            time.perf_counter() - started,
            stopped=stop.requested,
        )


def _rows(
    job: BatchJob, pending: _PendingInputs, journal: Journal, stop: _InterruptHandler
) -> Iterator[list[Row]]:
    """Give the rows of pictures that had none, from this machine or a cluster, a list at a time."""
    batch = _BATCH[job.task.kind]
    if job.ray is None:
        batches = batched(pending, batch)
        yield from run_local(batches, job.task, job.model, job.workers or available_cpus())
        return
    for rows in _cluster_rows(job, journal):
        new = pending.unwritten(rows)
        # A cluster gives hundreds at once: noted in small lots, few are done again after a kill.
        yield from (new[first : first + batch] for first in range(0, len(new), batch))
        if stop.requested:
            return


def _cluster_rows(job: BatchJob, journal: Journal) -> Iterator[list[Row]]:
    try:
        from digitrec.batch.ray_backend import run_on_ray  # noqa: PLC0415 - Ray is an extra, and takes seconds
    except ImportError as error:
        raise InvalidFieldError("ray", f"expected Ray ({error}). Run: pip install 'digitrec[ray]'") from error
    return run_on_ray(
        job.inputs,
        list(journal.names()),
        job.task,
        job.model,
        address=job.ray or None,
        workers=job.workers,
    )


def _at_least_one(found: Iterator[InputItem], inputs: Sequence[str]) -> Iterator[InputItem]:
    first = next(found, None)
    if first is None:
        raise InvalidFieldError(
            "input", f"expected pictures in {', '.join(inputs)}. Received: none. Name another place."
        )
    return chain([first], found)


class _PendingInputs:
    """The pictures that have no row yet, each once.

    Attributes
    ----------
    known : how many had one, or were named before.
    """

    def __init__(self, found: Iterable[InputItem], journal: Journal, stop: _InterruptHandler) -> None:
        self._found = found
        self._journal = journal
        self._stop = stop
        self._under_way: set[str] = set()
        self.known = 0

    def __iter__(self) -> Iterator[InputItem]:
        for item in self._found:
            if self._stop.requested:
                return
            if item.name in self._under_way or self._journal.has(item.name):
                self.known += 1
            else:
                self._under_way.add(item.name)
                yield item

    def unwritten(self, rows: Iterable[Row]) -> list[Row]:
        """Return the rows whose pictures have none yet, each picture's first; a cluster does not know of the others."""
        new: dict[str, Row] = {}
        for row in rows:
            if row["file"] in new or self._journal.has(row["file"]):
                self.known += 1
            else:
                new[row["file"]] = row
        return list(new.values())

    def forget(self, names: Iterable[str]) -> None:
        """Leave the names of pictures that now have a row to the journal."""
        self._under_way.difference_update(names)


class _InterruptHandler:
    """Whether someone asked to stop: the first Ctrl-C or SIGTERM asks, the second acts as it always does."""

    def __init__(self) -> None:
        self.requested = False
        self._before: dict[int, Any] = {}

    def __enter__(self) -> _InterruptHandler:
        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGINT, signal.SIGTERM):
                self._before[number] = signal.signal(number, self._ask)
        return self

    def __exit__(self, *exception: object) -> None:
        self._restore()

    def _ask(self, number: int, frame: FrameType | None) -> None:
        self.requested = True
        self._restore()

    def _restore(self) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)
