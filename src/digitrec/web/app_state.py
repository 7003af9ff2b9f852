"""What the views of one application share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

from flask import Flask, current_app

from digitrec.recognizer import Recognizer
from digitrec.web.config import Settings


@dataclass(frozen=True)
class State:
    """The recognizer and the settings of one application; both are safe to share between threads."""

    recognizer: Recognizer
    settings: Settings


def set_state(app: Flask, state: State) -> None:
    """Let `app` answer by `state` from its next request on."""
    app.extensions["digitrec"] = state


def state_of(app: Flask) -> State:
    """Return the state of `app`."""
    return cast(State, app.extensions["digitrec"])


def current_state() -> State:
    """Return the state of the application that answers this request."""
    return state_of(current_app)
