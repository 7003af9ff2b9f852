"""Connection rules for waitress: how long a request may take to arrive, and what it may hold meanwhile.

waitress collects requests in one loop, so a slow client takes no thread. This module limits what such clients leave
open, and rejects requests that a proxy in front could interpret differently.
"""

from __future__ import annotations

import json
import logging
import secrets
import sys
import time
from collections.abc import Callable
from functools import partial
from typing import Any, Final

from waitress.channel import HTTPChannel
from waitress.parser import HTTPRequestParser, ParsingError
from waitress.server import BaseWSGIServer, create_server
from waitress.task import ErrorTask
from waitress.utilities import BadRequest

from digitrec.web.config import Settings
from digitrec.web.middleware.security_headers import SECURITY_HEADERS
from digitrec.web.problems import problem_of_status

KEEPALIVE_S: Final = 75  # longer than the 60 s of most load balancers, which would get a reset connection
_MAX_HEADER_BYTES: Final = 32_768
# waitress joins and searches the whole line of a chunk's size, or the trailer, with each byte that arrives.
_MAX_CHUNK_LINE_BYTES: Final = 8_192
# Everything in a chunked body but its content. A chunk has at least 5 such bytes, and takes 3 microseconds of the loop.
_MAX_FRAMING_BYTES: Final = 200_000
# Up to this multiple of the limit a body is received, so that the client gets a response; beyond it, often a reset.
_MAX_BODY_RATIO: Final = 2
_MAX_UNREAD_BYTES: Final = 1_000_000  # of responses, before pipelined requests are dropped
_SMALL_BODY_BYTES: Final = 32_768  # larger bodies go to a temporary file, and count in `BodyBudget`
# Once others wait for the budget, an upload must be this fast.
_MIN_BYTES_PER_S: Final = 13_000
_GRACE_S: Final = 5

_log = logging.getLogger(__name__)


def make_server(
    application: Callable[..., Any], settings: Settings, *, body_budget_bytes: int, **adjustments: Any
) -> Any:
    """Return a waitress server whose connections follow the rules of this module.

    Parameters
    ----------
    body_budget_bytes : what the bodies of unfinished requests may take together; further ones are not read meanwhile.
    adjustments : further ones for `waitress.create_server`.
    """
    sockets: dict[int, Any] = adjustments.setdefault("map", {})
    server = create_server(
        application,
        ident=None,
        channel_timeout=KEEPALIVE_S,
        cleanup_interval=1,
        max_request_header_size=_MAX_HEADER_BYTES,
        max_request_body_size=_MAX_BODY_RATIO * settings.max_request_bytes
        + 1,  # waitress rejects its exact limit
        inbuf_overflow=_SMALL_BODY_BYTES,
        outbuf_high_watermark=sys.maxsize,  # no thread waits for a client
        asyncore_use_poll=True,
        clear_untrusted_proxy_headers=False,  # web/middleware/proxies_and_cors.py decides which proxies to trust
        **adjustments,
    )
    budget = BodyBudget(max(body_budget_bytes, _MAX_BODY_RATIO * settings.max_request_bytes))
    for listener in listeners(sockets):
        listener.channel_class = partial(Channel, settings, budget)
        listener.maintenance = partial(_close_overdue, listener)
    return server


def listeners(sockets: dict[int, Any]) -> list[Any]:
    """Return waitress's servers, one for each address, in the map of its loop."""
    items = list(sockets.values())  # a copy: a request's thread may call this while the loop changes the map
    return [item for item in items if isinstance(item, BaseWSGIServer)]


def channels(sockets: dict[int, Any]) -> list[Channel]:
    """Return the open connections in the map of waitress's loop."""
    return [item for item in sockets.values() if isinstance(item, Channel)]


def _close_overdue(listener: Any, now: float) -> None:
    """Replace waitress's own maintenance, which waits for a client that reads nothing before it closes."""
    for channel in [item for item in listener.active_channels.values() if item.is_overdue(now)]:
        channel.handle_close()


class BodyBudget:
    """The bytes that request bodies of one worker may take, from their first byte to their response.

    Only waitress's loop uses it. A body gets its whole length at once.
    """

    def __init__(self, limit_bytes: int) -> None:
        self._left_bytes = limit_bytes
        self._held: dict[Channel, int] = {}
        self._waiting: dict[Channel, None] = {}

    def admit(self, channel: Channel, num_bytes: int) -> bool:
        """Return whether a body of `num_bytes` may be read; small ones always."""
        more_bytes = num_bytes - self._held.get(channel, 0)
        if num_bytes <= _SMALL_BODY_BYTES or more_bytes <= 0:
            return True
        if next(iter(self._waiting), channel) is not channel or more_bytes > self._left_bytes:
            self._waiting[channel] = None
            return False
        self._waiting.pop(channel, None)
        self._left_bytes -= more_bytes
        self._held[channel] = num_bytes
        return True

    def release(self, channel: Channel) -> None:
        """Give back what `channel` holds or waits for."""
        self._waiting.pop(channel, None)
        self._left_bytes += self._held.pop(channel, 0)

    def blocks_others(self, channel: Channel) -> bool:
        """Return whether `channel` holds bytes that others wait for."""
        return bool(self._waiting) and channel in self._held


class _Parser(HTTPRequestParser):  # type: ignore[misc]
    def parse_header(self, header_plus: bytes) -> None:
        try:
            super().parse_header(header_plus)
        except ValueError as error:  # an invalid URL, or a number of a thousand digits
            raise ParsingError(f"Invalid header: {error}") from error
        # Reject what a proxy in front could interpret differently (RFC 9112, sections 3.2 and 6.1).
        if self.version not in ("1.0", "1.1"):
            raise ParsingError("An HTTP version other than 1.0 and 1.1")
        num_hosts = header_plus.lower().count(b"\r\nhost:")
        if num_hosts > 1 or (num_hosts == 0 and self.version == "1.1"):
            raise ParsingError(f"{num_hosts} Host headers instead of one")
        if "TRANSFER_ENCODING" in self.headers or (self.chunked and "CONTENT_LENGTH" in self.headers):
            raise ParsingError("Transfer-Encoding in HTTP/1.0, or together with Content-Length")

    def received(self, data: bytes) -> int:
        consumed: int = super().received(data)
        if self.chunked and self.body_rcv is not None:
            if len(self.body_rcv.control_line) + len(self.body_rcv.trailer) > _MAX_CHUNK_LINE_BYTES:
                self._reject(f"a chunk size or trailer of more than {_MAX_CHUNK_LINE_BYTES} bytes")
            elif self.body_bytes_received - len(self.body_rcv) > _MAX_FRAMING_BYTES:
                self._reject("a body in too many small chunks. Send larger ones")
        return consumed

    def _reject(self, reason: str) -> None:
        self.error, self.completed = BadRequest(reason), True

    def body_bytes(self, max_body_bytes: int) -> int:
        """Return the size that the body may reach."""
        if self.chunked and self.body_bytes_received > _SMALL_BODY_BYTES:
            return max_body_bytes
        return int(self.content_length)


class _ProblemTask(ErrorTask):  # type: ignore[misc]
    """Sends a problem (RFC 9457) for a request that does not reach the application."""

    def execute(self) -> None:
        error = self.request.error
        problem = problem_of_status(error.code)
        details = {
            413: f"Expected a body of at most {self.channel.max_body_bytes:,} bytes. Received: a larger one.",
            431: f"Expected headers of at most {_MAX_HEADER_BYTES:,} bytes. Received: larger ones.",
            500: problem.explanation,
        }
        invalid = f"Expected a valid HTTP request. Received: {error.body.rstrip('.')}."
        # Without the detail, which may quote a header.
        fields = {"request_id": secrets.token_hex(8), "status": error.code, "reason": error.reason}
        _log.info("request %(request_id)s: rejected with %(status)d, %(reason)s", fields, extra=fields)
        body = problem.to_dict(details.get(error.code, invalid), fields["request_id"])
        content = json.dumps(body).encode()
        self.status = f"{error.code} {error.reason}"
        self.response_headers = [
            ("Cache-Control", "no-store"),
            ("Content-Type", "application/problem+json"),
            ("X-Request-ID", fields["request_id"]),
            *SECURITY_HEADERS.items(),
        ]
        self.set_close_on_finish()
        self.content_length = len(content)
        self.write(content)


class Channel(HTTPChannel):  # type: ignore[misc]
    """One connection.

    Attributes
    ----------
    max_body_bytes : the largest request body that the application takes.
    closes_after_response : whether to take no further request.
    """

    error_task_class = _ProblemTask
    parser_class = _Parser
    closes_after_response = False
    _request_began = 0.0

    def __init__(self, settings: Settings, budget: BodyBudget, *arguments: Any, **options: Any) -> None:
        self.max_body_bytes = settings.max_request_bytes
        self._client_timeout_s = float(settings.client_timeout_s)
        self._budget = budget
        super().__init__(*arguments, **options)

    @property
    def is_idle(self) -> bool:
        """Whether no request is being received or processed, and no response is being sent."""
        return self.request is None and not self.requests and not self.total_outbufs_len

    def readable(self) -> bool:
        """Return whether to receive more."""
        if not super().readable():
            return False
        if self.request is None or self.request.body_rcv is None:
            self._budget.release(self)
            return True
        return self._budget.admit(self, self.request.body_bytes(_MAX_BODY_RATIO * self.max_body_bytes))

    def writable(self) -> bool:
        """Return whether to send more: not while a thread sends, which would keep the loop turning meanwhile."""
        if not super().writable() or not self.outbuf_lock.acquire(blocking=False):
            return False
        self.outbuf_lock.release()
        return True

    def write_soon(self, data: Any) -> int:
        """Send a part of a response, in a thread; what the socket does not take is left to the loop."""
        num_bytes = int(super().write_soon(data))
        if self.total_outbufs_len:  # waitress wakes the loop while the thread still holds the lock
            self.server.pull_trigger()
        return num_bytes

    def received(self, data: bytes) -> bool:
        """Take received bytes."""
        if self.request is None:
            self._request_began = time.time()
        return bool(super().received(data))

    def service(self) -> None:
        """Process a request, in a thread."""
        if self.closes_after_response or self.total_outbufs_len > _MAX_UNREAD_BYTES:
            self.requests[0].headers["CONNECTION"] = "close"
        super().service()

    def handle_close(self) -> None:
        """Close the connection and the temporary file of an unfinished body."""
        super().handle_close()
        self._budget.release(self)
        if self.request is not None:
            self.request.close()

    def is_overdue(self, now: float) -> bool:
        """Return whether the client is too slow; `now` is by `time.time`, as in waitress."""
        if self.requests:
            return False
        if self.request is None or self.total_outbufs_len:
            return bool(now - self.last_activity > KEEPALIVE_S)
        age_s = now - self._request_began
        if self._budget.blocks_others(self):
            return bool(self.request.body_bytes_received < _MIN_BYTES_PER_S * (age_s - _GRACE_S))
        return age_s > self._client_timeout_s
