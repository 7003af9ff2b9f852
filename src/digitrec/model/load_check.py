"""The child process of `digitrec.model.subprocess_check`: loads a model file within limits and says how that went."""

from __future__ import annotations

import json
import os
from contextlib import suppress
from pathlib import Path

from digitrec.errors import DigitrecError, ModelFileError
from digitrec.model.classifier import load_compiled
from digitrec.model.litert import error_text
from digitrec.model.subprocess_check import REMEDY, TIME_LIMIT_S

# Python with NumPy, HDF5 and LiteRT takes 150 MB of address space, and a network some times its file.
_ADDRESS_SPACE_BYTES = 2_000_000_000


def main(path: str) -> None:
    """Load the model file at `path`, and write to stdout, as JSON, the name and message of the error there was."""
    answer = _private_stdout()
    _set_limits()
    error = _error_of(path)
    name, message = (type(error).__name__, str(error)) if error else ("", "")
    os.write(answer, json.dumps({"error": name, "message": message}).encode())


def _private_stdout() -> int:
    """Return a descriptor of stdout, and let what C libraries print go nowhere: it may be any amount."""
    answer = os.dup(1)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for descriptor in (1, 2):
        os.dup2(nowhere, descriptor)
    return answer


def _set_limits() -> None:
    with suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text("1000")  # of all processes, Linux shall end this one
    try:
        import resource  # noqa: PLC0415  # not on Windows
    except ImportError:
        return
    limits = (
        (resource.RLIMIT_AS, _ADDRESS_SPACE_BYTES),
        (resource.RLIMIT_CPU, int(TIME_LIMIT_S) + 1),  # should the parent be gone
        (resource.RLIMIT_CORE, 0),
    )
    for kind, limit in limits:
        with suppress(OSError, ValueError):  # macOS has no such limit; a lower limit stays
            resource.setrlimit(kind, (limit, resource.getrlimit(kind)[1]))


def _error_of(path: str) -> Exception | None:
    try:
        load_compiled(path)
    except DigitrecError as error:
        return error
    except Exception as error:  # noqa: BLE001  # memory, or recursion: this process is there to find out
        return ModelFileError(
            f"{path}: expected a model file that loads with {_ADDRESS_SPACE_BYTES:,} bytes of address space. "
            f"Received {type(error).__name__} ({error_text(error)}). {REMEDY}"
        )
    return None
