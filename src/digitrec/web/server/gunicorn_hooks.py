"""What digitrec does at the turns of gunicorn's life: start, fork, reload, stop."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from flask import Flask

from digitrec.errors import DigitrecError
from digitrec.native_logging import suppress_native_stderr
from digitrec.recognizer import Recognizer
from digitrec.web.app_state import State, set_state, state_of
from digitrec.web.config import Settings, load_recognizer
from digitrec.web.server import multiprocess as shared
from digitrec.web.server.malloc import return_large_blocks


def hooks(settings: Settings) -> dict[str, Callable[..., None]]:
    """Return the server hooks of gunicorn by their names; all but ``post_fork`` run in the master."""
    return {
        "on_starting": _prepare_to_fork,
        "when_ready": _Stop(settings.drain_s),
        "pre_fork": _choose_slot,
        "post_fork": _take_slot,
        "child_exit": _leave_slot,
        "on_reload": _load_model_anew,
        "on_exit": _remove_counts,
    }


@dataclass(frozen=True)
class _Stop:
    """The first SIGTERM: /readyz says 503, and after `drain_s` gunicorn stops; a second one stops it at once.

    A load balancer that asks /readyz has that time to send its requests elsewhere. Once gunicorn stops it takes no
    connections, and finishes what it has begun.
    """

    drain_s: int

    def __call__(self, server: Any) -> None:
        def end(_signal: int, frame: Any) -> None:
            server.signal(signal.SIGTERM, frame)

        def begin(number: int, frame: Any) -> None:
            first = not shared.is_stopping()
            shared.tell_stopping()
            if first and self.drain_s:
                signal.alarm(self.drain_s)
            else:
                end(number, frame)

        signal.signal(signal.SIGALRM, end)
        signal.signal(signal.SIGTERM, begin)


def _prepare_to_fork(server: Any) -> None:
    _let_booting_workers_stop()
    try:
        shared.share_counts(server.cfg.workers)
    except OSError as error:
        server.log.warning(
            "Expected room for the workers' counts in memory or in the folder for temporary files. Received: %s. "
            "Each worker counts for itself: /metrics has the counts of the one that answers.",
            error,
        )


def _let_booting_workers_stop() -> None:
    """Let SIGTERM end a worker that has not set up its own handler yet.

    Until then a worker has the master's handler, and Python forgets in a fork what that has noted. On a busy
    machine a stop within 0.1 s of the start then took the whole graceful timeout in 2 of 25 cases. So the
    signal waits while the master forks, and finds in the worker its default: to end.
    """

    def unblock() -> None:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM})

    def end_on_sigterm() -> None:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        unblock()

    os.register_at_fork(
        before=lambda: signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM}),
        after_in_parent=unblock,
        after_in_child=end_on_sigterm,
    )


def _choose_slot(server: Any, worker: Any) -> None:
    others = list(server.WORKERS.values())  # a signal may tell the master meanwhile that one has died
    worker.slot = shared.free_slot(other.slot for other in others)
    try:
        shared.allocate_slot(worker.slot)
    except OSError as error:
        server.log.warning(
            "Worker %d has no room for its counts (%s): /metrics lacks them.", worker.slot, error
        )


def _take_slot(_server: object, worker: Any) -> None:
    shared.take_slot(worker.slot)
    return_large_blocks()


def _leave_slot(_server: object, worker: Any) -> None:
    shared.leave_slot(worker.slot)


def _load_model_anew(server: Any) -> None:
    """Load the model file again after SIGHUP, for the workers that are forked next; keep the old model if it is bad."""
    app: Flask = server.app.callable
    state = state_of(app)
    try:
        recognizer = _loaded(state.settings)
    except DigitrecError as error:
        server.log.error("The model %s stays, for the new one cannot be served: %s", _name(state), error)
        return
    new = State(recognizer, state.settings)
    set_state(app, new)
    server.log.info("The model %s replaces %s.", _name(new), _name(state))


def _loaded(settings: Settings) -> Recognizer:
    with suppress_native_stderr():
        return load_recognizer(settings)


def _name(state: State) -> str:
    return f"{state.recognizer.card['name']} {state.recognizer.card['version']}"


def _remove_counts(_server: object) -> None:
    shared.remove_counts()
