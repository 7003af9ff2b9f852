"""Health probes.

A host restarts a server whose /healthz fails, and sends requests elsewhere while /readyz is not 200.
"""

from __future__ import annotations

from typing import Any

from flask import Blueprint
from werkzeug.exceptions import ServiceUnavailable

from digitrec.model.classifier import self_test
from digitrec.web.request_context import current_state
from digitrec.web.schemas.responses import model_ref

blueprint = Blueprint("health", __name__)


@blueprint.get("/healthz")
def healthz() -> dict[str, str]:
    """Return 200 if the model makes a prediction, even during shutdown, else a problem with status 503."""
    self_test(current_state().recognizer.classifier)
    return {"status": "alive"}


@blueprint.get("/readyz")
def readyz() -> dict[str, Any]:
    """Return 200 if the model makes a prediction; else, or during shutdown, a problem with status 503."""
    require_ready()
    return {"status": "ready", "model": model_ref(current_state().recognizer)}


def require_ready() -> None:
    """Raise ServiceUnavailable during shutdown, and ModelError if the model makes no prediction."""
    if current_state().is_draining:
        raise ServiceUnavailable
    self_test(current_state().recognizer.classifier)
