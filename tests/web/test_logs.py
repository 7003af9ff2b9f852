"""One log line for each request, which machines can read and which has neither images nor keys."""

from __future__ import annotations

import base64
import io
import json
import logging
import re
from typing import Any
from urllib.parse import quote

import pytest
from flask.testing import FlaskClient
from hypothesis import given
from hypothesis import strategies as st
from web_images import flat, one
from web_servers import running

from digitrec.web.observability.logs import formatter

FIELDS = {"request_id", "method", "path", "status", "duration_ms"}


@pytest.fixture
def failure_log(failure_log: pytest.LogCaptureFixture) -> pytest.LogCaptureFixture:
    failure_log.set_level(logging.INFO, logger="digitrec.web.requests")
    return failure_log


def lines(log: pytest.LogCaptureFixture) -> list[dict[str, Any]]:
    """Return the records as the JSON lines of the log."""
    return [json.loads(formatter("json").format(record)) for record in log.records]


def test_a_prediction_has_one_line(client: FlaskClient, failure_log: pytest.LogCaptureFixture) -> None:
    response = client.post("/predict?threshold=0.5", data=one())
    (line,) = lines(failure_log)
    assert line.keys() >= FIELDS | {"time", "level", "logger", "message", "process"}
    assert line["request_id"] == response.headers["X-Request-ID"]
    assert (line["method"], line["path"], line["status"]) == ("POST", "/predict", 200)
    assert line["duration_ms"] > 0


def test_an_error_has_one_line_that_also_has_the_reason(
    client: FlaskClient, failure_log: pytest.LogCaptureFixture
) -> None:
    response = client.post("/predict", data=flat())
    (line,) = lines(failure_log)
    assert line.keys() >= FIELDS
    assert line["request_id"] == response.json["request_id"]
    assert line["level"] == "INFO"
    assert "exc_info" not in line
    assert "422" in line["message"]
    reason = (line["status"], line["error"], line["problem"])
    assert reason == (422, "BlankImageError", "/problems/blank-image")


def test_each_bad_image_of_several_has_its_own_line(
    client: FlaskClient, failure_log: pytest.LogCaptureFixture
) -> None:
    client.post("/predict", data={"image": [(io.BytesIO(data), "x") for data in (flat(), one(), b"text")]})
    assert [line["status"] for line in lines(failure_log)] == [422, 415, 200]


def test_probes_and_static_files_have_no_line(
    client: FlaskClient, failure_log: pytest.LogCaptureFixture
) -> None:
    for path in ("/healthz", "/readyz", "/metrics", "/static/js/main.js"):
        assert client.get(path, buffered=True).status_code == 200
    assert failure_log.records == []


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
def test_any_message_is_one_line(log_format: str, message: str) -> None:
    line = logged(log_format, message)
    assert not CONTROL.search(line)
    line.encode()
    if log_format == "json":
        assert json.loads(line)["message"] == f"read {message}"


@given(text=ODD_TEXT)
def test_no_line_of_a_traceback_looks_like_a_record(text: str) -> None:
    try:
        raise ValueError(f"expected\n[2026] [1] [INFO] {text}")
    except ValueError as error:
        first, *others = logged("text", text, error).split("\n")
    assert first.startswith("[")
    assert "    ValueError: expected" in others
    assert all(line.startswith("    ") and not CONTROL.search(line) for line in others)
    json_line = logged("json", text, ValueError(text))
    assert not CONTROL.search(json_line)
    assert text in json.loads(json_line)["exc_info"]


def test_a_traceback_that_another_handler_has_formatted_is_indented_too() -> None:
    record = logging.LogRecord("x", logging.ERROR, "", 0, "gone", (), (ValueError, ValueError("\n[1]"), None))
    logging.Formatter().format(record)
    assert "\n    [1]" in formatter("text").format(record)


@pytest.mark.parametrize("name", ["x\n[2026-01-01] [1] [INFO] all is well", "\x1b[2J", "\x7f", "\u2028"])
def test_a_name_that_a_client_gives_stays_within_its_line(
    client: FlaskClient, failure_log: pytest.LogCaptureFixture, name: str
) -> None:
    client.post("/predict", json={name: 1})
    client.post("/predict", data={name: (io.BytesIO(one()), name)})
    client.post("/predict", data={"image": (io.BytesIO(b"text"), name)}, headers={"X-Odd": "\x1b[2J"})
    client.get(f"/{quote(name)}{5000 * 'x'}")
    assert len(failure_log.records) == 4
    for record in failure_log.records:
        for log_format in ("text", "json"):
            line = formatter(log_format).format(record)
            assert not CONTROL.search(line)
            assert len(line) < 2000


def test_a_server_logs_whole_lines_without_images_and_keys() -> None:
    forged, secret = "[INFO] all is well", "c2VjcmV0LWltYWdlLW9yLWtleS1vci1z"
    name = f"x\n{forged}\x1b[2J"
    image = base64.b64encode(one() + secret.encode()).decode()
    with running(DIGITREC_LOG_FORMAT="json", DIGITREC_LOG_LEVEL="DEBUG") as server:
        for content, status in (({name: 1}, 400), ({"image": image}, 200), ({"image": secret}, 415)):
            body = json.dumps(content).encode()
            assert server.post(body, content_type="application/json")[0] == status
        assert server.post(one(), f"/predict?key={secret}", Authorization=f"Bearer {secret}")[0] == 200
        assert server.post(one(), f"/{quote(name)}")[0] == 404
        with server.connect() as client:
            client.sendall(b"GET /%0a\x1b HTTP/1.1\r\nHost: x\r\nUser-Agent: \x1b[2J\x9b\r\n\r\n")
            while client.recv(1000):  # until the server closes: a client that leaves is another test
                pass
        _, log = server.stop()
    assert forged in log
    assert not [line for line in log.split("\n") if line.startswith(forged) or CONTROL.search(line)]
    assert secret not in log
    assert image[:40] not in log
    records = [json.loads(line) for line in log.splitlines()]
    assert {line["logger"] for line in records} == {
        "gunicorn.error", "digitrec.web", "digitrec.web.requests", "digitrec.web.server.connections",
    }, log  # fmt: skip
    predictions = [line for line in records if line.get("path") == "/predict"]
    assert len(predictions) == 4
    assert all(line.keys() >= FIELDS for line in predictions)
