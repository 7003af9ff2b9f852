"""Entry points of the server: gunicorn, or waitress alone on Windows.

``digitrec serve`` and ``gunicorn`` with the root ``gunicorn.conf.py`` use the same options.
"""

from __future__ import annotations

import logging
import logging.config
import os
import re
import socket
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from flask import Flask

from digitrec.cgroups import available_cores, available_memory_bytes
from digitrec.errors import DigitrecError, SettingsError
from digitrec.native_logging import suppress_native_stderr
from digitrec.web import create_app
from digitrec.web.config import Settings, find_misspelled, load_settings
from digitrec.web.observability import logs
from digitrec.web.server import hooks
from digitrec.web.server.connections import make_server
from digitrec.web.server.sizing import worker_count

_log = logging.getLogger(__name__)
_POSITIVE_INT: Final = re.compile("0*[1-9][0-9]{0,8}")

_DEFAULT_PORT = 8000
_EXIT_CODE = 4  # gunicorn's own for an application that does not load
_GRACEFUL_TIMEOUT_S = 8  # hosts send SIGKILL 10 s (Docker) to 30 s after SIGTERM
_MEMORY = Path("/dev/shm")  # noqa: S108  # nosec B108  # gunicorn makes a file there that only it can open
_MAX_CONNECTIONS_ON_WINDOWS = 500  # its select() takes at most 512 sockets
_BODY_BYTES_ON_WINDOWS = 64_000_000


def run(host: str, port: int, settings: Settings) -> None:
    """Serve the application on `host`:`port` until SIGTERM or Ctrl-C.

    Raises
    ------
    ModelError : the model cannot be served.
    SettingsError : WEB_CONCURRENCY is invalid, or `host` and `port` are not available.
    """
    _check_port_free(host, port)
    if sys.platform == "win32":
        run_waitress(host, port, settings)
    else:
        run_gunicorn(host, port, settings)


def create_wsgi_app(settings: Settings | None = None) -> Flask:
    """Return the application for gunicorn; for an error that an operator can fix, print one line and exit."""
    try:
        settings = settings or load_settings()
        hooks.enable_multiprocess_metrics()
        with suppress_native_stderr():
            app = create_app(settings)
    except DigitrecError as error:
        print(f"digitrec cannot start: {error}", file=sys.stderr, flush=True)  # noqa: T201  # logging is not set up yet
        raise SystemExit(_EXIT_CODE) from None
    for name, near in find_misspelled(os.environ).items():
        _log.warning("%s is not a setting and has no effect. Did you mean %s?", name, near)
    return app


def gunicorn_options(
    settings: Settings,
    environ: Mapping[str, str],
    host: str = "0.0.0.0",  # noqa: S104  # nosec B104  # a container is reached from outside
) -> dict[str, Any]:
    """Return gunicorn's options for `settings`, PORT and WEB_CONCURRENCY; raises SettingsError for invalid values."""
    default_workers = worker_count(available_cores(), available_memory_bytes())
    return {
        "bind": f"{_bracketed(host)}:{_positive_int(environ, 'PORT', _DEFAULT_PORT)}",
        "workers": _positive_int(environ, "WEB_CONCURRENCY", default_workers),
        "worker_class": "digitrec.web.server.waitress_worker.WaitressWorker",
        "threads": settings.threads,
        "timeout": settings.request_timeout_s,
        "graceful_timeout": min(_GRACEFUL_TIMEOUT_S, settings.request_timeout_s),
        "preload_app": True,  # the model is loaded and tested once, before anything listens
        # A heartbeat file on a disk can block a worker for seconds.
        "worker_tmp_dir": str(_MEMORY) if _MEMORY.is_dir() else None,
        "loglevel": settings.log_level.lower(),
        "logconfig_dict": logs.logging_config(settings),
        "control_socket_disable": True,  # it starts a thread in the process that forks
        "when_ready": hooks.when_ready,
        "on_reload": hooks.on_reload,
        "on_exit": hooks.on_exit,
    }


def run_gunicorn(host: str, port: int, settings: Settings) -> None:
    """Serve with gunicorn: worker processes with threads, replaced when they hang."""
    options = gunicorn_options(settings, {**os.environ, "PORT": str(port)}, host)
    # Not importable on Windows; and it reads WEB_CONCURRENCY at import, with a traceback for an invalid value.
    from gunicorn.app.base import BaseApplication  # noqa: PLC0415

    class Server(BaseApplication):  # type: ignore[misc]
        def load_config(self) -> None:
            for name in options.keys() & self.cfg.settings.keys():
                self.cfg.set(name, options[name])

        def load(self) -> Flask:
            return create_wsgi_app(settings)

    Server().run()


def run_waitress(host: str, port: int, settings: Settings) -> None:
    """Serve with waitress: one process with threads."""
    logging.config.dictConfig(logs.logging_config(settings))
    server = make_server(
        create_app(settings),
        settings,
        body_budget_bytes=_BODY_BYTES_ON_WINDOWS,
        threads=settings.threads,
        host=host,
        port=port,
        connection_limit=_MAX_CONNECTIONS_ON_WINDOWS,
    )
    server.print_listen("Serving on http://{}:{}")
    server.run()


def _check_port_free(host: str, port: int) -> None:
    """Report in one line what gunicorn would report after five attempts."""
    try:
        socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET).close()
    except OSError as error:
        raise SettingsError(
            f"expected to listen at {_bracketed(host)}:{port}. Received: {error.strerror or error}. "
            "Stop the program that listens there, or choose another port with --port."
        ) from None


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def _positive_int(environ: Mapping[str, str], variable: str, default: int) -> int:
    """Return the number in a variable that gunicorn and hosts define, which is no setting of digitrec."""
    text = environ.get(variable, "").strip()
    if not text:
        return default
    if not _POSITIVE_INT.fullmatch(text):
        raise SettingsError(
            f"{variable}: expected a whole number above 0. Received: {text[:40]!r}. Correct it or unset it."
        )
    return int(text)
