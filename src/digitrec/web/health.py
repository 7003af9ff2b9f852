"""The probes of a host: alive, and able to answer."""

from __future__ import annotations

from typing import Any

from flask import Blueprint

from digitrec.model.runtime import prove
from digitrec.web.openapi import specified
from digitrec.web.state import current_state

blueprint = Blueprint("health", __name__)


@blueprint.get("/healthz")
@specified
def healthz() -> dict[str, str]:
    """Answer 200 as long as the process answers at all."""
    return {"status": "alive"}


@blueprint.get("/readyz")
@specified
def readyz() -> dict[str, Any]:
    """Answer 200 only after the network itself has just answered, else a problem with status 503."""
    classifier = current_state().recognizer.classifier
    prove(classifier)
    return {"status": "ready", "model": {key: classifier.card[key] for key in ("name", "version")}}
