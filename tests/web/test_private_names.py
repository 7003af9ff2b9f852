"""The private parts of waitress and gunicorn that the worker uses exist in the pinned versions."""

from __future__ import annotations

import inspect
import sys
from types import SimpleNamespace

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
from waitress.trigger import trigger
from waitress.utilities import BadRequest

ADJ = Adjustments()


@pytest.mark.parametrize(
    ("owner", "name"),
    [
        (HTTPChannel, "error_task_class"), (HTTPChannel, "parser_class"),
        (HTTPChannel, "request"), (HTTPChannel, "total_outbufs_len"), (HTTPChannel, "will_close"),
        (HTTPChannel, "last_activity"), (HTTPChannel, "readable"), (HTTPChannel, "received"), (HTTPChannel, "service"),
        (HTTPChannel, "handle_close"),
        (HTTPRequestParser, "parse_header"), (HTTPRequestParser, "received"), (HTTPRequestParser, "body_rcv"),
        (HTTPRequestParser, "chunked"), (HTTPRequestParser, "content_length"), (HTTPRequestParser, "version"),
        (HTTPRequestParser, "body_bytes_received"), (HTTPRequestParser, "error"), (HTTPRequestParser, "completed"),
        (HTTPRequestParser, "close"),
        (ChunkedReceiver, "control_line"), (ChunkedReceiver, "trailer"),
        (BaseWSGIServer, "channel_class"), (BaseWSGIServer, "maintenance"), (BaseWSGIServer, "handle_accept"),
        (BaseWSGIServer, "accept"), (wasyncore.dispatcher, "close"), (wasyncore, "loop"), (trigger, "pull_trigger"),
        (ErrorTask, "execute"), (ErrorTask, "set_close_on_finish"), (ErrorTask, "write"), (ErrorTask, "status"),
        (ErrorTask, "content_length"), (BadRequest, "code"), (BadRequest, "reason"), (Arbiter, "signal"),
        (Worker, "run"), (Worker, "notify"), (Worker, "handle_exit"),
    ],
)  # fmt: skip
def test_a_class_has_the_name(owner: type, name: str) -> None:
    assert hasattr(owner, name)


def test_an_instance_has_the_names() -> None:
    parser = HTTPRequestParser(ADJ)
    parser.parse_header(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close")
    assert parser.headers["CONNECTION"] == "close"
    assert issubclass(ParsingError, Exception)
    source = inspect.getsource(HTTPChannel.__init__) + inspect.getsource(BaseWSGIServer.__init__)
    for name in ("self.requests = []", "self.active_channels = {}", "self.task_dispatcher"):
        assert name in source


def test_a_task_has_the_names() -> None:
    task = ErrorTask(SimpleNamespace(), SimpleNamespace(version="1.1"))
    assert task.response_headers == []
    assert BadRequest("why").body == "why"


def test_a_server_takes_a_dispatcher_and_a_map() -> None:
    """The dispatcher gets a task for each request, and nothing else until the server closes."""
    assert {"_dispatcher", "map"} <= inspect.signature(create_server).parameters.keys()
    assert "self.task_dispatcher.add_task(task)" in inspect.getsource(BaseWSGIServer.add_task)


def test_gunicorns_application_has_the_wsgi_application() -> None:
    assert "self.callable" in inspect.getsource(BaseApplication)


def test_a_worker_has_the_names() -> None:
    worker = Worker(1, 2, [], SimpleNamespace(), 30, Config(), None)
    for name in ("alive", "ppid", "sockets", "cfg", "log", "nr", "max_requests", "tmp"):
        assert hasattr(worker, name)
    assert worker.tmp.fileno() > 0
    worker.tmp.close()
