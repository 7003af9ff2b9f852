"""A process of its own that eats one mutated file after the other, and the parent that notes what comes of it.

A file that ends the process, by a signal or by its limit of processor time, is a finding like any exception that is
none of digitrec's own; the next file gets a new process.
"""

from __future__ import annotations

import ctypes
import gc
import multiprocessing
import os
import resource
import signal
import tempfile
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import NamedTuple

import numpy as np

from digitrec.errors import DigitrecError

SEED = 20261122
CPU_LIMIT_S = 5.0
# Longer than any pause of a busy machine; a file that waits for ever uses no processor time.
_SILENCE_S = 120.0
_RSS_EVERY = 100


@dataclass(frozen=True)
class Target:
    """What is fuzzed.

    Attributes
    ----------
    name : what the command line calls it. cases : how many files the long run has.
    originals : makes the files that are mutated. mutate : makes a file of them. eat : reads it and returns one word.
    """

    name: str
    cases: int
    originals: Callable[[], Sequence[bytes]]
    mutate: Callable[[Sequence[bytes], np.random.Generator], bytes]
    eat: Callable[[bytes], str]


class Meal(NamedTuple):
    """What came of one file.

    Attributes
    ----------
    outcome : a word, or the name of one of digitrec's errors. finding : what it was that must not be.
    seconds : processor time.
    peak_mb : the process's memory at most meanwhile. rss_mb : its memory afterwards, every hundredth time, else 0.
    noise_bytes : what libraries wrote to stderr. pid : the process.
    """

    case: int
    outcome: str
    finding: str = ""
    seconds: float = 0.0
    peak_mb: float = 0.0
    rss_mb: float = 0.0
    noise_bytes: int = 0
    pid: int = 0


def file_of(target: Target, originals: Sequence[bytes], case: int) -> bytes:
    """Return the file with this number; it depends on the number, the seed and the encoders' versions alone."""
    return target.mutate(originals, np.random.default_rng((SEED, case)))


def eat(target: Target, start: int, stop: int) -> Iterator[Meal]:
    """Give what came of each file from `start` to `stop`: made here, and eaten in child processes."""
    originals = target.originals()
    case = start
    while case < stop:
        child = _Child(target)
        try:
            while case < stop and not child.ended:
                yield child.feed(file_of(target, originals, case), case)
                case += 1
        finally:
            child.stop()


class _Child:
    """The process that eats. It makes no files, so that its memory is that of reading alone."""

    def __init__(self, target: Target) -> None:
        context = multiprocessing.get_context("fork")
        self._ours, theirs = context.Pipe()
        self._process = context.Process(target=_eat_all, args=(target, theirs, self._ours), daemon=True)
        self._process.start()
        theirs.close()
        self.ended = ""

    def feed(self, data: bytes, case: int) -> Meal:
        """Return what comes of a file; one that ends the process is a finding."""
        try:
            self._ours.send((case, data))
            # Twice, because a shell that stopped both processes for a while let the first time run out.
            if self._ours.poll(_SILENCE_S) or self._ours.poll(_SILENCE_S):
                meal: Meal = self._ours.recv()
                return meal
        except (EOFError, OSError):
            pass
        self.ended = _end(self._process)
        return Meal(case, "CRASH", self.ended)

    def stop(self) -> None:
        """End the process."""
        self._ours.close()
        self._process.join(1.0)
        self._process.kill()


def _end(child: multiprocessing.process.BaseProcess) -> str:
    child.join(1.0)
    if child.exitcode is None:
        child.kill()
        return f"no answer within {_SILENCE_S:.0f} s"
    if child.exitcode == -signal.SIGPROF:
        return f"more than {CPU_LIMIT_S:.0f} s of processor time"
    return (
        f"killed by {signal.Signals(-child.exitcode).name}"
        if child.exitcode < 0
        else f"exit {child.exitcode}"
    )


def _eat_all(target: Target, channel: Connection, parents_end: Connection) -> None:
    parents_end.close()  # else the parent's going would not be noticed
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    with tempfile.TemporaryFile() as noise, suppress(EOFError):
        os.dup2(noise.fileno(), 2)
        while True:
            case, data = channel.recv()
            meal = eat_one(target, data, case)
            rss_mb = _kept_mb() if case % _RSS_EVERY == 0 else 0.0
            channel.send(meal._replace(rss_mb=rss_mb, noise_bytes=os.fstat(2).st_size, pid=os.getpid()))
            os.ftruncate(2, 0)
            os.lseek(2, 0, os.SEEK_SET)


def eat_one(target: Target, data: bytes, case: int) -> Meal:
    """Return what comes of one file in this process."""
    Path("/proc/self/clear_refs").write_text("5")  # the peak begins anew
    signal.setitimer(signal.ITIMER_PROF, CPU_LIMIT_S)  # its signal ends the process, wherever it is
    start = time.process_time()
    outcome, finding = _tried(target, data)
    seconds = time.process_time() - start
    signal.setitimer(signal.ITIMER_PROF, 0)
    return Meal(case, outcome, finding, seconds, _memory_mb("VmHWM"))


def _tried(target: Target, data: bytes) -> tuple[str, str]:
    try:
        return target.eat(data), ""
    except DigitrecError as error:
        return type(error).__name__, ""
    except Exception:  # noqa: BLE001  # whatever is not digitrec's own is what is looked for
        return "EXCEPTION", traceback.format_exc(limit=-4)


def _kept_mb() -> float:
    """Return the resident memory after glibc has given back what it keeps for later, which differs each time."""
    gc.collect()
    with suppress(OSError, AttributeError):  # another C library
        ctypes.CDLL("libc.so.6").malloc_trim(0)
    return _memory_mb("VmRSS")


def _memory_mb(name: str) -> float:
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(name):
            return int(line.split()[1]) / 1024
    raise OSError(f"expected {name} in /proc/self/status; run this on Linux")
