"""The web application: a page, JSON endpoints and health probes.

``create_app`` is a function of its settings; importing this package does no work.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from flask import Flask

from digitrec.errors import SettingsError
from digitrec.files import resource_path
from digitrec.model.classifier import self_test
from digitrec.preprocessing.ops import disable_opencv_threads
from digitrec.recognizer import Recognizer
from digitrec.web import assets, error_handlers, request_context, texts
from digitrec.web.config import Settings, load_recognizer, load_settings
from digitrec.web.middleware import api_keys, proxies_and_cors, rate_limit, security_headers
from digitrec.web.observability import logs, metrics
from digitrec.web.request_context import AppState, set_state
from digitrec.web.views import (
    api,
    form_tools,
    health,
    kserve_v2,
    openapi,
    pages,
    stored_data,
    stored_forms,
    stored_records,
)

if TYPE_CHECKING:
    from digitrec.storage import Storage

__all__ = ["create_app"]


def create_app(settings: Settings | None = None, recognizer: Recognizer | None = None) -> Flask:
    """Return the WSGI application, its model loaded and tested by one prediction.

    Parameters
    ----------
    settings : None reads them from the environment, see docs/settings.md.
    recognizer : None loads the model file in the settings.

    Raises
    ------
    ModelError : the model file is missing, damaged or makes no predictions.
    SettingsError : an environment variable has an invalid value.
    DatabaseUnavailableError : the database cannot be used.
    """
    settings = settings or load_settings()
    recognizer = recognizer or load_recognizer(settings)
    disable_opencv_threads()  # requests have threads of their own
    self_test(recognizer.classifier)
    app = Flask(__name__, static_folder=resource_path("static"), template_folder=resource_path("templates"))
    _configure(app, settings)
    set_state(app, AppState(recognizer, settings, _open_storage(settings)))
    assets.init_app(app)
    texts.init_app(app)
    for module in (request_context, security_headers, error_handlers, metrics):
        module.init_app(app)
    logs.init_app(app, settings)
    proxies_and_cors.init_app(app, settings)
    api_keys.init_app(app, settings.api_keys)
    rate_limit.init_app(app, settings)  # after the keys, by which it distinguishes clients
    views = (pages, api, form_tools, health, kserve_v2, openapi, stored_forms, stored_records, stored_data)
    for view in views:
        app.register_blueprint(view.blueprint)
    return app


def _open_storage(settings: Settings) -> Storage | None:
    if settings.database_url is None:
        return None
    if settings.database_access == "api_keys" and not settings.api_keys:
        raise SettingsError(
            "DIGITREC_API_KEYS: expected at least one key, as DIGITREC_DATABASE_URL is set. Received: none. Run: "
            "digitrec create-api-key NAME. Or set DIGITREC_DATABASE_ACCESS to open, and everybody sees what is stored."
        )
    try:
        from digitrec.storage import Storage  # noqa: PLC0415  # SQLAlchemy is an extra
    except ImportError as error:
        raise SettingsError(
            f"DIGITREC_DATABASE_URL: expected the packages for it. Received: {error}. "
            "Run: pip install 'digitrec[storage]'"
        ) from error
    return Storage.open(settings.database_url, settings.retention_days)


def _configure(app: Flask, settings: Settings) -> None:
    app.url_map.merge_slashes = False  # //evil.example/ must not become a redirect to another host
    app.config["MAX_CONTENT_LENGTH"] = settings.max_request_bytes
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True
    app.json.sort_keys = False  # type: ignore[attr-defined]  # a response begins with its digit, not with "accepted"
    app.json.compact = True  # type: ignore[attr-defined]
    # Flask gives its logger a handler where there is none; a server that adds one later would repeat each line.
    app.logger.propagate = not app.logger.handlers
