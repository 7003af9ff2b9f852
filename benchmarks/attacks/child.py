"""A hostile input in a process of its own: its processor time, its memory above an idle worker, and what came of it."""

from __future__ import annotations

import ctypes
import gc
import io
import json
import multiprocessing
import os
import re
import resource
import signal
import tempfile
import traceback
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from digits import number

from attacks.case import MEMORY_MB, Case, Request
from digitrec import Recognizer
from digitrec.errors import DigitrecError
from digitrec.preprocessing.ops import disable_opencv_threads
from digitrec.web import create_app
from digitrec.web.config import Settings

_MOST_CPU_S = 60
_MOST_MEMORY_BYTES = 6_000_000_000
_SILENCE_S = 120.0


@dataclass(frozen=True)
class Result:
    """What came of one input.

    Attributes
    ----------
    call : predict, read, or the path of a request. input_bytes : of the file or body.
    outcome : answered, a status, or the error's class, and the first 80 characters of its message.
    cpu_s, above_idle_mb : processor time, and memory at most, of the process. finding : what must not be.
    """

    name: str
    call: str
    input_bytes: int
    outcome: str
    cpu_s: float = 0.0
    above_idle_mb: float = 0.0
    finding: str = ""


class Target:
    """A recognizer and its web application that have answered once, each way; every input meets a fork of them."""

    def __init__(self) -> None:
        disable_opencv_threads()  # a pool of threads would not live on in a forked process
        self.recognizer = Recognizer.load()
        self.app = create_app(Settings(log_level="ERROR", rate_limit=None), self.recognizer)
        image = number("407")
        self.recognizer.predict(image)
        self.recognizer.read(image)
        self.app.test_client().post("/api/v1/read", data=image, content_type="image/png")

    def attack(self, case: Case, cpu_slack: float = 1.0) -> Iterator[Result]:
        """Give what comes of an input, each way that it is taken; `cpu_slack` times the processor time is allowed."""
        given = case.make()
        for call, attempt in self._attempts(given).items():
            yield _judged(case, call, given, _measured(attempt), cpu_slack)

    def _attempts(self, given: Any) -> dict[str, Callable[[], str]]:
        if isinstance(given, Request):
            return {given.path.partition("?")[0]: lambda: self._asked(given)}
        if isinstance(given, dict):
            line = number("407392" * 10 + "1582")
            return {"read": lambda: _shown(self.recognizer.read(line, **given))}
        copy = (lambda: bytes(bytearray(given))) if isinstance(given, bytes) else (lambda: given)
        return {
            "predict": lambda: _shown(self.recognizer.predict(copy())),
            "read": lambda: _shown(self.recognizer.read(copy())),
        }

    def _asked(self, request: Request) -> str:
        answer = self.app.test_client().post(
            request.path,
            input_stream=io.BytesIO(request.body),
            content_length=len(request.body),
            content_type=request.content_type,
            headers=list(request.headers),
        )
        fields = json.loads(answer.data)
        return f"{answer.status_code} {fields.get('detail') or fields.get('error') or 'answered'}"


def _shown(answer: Any) -> str:
    return f"answered {getattr(answer, 'text', None) or getattr(answer, 'digit', '')}"


def _judged(
    case: Case, call: str, given: Any, measured: tuple[str, float, float, str], cpu_slack: float
) -> Result:
    outcome, cpu_s, above_idle_mb, finding = measured
    if not finding and outcome.startswith("5") and not outcome.startswith("503"):
        finding = f"status {outcome[:3]}"
    if not finding and cpu_s > case.cpu_s * cpu_slack:
        finding = f"more than {case.cpu_s * cpu_slack:.0f} s of processor time"
    if not finding and above_idle_mb > MEMORY_MB:
        finding = f"more than {MEMORY_MB:.0f} MB above an idle worker"
    data = given.body if isinstance(given, Request) else given
    size = data.nbytes if hasattr(data, "nbytes") else len(data) if isinstance(data, bytes) else 0
    return Result(
        case.name,
        call,
        size,
        " ".join(outcome.split())[:80],
        round(cpu_s, 3),
        round(above_idle_mb, 1),
        finding,
    )


def _measured(attempt: Callable[[], str]) -> tuple[str, float, float, str]:
    context = multiprocessing.get_context("fork")
    ours, theirs = context.Pipe()
    process = context.Process(target=_try, args=(attempt, theirs), daemon=True)
    process.start()
    theirs.close()
    try:
        if ours.poll(_SILENCE_S):
            measured: tuple[str, float, float, str] = ours.recv()
            return measured
        finding = f"no answer within {_SILENCE_S:.0f} s"
    except EOFError:
        process.join()
        finding = f"killed by {signal.Signals(-(process.exitcode or 0)).name}" if process.exitcode else "gone"
    finally:
        process.kill()
        process.join()
        ours.close()
    return (
        "no answer",
        float(_MOST_CPU_S),
        0.0,
        finding.replace("SIGPROF", f"its {_MOST_CPU_S} s of processor time"),
    )


def _try(attempt: Callable[[], str], channel: Connection) -> None:
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_AS, (_MOST_MEMORY_BYTES, _MOST_MEMORY_BYTES))
    with tempfile.TemporaryFile() as noise:
        os.dup2(noise.fileno(), 2)
        gc.collect()
        with suppress(OSError, AttributeError):  # another C library
            ctypes.CDLL("libc.so.6").malloc_trim(0)
        idle_mb = _memory_mb("VmRSS")
        Path("/proc/self/clear_refs").write_text("5")  # the peak begins at what is now
        signal.setitimer(signal.ITIMER_PROF, _MOST_CPU_S)  # its signal ends the process, wherever it is
        start = _cpu_s()
        outcome, finding = _outcome(attempt)
        cpu_s = _cpu_s() - start
        signal.setitimer(signal.ITIMER_PROF, 0)
        channel.send((outcome, cpu_s, _memory_mb("VmHWM") - idle_mb, finding))


def _outcome(attempt: Callable[[], str]) -> tuple[str, str]:
    try:
        return attempt(), ""
    except DigitrecError as error:
        return f"{type(error).__name__}: {error}", ""
    except Exception as error:  # noqa: BLE001  # whatever is not digitrec's own is what is looked for
        return f"{type(error).__name__}: {error}", traceback.format_exc(limit=-2)


def _cpu_s() -> float:
    uses = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(use.ru_utime + use.ru_stime for use in uses)


def _memory_mb(name: str) -> float:
    found = re.search(rf"{name}:\s+(\d+)", Path("/proc/self/status").read_text())
    if not found:
        raise OSError(f"expected {name} in /proc/self/status. Run this on Linux.")
    return int(found[1]) / 1024
