"""The headers of every response: security headers and the request ID."""

from __future__ import annotations

from flask import Flask, Response, request

from digitrec.web.request_context import request_id

_CONTENT_SECURITY_POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' data: blob:",  # data: is a normalized image, blob: the thumbnail of an upload
        "connect-src 'self'",
        "manifest-src 'self'",
        "base-uri 'none'",
        "form-action 'self'",  # without JavaScript the page sends its images as a form
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
# For one year, even if the site goes back to HTTP; so it is for this name only, without its subdomains.
_STRICT_TRANSPORT = "max-age=31536000"


def init_app(app: Flask) -> None:
    """Give every response of `app` the headers."""
    app.after_request(_add_headers)


def _add_headers(response: Response) -> Response:
    response.headers["X-Request-ID"] = request_id()
    for name, value in _HEADERS:
        response.headers.setdefault(name, value)
    if request.is_secure:
        response.headers.setdefault("Strict-Transport-Security", _STRICT_TRANSPORT)
    return response
