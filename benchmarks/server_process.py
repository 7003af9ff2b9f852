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
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

_START_TIMEOUT_S = 60.0


class Server:
    """A server in its own process group; `ready_s` is the time from its start to the first correct response.

    Parameters
    ----------
    command : starts the server.
    answers : sends one request and returns whether the response is correct.
    output : where the server writes, as in `subprocess`; None inherits.

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
        output: int | None = subprocess.DEVNULL,
    ) -> None:
        start = time.perf_counter()
        self.process = subprocess.Popen(  # noqa: S603
            command,
            cwd=cwd,
            env={**os.environ, **(environ or {})},
            stdout=output,
            stderr=output,
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
    def processes(self) -> list[int]:
        """Process IDs of the server and all its descendants."""
        return family(self.process.pid)

    @property
    def workers(self) -> list[int]:
        """Process IDs of all descendants."""
        return self.processes[1:]

    def stop(self) -> None:
        """Stop the server and all its descendants, and wait."""
        with suppress(ProcessLookupError, subprocess.TimeoutExpired):
            os.killpg(self.process.pid, signal.SIGTERM)
            self.process.wait(15)
        _kill_group(self.process.pid)
        self.process.wait(15)


def is_ready(port: int) -> bool:
    """Return whether /readyz of the digitrec server at the port returns 200."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", "/readyz")
        return connection.getresponse().status == 200
    finally:
        connection.close()


def _try(answers: Callable[[], bool]) -> bool:
    try:
        return answers()
    except (OSError, http.client.HTTPException):
        return False


def _kill_group(group: int) -> None:
    with suppress(ProcessLookupError):
        os.killpg(group, signal.SIGKILL)  # what SIGTERM did not end


def free_port() -> int:
    """Return a free port of 127.0.0.1."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def family(pid: int) -> list[int]:
    """Return the IDs of a process and all its descendants."""
    try:
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except OSError:
        return []
    return [pid, *(one for child in children for one in family(int(child)))]


def pss_mb(pid: int) -> float:
    """Return the proportional set size of a process in MB, which divides shared memory; 0 if it has ended."""
    try:
        text = Path(f"/proc/{pid}/smaps_rollup").read_text()
    except OSError:
        return 0.0
    return int(re.findall(r"^Pss:\s+(\d+)", text, re.MULTILINE)[0]) / 1024


def rss_mb(pid: int) -> float:
    """Return the resident set size of a process in MB; 0 if it has ended."""
    try:
        text = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return 0.0
    return int(re.findall(r"VmRSS:\s+(\d+)", text)[0]) / 1024


def cpu_s(pid: int) -> float:
    """Return the CPU time that a process has used; 0 if it has ended."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return 0.0
    user, system = text.rpartition(")")[2].split()[11:13]
    return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")


def machine_busy_s() -> float:
    """Return the CPU time that all processes have used since the system started."""
    user, nice, system, _idle, _wait, *interrupts = (
        Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:9]
    )
    return sum(map(int, (user, nice, system, *interrupts))) / os.sysconf("SC_CLK_TCK")


def processor() -> str:
    """Return the processor's name."""
    path = Path("/proc/cpuinfo")
    names = re.findall(r"model name\s*:\s*(.+)", path.read_text()) if path.is_file() else []
    return names[0] if names else platform.processor() or platform.machine()


def machine() -> str:
    """Return the processor, the number of cores, the system and the Python version."""
    return (
        f"{processor()}, {os.cpu_count()} cores, {platform.system()} {platform.release().split('-')[0]}, "
        f"Python {platform.python_version()}"
    )


def others_load() -> float:
    """Return the load average of the last minute."""
    return os.getloadavg()[0]
