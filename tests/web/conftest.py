"""A web application around a classifier of a few lines, so that these tests ask about HTTP alone."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from web_classifier import SteadyClassifier

from digitrec.recognizer import Recognizer
from digitrec.web import create_app
from digitrec.web.config import Settings


@pytest.fixture
def classifier() -> SteadyClassifier:
    return SteadyClassifier()


@pytest.fixture
def make_app(classifier: SteadyClassifier) -> Callable[..., Flask]:
    """Return a function from changed settings to an application."""

    def make(**changes: Any) -> Flask:
        settings = Settings(**changes)
        return create_app(
            settings, Recognizer(classifier, limits=settings.limits, threshold=settings.confidence_threshold)
        )

    return make


@pytest.fixture
def client(make_app: Callable[..., Flask]) -> FlaskClient:
    return make_app().test_client()


@pytest.fixture
def failure_log(caplog: pytest.LogCaptureFixture) -> Iterator[pytest.LogCaptureFixture]:
    with caplog.at_level(logging.INFO, logger="digitrec.web"):
        yield caplog
