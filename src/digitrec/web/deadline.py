"""A request with many pictures: each one read is a sign of life, and all of them together have a time."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TypeVar

from werkzeug.exceptions import RequestEntityTooLarge

from digitrec.web.app_state import current_state
from digitrec.web.observability.logs import seconds_taken
from digitrec.web.server.heartbeat import note_progress

_Item = TypeVar("_Item")


def in_time(items: Iterable[_Item]) -> Iterator[_Item]:
    """Yield `items`, the pictures or fields of this request, one by one as long as it has time for more.

    Raises
    ------
    werkzeug.exceptions.RequestEntityTooLarge : it has had DIGITREC_TIMEOUT_S.
    """
    most_s = current_state().settings.timeout_s
    for item in items:
        if seconds_taken() > most_s:
            raise RequestEntityTooLarge(
                f"Expected pictures that are read in at most {most_s} s. Received: more. "
                "Send fewer in a request, or smaller ones."
            )
        note_progress()
        yield item
