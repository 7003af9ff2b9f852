"""Start server processes on a free port, measure them with all their children, and stop them."""

from __future__ import annotations

import http.client
import os
import platform
import re
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

import psutil

_START_TIMEOUT_S = 60.0


class Server:
    """A server in its own process group; `ready_s` is the time from its start to the first correct response.

    Parameters
    ----------
    command : starts the server.
    answers : sends one request and returns whether the response is correct.

    Attributes
    ----------
    process : the first process, the parent of the others.
    """

    def __init__(
        self,
        command: Sequence[str],
        answers: Callable[[], bool],
        cwd: Path | None = None,
        environ: Mapping[str, str] | None = None,
    ) -> None:
        start = time.perf_counter()
        self.process = subprocess.Popen(  # noqa: S603
            command,
            cwd=cwd,
            env={**os.environ, **(environ or {})},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        try:
            self._wait_until(answers)
        except BaseException:
            self.stop()
            raise
        self.ready_s = time.perf_counter() - start

    def _wait_until(self, answers: Callable[[], bool]) -> None:
        deadline = time.perf_counter() + _START_TIMEOUT_S
        while not _try(answers):
            if self.process.poll() is not None or time.perf_counter() > deadline:
                command = " ".join(self.process.args)
                raise SystemExit(f"the server did not respond. Run it to see why: {command}")
            time.sleep(0.005)

    @property
    def workers(self) -> list[psutil.Process]:
        """All descendants that run."""
        return family(self.process.pid)[1:]

    def stop(self) -> None:
        """Stop the server and all its descendants, and wait."""
        with suppress(ProcessLookupError, subprocess.TimeoutExpired):
            os.killpg(self.process.pid, signal.SIGTERM)
            self.process.wait(15)
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)  # what SIGTERM did not end
        self.process.wait(15)


def _try(answers: Callable[[], bool]) -> bool:
    try:
        return answers()
    except (OSError, http.client.HTTPException):
        return False


def is_ready(port: int) -> bool:
    """Return whether /readyz of the digitrec server at the port returns 200."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", "/readyz")
        return connection.getresponse().status == 200
    finally:
        connection.close()


def free_port() -> int:
    """Return a free port of 127.0.0.1."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def family(pid: int) -> list[psutil.Process]:
    """Return a process and all its descendants, without those that have ended."""
    with suppress(psutil.NoSuchProcess):
        process = psutil.Process(pid)
        members = [process, *process.children(recursive=True)]
        return [member for member in members if member.status() != psutil.STATUS_ZOMBIE]
    return []


def pss_mb(processes: Iterable[psutil.Process]) -> float:
    """Return the proportional set size of the processes together in MB, which counts shared memory once."""
    total = 0
    for process in processes:
        with suppress(psutil.Error):
            total += process.memory_full_info().pss
    return total / 2**20


def machine() -> str:
    """Return the processor, the number of cores, the system and the Python version."""
    cpuinfo = Path("/proc/cpuinfo")
    names = re.findall(r"model name\s*:\s*(.+)", cpuinfo.read_text()) if cpuinfo.is_file() else []
    processor = names[0] if names else platform.processor() or platform.machine()
    return (
        f"{processor}, {os.cpu_count()} cores, {platform.system()} {platform.release().split('-')[0]}, "
        f"Python {platform.python_version()}"
    )
