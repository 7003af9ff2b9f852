"""The web application: a page, JSON endpoints, and the probes a host asks.

``create_app`` is a function of its settings; importing this package does no work.
"""

from __future__ import annotations

import os

from flask import Flask

from digitrec.files import resource_path
from digitrec.model.classifier import self_test
from digitrec.preprocessing.ops import disable_opencv_threads
from digitrec.recognizer import Recognizer
from digitrec.web import assets
from digitrec.web import error_handlers as failures
from digitrec.web.app_state import State, set_state
from digitrec.web.config import Settings, load_recognizer
from digitrec.web.middleware import api_keys as keys
from digitrec.web.middleware import proxies_and_cors as origins
from digitrec.web.middleware import rate_limit
from digitrec.web.middleware import security_headers as headers
from digitrec.web.observability import logs, metrics
from digitrec.web.openapi import views as openapi
from digitrec.web.views import api, health, pages
from digitrec.web.views import kserve_v2 as inference_protocol

__all__ = ["create_app"]


def create_app(settings: Settings | None = None, recognizer: Recognizer | None = None) -> Flask:
    """Return the WSGI application, its model loaded and proven by one answer.

    Parameters
    ----------
    settings : None reads them from the environment, see docs/settings.md.
    recognizer : None loads the model file that the settings name.

    Raises
    ------
    ModelError : the model file is missing, damaged or does not answer; nothing is served then.
    SettingsError : an environment variable has a value that digitrec does not understand.
    """
    settings = settings or Settings.from_env(os.environ)
    recognizer = recognizer or load_recognizer(settings)
    disable_opencv_threads()  # requests have threads of their own
    self_test(recognizer.classifier)
    app = Flask(__name__, static_folder=resource_path("static"), template_folder=resource_path("templates"))
    _configure(app, settings)
    set_state(app, State(recognizer, settings))
    for module in (headers, failures, assets):
        module.init_app(app)
    for module in (logs, metrics):
        module.init_app(app, settings)
    origins.init_app(app, settings)
    keys.init_app(app, settings.api_keys)
    rate_limit.init_app(app, settings)  # after the keys, by which it tells clients apart
    for module in (pages, api, health, inference_protocol, openapi):
        app.register_blueprint(module.blueprint)
    return app


def _configure(app: Flask, settings: Settings) -> None:
    app.url_map.merge_slashes = False  # //evil.example/ is no address of ours, and no redirect to one
    app.config["MAX_CONTENT_LENGTH"] = settings.max_request_bytes
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = (
        True  # a page without the templates' empty lines
    )
    app.json.sort_keys = False  # type: ignore[attr-defined]  # an answer begins with its digit, not with "accepted"
    app.json.compact = True  # type: ignore[attr-defined]
    # Flask gives its logger a handler where none is; a server that adds its own later would repeat each line.
    app.logger.propagate = not app.logger.handlers
