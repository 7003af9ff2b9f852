"""A PostgreSQL server of its own, in a temporary folder and without a network address."""

from __future__ import annotations

import contextlib
import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

_OPTIONS = "-c listen_addresses='' -c fsync=off -c max_connections=50 -k {}"


def find_programs() -> Path | None:
    """Return the folder with initdb and pg_ctl; None if PostgreSQL is not installed."""
    found = shutil.which("initdb")
    folders = sorted(Path("/usr/lib/postgresql").glob("*/bin"))  # Debian's, which is not in PATH
    return folders[-1] if folders else Path(found).resolve().parent if found else None


class PostgresqlServer:
    """A running server, with all its files in `folder`."""

    def __init__(self, programs: Path, folder: Path) -> None:
        self._programs, self.folder = programs, folder
        self._user = "postgres" if os.geteuid() == 0 else None  # initdb does not run as root
        self._count = 0
        if self._user is not None:
            account = pwd.getpwnam(self._user)
            os.chown(folder, account.pw_uid, account.pw_gid)
        self._run("initdb", "--username=postgres", "--auth=trust", "--no-sync", "--encoding=UTF8")

    def start(self) -> None:
        """Start, and wait until it answers."""
        self._run(
            "pg_ctl", "start", "-w", "-s", "-l", self.folder / "log", "-o", _OPTIONS.format(self.folder)
        )

    def stop(self) -> None:
        """Stop at once; open connections break."""
        self._run("pg_ctl", "stop", "-w", "-s", "-m", "immediate")

    def new_database(self) -> str:
        """Create an empty database, and return its URL."""
        name = self._new("DATABASE")
        return f"postgresql://postgres@/{name}?host={self.folder}"

    def new_schema(self) -> str:
        """Return the URL of an empty schema: a database has 300 files, which take a second."""
        name = self._new("SCHEMA")
        return f"postgresql://postgres@/postgres?host={self.folder}&options=-c%20search_path%3D{name}"

    def _new(self, kind: str) -> str:
        self._count += 1
        name = f"digitrec{self._count}"
        command = f"CREATE {kind} {name}"
        self._run("psql", "-X", "-q", "-U", "postgres", "-h", self.folder, "-c", command, with_data=False)
        return name

    def _run(self, program: str, *arguments: object, with_data: bool = True) -> None:
        command = [
            self._programs / program,
            *(["-D", self.folder / "data"] if with_data else []),
            *arguments,
        ]
        subprocess.run(
            [str(part) for part in command], check=True, cwd=self.folder, user=self._user, group=self._user,
            extra_groups=[] if self._user else None, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
        )  # fmt: skip


@contextlib.contextmanager
def running_postgresql(programs: Path) -> Iterator[PostgresqlServer]:
    """Give a server that runs, and leave nothing behind."""
    folder = Path(tempfile.mkdtemp(prefix="digitrec-postgresql-"))
    try:
        server = PostgresqlServer(programs, folder)
        server.start()
        try:
            yield server
        finally:
            server.stop()
    finally:
        shutil.rmtree(folder, ignore_errors=True)
