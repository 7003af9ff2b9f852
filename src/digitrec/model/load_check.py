"""The child process of `digitrec.model.subprocess_check`: load a model file within limits and report the error."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from digitrec.errors import DigitrecError, ModelFileError
from digitrec.model.classifier import load_compiled
from digitrec.model.litert import error_text
from digitrec.model.model_file import read_attributes, read_model_file
from digitrec.model.subprocess_check import REMEDY, TIME_LIMIT_S, Part

# Python with NumPy, HDF5 and LiteRT takes 150 MB of address space, and a network a multiple of its file.
_ADDRESS_SPACE_BYTES = 2_000_000_000

LOADERS: dict[Part, Callable[[str], object]] = {
    "classifier": load_compiled,
    "card": read_model_file,
    "keras": read_attributes,
}


def main(path: str, part: Part) -> None:
    """Load `part` of the model file at `path`, and write the class name and message of the error to stdout, as JSON."""
    stdout = _redirect_output()
    _set_limits()
    error = _load(path, part)
    name, message = (type(error).__name__, str(error)) if error else ("", "")
    os.write(stdout, json.dumps({"error": name, "message": message}).encode())


def _redirect_output() -> int:
    """Return a new descriptor of stdout, and discard what C libraries print: it may be any amount."""
    stdout = os.dup(1)
    null = os.open(os.devnull, os.O_WRONLY)
    for descriptor in (1, 2):
        os.dup2(null, descriptor)
    return stdout


def _set_limits() -> None:
    with suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text("1000")  # Linux should kill this process first
    try:
        import resource  # noqa: PLC0415  # not on Windows
    except ImportError:
        return
    limits = (
        (resource.RLIMIT_AS, _ADDRESS_SPACE_BYTES),
        (resource.RLIMIT_CPU, int(TIME_LIMIT_S) + 1),  # in case the parent is gone
        (resource.RLIMIT_CORE, 0),
    )
    for kind, limit in limits:
        with suppress(OSError, ValueError):  # macOS has no such limit; a lower limit stays
            resource.setrlimit(kind, (limit, resource.getrlimit(kind)[1]))


def _load(path: str, part: Part) -> Exception | None:
    try:
        LOADERS[part](path)
    except DigitrecError as error:
        return error
    except Exception as error:  # noqa: BLE001  # memory, or recursion: finding out is the purpose of this process
        return ModelFileError(
            f"{path}: expected a model file that loads with {_ADDRESS_SPACE_BYTES:,} bytes of address space. "
            f"Received {type(error).__name__} ({error_text(error)}). {REMEDY}"
        )
    return None
