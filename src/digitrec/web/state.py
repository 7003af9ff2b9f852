"""What the views of one application share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

from flask import current_app

from digitrec.recognizer import Recognizer
from digitrec.settings import Settings


@dataclass(frozen=True)
class State:
    """The recognizer and the settings of one application; both are safe to share between threads."""

    recognizer: Recognizer
    settings: Settings


def current_state() -> State:
    """Return the state of the application that answers this request."""
    return cast(State, current_app.extensions["digitrec"])
