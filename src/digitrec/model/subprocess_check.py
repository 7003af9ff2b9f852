"""A first loading of a model file in a child process, which may hang, crash or run out of memory in our stead.

HDF5 and LiteRT are C. A hostile file can make either loop while it holds the GIL, so that no thread or signal handler
of this process could stop it. The program of the child is `digitrec.model.load_check`.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path

from digitrec import errors
from digitrec.errors import DigitrecError, ModelFileError
from digitrec.files import packaged_model_path
from digitrec.model.hdf5 import require_regular_file

# Imports and the packaged network take 0.3 s; on a tenth of a core they take 3 s.
TIME_LIMIT_S = 20.0

# The child imports what this process would, wherever that is; `python -m` would look into the working folder first.
_PROGRAM = (
    "import sys; sys.path[:] = sys.argv[2:]; from digitrec.model.load_check import main; main(sys.argv[1])"
)

REMEDY = "Restore the file, or train the model again."


@contextmanager
def checked_model(path: Path) -> Iterator[None]:
    """Let a child process load the model file at `path` before the block does, unless it is the packaged one.

    A file that passed is not checked again by this process while it stays the same.

    Raises
    ------
    ModelNotFoundError, ModelFileError, ModelMismatchError : as loading does, for what the child found.
    ModelFileError : the child did not end within `TIME_LIMIT_S` seconds, or crashed, or the file was changed
        between the check and the end of the block.
    """
    checked = _identity(path)
    if path.resolve() == packaged_model_path().resolve():
        yield
        return
    _check(path, checked)
    yield
    if _identity(path) != checked:
        raise ModelFileError(
            f"{path}: expected a file that stays the same while it is loaded. It was changed meanwhile. "
            "Load it again, and replace model files in one step, by renaming."
        )


@lru_cache(maxsize=16)  # of files that passed, since errors are not kept
def _check(path: Path, identity: tuple[int, ...]) -> None:
    verdict = _verdict(path)
    if verdict["error"]:
        kind: type[DigitrecError] = getattr(errors, verdict["error"])
        raise kind(verdict["message"])


def _identity(path: Path) -> tuple[int, ...]:
    status = require_regular_file(path)
    return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns


def _verdict(path: Path) -> dict[str, str]:
    """Return the name and message of the error that the child met, empty when there was none."""
    command = [
        sys.executable,
        "-c",
        _PROGRAM,
        str(path),
        *(entry for entry in sys.path if isinstance(entry, str)),
    ]
    try:
        child = subprocess.run(  # noqa: S603  # our own program; the path is an argument of it
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=TIME_LIMIT_S,
            check=False,
            # Threads that NumPy and LiteRT would not use here take time and address space.
            env={**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"},
        )
    except subprocess.TimeoutExpired:
        raise ModelFileError(
            f"{path}: expected a model file that loads within {TIME_LIMIT_S:g} s. "
            f"It was not loaded by then, and the process that tried was stopped. {REMEDY}"
        ) from None
    except OSError as error:
        raise ModelFileError(
            f"{path}: expected to check the file in a process of its own. Python ({sys.executable!r}) cannot be "
            f"started: {error}. Make room for one more process of 100 MB."
        ) from error
    try:
        # Not the exit status: gunicorn's main process collects its children by itself, and with them that.
        verdict: dict[str, str] = json.loads(child.stdout)
    except ValueError:
        raise ModelFileError(
            f"{path}: expected a model file that loads. The process that tried ended without an answer"
            f"{_reason(child)}. {REMEDY}"
        ) from None
    return verdict


def _reason(child: subprocess.CompletedProcess[bytes]) -> str:
    lines = child.stderr.decode(errors="replace").strip().splitlines()
    if child.returncode < 0:
        return f": {signal.strsignal(-child.returncode)}"
    return f": {lines[-1][:200]}" if lines else ""
