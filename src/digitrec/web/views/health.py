"""The probes of a host: whether the network answers, and whether to send requests here.

A host starts a server anew that does not answer /healthz, and sends requests elsewhere while /readyz is not 200.
"""

from __future__ import annotations

from typing import Any

from flask import Blueprint
from werkzeug.exceptions import ServiceUnavailable

from digitrec.model.classifier import self_test
from digitrec.web.app_state import current_state
from digitrec.web.openapi.decorator import specified
from digitrec.web.server.multiprocess import is_stopping

blueprint = Blueprint("health", __name__)


@blueprint.get("/healthz")
@specified
def healthz() -> dict[str, str]:
    """Answer 200 as long as the network answers, while the server stops, too; else a problem with status 503."""
    self_test(current_state().recognizer.classifier)
    return {"status": "alive"}


@blueprint.get("/readyz")
@specified
def readyz() -> dict[str, Any]:
    """Answer 200 only after the network itself has just answered, else, or when the server stops, a 503."""
    require_ready()
    card = current_state().recognizer.card
    return {"status": "ready", "model": {key: card[key] for key in ("name", "version")}}


def require_ready() -> None:
    """Let the network answer.

    Raises
    ------
    werkzeug.exceptions.ServiceUnavailable : the server stops.
    ModelError : the network does not answer.
    """
    if is_stopping():
        raise ServiceUnavailable
    self_test(current_state().recognizer.classifier)
