"""The headers that every answer carries: what a browser may load, and the request's id."""

from __future__ import annotations

import re
import secrets

from flask import Flask, Response, g, request

_CONTENT_SECURITY_POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' data: blob:",  # data: is the ink in an answer, blob: the thumbnail of an upload
        "connect-src 'self'",
        "manifest-src 'self'",
        "base-uri 'none'",
        "form-action 'self'",  # without JavaScript the page sends its pictures as a form
        "frame-ancestors 'none'",
    )
)
SECURITY_HEADERS = {
    "Content-Security-Policy": _CONTENT_SECURITY_POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}
_HEADERS = (("Cache-Control", "no-store"), *SECURITY_HEADERS.items())
# A year, which browsers keep to even where the site goes back to HTTP; so this name alone, and none below it.
_STRICT_TRANSPORT = "max-age=31536000"
# A scheme and a host, or the slashes that a browser takes for the beginning of a host.
_OTHER_HOST = re.compile(r"\A([A-Za-z][A-Za-z0-9+.-]*:)?([/\\]{2}[^/\\?#]*)?[/\\]*")
# Wide enough for UUIDs, ULIDs and trace ids; too narrow to carry a line break or markup into a log.
_WELL_FORMED_ID = re.compile(r"[A-Za-z0-9._-]{8,64}")


def init_app(app: Flask) -> None:
    """Give every answer of `app` the headers and the request's id."""
    app.before_request(_take_request_id)
    app.after_request(_add_headers)


def request_id() -> str:
    """Return the id of this request: the client's own ``X-Request-ID`` when well formed, else a new one."""
    if "request_id" not in g:
        _take_request_id()
    return str(g.request_id)


def _take_request_id() -> None:
    given = request.headers.get("X-Request-ID", "")
    g.request_id = given if _WELL_FORMED_ID.fullmatch(given) else secrets.token_hex(8)


def _add_headers(response: Response) -> Response:
    response.headers["X-Request-ID"] = request_id()
    if location := response.headers.get("Location"):
        response.headers["Location"] = _on_this_host(location)
    present = {name.lower() for name, _ in response.headers}
    response.headers.extend(item for item in _HEADERS if item[0].lower() not in present)
    if request.is_secure:
        response.headers.setdefault("Strict-Transport-Security", _STRICT_TRANSPORT)
    return response


def _on_this_host(location: str) -> str:
    """Return a redirect's address without its host: werkzeug takes that from the request, as the client wrote it."""
    return _OTHER_HOST.sub("/", location, count=1)
