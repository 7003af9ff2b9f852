"""The private parts of waitress and gunicorn that the worker uses exist in the pinned versions."""

from __future__ import annotations

import inspect
import sys
from types import SimpleNamespace
from typing import Any

import pytest

if sys.platform == "win32":
    pytest.skip("gunicorn: not on this system", allow_module_level=True)

from gunicorn.app.base import BaseApplication
from gunicorn.arbiter import Arbiter
from gunicorn.config import Config
from gunicorn.workers.base import Worker
from waitress import wasyncore
from waitress.adjustments import Adjustments
from waitress.channel import HTTPChannel
from waitress.parser import HTTPRequestParser, ParsingError
from waitress.receiver import ChunkedReceiver
from waitress.server import BaseWSGIServer, create_server
from waitress.task import ErrorTask
from waitress.utilities import BadRequest


@pytest.mark.parametrize(
    ("owner", "names"),
    [
        (
            HTTPChannel,
            "error_task_class parser_class request total_outbufs_len will_close last_activity readable",
        ),
        (HTTPChannel, "received service handle_close writable write_soon"),
        (
            HTTPRequestParser,
            "parse_header received body_rcv chunked content_length version body_bytes_received",
        ),
        (HTTPRequestParser, "error completed close"),
        (ChunkedReceiver, "control_line trailer"),
        (BaseWSGIServer, "channel_class maintenance handle_accept accept pull_trigger"),
        (wasyncore.dispatcher, "close"),
        (wasyncore, "loop"),
        (ErrorTask, "execute set_close_on_finish write status content_length"),
        (BadRequest, "code reason"),
        (Arbiter, "signal"),
        (Worker, "run notify handle_exit"),
    ],
)
def test_a_class_has_the_names(owner: Any, names: str) -> None:
    assert [name for name in names.split() if not hasattr(owner, name)] == []


@pytest.mark.parametrize(
    ("function", "code"),
    [
        (HTTPChannel.__init__, "self.requests = []"),
        (HTTPChannel.__init__, "self.outbuf_lock = threading.Condition()"),
        (BaseWSGIServer.__init__, "self.active_channels = {}"),
        (BaseWSGIServer.__init__, "self.task_dispatcher"),
        # The dispatcher gets a task for each request, and nothing else until the server closes.
        (BaseWSGIServer.add_task, "self.task_dispatcher.add_task(task)"),
        (BaseApplication, "self.callable"),
    ],
)
def test_a_function_has_the_code(function: Any, code: str) -> None:
    assert code in inspect.getsource(function)


def test_waitress_has_the_instance_attributes() -> None:
    parser = HTTPRequestParser(Adjustments())
    parser.parse_header(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close")
    assert parser.headers["CONNECTION"] == "close"
    assert issubclass(ParsingError, Exception)
    assert ErrorTask(SimpleNamespace(), SimpleNamespace(version="1.1")).response_headers == []
    assert BadRequest("why").body == "why"
    assert {"_dispatcher", "map"} <= inspect.signature(create_server).parameters.keys()


def test_a_gunicorn_worker_has_the_instance_attributes() -> None:
    worker = Worker(1, 2, [], SimpleNamespace(), 30, Config(), None)
    assert {"alive", "ppid", "sockets", "cfg", "log", "nr", "max_requests", "tmp"} <= vars(worker).keys()
    assert worker.tmp.fileno() > 0
    worker.tmp.close()
