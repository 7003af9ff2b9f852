"""Where requests are counted for the rate limit: in the memory of this process, or in a Redis that many share.

Flask-Limiter has a fallback of its own, which answers some requests with an error when several find out at once that
the Redis is away, and goes by the wall clock.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Lock
from typing import Any, Final, Protocol, TypeVar

from limits.storage import Storage, storage_from_string

_log = logging.getLogger(__name__)

# A Redis answers in a millisecond. This bounds all of it: its name's look-up, and an answer that comes byte by byte.
_PATIENCE_S: Final = 0.5
# One request in so many seconds finds out whether the Redis is back.
_PAUSE_S: Final = 5.0
_MOST_ASKING: Final = 8
_MOST_WINDOWS: Final = 100_000  # 20 MB
_T = TypeVar("_T")


class _Counts(Protocol):
    def incr(self, key: str, expiry: int, amount: int = 1) -> int: ...
    def get(self, key: str) -> int: ...
    def get_expiry(self, key: str) -> float: ...


class RequestCounts(Storage):
    """Counts of requests in windows of time, as Flask-Limiter's storage ``digitrec://``; nothing here fails.

    Parameters
    ----------
    redis : the address of a Redis; while it is away, and without one, the counts are those of this process.

    Raises
    ------
    limits.errors.ConfigurationError : the client for Redis is not installed.
    """

    STORAGE_SCHEME = ["digitrec"]  # noqa: RUF012  # as limits declares it

    def __init__(self, uri: str | None = None, wrap_exceptions: bool = False, redis: str = "") -> None:
        super().__init__(uri, wrap_exceptions)
        timeouts: dict[str, Any] = dict.fromkeys(("socket_timeout", "socket_connect_timeout"), _PATIENCE_S)
        self._redis: Any = storage_from_string(redis, **timeouts) if redis else None
        self._memory = _Windows()
        self._threads = ThreadPoolExecutor(_MOST_ASKING)  # none runs before the first request
        self._lock = Lock()
        self._is_away = False
        self._ask_from = 0.0  # by the monotonic clock, while it is away

    @property
    def base_exceptions(self) -> type[Exception]:
        """What `limits` may wrap."""
        return Exception

    def incr(self, key: str, expiry: int, amount: int = 1) -> int:
        """Count `amount` more in the window of `key`, which ends in `expiry` seconds if it begins now."""
        return self._answer(lambda counts: counts.incr(key, expiry, amount))

    def get(self, key: str) -> int:
        """Return the count of the window of `key`."""
        return self._answer(lambda counts: counts.get(key))

    def get_expiry(self, key: str) -> float:
        """Return when the window of `key` ends, by the wall clock as it is now."""
        return self._answer(lambda counts: counts.get_expiry(key))

    def check(self) -> bool:
        """Return whether there are counts; there always are."""
        return True

    def reset(self) -> int | None:
        """Forget nothing: nobody asks for it."""
        raise NotImplementedError

    def clear(self, key: str) -> None:
        """Forget nothing: nobody asks for it."""
        raise NotImplementedError

    def _answer(self, ask: Callable[[_Counts], _T]) -> _T:
        if self._redis is None or not self._is_worth_asking():
            return ask(self._memory)
        asked = self._threads.submit(ask, self._redis)
        try:
            answer = asked.result(_PATIENCE_S)
        except Exception as error:  # noqa: BLE001  # the client raises many kinds when an answer is no Redis's
            asked.cancel()
            self._note(error)
            return ask(self._memory)
        self._note(None)
        return answer

    def _is_worth_asking(self) -> bool:
        now = time.monotonic()
        with self._lock:
            if self._is_away and now < self._ask_from:
                return False
            self._ask_from = now + _PAUSE_S  # while one request finds out, the others do not wait
            return True

    def _note(self, error: Exception | None) -> None:
        with self._lock:
            was_away, self._is_away = self._is_away, error is not None
        if error and not was_away:
            _log.warning(
                "The rate limit expected an answer of its Redis. Received: %s. Each worker counts for itself "
                "until it is back.",
                type(error).__name__,  # its text may hold what the Redis has sent
            )
        elif was_away and not error:
            _log.warning("The rate limit's Redis is back.")


class _Windows:
    """The counts of this process, by the monotonic clock: nobody waits longer because the wall clock was set back."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._windows: dict[str, tuple[float, int]] = {}  # when each ends, and its count; the oldest first

    def incr(self, key: str, expiry: int, amount: int = 1) -> int:
        now = time.monotonic()
        with self._lock:
            end, count = self._windows.get(key, (now, 0))
            if end <= now:
                self._windows.pop(key, None)
                self._make_room(now)
                end, count = now + expiry, 0
            self._windows[key] = end, count + amount
            return count + amount

    def _make_room(self, now: float) -> None:
        while self._windows:
            oldest = next(iter(self._windows))
            if self._windows[oldest][0] > now and len(self._windows) < _MOST_WINDOWS:
                return
            del self._windows[oldest]

    def get(self, key: str) -> int:
        now = time.monotonic()
        end, count = self._windows.get(key, (now, 0))
        return count if end > now else 0

    def get_expiry(self, key: str) -> float:
        now = time.monotonic()
        end, _ = self._windows.get(key, (now, 0))
        return time.time() + max(0.0, end - now)
