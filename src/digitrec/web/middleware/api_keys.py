"""Authentication by API keys, if a deployment has any.

A key is 256 random bits, and the server knows only its SHA-256; nobody can guess it, so a slow hash would protect
nothing. A program sends ``Authorization: Bearer KEY`` or ``X-API-Key: KEY``. A browser asks for name and password
(Basic) and sends them with each request of the page.
"""

from __future__ import annotations

import hmac
import re
import secrets
from hashlib import sha256

from flask import Flask, g, request
from werkzeug.datastructures import WWWAuthenticate
from werkzeug.exceptions import Unauthorized

from digitrec.web.request_context import PROBES, current_state

_KEY_BYTES = 32
# With the probes: what only repeats the public source code. Any other URL needs a key, one added later too.
_PUBLIC = re.compile(
    r"/problems/[^/]+|/static/.+|/favicon\.ico|/service-worker\.js|/openapi\.json|/docs(/.*)?"
)
_CHALLENGES = [
    WWWAuthenticate("bearer", {"realm": "digitrec server"}),
    WWWAuthenticate("basic", {"realm": "digitrec server", "charset": "UTF-8"}),
]


def init_app(app: Flask, keys: tuple[str, ...]) -> None:
    """Require one of `keys`, each NAME:SHA256, for the requests of `app`; without any, serve everybody."""
    if keys:
        app.before_request(_require_key)


def new_key(name: str) -> tuple[str, str]:
    """Return a new key, which is not stored anywhere, and what the server stores of it, NAME:SHA256."""
    key = secrets.token_urlsafe(_KEY_BYTES)
    return key, f"{name}:{_digest(key)}"


def api_key_name() -> str | None:
    """Return the name of this request's key; None without authentication."""
    name: str | None = g.get("key_name")
    return name


def _require_key() -> None:
    is_preflight = request.method == "OPTIONS"  # a browser sends it without a key
    if is_preflight or PROBES.fullmatch(request.path) or _PUBLIC.fullmatch(request.path):
        return
    given = _given_key()
    g.key_name = None if given is None else _owner(given, current_state().settings.api_keys)
    if g.key_name is None:
        raise Unauthorized(
            "Expected one of this server's API keys as 'Authorization: Bearer KEY' or 'X-API-Key: KEY'. "
            f"Received: {'none' if given is None else 'another one'}. Ask the server's operator for one.",
            www_authenticate=_CHALLENGES,
        )


def _given_key() -> str | None:
    given = request.headers.get("X-API-Key")  # first: a proxy may have a Basic login of its own
    authorization = request.authorization
    if given is not None or authorization is None:
        return given
    return authorization.token if authorization.type == "bearer" else authorization.password


def _owner(given: str, keys: tuple[str, ...]) -> str | None:
    """Compare with every key, in constant time."""
    digest = _digest(given)
    pairs = (key.split(":") for key in keys)
    owners = [name for name, stored in pairs if hmac.compare_digest(stored, digest)]
    return owners[0] if owners else None


def _digest(key: str) -> str:
    return sha256(key.encode("utf-8", "surrogatepass")).hexdigest()
