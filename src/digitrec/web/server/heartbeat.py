"""When each thread last got on with its request: one that works for long does not hang."""

from __future__ import annotations

import time
from threading import get_ident

_moved: dict[int, float] = {}  # by thread, by the monotonic clock


def note_progress() -> None:
    """Let the server know that this thread gets on."""
    _moved[get_ident()] = time.monotonic()


def last_progress(thread: int) -> float:
    """Return when `thread`, which has noted some, last got on."""
    return _moved[thread]
