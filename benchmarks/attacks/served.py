"""The server as the Procfile starts it, with one worker in a memory control group, and what became of both."""

from __future__ import annotations

import os
import re
import shutil
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from functools import partial
from pathlib import Path

from server_process import Server, family, free_port, is_ready, pss_mb

MEMORY_BYTES = 512 << 20
_ROOT = Path(__file__).resolve().parents[2]
_GROUPS = Path("/sys/fs/cgroup")
_IN_MEMORY = Path("/dev/shm")  # noqa: S108  # nosec B108  # a folder with a name of its own is made there
# The shell joins the group, and then becomes the server.
_JOIN = 'if [ -n "$0" ]; then echo $$ > "$0/cgroup.procs"; fi; ulimit -n "$1"; shift; exec "$@"'


class Memory:
    """A control group of `MEMORY_BYTES`, of version 1 or 2, as a context manager.

    Where none can be made, nothing is limited, and the memory of the processes is summed ten times a second.

    Attributes
    ----------
    folder : the group's; None where there is none.
    """

    def __init__(self) -> None:
        is_second = (_GROUPS / "cgroup.controllers").is_file()
        parent = _GROUPS if is_second else _GROUPS / "memory"
        self._peak, self._events, limit = (
            ("memory.peak", "memory.events", "memory.max")
            if is_second
            else ("memory.max_usage_in_bytes", "memory.oom_control", "memory.limit_in_bytes")
        )
        self.folder: Path | None = parent / f"digitrec-attack-{os.getpid()}-{time.monotonic_ns()}"
        self._summed_bytes = 0
        try:
            self.folder.mkdir()
            (self.folder / limit).write_text(str(MEMORY_BYTES))
        except OSError:
            self.close()
            self.folder = None

    def __enter__(self) -> Memory:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Remove the group, as soon as its last process has gone."""
        for _ in range(100):
            if self.folder is None or not self.folder.is_dir():
                return
            with suppress(OSError):
                self.folder.rmdir()
            time.sleep(0.05)

    def watch(self, pid: int, is_over: threading.Event) -> None:
        """Sum the memory of a process and all below it until `is_over`, where no group does it."""
        while self.folder is None and not is_over.wait(0.1):
            self._summed_bytes = max(self._summed_bytes, int(pss_mb(family(pid)) * 2**20))

    @property
    def peak_bytes(self) -> int:
        """The most that was taken."""
        return int((self.folder / self._peak).read_text()) if self.folder else self._summed_bytes

    @property
    def kills(self) -> int:
        """How many processes were killed for memory."""
        if self.folder is None:
            return 0
        return int(re.findall(r"^oom_kill (\d+)", (self.folder / self._events).read_text(), re.MULTILINE)[0])


class Served:
    """A server that runs."""

    def __init__(self, port: int, server: Server, memory: Memory) -> None:
        self.port, self.memory, self._server = port, memory, server
        self._first_workers = set(server.workers)

    @property
    def replaced(self) -> int:
        """How many of the first workers, and of their master, are gone."""
        return len(self._first_workers - set(self._server.workers)) + (
            self._server.process.poll() is not None
        )


@contextmanager
def served(open_files: int = 4096) -> Iterator[Served]:
    """Start a server with one worker, and end it; the bodies of requests wait in a folder that is in memory.

    Parameters
    ----------
    open_files : as many as each of its processes may open.
    """
    with ExitStack() as stack:
        folder = tempfile.mkdtemp(dir=_IN_MEMORY if _IN_MEMORY.is_dir() else None)
        stack.callback(shutil.rmtree, folder, ignore_errors=True)
        memory, port, is_over = stack.enter_context(Memory()), free_port(), threading.Event()
        start: Sequence[str] = ["sh", "-c", _JOIN, str(memory.folder or ""), str(open_files)]
        gunicorn = [sys.executable, "-m", "gunicorn", "digitrec.web.server.run:create_wsgi_app()"]
        environ = {"PORT": str(port), "WEB_CONCURRENCY": "1", "TMPDIR": folder}
        server = Server([*start, *gunicorn], partial(is_ready, port), _ROOT, environ)
        stack.callback(server.stop)
        watch = threading.Thread(target=memory.watch, args=(server.process.pid, is_over), daemon=True)
        watch.start()
        stack.callback(is_over.set)
        yield Served(port, server, memory)
