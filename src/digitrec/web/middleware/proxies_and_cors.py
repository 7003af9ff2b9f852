"""Trusted proxies, allowed Host headers and CORS."""

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
from digitrec.web.request_context import PROBES

_PREFLIGHT_MAX_AGE_S = 600
_HEADER_LENGTH = "Inference-Header-Content-Length"  # of the Open Inference Protocol
# A name or an address, and a port; containers have names with an underscore. werkzeug cannot match routes for an
# invalid name, such as one with a label of 64 letters.
_HOST = re.compile(r"([\w-]{1,63}(\.[\w-]{1,63})*\.?|\[[0-9a-fA-F:.]+\])(:\d{1,5})?", re.ASCII)
_MAX_HOST_CHARS = 261  # 255 of a name, and a port
_CORS_PATHS = r"/(api/|v2|predict).*"


def init_app(app: Flask, settings: Settings) -> None:
    """Let `app` trust what `settings` name, and nothing else."""
    if settings.trusted_proxies:
        # The client's address and scheme. Not X-Forwarded-Host: few proxies set it, so a client could.
        app.wsgi_app = ProxyFix(  # type: ignore[method-assign]
            app.wsgi_app, x_for=settings.trusted_proxies, x_proto=settings.trusted_proxies, x_host=0
        )
    app.wsgi_app = partial(_normalize_address, app.wsgi_app)  # type: ignore[method-assign]
    app.before_request(_require_valid_address)
    if settings.trusted_hosts:
        app.before_request(partial(_require_host, settings.trusted_hosts))
    if settings.cors_origins:
        _allow_origins(app, settings.cors_origins)


def _normalize_address(
    wsgi_app: Callable[..., Iterable[bytes]], environ: dict[str, Any], start_response: Callable[..., Any]
) -> Iterable[bytes]:
    host = environ.get("HTTP_HOST")
    if host and not (len(host) <= _MAX_HOST_CHARS and _HOST.fullmatch(host)):
        environ = {**environ, "HTTP_HOST": ""}
    if not environ.get("PATH_INFO"):  # werkzeug would redirect to "/" of whatever host the client wrote
        environ = {**environ, "PATH_INFO": "/"}
    return wsgi_app(environ, start_response)


def _require_valid_address() -> None:
    if request.environ.get("HTTP_HOST") == "" and not PROBES.fullmatch(request.path):
        raise BadRequest("Expected a host name or address in the Host header. Received: neither.")
    path = request.environ["PATH_INFO"]
    if not path.startswith("/"):
        raise BadRequest(f"Expected a path that begins with '/'. Received: {path[:200]!r}.")


def _require_host(names: tuple[str, ...]) -> None:
    # A probe uses the machine's address; Flask's own TRUSTED_HOSTS would reject it.
    if not PROBES.fullmatch(request.path) and not host_is_trusted(request.host, names):
        raise SecurityError(
            f"Expected one of this server's names in the Host header. Received: {request.host[:200]!r}."
        )


def _allow_origins(app: Flask, origins: tuple[str, ...]) -> None:
    # Imported here for a faster start: most deployments do not use it.
    from flask_cors import CORS  # noqa: PLC0415

    CORS(
        app,
        resources=_CORS_PATHS,
        origins=list(origins),
        allow_headers=["Authorization", "Content-Type", "X-API-Key", "X-Request-ID", _HEADER_LENGTH],
        expose_headers=["Retry-After", "X-Request-ID", _HEADER_LENGTH],
        always_send=False,  # only for requests of another site
        max_age=_PREFLIGHT_MAX_AGE_S,
    )
