"""Every failure is a problem, is logged once under its request's id, and shows no traceback."""

from __future__ import annotations

import io
import logging

import numpy as np
import pytest
from flask.testing import FlaskClient
from web_classifier import SteadyClassifier
from web_pictures import flat, one

from digitrec import errors
from digitrec.web.error_handlers import classify
from digitrec.web.problems import PROBLEMS


def records(log: pytest.LogCaptureFixture) -> list[logging.LogRecord]:
    return [record for record in log.records if record.name == "digitrec.web"]


def test_every_error_that_a_request_can_cause_has_a_status_of_its_own() -> None:
    answered = [errors.ImageError, errors.InvalidFieldError, errors.ModelError]
    kinds = [getattr(errors, name) for name in errors.__all__]
    for kind in (
        kind for kind in kinds if issubclass(kind, tuple(answered)) and kind is not errors.ImageError
    ):
        error = kind("field", "detail") if kind is errors.InvalidFieldError else kind("detail")
        assert classify(error).status != 500, kind


def test_an_address_that_is_not_there_is_answered_with_404(client: FlaskClient) -> None:
    answer = client.get("/nowhere")
    assert (answer.status_code, answer.mimetype) == (404, "application/problem+json")
    assert "'/nowhere'" in answer.json["detail"]


def test_another_method_is_answered_with_405_and_the_right_ones(client: FlaskClient) -> None:
    answer = client.get("/predict")
    assert (answer.status_code, answer.json["type"]) == (405, "/problems/method-not-allowed")
    assert "POST" in answer.headers["Allow"]
    assert "Received: GET" in answer.json["detail"]


def test_a_person_gets_a_page_instead_of_json(client: FlaskClient) -> None:
    answer = client.get("/<b>nowhere", headers={"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"})
    assert (answer.status_code, answer.mimetype) == (404, "text/html")
    assert "<b>" not in answer.text


def test_every_problem_explains_itself_at_its_own_address(client: FlaskClient) -> None:
    for problem in PROBLEMS.values():
        answer = client.get(f"/problems/{problem.name}")
        assert answer.status_code == 200
        assert problem.title in answer.text
    assert client.get("/problems/unheard-of").status_code == 404


@pytest.mark.parametrize("given", ["abcdef0123456789", "7f8e2c1a-93b4-4c55-8a34-1f2e3d4c5b6a"])
def test_a_well_formed_request_id_is_kept(client: FlaskClient, given: str) -> None:
    answer = client.post("/predict", headers={"X-Request-ID": given})
    assert answer.headers["X-Request-ID"] == answer.json["request_id"] == given


@pytest.mark.parametrize("given", ["", "short", "a" * 65, "<script>alert(1)</script>", "with a space"])
def test_any_other_request_id_is_replaced(client: FlaskClient, given: str) -> None:
    answer = client.get("/healthz", headers={"X-Request-ID": given})
    assert len(answer.headers["X-Request-ID"]) == 16


def test_the_clients_failure_is_logged_once_with_its_id_and_without_a_traceback(
    client: FlaskClient, failure_log: pytest.LogCaptureFixture
) -> None:
    answer = client.post("/predict", data=flat())
    (record,) = records(failure_log)
    assert record.levelno == logging.INFO
    assert answer.json["request_id"] in record.getMessage()
    assert "422" in record.getMessage()
    assert record.exc_info is None


def test_each_bad_picture_of_several_is_logged(
    client: FlaskClient, failure_log: pytest.LogCaptureFixture
) -> None:
    client.post("/predict", data={"image": [(io.BytesIO(data), "x") for data in (flat(), one(), b"text")]})
    assert len(records(failure_log)) == 2


def test_a_defect_is_answered_with_500_and_only_the_log_sees_why(
    client: FlaskClient, classifier: SteadyClassifier, failure_log: pytest.LogCaptureFixture
) -> None:
    classifier.error = ZeroDivisionError("a secret of the server")
    answer = client.post("/predict", data=one())
    assert (answer.status_code, answer.json["type"]) == (500, "/problems/internal-error")
    assert "secret" not in answer.text
    assert "Traceback" not in answer.text
    (record,) = records(failure_log)
    assert record.levelno == logging.ERROR
    assert record.exc_info is not None
    assert answer.json["request_id"] in record.getMessage()


def test_a_model_that_fails_is_answered_with_503_without_its_path(
    client: FlaskClient, classifier: SteadyClassifier
) -> None:
    classifier.error = errors.ModelFileError("/srv/secret/digitrec.h5 is truncated")
    answer = client.post("/predict", data=one())
    assert (answer.status_code, answer.json["type"]) == (503, "/problems/model-unavailable")
    assert "secret" not in answer.text


def test_an_answer_of_nan_is_never_ready(client: FlaskClient, classifier: SteadyClassifier) -> None:
    classifier.answer = np.full(10, np.nan, np.float32)
    assert client.get("/readyz").status_code == 503
