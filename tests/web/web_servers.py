"""Real servers as processes of their own: started on a free port, asked, and stopped."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import digitrec

REPOSITORY = Path(__file__).resolve().parents[2]
GUNICORN = [sys.executable, "-m", "gunicorn", "digitrec.web.server.run:create_wsgi_app()"]
PLAIN_GUNICORN = [sys.executable, "-m", "gunicorn", "digitrec.web:create_app()"]
_PATIENCE_S = 30.0
_MALLOC = {"MALLOC_ARENA_MAX": "1", "MALLOC_MMAP_THRESHOLD_": "1000000"}  # as the hosts' files set them


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def serve_command(function: str, port: int) -> list[str]:
    call = "from digitrec.web.config import load_settings; from digitrec.web.server import run; "
    return [
        sys.executable,
        "-c",
        f"{call}run.{function}('127.0.0.1', {port}, load_settings())",
    ]


class Server(subprocess.Popen[str]):
    """A process whose output goes to a file: a pipe that nobody empties would hold up a server that logs much."""

    def __init__(self, command: list[str], env: dict[str, str]) -> None:
        self._output = tempfile.TemporaryFile("w+", encoding="utf-8")  # noqa: SIM115  # closed at the end
        self._said = ""
        super().__init__(
            command, cwd=REPOSITORY, env=env, stdout=self._output, stderr=subprocess.STDOUT, text=True
        )

    def communicate(self, input: str | None = None, timeout: float | None = None) -> tuple[str, str]:  # noqa: A002
        """Wait for the end and return everything that was said, as standard output and error together."""
        self.wait(timeout)
        text = self.said()
        self._output.close()
        return text, ""

    def said(self) -> str:
        """Return everything that was said so far."""
        if not self._output.closed:
            self._output.seek(0)
            self._said = self._output.read()
        return self._said


def start(command: list[str], port: int, **environ: str) -> Server:
    package = str(Path(digitrec.__file__).resolve().parents[1])
    env = {
        **os.environ,
        **_MALLOC,
        "PYTHONPATH": package,
        "PORT": str(port),
        "PYTHONUNBUFFERED": "1",
        **environ,
    }
    return Server(command, env)


@contextlib.contextmanager
def running(command: list[str], port: int, **environ: str) -> Iterator[Server]:
    """Give a server that is ready, and leave none behind."""
    server = start(command, port, **environ)
    try:
        wait_until_ready(server, port)
        yield server
    finally:
        if server.poll() is None:
            server.kill()
        server.communicate()


def wait_until_ready(server: Server, port: int) -> None:
    deadline = time.monotonic() + _PATIENCE_S
    while time.monotonic() < deadline:
        if server.poll() is not None:
            raise AssertionError(f"the server ended with {server.returncode}: {server.communicate()[0]}")
        with contextlib.suppress(OSError):
            if urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=5).status == 200:
                return
        time.sleep(0.02)
    raise AssertionError(f"the server was not ready after {_PATIENCE_S} s")


def wait_until(holds: Callable[[], bool], patience_s: float) -> float:
    """Return the seconds until `holds` does."""
    began = time.monotonic()
    while not holds():
        if time.monotonic() - began > patience_s:
            raise AssertionError(f"still not so after {patience_s} s")
        time.sleep(0.01)
    return time.monotonic() - began


def post(
    port: int, body: bytes, content_type: str = "image/png", path: str = "/predict", **headers: str
) -> tuple[int, bytes]:
    request = urllib.request.Request(
        f"http://127.0.0.1:{port}{path}", body, {"Content-Type": content_type, **headers}, method="POST"
    )
    try:
        with urllib.request.urlopen(request, timeout=90) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read()


def stop(server: Server, with_signal: int = signal.SIGTERM, patience_s: float = 10.0) -> tuple[int, str]:
    """Return the exit status and everything the server has said."""
    server.send_signal(with_signal)
    output = server.communicate(timeout=patience_s)[0]
    return server.returncode, output


def allocated_kb(pid: int) -> int:
    """Return the resident memory that the process allocated itself.

    Pages of files, such as OpenCV's library, are left out: the kernel maps as many as its cache holds and drops
    them when memory is short, so their number differs between machines that run the same code.
    """
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.split("RssAnon:")[1].split()[0])


def children(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
