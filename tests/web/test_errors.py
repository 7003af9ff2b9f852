"""Every error becomes a problem, is logged once with its request ID, and shows no traceback."""

from __future__ import annotations

import contextlib
import io
import json
import logging
import traceback
from collections.abc import Callable

import pytest
from flask.testing import FlaskClient
from PIL import Image
from web_images import encode, flat, one
from web_testing import StubClassifier, assert_problem

from digitrec import errors
from digitrec.web.error_handlers import classify


def test_every_error_that_a_request_can_cause_has_its_own_status() -> None:
    kinds = [value for value in vars(errors).values() if isinstance(value, type)]
    caused = (errors.ImageError, errors.InvalidFieldError, errors.ModelError)
    for kind in kinds:
        if issubclass(kind, caused) and kind is not errors.ImageError:
            error = kind("field", "detail") if kind is errors.InvalidFieldError else kind("detail")
            assert classify(error).status != 500, kind


def test_an_unknown_path_or_method_gets_its_problem(client: FlaskClient) -> None:
    assert "'/nowhere'" in assert_problem(client.get("/nowhere"), 404, "not-found")["detail"]
    response = client.get("/predict")
    assert "Received: GET" in assert_problem(response, 405, "method-not-allowed")["detail"]
    assert "POST" in response.headers["Allow"]


def test_a_browser_gets_a_page_instead_of_json(client: FlaskClient) -> None:
    response = client.get("/<b>nowhere", headers={"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"})
    assert (response.status_code, response.mimetype) == (404, "text/html")
    assert "<b>" not in response.text


@pytest.mark.parametrize("given", ["abcdef0123456789", "7f8e2c1a-93b4-4c55-8a34-1f2e3d4c5b6a"])
def test_a_valid_request_id_is_kept(client: FlaskClient, given: str) -> None:
    response = client.post("/predict", headers={"X-Request-ID": given})
    assert response.headers["X-Request-ID"] == response.json["request_id"] == given


@pytest.mark.parametrize("given", ["", "short", "a" * 65, "<script>alert(1)</script>", "with a space"])
def test_any_other_request_id_is_replaced(client: FlaskClient, given: str) -> None:
    response = client.get("/healthz", headers={"X-Request-ID": given})
    assert len(response.headers["X-Request-ID"]) == 16


def test_a_defect_gets_500_and_only_the_log_has_the_reason(
    client: FlaskClient, classifier: StubClassifier, failure_log: pytest.LogCaptureFixture
) -> None:
    classifier.error = ZeroDivisionError("a secret of the server")
    response = client.post("/predict", data=one())
    problem = assert_problem(response, 500, "internal-error")
    assert "secret" not in response.text
    assert "Traceback" not in response.text
    (record,) = failure_log.records
    assert record.levelno == logging.ERROR
    assert record.exc_info is not None
    assert problem["request_id"] in record.getMessage()


def test_a_model_that_fails_gets_503_without_its_path(
    client: FlaskClient, classifier: StubClassifier
) -> None:
    classifier.error = errors.ModelFileError("/srv/secret/digitrec.h5 is truncated")
    response = client.post("/predict", data=one())
    assert "secret" not in assert_problem(response, 503, "model-unavailable")["detail"]


LAB = Image.new("RGB", (9, 9)).convert("LAB")
FIELDS = {name: {"box": [0.1, 0.1, 0.2, 0.1]} for name in ("a", "b")}
BAD_REQUESTS = {
    "no image": ("/api/v1/predict", dict),
    "one blank image": ("/api/v1/predict", lambda: {"data": flat()}),
    "blank images": (
        "/api/v1/predict",
        lambda: {"data": {"image": [(io.BytesIO(flat(gray=gray)), "blank.png") for gray in (0, 255)]}},
    ),
    "half an image": ("/api/v1/read", lambda: {"data": flat()[:60]}),
    "LAB": ("/api/v1/read", lambda: {"data": encode(LAB, "TIFF", compression="tiff_lzw")}),
    "an unknown format": ("/api/v1/read", lambda: {"data": b"%PDF-1.7"}),
    "not JSON": ("/api/v1/predict", lambda: {"data": b"{", "content_type": "application/json"}),
    "wrong strokes": ("/api/v1/predict", lambda: {"json": {"strokes": [["a"]]}}),
    "wrong base64": ("/api/v1/predict", lambda: {"json": {"image": "?"}}),
    "blank fields": (
        "/api/v1/read",
        lambda: {"data": {"form": json.dumps({"fields": FIELDS}), "image": (io.BytesIO(flat()), "page.png")}},
    ),
    "a wrong tensor": ("/v2/models/digitrec/infer", lambda: {"json": {"inputs": [{"name": "pixels"}]}}),
    "a page": ("/nowhere", dict),
}


@pytest.mark.usefixtures("no_error_stays_in_memory")
@pytest.mark.parametrize(("path", "make"), BAD_REQUESTS.values(), ids=BAD_REQUESTS)
def test_an_error_and_its_images_leave_memory_with_the_response(
    client: FlaskClient, path: str, make: Callable[[], dict[str, object]]
) -> None:
    assert b"expected" in client.post(path, **make()).data.lower()


@pytest.mark.parametrize("count", [1, 2])
def test_the_log_has_the_traceback_of_a_model_that_fails(
    client: FlaskClient, classifier: StubClassifier, failure_log: pytest.LogCaptureFixture, count: int
) -> None:
    classifier.error = errors.ModelFileError("broken")
    client.post("/api/v1/predict", data={"image": [(io.BytesIO(one()), "1.png") for _ in range(count)]})
    tracebacks = [
        traceback.format_exception(*record.exc_info) for record in failure_log.records if record.exc_info
    ]
    assert len(tracebacks) == count
    assert all("in probabilities" in "".join(lines) for lines in tracebacks)


def test_causes_that_form_a_cycle_lose_their_tracebacks() -> None:
    error, cause = ValueError(), KeyError()
    error.__cause__, cause.__cause__, cause.__context__ = cause, error, OSError()
    for each in (error, cause, cause.__context__):
        with contextlib.suppress(Exception):
            raise each
    assert errors.without_tracebacks(error) is error
    assert [each.__traceback__ for each in (error, cause, cause.__context__)] == [None] * 3
