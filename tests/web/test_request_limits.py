"""A form has limits of its own, besides those of a request's size and of its pictures."""

from __future__ import annotations

import pytest
from flask.testing import FlaskClient
from web_answers import assert_problem
from web_pictures import one

from digitrec.web import request_context


def form(*parts: tuple[str, bytes]) -> dict[str, object]:
    """Return what posts a form of `parts`, each with what stands behind its disposition."""
    body = b"".join(
        b"--x\r\nContent-Disposition: form-data; " + kind.encode() + b"\r\n\r\n" + content + b"\r\n"
        for kind, content in parts
    )
    return {"data": body + b"--x--\r\n", "content_type": "multipart/form-data; boundary=x"}


FILE = 'name="image"; filename="7.png"'
FIELDS = 'name="fields"'


# Werkzeug leaves the part it had begun for the garbage collector to close.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_form_of_a_thousand_parts_is_refused_before_it_is_looked_into(client: FlaskClient) -> None:
    answer = client.post("/predict", **form(*[(FILE, b"x")] * 1001))
    assert "more than 1,000 parts" in assert_problem(answer, 413, "request-too-large")["detail"]


def test_a_long_text_in_a_form_is_refused(client: FlaskClient) -> None:
    answer = client.post("/api/v1/read", **form((FIELDS, b"x" * 600_000)))
    assert "text field over 500 kB" in assert_problem(answer, 413, "request-too-large")["detail"]


@pytest.mark.parametrize("address", ["/predict", "/api/v1/read"])
def test_a_request_whose_pictures_take_too_long_is_refused(
    client: FlaskClient, monkeypatch: pytest.MonkeyPatch, address: str
) -> None:
    monkeypatch.setattr(request_context, "elapsed_s", lambda: 30.1)
    detail = assert_problem(client.post(address, **form(*[(FILE, one())] * 2)), 413, "request-too-large")[
        "detail"
    ]
    assert "at most 30 s" in detail
    assert "Send fewer" in detail


@pytest.mark.parametrize("address", ["/predict", "/api/v1/read"])
@pytest.mark.parametrize("depth", [200, 2_000, 400_000])
def test_json_of_any_depth_is_answered_with_400(client: FlaskClient, address: str, depth: int) -> None:
    for field in ("strokes", "pixels", "fields"):
        body = f'{{"image": "", "{field}": ' + "[" * depth + "]" * depth + "}"
        answer = client.post(address, data=body, content_type="application/json")
        assert answer.status_code == 400, field


def test_deep_json_in_a_forms_field_is_answered_with_400(client: FlaskClient) -> None:
    answer = client.post("/api/v1/read", **form((FILE, one()), (FIELDS, b"[" * 200_000)))
    assert_problem(answer, 400, "invalid-field", "fields")
