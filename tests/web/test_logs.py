"""A line for each request, which machines can read and which tells nobody's pictures or keys."""

from __future__ import annotations

import base64
import io
import json
import logging
import sys
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from flask import Flask
from web_pictures import flat, one
from web_servers import GUNICORN, free_port, post, running, stop

from digitrec.web.observation.logs import formatter

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


def test_without_an_access_log_only_failures_have_a_line(
    make_app: Callable[..., Flask], lines: Callable[[], list[dict[str, Any]]]
) -> None:
    client = make_app(access_log=False).test_client()
    client.post("/predict", data=one())
    client.post("/predict", data=flat())
    assert [line["status"] for line in lines()] == [422]


def test_a_path_cannot_break_out_of_its_line_nor_fill_the_log(
    make_app: Callable[..., Flask], failure_log: pytest.LogCaptureFixture
) -> None:
    make_app().test_client().get("/%0a[INFO] all is well" + 5000 * "x")
    (record,) = failure_log.records
    for log_format in ("text", "json"):
        line = formatter(log_format).format(record)
        assert "\n" not in line
        assert len(line) < 2000


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
