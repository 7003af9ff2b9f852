"""Real servers in their own processes: started on a free port, asked, and stopped."""

from __future__ import annotations

import contextlib
import http.client
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest
from server_process import free_port

import digitrec
from digitrec import malloc

REPOSITORY = Path(__file__).resolve().parents[2]
_SERVE = """
import os; from digitrec.web.config import load_settings; from digitrec.web.server import run
run.{}('127.0.0.1', int(os.environ['PORT']), load_settings())
"""
GUNICORN = [sys.executable, "-m", "gunicorn", "digitrec.web.server.run:create_wsgi_app()"]
PLAIN_GUNICORN = [sys.executable, "-m", "gunicorn", "digitrec.web:create_app()"]
SERVE = [sys.executable, "-c", _SERVE.format("run")]
WAITRESS = [sys.executable, "-c", _SERVE.format("run_waitress")]


class Server(subprocess.Popen[str]):
    """A server process. It logs to a file: a pipe that nobody reads would block it."""

    def __init__(self, command: Sequence[str] = GUNICORN, **environ: str) -> None:
        if sys.platform == "win32":
            pytest.skip("gunicorn and POSIX signals: not on this system")
        self.port = free_port()
        self._log_file = tempfile.TemporaryFile("w+", encoding="utf-8")  # noqa: SIM115  # closed at the end
        self._log = ""
        env = {
            **os.environ,
            **malloc.SMALL_HEAP,  # as the hosts' files set them
            "PYTHONPATH": str(Path(digitrec.__file__).resolve().parents[1]),
            "PORT": str(self.port),
            "PYTHONUNBUFFERED": "1",
            **environ,
        }
        super().__init__(
            command, cwd=REPOSITORY, env=env, stdout=self._log_file, stderr=subprocess.STDOUT, text=True
        )

    @property
    def workers(self) -> list[int]:
        return [
            int(child) for child in Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text().split()
        ]

    def log(self) -> str:
        """Return everything that was written so far."""
        if not self._log_file.closed:
            self._log_file.seek(0)
            self._log = self._log_file.read()
        return self._log

    def end(self, timeout_s: float = 30) -> tuple[int, str]:
        """Wait for the end, and return the exit status and everything that was written."""
        self.wait(timeout_s)
        log = self.log()
        self._log_file.close()
        return self.returncode, log

    def stop(self, with_signal: int = signal.SIGTERM) -> tuple[int, str]:
        self.send_signal(with_signal)
        return self.end()

    def connect(self) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.port), timeout=60)

    def http(self) -> http.client.HTTPConnection:
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)

    def get(self, path: str) -> tuple[int, bytes]:
        return self._request("GET", path)

    def post(
        self, body: bytes, path: str = "/predict", content_type: str = "image/png", **headers: str
    ) -> tuple[int, bytes]:
        return self._request("POST", path, body, {"Content-Type": content_type, **headers})

    def _request(self, method: str, path: str, *arguments: object) -> tuple[int, bytes]:
        with contextlib.closing(self.http()) as connection:
            connection.request(method, path, *arguments)
            with connection.getresponse() as response:
                return response.status, response.read()

    def is_ready(self) -> bool:
        if self.poll() is not None:
            raise AssertionError(f"the server ended with {self.returncode}: {self.log()}")
        with contextlib.suppress(OSError):
            return self.get("/readyz")[0] == 200
        return False


@contextlib.contextmanager
def running(command: Sequence[str] = GUNICORN, **environ: str) -> Iterator[Server]:
    """Give a server that is ready, and leave none behind."""
    server = Server(command, **environ)
    try:
        num_workers = int(environ.get("WEB_CONCURRENCY", 1))
        wait_until(lambda: server.is_ready() and (command is WAITRESS or len(server.workers) >= num_workers))
        yield server
    finally:
        if server.poll() is None:
            server.kill()
        server.end()


def wait_until(holds: Callable[[], bool], timeout_s: float = 30) -> None:
    deadline = time.monotonic() + timeout_s
    while not holds():
        assert time.monotonic() < deadline, f"still not so after {timeout_s} s"
        time.sleep(0.01)


def memory_kb(pid: int, kind: str = "RssAnon") -> int:
    """Return the resident memory of a process, without its pages of files by default.

    The kernel maps as many of those as its cache holds, so their number differs between machines.
    """
    return int(Path(f"/proc/{pid}/status").read_text().split(f"{kind}:")[1].split()[0])
