"""Load a model file in a child process first, which may hang, crash or run out of memory without harm.

HDF5 and LiteRT are written in C. A damaged or hostile file can make either loop while it holds the GIL, so that no
thread or signal handler of this process could stop it. `digitrec.model.load_check` is the program of the child.
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
from typing import Literal, TypeAlias

from digitrec import errors
from digitrec.errors import DigitrecError, ModelFileError
from digitrec.files import packaged_model_path
from digitrec.model.hdf5 import require_regular_file
from digitrec.model.model_file import ModelFile, read_model_file

# What is loaded: the graph, run on a test image; graph and card, not run; or what Keras reads.
Part: TypeAlias = Literal["classifier", "card", "keras"]

# Imports and the packaged network take 0.3 s; on a tenth of a core they take 3 s.
TIME_LIMIT_S = 20.0

# The child has the import path of this process; `python -m` would put the working directory first.
_PROGRAM = (
    "import sys; sys.path[:] = sys.argv[3:]; from digitrec.model.load_check import main; main(*sys.argv[1:3])"
)

REMEDY = "Restore the file, or train the model again."


def read_checked_model_file(path: str | Path) -> ModelFile:
    """Return what `read_model_file` returns, after a child process has read the file.

    Raises
    ------
    ModelError : see `read_model_file` and `checked_model`.
    """
    path = Path(path)
    with checked_model(path, "card"):
        return read_model_file(path)


@contextmanager
def checked_model(path: Path, part: Part = "classifier") -> Iterator[None]:
    """Let a child process load `part` of the model file at `path` before the block; packaged files are trusted.

    A file that passed is not checked again by this process unless it changes.

    Raises
    ------
    ModelError : the error of the child.
    ModelFileError : the child took more than `TIME_LIMIT_S` seconds or crashed, or the file changed between the check
        and the end of the block.
    """
    checked = _identity(path)
    if path.resolve() in (packaged_model_path("digitrec").resolve(), packaged_model_path("lines").resolve()):
        yield
        return
    _check(path, part, checked)
    yield
    if _identity(path) != checked:
        raise ModelFileError(
            f"{path}: expected a file that stays the same while it is loaded. It was changed meanwhile. "
            "Load it again, and replace model files atomically, by renaming."
        )


@lru_cache(maxsize=16)  # remembers files that passed: exceptions are not cached
def _check(path: Path, part: Part, identity: tuple[int, ...]) -> None:
    result = _run_child(path, part)
    if result["error"]:
        kind: type[DigitrecError] = getattr(errors, result["error"])
        raise kind(result["message"])


def _identity(path: Path) -> tuple[int, ...]:
    status = require_regular_file(path)
    return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns


def _run_child(path: Path, part: Part) -> dict[str, str]:
    """Return the class name and the message of the child's error, both empty if it loaded the file."""
    command = [
        sys.executable,
        "-c",
        _PROGRAM,
        str(path),
        part,
        *(entry for entry in sys.path if isinstance(entry, str)),
    ]
    try:
        child = subprocess.run(  # noqa: S603  # our own program; the path is an argument of it
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=TIME_LIMIT_S,
            check=False,
            # Thread pools that are not used here would take time and address space.
            env={**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"},
        )
    except subprocess.TimeoutExpired:
        raise ModelFileError(
            f"{path}: expected a model file that loads within {TIME_LIMIT_S:g} s. "
            f"It was not loaded by then, and the child process was stopped. {REMEDY}"
        ) from None
    except OSError as error:
        raise ModelFileError(
            f"{path}: expected to check the file in a child process. Python ({sys.executable!r}) cannot be "
            f"started: {error}. Free 100 MB of memory for one more process."
        ) from error
    try:
        # Not the exit status: gunicorn's main process reaps all children and so takes it.
        result: dict[str, str] = json.loads(child.stdout)
    except ValueError:
        raise ModelFileError(
            f"{path}: expected a model file that loads. The child process ended without a result"
            f"{_reason(child)}. {REMEDY}"
        ) from None
    return result


def _reason(child: subprocess.CompletedProcess[bytes]) -> str:
    lines = child.stderr.decode(errors="replace").strip().splitlines()
    if child.returncode < 0:
        return f": {signal.strsignal(-child.returncode)}"
    return f": {lines[-1][:200]}" if lines else ""
