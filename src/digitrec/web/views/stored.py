"""What the views of stored forms, records and adaptations have in common."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from flask import Blueprint, request
from werkzeug.exceptions import Forbidden, NotFound

from digitrec.errors import StorageDisabledError
from digitrec.web.request_context import current_state

if TYPE_CHECKING:  # SQLAlchemy is an extra
    from digitrec.storage import Storage

_READING = ("GET", "HEAD", "OPTIONS")
_MAX_ID_DIGITS = 9

_Item = TypeVar("_Item")


def make_blueprint(name: str) -> Blueprint:
    """Return a blueprint whose views need the storage, and that other sites cannot use in a visitor's name."""
    blueprint = Blueprint(name, __name__)
    blueprint.before_request(_require_own_site)
    blueprint.before_request(lambda: storage().delete_expired())
    return blueprint


def storage() -> Storage:
    """Return the storage; raises StorageDisabledError for a server without a database."""
    found = current_state().storage
    if found is None:
        raise StorageDisabledError(
            "Expected a server with a database. Received: one that stores nothing. Its operator sets "
            "DIGITREC_DATABASE_URL."
        )
    return found


def row_id(text: str) -> int:
    """Return the ID in a URL; raises NotFound for text that cannot be one."""
    if text.isascii() and text.isdigit() and len(text) <= _MAX_ID_DIGITS:
        return int(text)
    raise NotFound(f"Expected the number of something stored. Received: {text[:60]!r}. Look at the list.")


def found(item: _Item | None) -> _Item:
    """Return what was found; raises NotFound for None."""
    if item is None:
        raise NotFound(
            "Expected something that is stored. Received: an ID of nothing; it may have been deleted."
        )
    return item


def _require_own_site() -> None:
    """Reject a change that a page of another site asks for, with the name and password that the browser knows."""
    origin = request.headers.get("Origin", "")
    if request.method in _READING or origin in current_state().settings.cors_origins:
        return
    site = request.headers.get("Sec-Fetch-Site")  # browsers send it over HTTPS, and to this machine
    is_own_origin = not origin or origin.partition("://")[2] == request.host
    if not (site in ("same-origin", "none") if site else is_own_origin):
        raise Forbidden(
            f"Expected a page of this site. Received: one of {origin[:200]!r}. "
            "The server's operator allows others by DIGITREC_CORS_ORIGINS."
        )
