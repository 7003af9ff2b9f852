"""Server processes and what they take: started on a free port, asked, measured with all their children, ended."""

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

_PATIENCE_S = 60.0


class Server:
    """A server in a process group of its own; `ready_s` is the time from its start to the first answer that is right.

    Parameters
    ----------
    command : what starts it. answers : asks it once, and returns whether it answered as it should.
    output : where it writes, as `subprocess` has it; None is where this process does.

    Attributes
    ----------
    process : the first process, which started the others.
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
        deadline = time.perf_counter() + _PATIENCE_S
        while not _without_refusal(answers):
            if self.process.poll() is not None or time.perf_counter() > deadline:
                command = " ".join(self.process.args)
                raise SystemExit(f"the server did not answer; run it to see why: {command}")
            time.sleep(0.005)

    @property
    def processes(self) -> list[int]:
        """The server's process and all below it."""
        return family(self.process.pid)

    @property
    def workers(self) -> list[int]:
        """All processes below the first one."""
        return self.processes[1:]

    def stop(self) -> None:
        """End the server and all its children, and wait for it."""
        with suppress(ProcessLookupError, subprocess.TimeoutExpired):
            os.killpg(self.process.pid, signal.SIGTERM)
            self.process.wait(15)
        _kill_group(self.process.pid)
        self.process.wait(15)


def is_ready(port: int) -> bool:
    """Return whether the digitrec at the port says that it can answer."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", "/readyz")
        return connection.getresponse().status == 200
    finally:
        connection.close()


def _without_refusal(answers: Callable[[], bool]) -> bool:
    try:
        return answers()
    except (OSError, http.client.HTTPException):
        return False


def _kill_group(group: int) -> None:
    with suppress(ProcessLookupError):
        os.killpg(group, signal.SIGKILL)  # what has not ended by itself


def free_port() -> int:
    """Return a port of 127.0.0.1 that nobody listens on."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def family(pid: int) -> list[int]:
    """Return a process and all below it."""
    try:
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except OSError:
        return []
    return [pid, *(one for child in children for one in family(int(child)))]


def pss_mb(pid: int) -> float:
    """Return the proportional set size of a process, in which shared memory counts once; 0 when it has ended."""
    try:
        text = Path(f"/proc/{pid}/smaps_rollup").read_text()
    except OSError:
        return 0.0
    return int(re.findall(r"^Pss:\s+(\d+)", text, re.MULTILINE)[0]) / 1024


def rss_mb(pid: int) -> float:
    """Return the resident set size of a process; 0 when it has ended."""
    try:
        text = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return 0.0
    return int(re.findall(r"VmRSS:\s+(\d+)", text)[0]) / 1024


def cpu_s(pid: int) -> float:
    """Return the processor time that a process has used; 0 when it has ended."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return 0.0
    user, system = text.rpartition(")")[2].split()[11:13]
    return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")


def machine_busy_s() -> float:
    """Return the processor time that all processes of the machine have used since its start."""
    user, nice, system, _idle, _wait, *interrupts = (
        Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:9]
    )
    return sum(map(int, (user, nice, system, *interrupts))) / os.sysconf("SC_CLK_TCK")


def processor() -> str:
    """Return the processor's name as the system has it."""
    path = Path("/proc/cpuinfo")
    names = re.findall(r"model name\s*:\s*(.+)", path.read_text()) if path.is_file() else []
    return names[0] if names else platform.processor() or platform.machine()


def machine() -> str:
    """Return what figures depend on besides the versions: the processor, its cores, the system and Python."""
    return (
        f"{processor()}, {os.cpu_count()} cores, {platform.system()} {platform.release().split('-')[0]}, "
        f"Python {platform.python_version()}"
    )


def others_load() -> float:
    """Return how many processes ran or waited in the last minute, as the system counts."""
    return os.getloadavg()[0]
