"""Whom the server believes about a request's origin: proxies before it, its own names, pages of other sites."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

from flask import Flask, request
from werkzeug.exceptions import BadRequest, SecurityError
from werkzeug.middleware.proxy_fix import ProxyFix
from werkzeug.sansio.utils import host_is_trusted

from digitrec.web.config import Settings
from digitrec.web.routes import PROBES

_MOST_PREFLIGHT_S = 600
_TENSORS = "Inference-Header-Content-Length"  # of the Open Inference Protocol
# A name or an address, and a port; containers have names with an underscore. A name that cannot be one, such as a label
# of 64 letters, would leave Flask without a map of its addresses.
_HOST = re.compile(r"([\w-]{1,63}(\.[\w-]{1,63})*\.?|\[[0-9a-fA-F:.]+\])(:\d{1,5})?", re.ASCII)
_MOST_HOST = 261  # 255 of a name, and a port
_ASKED = r"/(api/|v2|predict).*"


def init_app(app: Flask, settings: Settings) -> None:
    """Let `app` believe what `settings` name, and nothing else."""
    if settings.trusted_proxies:
        # Its address, and whether it came by HTTPS. Not X-Forwarded-Host: few proxies set it, and so clients can.
        app.wsgi_app = ProxyFix(  # type: ignore[method-assign]
            app.wsgi_app, x_for=settings.trusted_proxies, x_proto=settings.trusted_proxies, x_host=0
        )
    app.wsgi_app = partial(_blank_odd_host, app.wsgi_app)  # type: ignore[method-assign]
    app.before_request(_require_whole_address)
    if settings.trusted_hosts:
        app.before_request(partial(_require_host, settings.trusted_hosts))
    if settings.cors_origins:
        _allow_origins(app, settings.cors_origins)


def _blank_odd_host(
    wsgi_app: Callable[..., Iterable[bytes]], environ: dict[str, Any], start_response: Callable[..., Any]
) -> Iterable[bytes]:
    host = environ.get("HTTP_HOST")
    if host and not (len(host) <= _MOST_HOST and _HOST.fullmatch(host)):
        environ = {**environ, "HTTP_HOST": ""}
    return wsgi_app(environ, start_response)


def _require_whole_address() -> None:
    if request.environ.get("HTTP_HOST") == "" and not PROBES.fullmatch(request.path):
        raise BadRequest("Expected a name or an address in the Host header. Received: neither.")
    path = request.environ.get("PATH_INFO", "")
    if path and not path.startswith("/"):
        raise BadRequest(f"Expected an address that begins with '/'. Received: {path[:200]!r}.")


def _require_host(names: tuple[str, ...]) -> None:
    # A probe asks the machine by its address; Flask's own TRUSTED_HOSTS would refuse it.
    if not PROBES.fullmatch(request.path) and not host_is_trusted(request.host, names):
        raise SecurityError(
            f"Expected one of this server's names in the Host header. Received: {request.host[:200]!r}."
        )


def _allow_origins(app: Flask, origins: tuple[str, ...]) -> None:
    # Imported here for the start's sake: most deployments do not ask for it.
    from flask_cors import CORS  # noqa: PLC0415

    CORS(
        app,
        resources=_ASKED,
        origins=list(origins),
        methods=["GET", "POST"],
        allow_headers=["Authorization", "Content-Type", "X-API-Key", "X-Request-ID", _TENSORS],
        expose_headers=["Retry-After", "X-Request-ID", _TENSORS],
        always_send=False,  # only to those who say that they are of another site
        max_age=_MOST_PREFLIGHT_S,
    )
