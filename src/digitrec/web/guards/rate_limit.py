"""How often a client may ask, where a deployment limits it.

Flask-Limiter decides by counts in the memory of each worker or in a Redis that all workers and hosts share. While that
Redis is away, each worker counts for itself: a guard that fails must not take the service with it.
"""

from __future__ import annotations

import ipaddress
import math
import time
from functools import partial
from typing import TYPE_CHECKING, Any

from flask import Flask, Response, request
from werkzeug.exceptions import TooManyRequests

from digitrec.errors import SettingsError
from digitrec.settings import Settings
from digitrec.web.failures import answer
from digitrec.web.guards.keys import key_name

if TYPE_CHECKING:
    from flask_limiter import Limiter, RateLimitExceeded

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

    from digitrec.web.guards import request_counts  # noqa: F401, PLC0415  # it makes digitrec:// known

    limiter = Limiter(
        client_name,
        application_limits=[limit],
        storage_uri="digitrec://",
        storage_options={"redis": "" if storage.startswith("memory:") else storage},
        key_prefix="digitrec",
    )
    limiter.request_filter(lambda: request.method != "POST")  # what makes work is a POST
    return limiter


def _too_many(limiter: Limiter, error: RateLimitExceeded) -> Response:
    current: Any = limiter.current_limit
    left_s = math.ceil(current.window.reset_time - time.time())
    pause_s = min(max(1, left_s), error.limit.limit.get_expiry())  # whatever a Redis or the clock says
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
