"""How often a client may ask, where a deployment limits it.

Flask-Limiter counts, in the memory of each worker or in a Redis that all workers and hosts share. While that Redis is
away, each worker counts for itself: a guard that fails must not take the service with it.
"""

from __future__ import annotations

import ipaddress
import math
import time
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any

from flask import Flask, Response, request
from werkzeug.exceptions import TooManyRequests

from digitrec.errors import SettingsError
from digitrec.web.config import Settings
from digitrec.web.error_handlers import answer
from digitrec.web.middleware.api_keys import key_name

if TYPE_CHECKING:
    from flask_limiter import Limiter, RateLimitExceeded

# A Redis that does not answer holds up the request that finds it out, and no other.
_REDIS_PATIENCE_S = 0.5
# Providers give each customer as many IPv6 addresses as this leaves: all of them are one client.
_IPV6_CLIENT_BITS = 64


def init_app(app: Flask, settings: Settings) -> None:
    """Limit how often `app` is asked for answers, where `settings` say so.

    Raises
    ------
    SettingsError : the counts shall be in a Redis, and its client is not installed.
    """
    if settings.rate_limit is None:
        return
    # Imported here because it takes a tenth of a second of the start, and most deployments do not ask for it.
    from flask_limiter import RateLimitExceeded  # noqa: PLC0415
    from limits.errors import ConfigurationError  # noqa: PLC0415

    limiter = _limiter(settings.rate_limit, settings.rate_limit_storage)
    try:
        limiter.init_app(app)
    except ConfigurationError as error:
        raise SettingsError(
            f"DIGITREC_RATE_LIMIT_STORAGE: expected to connect to Redis. Received: {error}. "
            "Run: pip install 'digitrec[redis]'"
        ) from error
    app.register_error_handler(RateLimitExceeded, partial(_too_many, limiter))


def _limiter(limit: str, storage: str) -> Limiter:
    from flask_limiter import Limiter  # noqa: PLC0415

    shared = not storage.startswith("memory:")
    patience: dict[str, Any] = dict.fromkeys(("socket_timeout", "socket_connect_timeout"), _REDIS_PATIENCE_S)
    limiter = Limiter(
        client_name,
        application_limits=[limit],
        storage_uri=storage,
        storage_options=patience if shared else {},
        in_memory_fallback=[limit] if shared else [],
        swallow_errors=True,  # of requests that find out at the same time that the Redis is away
        key_prefix="digitrec",
    )
    limiter.request_filter(lambda: request.method != "POST")  # what makes work is a POST
    return limiter


def _too_many(limiter: Limiter, error: RateLimitExceeded) -> Response:
    current: Any = limiter.current_limit
    pause_s = error.limit.limit.get_expiry()
    with suppress(Exception):  # a Redis that has gone since it was asked; the client raises many kinds
        pause_s = min(pause_s, max(1, math.ceil(current.window.reset_time - time.time())))
    return answer(
        TooManyRequests(
            f"Expected at most {error.limit.limit}. Received: more. Ask again in {pause_s} s.",
            retry_after=pause_s,
        )
    )


def client_name() -> str:
    """Return whose requests are counted together: those with one key, else those from one address."""
    name = key_name()
    return f"key {name}" if name else _network(request.remote_addr or "unknown")


def _network(address: str) -> str:
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return address
    if parsed.version == 4:
        return address
    mapped = parsed.ipv4_mapped
    return str(mapped or ipaddress.ip_network((parsed, _IPV6_CLIENT_BITS), strict=False))
