"""Running the application: gunicorn where it runs, waitress on Windows.

``digitrec serve`` and a host's ``gunicorn`` with the root ``gunicorn.conf.py`` share the options here.
"""

from __future__ import annotations

import logging
import os
import socket
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from flask import Flask

from digitrec.errors import DigitrecError, SettingsError
from digitrec.native_logging import suppress_native_stderr
from digitrec.web import create_app
from digitrec.web.config import Settings, mistyped, whole_number
from digitrec.web.observability import logs
from digitrec.web.server import waitress_server as wire
from digitrec.web.server.cgroups import available_cores, available_memory_bytes, worker_count
from digitrec.web.server.gunicorn_hooks import hooks

_log = logging.getLogger(__name__)

_DEFAULT_PORT = 8000
_CANNOT_START = 4  # gunicorn's own code for an application that does not load
# Hosts send SIGKILL 10 s (Docker) to 30 s after SIGTERM; a prediction takes milliseconds.
_GRACEFUL_TIMEOUT_S = 8
_IN_MEMORY = Path("/dev/shm")  # noqa: S108  # nosec B108  # gunicorn makes a file there that nobody else can open
# Its select() takes no more than 512 sockets.
_MOST_CONNECTIONS_ON_WINDOWS = 500
# Longer than the 60 s of most load balancers: one that asks on a connection just closed would answer 502.
_KEEPALIVE_S = 75


def serve(host: str, port: int, settings: Settings) -> None:
    """Serve the application on `host`:`port` until SIGTERM or Ctrl-C.

    Raises
    ------
    ModelError : the model cannot be served; nothing listens then.
    SettingsError : WEB_CONCURRENCY is no whole number above 0, or nobody can listen at `host` and `port`.
    """
    _require_free(host, port)
    if sys.platform == "win32":
        serve_with_waitress(host, port, settings)
    else:
        serve_with_gunicorn(host, port, settings)


def _require_free(host: str, port: int) -> None:
    """Say in one line what gunicorn would try five times to find out."""
    try:
        # As gunicorn listens: a port whose last server has just gone is free.
        socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET).close()
    except OSError as error:
        raise SettingsError(
            f"expected to listen at {_bracketed(host)}:{port}. Received: {error.strerror or error}. "
            "Stop what listens there, or name another with --port."
        ) from None


def application(settings: Settings | None = None) -> Flask:
    """Return the application for gunicorn; what a person must mend is one line, not a traceback."""
    try:
        settings = settings or Settings.from_env(os.environ)
        with suppress_native_stderr():
            app = create_app(settings)
    except DigitrecError as error:
        print(f"digitrec cannot start: {error}", file=sys.stderr, flush=True)  # noqa: T201  # no logger is set up yet
        raise SystemExit(_CANNOT_START) from None
    for name, near in mistyped(os.environ).items():
        _log.warning("%s is no setting, and changes nothing. Did you mean %s?", name, near)
    return app


def gunicorn_options(
    settings: Settings,
    environ: Mapping[str, str],
    host: str = "0.0.0.0",  # noqa: S104  # nosec B104  # a container is reached from outside
) -> dict[str, Any]:
    """Return gunicorn's options for `settings` and the host's variables PORT and WEB_CONCURRENCY.

    Raises
    ------
    SettingsError : PORT or WEB_CONCURRENCY is no whole number above 0, or PORT is the metrics' own.
    ModelError : the model file is missing or damaged, or nothing here can run it.
    """
    fitting = worker_count(available_cores(), available_memory_bytes())
    return {
        "bind": _addresses(host, _whole_number(environ, "PORT", _DEFAULT_PORT), settings),
        "workers": _whole_number(environ, "WEB_CONCURRENCY", fitting),
        # gunicorn's own threads read slow clients to the end.
        "worker_class": "digitrec.web.server.worker.PatientWorker",
        "threads": settings.threads,
        "timeout": settings.timeout_s,
        "graceful_timeout": min(_GRACEFUL_TIMEOUT_S, settings.timeout_s),
        "keepalive": _KEEPALIVE_S,
        # The model is loaded and proven once, before anything listens. A LiteRT interpreter has no threads
        # of its own with one thread asked for, and each request thread makes its own after the fork.
        "preload_app": True,
        # Against memory that no longer run would give back; none was seen to grow (docs/performance.md).
        "max_requests": settings.max_requests,
        "max_requests_jitter": settings.max_requests // 10,
        # A heartbeat file on a disk can block a worker for seconds; this is memory.
        "worker_tmp_dir": str(_IN_MEMORY) if _IN_MEMORY.is_dir() else None,
        "loglevel": settings.log_level.lower(),
        # The socket would put a thread into the process that forks, and a file into the home folder.
        "control_socket_disable": True,
        **hooks(settings),
        "logger_class": _log_class(settings.log_format),
    }


def _addresses(host: str, port: int, settings: Settings) -> list[str]:
    if port == settings.metrics_port:
        raise SettingsError(
            f"DIGITREC_METRICS_PORT: expected another port than PORT. Received: {port} for both. "
            "Unset it to have /metrics beside everything else."
        )
    ports = [port, settings.metrics_port] if settings.metrics and settings.metrics_port else [port]
    return [f"{_bracketed(host)}:{each}" for each in ports]


def _log_class(log_format: str) -> type:
    """Return gunicorn's logger with our own formatters, or with its own around which no message breaks its line."""
    from gunicorn.glogging import Logger  # noqa: PLC0415  # not on Windows

    class Log(Logger):  # type: ignore[misc]
        def setup(self, cfg: Any) -> None:
            super().setup(cfg)
            for handler in [*self.error_log.handlers, *self.access_log.handlers]:
                handler.setFormatter(logs.TextLineFormatter(handler.formatter or logging.Formatter()))
            if log_format == "json":
                for handler in self.error_log.handlers:
                    handler.setFormatter(logs.formatter("json"))

    return Log


def serve_with_gunicorn(host: str, port: int, settings: Settings) -> None:
    """Serve with gunicorn: worker processes with threads, replaced when they hang."""
    options = gunicorn_options(settings, {**os.environ, "PORT": str(port)}, host)
    # Imported here because it does not import on Windows, and after the options because it reads
    # WEB_CONCURRENCY itself, with a traceback for an answer.
    from gunicorn.app.base import BaseApplication  # noqa: PLC0415

    class Server(BaseApplication):  # type: ignore[misc]
        def load_config(self) -> None:
            for name in options.keys() & self.cfg.settings.keys():
                self.cfg.set(name, options[name])

        def load(self) -> Flask:
            return application(settings)

    Server().run()


def serve_with_waitress(host: str, port: int, settings: Settings) -> None:
    """Serve with waitress: one process with threads."""
    app = create_app(settings)
    logging.getLogger("waitress").setLevel(logging.INFO)  # else it keeps its address to itself
    bounds = wire.Bounds(settings.receive_timeout_s, _KEEPALIVE_S, settings.max_request_bytes)
    server = wire.make_server(
        app,
        bounds,
        host=host,
        port=port,
        threads=settings.threads,
        connection_limit=_MOST_CONNECTIONS_ON_WINDOWS,
    )
    server.print_listen("Serving on http://{}:{}")
    server.run()


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def _whole_number(environ: Mapping[str, str], variable: str, default: int) -> int:
    text = environ.get(variable, "").strip()
    if not text:
        return default
    try:
        return whole_number(text)
    except ValueError:
        raise SettingsError(
            f"{variable}: expected a whole number above 0. Received: {text!r}. Correct it or unset it."
        ) from None
