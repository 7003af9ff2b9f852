"""Rate limits by Flask-Limiter, if a deployment has any.

Requests are counted in the memory of each worker, or in Redis for all workers and hosts. If Redis is unreachable, each
worker falls back to its own memory.
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
from digitrec.web.error_handlers import handle_error
from digitrec.web.middleware.api_keys import api_key_name

if TYPE_CHECKING:
    from flask_limiter import Limiter, RateLimitExceeded

# Seconds; only the request that finds Redis unreachable waits for it.
_REDIS_OPTIONS: dict[str, Any] = {"socket_timeout": 0.5, "socket_connect_timeout": 0.5}
# Providers give each customer a whole IPv6 network of this prefix length: it counts as one client.
_IPV6_CLIENT_BITS = 64


def init_app(app: Flask, settings: Settings) -> None:
    """Limit the rate of POST requests to `app`, if `settings` say so; raises SettingsError without Redis's client."""
    if settings.rate_limit is None:
        return
    # Imported here because it takes 0.1 s of the start, and most deployments do not use it.
    from flask_limiter import Limiter, RateLimitExceeded  # noqa: PLC0415
    from limits.errors import ConfigurationError  # noqa: PLC0415

    limiter = Limiter(
        rate_limit_key,
        application_limits=[settings.rate_limit],
        storage_uri=settings.rate_limit_storage,
        storage_options=_REDIS_OPTIONS,
        in_memory_fallback=[settings.rate_limit],
        swallow_errors=True,  # of concurrent requests that find Redis unreachable
        key_prefix="digitrec",
    )
    limiter.request_filter(lambda: request.method != "POST")  # only POST requests run the model
    try:
        limiter.init_app(app)
    except ConfigurationError as error:
        raise SettingsError(
            f"DIGITREC_RATE_LIMIT_STORAGE: expected to connect to Redis. Received: {error}. "
            "Run: pip install 'digitrec[redis]'"
        ) from error
    app.register_error_handler(RateLimitExceeded, partial(_too_many, limiter))


def _too_many(limiter: Limiter, error: RateLimitExceeded) -> Response:
    current: Any = limiter.current_limit
    pause_s = error.limit.limit.get_expiry()
    with suppress(Exception):  # Redis may have gone meanwhile; its client raises many types
        pause_s = min(pause_s, max(1, math.ceil(current.window.reset_time - time.time())))
    return handle_error(
        TooManyRequests(
            f"Expected at most {error.limit.limit}. Received: more. Try again in {pause_s} s.",
            retry_after=pause_s,
        )
    )


def rate_limit_key() -> str:
    """Return the client of this request: its API key, else its address."""
    name = api_key_name()
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
