"""The state of an application and of the request that it processes."""

from __future__ import annotations

import mmap
import re
import secrets
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from time import perf_counter
from typing import TYPE_CHECKING, Final, TypeVar, cast

from flask import Flask, current_app, g, request
from werkzeug.exceptions import RequestEntityTooLarge

from digitrec.recognizer import Recognizer
from digitrec.web.config import Settings

if TYPE_CHECKING:  # SQLAlchemy is an extra
    from digitrec.storage import Storage

# Paths that hosts and orchestrators request every few seconds, by the machine's own address and without a key.
PROBES: Final = re.compile(r"/healthz|/readyz|/v2/health/(live|ready)")
# The key in a WSGI environment of a function that tells the server that the request makes progress.
HEARTBEAT: Final = "digitrec.heartbeat"
# Wide enough for UUIDs, ULIDs and trace ids; no line break and no markup can get into a log.
_REQUEST_ID: Final = re.compile(r"[A-Za-z0-9._-]{8,64}")

_Item = TypeVar("_Item")


@dataclass(frozen=True)
class AppState:
    """The recognizer and the settings of one application; both are safe to share between threads.

    Attributes
    ----------
    storage : the database, if there is one.
    adapted : the recognizer of the active adaptation by its ID, if this process has loaded it.
    draining : one byte in memory that processes forked later share; 1 while the server shuts down.
    """

    recognizer: Recognizer
    settings: Settings
    storage: Storage | None = None
    adapted: dict[int, Recognizer] = field(default_factory=dict)
    draining: mmap.mmap = field(default_factory=lambda: mmap.mmap(-1, 1))

    @property
    def is_draining(self) -> bool:
        """Whether the whole server, and not only one worker, shuts down."""
        return bool(self.draining[0])


def set_state(app: Flask, state: AppState) -> None:
    """Let `app` use `state` from its next request on."""
    app.extensions["digitrec"] = state


def state_of(app: Flask) -> AppState:
    """Return the state of `app`."""
    return cast(AppState, app.extensions["digitrec"])


def current_state() -> AppState:
    """Return the state of the application that processes this request."""
    return state_of(current_app)


def init_app(app: Flask) -> None:
    """Give each request of `app` an ID and a start time."""
    app.before_request(_start)


def _start() -> None:
    g.started = perf_counter()
    given = request.headers.get("X-Request-ID", "")
    g.request_id = given if _REQUEST_ID.fullmatch(given) else secrets.token_hex(8)


def request_id() -> str:
    """Return the ID of this request: the client's ``X-Request-ID`` if it is well formed, else a new one."""
    if "request_id" not in g:  # routing failed before _start
        _start()
    return str(g.request_id)


def heartbeat() -> Callable[[], None]:
    """Return the function that tells the server that this request makes progress."""
    return cast("Callable[[], None]", request.environ.get(HEARTBEAT, lambda: None))


def with_heartbeat(items: Iterable[_Item]) -> Iterator[_Item]:
    """Return an iterator over `items` that reports progress; it may outlive the request, as a response does."""
    beat = heartbeat()
    return (item for item in items if beat() is None)


def elapsed_s() -> float:
    """Return the seconds since this request was received."""
    now = perf_counter()
    return now - float(g.get("started", now))


def enforce_deadline(items: Iterable[_Item]) -> Iterator[_Item]:
    """Yield `items`, the images or form fields of this request; raises RequestEntityTooLarge when its time is over."""
    limit_s = current_state().settings.request_timeout_s
    beat = heartbeat()
    for item in items:
        if elapsed_s() > limit_s:
            raise RequestEntityTooLarge(
                f"Expected images that take at most {limit_s} s. Received: more. Send fewer, or smaller ones."
            )
        beat()
        yield item
