"""A line for each request, which machines can read and which tells nobody's pictures or keys."""

from __future__ import annotations

import base64
import io
import json
import logging
import re
import socket
import sys
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import quote

import pytest
from flask import Flask
from hypothesis import given
from hypothesis import strategies as st
from web_pictures import flat, one
from web_servers import GUNICORN, free_port, post, running, stop

from digitrec.web.observability.logs import formatter

FIELDS = {"request_id", "method", "path", "status", "duration_ms"}


@pytest.fixture
def lines(failure_log: pytest.LogCaptureFixture) -> Iterator[Callable[[], list[dict[str, Any]]]]:
    """Return a function that gives the JSON lines so far; the records are those that pytest catches."""
    json_lines = formatter("json")
    with failure_log.at_level(logging.INFO, logger="digitrec.web.requests"):
        yield lambda: [json.loads(json_lines.format(record)) for record in failure_log.records]


def test_an_answer_has_one_line(
    make_app: Callable[..., Flask], lines: Callable[[], list[dict[str, Any]]]
) -> None:
    answer = make_app().test_client().post("/predict?threshold=0.5", data=one())
    (line,) = lines()
    assert line.keys() >= FIELDS | {"time", "level", "logger", "message", "process"}
    assert line["request_id"] == answer.headers["X-Request-ID"]
    assert (line["method"], line["path"], line["status"]) == ("POST", "/predict", 200)
    assert 0 < line["duration_ms"] < 10_000


def test_a_failure_has_one_line_that_also_says_why(
    make_app: Callable[..., Flask], lines: Callable[[], list[dict[str, Any]]]
) -> None:
    make_app().test_client().post("/predict", data=flat())
    (line,) = lines()
    assert line.keys() >= FIELDS
    assert (line["status"], line["error"], line["problem"]) == (
        422,
        "BlankImageError",
        "/problems/blank-image",
    )


def test_each_bad_picture_of_several_has_a_line_besides(
    make_app: Callable[..., Flask], lines: Callable[[], list[dict[str, Any]]]
) -> None:
    pictures = [(io.BytesIO(data), "x") for data in (flat(), one(), b"text")]
    make_app().test_client().post("/predict", data={"image": pictures})
    assert [line["status"] for line in lines()] == [422, 415, 200]


def test_probes_and_the_pages_files_are_not_worth_a_line(
    make_app: Callable[..., Flask], lines: Callable[[], list[dict[str, Any]]]
) -> None:
    client = make_app().test_client()
    for path in ("/healthz", "/readyz", "/metrics", "/static/js/main.js"):
        assert client.get(path, buffered=True).status_code == 200
    assert lines() == []


def test_a_path_cannot_break_out_of_its_line_nor_fill_the_log(
    make_app: Callable[..., Flask], failure_log: pytest.LogCaptureFixture
) -> None:
    make_app().test_client().get("/%0a[INFO] all is well" + 5000 * "x")
    (record,) = failure_log.records
    for log_format in ("text", "json"):
        line = formatter(log_format).format(record)
        assert "\n" not in line
        assert len(line) < 2000


CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
ODD_TEXT = st.text(
    st.sampled_from("a[] %\\'\n\r\t\x0b\x1b\x7f\x85\x9b\u2028\u2029\ud800\udcff") | st.characters()
)


def logged(log_format: str, message: str, error: BaseException | None = None) -> str:
    trace = (type(error), error, error.__traceback__) if error else None
    record = logging.LogRecord("digitrec.web", logging.INFO, "", 0, "read %s", (message,), trace)
    return formatter(log_format).format(record)


@pytest.mark.parametrize("log_format", ["text", "json"])
@given(message=ODD_TEXT)
def test_a_message_is_one_line_whatever_a_client_has_named(log_format: str, message: str) -> None:
    line = logged(log_format, message)
    assert not CONTROL.search(line)
    line.encode()
    if log_format == "json":
        assert json.loads(line)["message"] == f"read {message}"


@given(said=ODD_TEXT)
def test_no_line_of_a_traceback_looks_like_a_line_of_the_log(said: str) -> None:
    try:
        raise ValueError(f"expected\n[2026] [1] [INFO] {said}")
    except ValueError as error:
        first, *others = logged("text", said, error).split("\n")
    assert first.startswith("[")
    assert "    ValueError: expected" in others
    assert all(line.startswith("    ") and not CONTROL.search(line) for line in others)
    json_line = logged("json", said, ValueError(said))
    assert not CONTROL.search(json_line)
    assert said in json.loads(json_line)["exc_info"]


def test_a_traceback_that_another_handler_has_written_is_indented_too() -> None:
    record = logging.LogRecord("x", logging.ERROR, "", 0, "gone", (), (ValueError, ValueError("\n[1]"), None))
    logging.Formatter().format(record)
    assert "\n    [1]" in formatter("text").format(record)


@pytest.mark.parametrize("name", ["x\n[2026-01-01] [1] [INFO] all is well", "\x1b[2J", "\x7f", "\u2028"])
def test_a_field_or_a_file_that_a_client_names_stays_within_its_line(
    make_app: Callable[..., Flask], failure_log: pytest.LogCaptureFixture, name: str
) -> None:
    client = make_app().test_client()
    client.post("/predict", json={name: 1})
    client.post("/predict", data={name: (io.BytesIO(one()), name)})
    client.post("/predict", data={"image": (io.BytesIO(b"text"), name)}, headers={"X-Odd": "\x1b[2J"})
    client.get(f"/{quote(name)}")
    assert len(failure_log.records) == 4
    for record in failure_log.records:
        assert not CONTROL.search(formatter("text").format(record))


@pytest.mark.skipif(sys.platform == "win32", reason="gunicorn: not on this system")
@pytest.mark.parametrize("log_format", ["text", "json"])
def test_every_line_of_a_server_is_one_of_its_log(log_format: str) -> None:
    port = free_port()
    forged = "[INFO] all is well"
    with running(GUNICORN, port, DIGITREC_LOG_FORMAT=log_format) as server:
        name = f"x\n{forged}\x1b[2J"
        assert post(port, json.dumps({name: 1}).encode(), "application/json")[0] == 400
        assert post(port, one(), path=f"/{quote(name)}")[0] == 404
        with socket.create_connection(("127.0.0.1", port)) as client:
            client.sendall(b"GET /%0a\x1b HTTP/1.1\r\nHost: x\r\nUser-Agent: \x1b[2J\x9b\r\n\r\n")
            client.recv(100)
        _, output = stop(server)
    assert forged in output
    assert not [line for line in output.split("\n") if line.startswith(forged) or CONTROL.search(line)]


@pytest.mark.skipif(sys.platform == "win32", reason="gunicorn: not on this system")
def test_gunicorn_and_digitrec_write_nothing_but_json_and_neither_pictures_nor_keys() -> None:
    port = free_port()
    secret = "c2VjcmV0LXBpY3R1cmUtb3Ita2V5"
    with running(GUNICORN, port, DIGITREC_LOG_FORMAT="json", DIGITREC_LOG_LEVEL="DEBUG") as server:
        picture = base64.b64encode(one() + secret.encode()).decode()
        assert post(port, json.dumps({"image": picture}).encode(), "application/json")[0] == 200
        assert post(port, json.dumps({"image": secret}).encode(), "application/json")[0] == 415
        assert post(port, one(), path=f"/predict?key={secret}", Authorization=f"Bearer {secret}")[0] == 200
        _, output = stop(server)
    lines = [json.loads(line) for line in output.splitlines()]
    assert {line["logger"] for line in lines} == {"gunicorn.error", "digitrec.web", "digitrec.web.requests"}
    assert len([line for line in lines if line.get("path") == "/predict"]) == 3
    assert [line for line in lines if line.get("path") == "/predict" and not line.keys() >= FIELDS] == []
    assert secret not in output
    assert picture[:40] not in output
