"""The private parts of waitress and gunicorn that the worker uses exist in the pinned versions."""

from __future__ import annotations

import inspect
import sys
from types import SimpleNamespace

import pytest

if sys.platform == "win32":
    pytest.skip("gunicorn: not on this system", allow_module_level=True)

from gunicorn.config import Config
from gunicorn.workers.base import Worker
from waitress import wasyncore
from waitress.adjustments import Adjustments
from waitress.channel import HTTPChannel
from waitress.parser import HTTPRequestParser, ParsingError
from waitress.receiver import ChunkedReceiver
from waitress.server import BaseWSGIServer
from waitress.task import ErrorTask, ThreadedTaskDispatcher
from waitress.trigger import trigger
from waitress.utilities import BadRequest

ADJ = Adjustments()


@pytest.mark.parametrize(
    ("owner", "name"),
    [
        (HTTPChannel, "task_class"), (HTTPChannel, "error_task_class"), (HTTPChannel, "parser_class"),
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
        (ErrorTask, "execute"), (ErrorTask, "set_close_on_finish"), (ErrorTask, "write"), (BadRequest, "code"),
        (ThreadedTaskDispatcher, "add_task"), (ThreadedTaskDispatcher, "set_thread_count"),
        (ThreadedTaskDispatcher, "active_count"), (ThreadedTaskDispatcher, "shutdown"),
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


def test_threads_have_the_names() -> None:
    threads = ThreadedTaskDispatcher()
    for name in ("queue", "lock", "queue_cv"):
        assert hasattr(threads, name)


def test_a_worker_has_the_names() -> None:
    worker = Worker(1, 2, [], SimpleNamespace(), 30, Config(), None)
    for name in ("alive", "ppid", "sockets", "cfg", "log", "nr", "max_requests", "tmp"):
        assert hasattr(worker, name)
    assert worker.tmp.fileno() > 0
    worker.tmp.close()
