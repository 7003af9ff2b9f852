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
    """Give what came of each file from `start` to `stop`, eaten in child processes."""
    context = multiprocessing.get_context("fork")
    while start < stop:
        receiving, sending = context.Pipe(duplex=False)
        child = context.Process(target=_eat_all, args=(target, start, stop, sending), daemon=True)
        child.start()
        sending.close()
        try:
            for meal in _meals(receiving):
                start = meal.case + 1
                yield meal
            ended = _end(child)
        finally:
            if child.is_alive():
                child.kill()
        if start < stop:
            yield Meal(start, "CRASH", ended)
            start += 1


def _meals(receiving: Connection) -> Iterator[Meal]:
    with receiving:
        # Twice, because a machine or a shell that stopped both processes for a while let the first time run out.
        while receiving.poll(_SILENCE_S) or receiving.poll(_SILENCE_S):
            try:
                yield receiving.recv()
            except EOFError:
                return


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


def _eat_all(target: Target, start: int, stop: int, sending: Connection) -> None:
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    with tempfile.TemporaryFile() as noise:
        os.dup2(noise.fileno(), 2)
        originals = target.originals()
        for case in range(start, stop):
            meal = eat_one(target, file_of(target, originals, case), case)
            rss_mb = _kept_mb() if case % _RSS_EVERY == 0 else 0.0
            sending.send(meal._replace(rss_mb=rss_mb, noise_bytes=os.fstat(2).st_size, pid=os.getpid()))
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
