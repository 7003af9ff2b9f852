"""gunicorn's server hooks, by its names for them; all run in the master process."""

from __future__ import annotations

import os
import shutil
import signal
import tempfile
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from digitrec.errors import DigitrecError
from digitrec.native_logging import suppress_native_stderr
from digitrec.web.config import load_recognizer
from digitrec.web.request_context import AppState, set_state, state_of

_METRICS_DIR = "PROMETHEUS_MULTIPROC_DIR"
_METRICS_PREFIX = "digitrec-metrics-"
_METRICS_BYTES = 32_000_000  # 2 MB for each worker; a write to a mapped file without room kills the process


def enable_multiprocess_metrics() -> None:
    """Turn on prometheus-client's multiprocess mode; without a folder with room each worker counts for itself."""
    if os.environ.get(_METRICS_DIR):  # an operator's own folder
        return
    os.environ.pop(_METRICS_DIR, None)  # prometheus-client would take an empty name for a folder
    memory = "/dev/shm"  # noqa: S108  # nosec B108  # mkdtemp makes a folder for this user alone
    for parent in (memory, None):
        with suppress(OSError):  # not writable
            folder = tempfile.mkdtemp(prefix=_METRICS_PREFIX, dir=parent)
            if shutil.disk_usage(folder).free > _METRICS_BYTES:
                os.environ[_METRICS_DIR] = folder
                return
            Path(folder).rmdir()


def on_exit(_server: object) -> None:
    """Remove the files of the metrics, unless they are in an operator's own folder."""
    folder = Path(os.environ.get(_METRICS_DIR, ""))
    if folder.name.startswith(_METRICS_PREFIX):
        shutil.rmtree(folder, ignore_errors=True)


def on_reload(server: Any) -> None:
    """Load the model file again after SIGHUP, before the workers are replaced; keep the old model if that fails."""
    state = state_of(server.app.callable)
    try:
        with suppress_native_stderr():
            recognizer = load_recognizer(state.settings)
    except DigitrecError as error:
        server.log.error("Cannot load the new model, so %s stays: %s", _model_name(state), error)
        return
    new_state = replace(state, recognizer=recognizer)
    set_state(server.app.callable, new_state)
    server.log.info("Loaded the model %s in place of %s.", _model_name(new_state), _model_name(state))


def _model_name(state: AppState) -> str:
    return f"{state.recognizer.card['name']} {state.recognizer.card['version']}"


def when_ready(server: Any) -> None:
    """At SIGTERM let /readyz return 503, and gunicorn stop after the delay; a second SIGTERM stops it at once.

    A load balancer that checks /readyz sends its requests elsewhere meanwhile.
    """

    def stop(_signal: int, frame: Any) -> None:
        server.signal(signal.SIGTERM, frame)

    def drain(number: int, frame: Any) -> None:
        state = state_of(server.app.callable)
        if state.is_draining or not state.settings.shutdown_delay_s:
            stop(number, frame)
        else:
            signal.alarm(state.settings.shutdown_delay_s)
        state.draining[0] = 1

    signal.signal(signal.SIGALRM, stop)
    signal.signal(signal.SIGTERM, drain)
