"""Forms, records and corrections over HTTP."""

from __future__ import annotations

import io
import json
import logging
import sqlite3
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from openpyxl import load_workbook
from web_images import flat, one, with_bar
from web_testing import StubClassifier, assert_problem

from digitrec.errors import SettingsError
from digitrec.web.middleware.api_keys import new_key

TEMPLATE = {
    "name": "Überweisung",
    "fields": {
        "digit": {"kind": "digit", "box": [0, 0, 0.9, 1.0]},
        "mark": {"kind": "digit", "box": [0.9, 0, 0.1, 0.2], "required": False},
    },
    "rules": [{"kind": "range", "field": "digit", "minimum": 0, "maximum": 8}],
}
URLS = [
    ("GET", "/api/v1/forms"), ("POST", "/api/v1/forms"), ("GET", "/api/v1/forms/1"), ("DELETE", "/api/v1/forms/1"),
    ("POST", "/api/v1/forms/1/records"), ("GET", "/api/v1/forms/1/records"), ("GET", "/api/v1/forms/1/table"),
    ("GET", "/api/v1/records/1"), ("PATCH", "/api/v1/records/1"), ("DELETE", "/api/v1/records/1"),
    ("GET", "/api/v1/records/1/fields/digit/image"), ("GET", "/api/v1/data"), ("DELETE", "/api/v1/data"),
    ("GET", "/api/v1/adaptations"), ("POST", "/api/v1/adaptations"), ("DELETE", "/api/v1/adaptations/active"),
]  # fmt: skip
MakeApp = Callable[..., Flask]


@pytest.fixture
def app(make_app: MakeApp, sqlite_url: str) -> Flask:
    return make_app(database_url=sqlite_url, database_access="open")


@pytest.fixture
def stored(app: Flask) -> FlaskClient:
    """A client of a server that has one form."""
    client = app.test_client()
    assert client.post("/api/v1/forms", json=TEMPLATE).status_code == 201
    return client


def add_page(client: FlaskClient, image: bytes, name: str = "page.png", status: int = 201) -> dict[str, Any]:
    response = client.post("/api/v1/forms/1/records", query_string={"name": name}, data=image)
    assert response.status_code == status, response.text
    return response.json


@pytest.mark.parametrize(("method", "url"), URLS)
def test_without_a_database_nothing_is_stored(client: FlaskClient, method: str, url: str) -> None:
    assert_problem(client.open(url, method=method, json=TEMPLATE), 404, "storage-disabled")


def test_the_page_says_whether_something_is_stored(client: FlaskClient, stored: FlaskClient) -> None:
    assert 'data-storage="off"' in client.get("/").text
    assert "Nothing you send is kept." in client.get("/").text
    assert 'data-storage="on"' in stored.get("/").text
    assert "Nothing you send is kept." not in stored.get("/").text


def test_a_database_without_keys_needs_an_explicit_open(
    make_app: MakeApp, sqlite_url: str, tmp_path: Path
) -> None:
    with pytest.raises(SettingsError, match="DIGITREC_API_KEYS: expected at least one key"):
        make_app(database_url=sqlite_url)
    assert not list(tmp_path.iterdir())
    client = make_app(database_url=sqlite_url, api_keys=(new_key("clerks")[1],)).test_client()
    assert client.get("/api/v1/forms").status_code == 401


def test_who_is_the_name_of_the_api_key(make_app: MakeApp, sqlite_url: str) -> None:
    key, stored_key = new_key("clerks")
    client = make_app(database_url=sqlite_url, api_keys=(stored_key,)).test_client()
    headers = {"X-API-Key": key}
    assert client.post("/api/v1/forms", json=TEMPLATE, headers=headers).json["created_by"] == "clerks"
    record = client.post("/api/v1/forms/1/records", data=one(), headers=headers).json
    assert record["created_by"] == "clerks"
    body = {"version": 1, "fields": {"digit": "7"}}
    checked = client.patch("/api/v1/records/1", json=body, headers=headers).json
    assert checked["fields"]["digit"]["checked_by"] == "clerks"


def test_a_form_comes_back_with_its_picture(app: Flask) -> None:
    client = app.test_client()
    folder = Path(__file__).parents[2] / "examples" / "form"
    parts = {
        "form": (io.BytesIO((folder / "form.json").read_bytes()), "form.json"),
        "reference": (io.BytesIO((folder / "blank.png").read_bytes()), "blank.png"),
    }
    added = client.post("/api/v1/forms", data=parts)
    assert added.status_code == 201
    again = client.post("/api/v1/forms", json=added.json["template"])
    assert again.status_code == 201
    assert again.json["template"] == added.json["template"]
    assert added.json["template"]["reference"].startswith("data:image/png;base64,")
    found = client.get("/api/v1/forms/2").json
    assert found == again.json
    assert [form["id"] for form in client.get("/api/v1/forms").json["forms"]] == [2, 1]


def test_a_form_that_cannot_be_used_is_not_stored(app: Flask) -> None:
    client, fields = app.test_client(), {"a": {"box": [0, 0, 1, 1]}}
    for body, field in (
        ({"fields": {}}, "fields"),
        ({"fields": fields, "reference": "blank.png"}, "form.reference"),
        ({"fields": fields, "reference": "data:image/png;base64,AAAA"}, "form.reference"),
        ({"fields": {"a\x00": fields["a"]}}, "form"),
        ({"fields": fields, "name": "a\nb"}, "form"),
    ):
        assert_problem(client.post("/api/v1/forms", json=body), 400, "invalid-field", field)
    parts = {"reference": (io.BytesIO(one()), "blank.png")}
    assert_problem(client.post("/api/v1/forms", data=parts), 400, "invalid-field", "form")
    assert client.get("/api/v1/forms").json == {"forms": []}


def test_a_page_is_read_and_stored_once(stored: FlaskClient) -> None:
    record = add_page(stored, one())
    assert record["name"] == "page.png"
    assert record["fields"]["digit"]["value"] == "7"
    assert record["fields"]["mark"]["error"].startswith("expected")
    assert record["state"] == "checked"
    assert add_page(stored, one(), "again.png", 200) == record
    assert stored.get("/api/v1/records/1").json == record
    assert stored.get("/api/v1/forms").json["forms"][0]["records"] == 1


def test_of_several_pages_a_bad_one_costs_only_itself(stored: FlaskClient) -> None:
    files = [
        (io.BytesIO(data), name) for data, name in ((one(), "1.png"), (b"x", "2.png"), (flat(), "3.png"))
    ]
    response = stored.post("/api/v1/forms/1/records", data={"image": files})
    assert response.status_code == 200
    first, second, third = response.json["results"]
    assert (first["name"], first["state"]) == ("1.png", "checked")
    assert second["type"] == "/problems/unsupported-image"
    assert (third["name"], third["state"]) == ("3.png", "unchecked")
    assert len(stored.get("/api/v1/forms/1/records").json["records"]) == 2


def test_strokes_are_no_page(stored: FlaskClient) -> None:
    response = stored.post("/api/v1/forms/1/records", json={"strokes": [[[1, 1], [9, 9]]]})
    assert_problem(response, 400, "invalid-field", "form")


def test_a_file_name_cannot_forge_a_line(stored: FlaskClient) -> None:
    assert add_page(stored, one(), "a\n\x00\u202eb" + 300 * "c")["name"].startswith(r"a\n\x00\u202ebccc")
    assert len(stored.get("/api/v1/records/1").json["name"]) == 200


def test_records_come_in_pages(stored: FlaskClient) -> None:
    for width in (60, 70, 80):
        add_page(stored, with_bar((width, 60)))
    url = "/api/v1/forms/1/records"
    first = stored.get(url, query_string={"limit": 2}).json
    assert ([record["id"] for record in first["records"]], first["next"]) == ([1, 2], 2)
    rest = stored.get(url, query_string={"limit": 2, "after": first["next"]}).json
    assert ([record["id"] for record in rest["records"]], rest["next"]) == ([3], None)
    assert stored.get(url, query_string={"state": "unchecked"}).json == {"records": [], "next": None}
    for query in ({"state": "new"}, {"after": -1}, {"after": 2**31}, {"limit": 0}, {"limit": 1001}):
        assert_problem(stored.get(url, query_string=query), 400, "invalid-field", next(iter(query)))


def test_a_correction_of_an_old_version_gets_the_present_record(stored: FlaskClient) -> None:
    add_page(stored, one())
    first = stored.patch("/api/v1/records/1", json={"version": 1, "fields": {"digit": "9"}})
    assert (first.status_code, first.json["version"]) == (200, 2)
    assert first.json["violations"][0]["fields"] == ["digit"]
    problem = assert_problem(
        stored.patch("/api/v1/records/1", json={"version": 1, "fields": {"digit": "1"}}), 409, "conflict"
    )
    assert "the present version of the record, 2. Received: 1." in problem["detail"]
    assert problem["record"] == first.json == stored.get("/api/v1/records/1").json


def test_a_conflict_is_logged_once(stored: FlaskClient, failure_log: pytest.LogCaptureFixture) -> None:
    add_page(stored, one())
    failure_log.set_level(logging.INFO, logger="digitrec.web.requests")
    stored.patch("/api/v1/records/1", json={"version": 2, "fields": {}})
    assert [getattr(record, "status", None) for record in failure_log.records].count(409) == 1


def test_a_wrong_correction_changes_nothing(stored: FlaskClient) -> None:
    record = add_page(stored, one())
    for body, field in (
        ({"fields": {}}, "version"),
        ({"version": "1", "fields": {}}, "version"),
        ({"version": 0, "fields": {}}, "version"),
        ({"version": 1}, "fields"),
        ({"version": 1, "fields": {"digit": 7}}, "fields.digit"),
        ({"version": 1, "fields": {"digit": "7\x00"}}, "fields.digit"),
        ({"version": 1, "fields": {"digit": "7" * 201}}, "fields.digit"),
        ({"version": 1, "fields": {"digit": "3", "sum": "7"}}, "fields.sum"),
        ({"version": 1, "fields": {}, "name": "x"}, "name"),
    ):
        assert_problem(stored.patch("/api/v1/records/1", json=body), 400, "invalid-field", field)
    assert stored.get("/api/v1/records/1").json == record


@pytest.mark.parametrize(("method", "url"), [item for item in URLS if "/1" in item[1]])
def test_what_is_not_there_is_404(stored: FlaskClient, method: str, url: str) -> None:
    for number in ("0", "2", "x", "-1", "1.0", "²", "9" * 40):
        body = {"version": 1, "fields": {}} if method == "PATCH" else None
        response = stored.open(url.replace("/1", f"/{number}"), method=method, json=body)
        assert_problem(response, 404, "not-found")


def test_a_field_has_its_image(stored: FlaskClient) -> None:
    add_page(stored, one())
    response = stored.get("/api/v1/records/1/fields/digit/image")
    assert (response.mimetype, response.data[8:12]) == ("image/webp", b"WEBP")
    assert response.headers["Cache-Control"] == "private, max-age=86400, immutable"
    for name in ("none", "digit%00"):
        assert_problem(stored.get(f"/api/v1/records/1/fields/{name}/image"), 404, "not-found")


def test_the_table_has_the_values_and_marks_what_needs_a_check(stored: FlaskClient) -> None:
    add_page(stored, one(), "=1+1")
    add_page(stored, flat(), "blank.png")
    stored.patch("/api/v1/records/1", json={"version": 1, "fields": {"digit": "3"}})

    def download(kind: str) -> Any:
        response = stored.get("/api/v1/forms/1/table", query_string={"format": kind}, buffered=True)
        assert response.headers["Content-Disposition"] == f"attachment; filename=Uberweisung.{kind}"
        assert response.headers["Cache-Control"] == "no-store"
        return response

    header, first, second = (line.split(",") for line in download("csv").text.splitlines())
    assert header[:6] == ["file", "accepted", "fit", "error", "violations", "digit"]
    assert (first[0], first[1], first[5]) == ("'=1+1", "true", "3")
    assert (second[0], second[1], second[5]) == ("blank.png", "false", "")
    rows = download("json").json
    assert [(row["accepted"], row["fields"]["digit"]["text"]) for row in rows] == [(True, "3"), (False, "")]
    sheet = load_workbook(io.BytesIO(download("xlsx").data)).active
    assert [cell.value for cell in sheet[2]][:3] == ["=1+1", True, "3"]
    assert [cell.fill.fill_type for cell in sheet[3]][1:4] == ["solid", "solid", None]
    assert_problem(stored.get("/api/v1/forms/1/table?format=pdf"), 400, "invalid-field", "format")


def test_a_confirmed_value_that_breaks_a_rule_is_not_marked(stored: FlaskClient) -> None:
    add_page(stored, one())
    checked = stored.patch("/api/v1/records/1", json={"version": 1, "fields": {"digit": "9"}}).json
    assert (checked["state"], len(checked["violations"])) == ("checked", 1)
    table = stored.get("/api/v1/forms/1/table?format=xlsx", buffered=True)
    (row,) = load_workbook(io.BytesIO(table.data)).active.iter_rows(min_row=2)
    assert [cell.fill.fill_type for cell in row] == [None] * len(row)


def test_an_empty_table_has_its_header(stored: FlaskClient) -> None:
    tables = {
        kind: stored.get(f"/api/v1/forms/1/table?format={kind}", buffered=True)
        for kind in ("csv", "json", "xlsx")
    }
    assert tables["csv"].text.startswith("file,accepted,")
    assert tables["json"].json == []
    assert load_workbook(io.BytesIO(tables["xlsx"].data)).active.max_row == 1


def test_everything_can_be_exported_and_deleted(stored: FlaskClient) -> None:
    record = add_page(stored, one())
    with zipfile.ZipFile(io.BytesIO(stored.get("/api/v1/data").data)) as archive:
        assert json.loads(archive.read("forms/1/records/1/record.json")) == record
    assert stored.delete("/api/v1/data").status_code == 204
    assert stored.get("/api/v1/forms").json == {"forms": []}
    assert_problem(stored.get("/api/v1/records/1"), 404, "not-found")
    with zipfile.ZipFile(io.BytesIO(stored.get("/api/v1/data").data)) as archive:
        assert archive.namelist() == []


def test_a_record_and_a_form_can_be_deleted(stored: FlaskClient) -> None:
    for width in (60, 70):
        add_page(stored, with_bar((width, 60)))
    assert stored.delete("/api/v1/records/1").status_code == 204
    assert_problem(stored.delete("/api/v1/records/1"), 404, "not-found")
    assert stored.delete("/api/v1/forms/1").status_code == 204
    assert_problem(stored.get("/api/v1/records/2"), 404, "not-found")


def test_a_page_of_another_site_changes_nothing(make_app: MakeApp, sqlite_url: str) -> None:
    origins = ("https://friend.example",)
    app = make_app(database_url=sqlite_url, database_access="open", cors_origins=origins)
    client = app.test_client()
    for is_allowed, headers in (
        (True, {}),
        (True, {"Origin": "http://localhost"}),
        (True, {"Origin": "https://digits.example", "Sec-Fetch-Site": "same-origin"}),
        (True, {"Origin": "https://friend.example", "Sec-Fetch-Site": "cross-site"}),
        (False, {"Origin": "https://evil.example"}),
        (False, {"Origin": "null"}),
        (False, {"Origin": "http://["}),
        (False, {"Origin": "http://localhost", "Sec-Fetch-Site": "cross-site"}),
        (False, {"Origin": "http://localhost:8001", "Sec-Fetch-Site": "same-site"}),
    ):
        parts = {"data": {"form": json.dumps(TEMPLATE)}, "content_type": "multipart/form-data"}
        added = client.post("/api/v1/forms", headers=headers, **parts)
        assert added.status_code == (201 if is_allowed else 403), headers
        assert len(client.get("/api/v1/forms").json["forms"]) == is_allowed
        deleted = client.delete("/api/v1/data", headers=headers)
        assert deleted.status_code == (204 if is_allowed else 403), headers


def test_a_locked_database_is_a_problem_that_says_when_to_try_again(
    make_app: MakeApp, sqlite_url: str, tmp_path: Path
) -> None:
    client = make_app(database_url=f"{sqlite_url}?timeout=0.1", database_access="open").test_client()
    client.post("/api/v1/forms", json=TEMPLATE)
    other = sqlite3.connect(tmp_path / "digitrec.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    response = client.post("/api/v1/forms/1/records", data=one())
    problem = assert_problem(response, 503, "database-unavailable")
    assert "Received: a lock that another program holds." in problem["detail"]
    assert str(tmp_path) not in problem["detail"]
    assert int(response.headers["Retry-After"]) > 0
    other.close()
    assert client.post("/predict", data=one()).status_code == 200


def test_a_model_that_fails_stores_nothing(stored: FlaskClient, classifier: StubClassifier) -> None:
    classifier.error = RuntimeError("no memory")
    assert stored.post("/api/v1/forms/1/records", data=one()).status_code == 500
    assert stored.get("/api/v1/forms/1/records").json["records"] == []
