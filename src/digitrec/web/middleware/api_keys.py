"""API keys: who may ask, where a deployment asks for keys at all.

A key is 256 random bits, of which the server knows only the SHA-256: there is nothing to guess, so a slow hash would
protect nothing. A program sends it as ``Authorization: Bearer KEY`` or ``X-API-Key: KEY``. A browser asks its user for
name and password (Basic) and sends them with everything the page asks, so the page works as it is, without scripts too.
"""

from __future__ import annotations

import hmac
import re
import secrets
from hashlib import sha256

from flask import Flask, g, request
from werkzeug.datastructures import WWWAuthenticate
from werkzeug.exceptions import Unauthorized

from digitrec.web.app_state import current_state
from digitrec.web.config import ApiKey
from digitrec.web.routes import PROBES

_KEY_BYTES = 32
# What tells no more than the public source code does, besides the probes. Any other address wants a key, so that one
# which is added later does, too.
_OPEN = re.compile(r"/problems/[^/]+|/static/.+|/favicon\.ico|/openapi\.json|/docs(/.*)?")
_CHALLENGES = [
    WWWAuthenticate("bearer", {"realm": "digitrec server"}),
    WWWAuthenticate("basic", {"realm": "digitrec server", "charset": "UTF-8"}),
]


def init_app(app: Flask, keys: tuple[ApiKey, ...]) -> None:
    """Let `app` answer only those who have one of `keys`; without any, it answers everybody."""
    if keys:
        app.before_request(_require_key)


def new_key(name: str) -> tuple[str, ApiKey]:
    """Return a new key, which nobody can find out again, and what the server needs to know of it."""
    key = secrets.token_urlsafe(_KEY_BYTES)
    return key, ApiKey(name, _digest(key))


def key_name() -> str | None:
    """Return the name of the key that this request came with; None where keys are not asked for."""
    name: str | None = g.get("key_name")
    return name


def _require_key() -> None:
    is_preflight = request.method == "OPTIONS"  # a browser asks without, before it sends a key
    if is_preflight or PROBES.fullmatch(request.path) or _OPEN.fullmatch(request.path):
        return
    given = _given_key()
    if given is None:
        raise Unauthorized(
            "Expected an API key as 'Authorization: Bearer KEY' or 'X-API-Key: KEY'. Received: none. "
            "Ask whoever runs this server for one.",
            www_authenticate=_CHALLENGES,
        )
    g.key_name = _owner(given, current_state().settings.api_keys)
    if g.key_name is None:
        raise Unauthorized(
            "Expected one of this server's API keys. Received: another. Correct it, or ask for a new one.",
            www_authenticate=_CHALLENGES,
        )


def _given_key() -> str | None:
    given = request.headers.get("X-API-Key")  # first: a proxy may have a Basic login of its own
    authorization = request.authorization
    if given is not None or authorization is None:
        return given
    return authorization.token if authorization.type == "bearer" else authorization.password


def _owner(given: str, keys: tuple[ApiKey, ...]) -> str | None:
    """Compare with every key, in a time that tells nothing of them."""
    digest = _digest(given)
    owners = [key.name for key in keys if hmac.compare_digest(key.sha256, digest)]
    return owners[0] if owners else None


def _digest(key: str) -> str:
    return sha256(key.encode("utf-8", "surrogatepass")).hexdigest()
