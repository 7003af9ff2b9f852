"""A web application with a stub of the model, so that these tests check HTTP alone; and a real server."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from web_servers import Server, running
from web_testing import StubClassifier

from digitrec.files import packaged_model_path
from digitrec.model.line_model import LineModel
from digitrec.recognizer import Recognizer
from digitrec.web import create_app
from digitrec.web.config import Settings
from digitrec.web.request_context import state_of


@cache
def _lines() -> LineModel:
    return LineModel.load(packaged_model_path("lines"))


def _make_app(classifier: StubClassifier, **changes: Any) -> Flask:
    settings = Settings(**changes)
    threshold = settings.confidence_threshold
    return create_app(
        settings, Recognizer(classifier, lines=_lines(), limits=settings.limits, threshold=threshold)
    )


@pytest.fixture(scope="session")
def _default_app() -> tuple[Flask, StubClassifier]:
    classifier = StubClassifier()
    return _make_app(classifier), classifier


@pytest.fixture
def classifier(_default_app: tuple[Flask, StubClassifier]) -> Iterator[StubClassifier]:
    """The model of each application in a test; what the test changes in it is undone."""
    yield _default_app[1]
    _default_app[1].reset()


@pytest.fixture
def make_app(classifier: StubClassifier) -> Iterator[Callable[..., Flask]]:
    """A function from changed settings to an application."""
    apps = []

    def make(**changes: Any) -> Flask:
        apps.append(_make_app(classifier, **changes))
        return apps[-1]

    yield make
    for app in apps:
        if (storage := state_of(app).storage) is not None:
            storage.database.close()


@pytest.fixture
def client(_default_app: tuple[Flask, StubClassifier], classifier: StubClassifier) -> FlaskClient:
    """A client of an application that all tests share."""
    return _default_app[0].test_client()


@pytest.fixture
def sqlite_url(tmp_path: Path) -> str:
    """The URL of a database that does not exist yet; tests/storage has both kinds."""
    return f"sqlite:///{tmp_path}/digitrec.db"


@pytest.fixture
def failure_log(caplog: pytest.LogCaptureFixture) -> Iterator[pytest.LogCaptureFixture]:
    with caplog.at_level(logging.INFO, logger="digitrec.web"):
        yield caplog


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    """A server with the default settings, which the tests of a module share and leave as it is."""
    with running() as server:
        yield server
