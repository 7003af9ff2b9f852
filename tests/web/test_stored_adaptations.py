"""Adaptations of the model: who may make one, who uses it, and when."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner
from flask import Flask
from flask.testing import FlaskClient
from web_images import one, with_bar
from web_testing import assert_problem

from checked_digits import add_crosses
from digitrec.cli.main import main
from digitrec.files import packaged_model_path
from digitrec.model.classifier import load_classifier
from digitrec.storage import Storage
from digitrec.training.data.custom import load_custom_data
from digitrec.web import create_app
from digitrec.web.config import Settings
from digitrec.web.request_context import state_of

MakeApp = Callable[..., Flask]
TEMPLATE = {"fields": {"digit": {"kind": "digit", "box": [0, 0, 1, 1]}}}
ABOUT = {"digits": 57, "held_out": 28, "before": 0.97, "after": 0.98, "seconds": 9.8, "created_by": None}


@pytest.fixture
def workers(make_app: MakeApp, sqlite_url: str) -> list[FlaskClient]:
    """Clients of two workers of a server whose own model predicts a 7 for everything."""
    apps = [make_app(database_url=sqlite_url, database_access="open") for _ in range(2)]
    apps[0].test_client().post("/api/v1/forms", json=TEMPLATE)
    return [app.test_client() for app in apps]


def storage_of(client: FlaskClient) -> Storage:
    storage = state_of(client.application).storage
    assert storage is not None
    return storage


def read(client: FlaskClient, width: int) -> str:
    """Return the value of the record of a new page with an upright bar."""
    record = client.post("/api/v1/forms/1/records", data=with_bar((width, 3 * width))).json
    return str(record["fields"]["digit"]["value"])


def test_the_active_adaptation_reads_stored_forms_only_in_each_worker(workers: list[FlaskClient]) -> None:
    assert [read(worker, width) for worker, width in zip(workers, (60, 63), strict=True)] == ["7", "7"]
    paths = ("/predict", "/api/v1/read")
    before = [workers[0].post(path, data=one()).json for path in paths]
    storage_of(workers[0]).adaptations.add(packaged_model_path().read_bytes(), **ABOUT)
    assert [read(worker, width) for worker, width in zip(workers, (66, 69), strict=True)] == ["1", "1"]
    assert [workers[0].post(path, data=one()).json for path in paths] == before
    assert before[0]["digit"] == 7
    listed = workers[1].get("/api/v1/adaptations").json
    assert listed["corrected_digits"] == 0
    assert [(item["id"], item["active"], item["after"]) for item in listed["adaptations"]] == [
        (1, True, 0.98)
    ]
    assert workers[1].delete("/api/v1/adaptations/active").status_code == 204
    assert [read(worker, width) for worker, width in zip(workers, (72, 75), strict=True)] == ["7", "7"]


def test_a_damaged_adaptation_is_never_used(workers: list[FlaskClient]) -> None:
    storage_of(workers[0]).adaptations.add(b"not a model", **ABOUT)
    response = workers[0].post("/api/v1/forms/1/records", data=one())
    assert_problem(response, 503, "model-unavailable")
    assert workers[0].get("/api/v1/forms/1/records").json["records"] == []


def test_too_few_digits_and_a_server_without_mnist_are_reported(
    make_app: MakeApp, sqlite_url: str, tmp_path: Path, mnist_path: Path
) -> None:
    for data, received in ((mnist_path, "10 corrected digits. Received: 0"), (tmp_path, "one without")):
        client = make_app(database_url=sqlite_url, database_access="open", data=data).test_client()
        problem = assert_problem(client.post("/api/v1/adaptations", json={}), 422, "no-improvement")
        assert received in problem["detail"]
        assert str(tmp_path) not in problem["detail"]


def test_the_command_gets_the_checked_digits(sqlite_url: str, tmp_path: Path, mnist_path: Path) -> None:
    storage = Storage.open(sqlite_url)
    add_crosses(storage, 9)
    storage.database.close()
    output = str(tmp_path / "m.h5")
    arguments = ["adapt", "--from-database", sqlite_url, "--output", output, "--data", str(mnist_path)]
    assert "10 corrected digits. Received: 9" in CliRunner().invoke(main, arguments).output


@pytest.mark.slow
def test_checked_digits_adapt_the_model(sqlite_url: str, tmp_path: Path, mnist_path: Path) -> None:
    app = create_app(Settings(database_url=sqlite_url, database_access="open", data=mnist_path))
    client = app.test_client()
    add_crosses(storage_of(client), 40)
    response = client.post("/api/v1/adaptations", json={})
    assert response.status_code == 201, response.text
    values = {key: response.json[key] for key in ("digits", "held_out", "before", "after", "active")}
    assert values == {"digits": 40, "held_out": 20, "before": 0, "after": 1, "active": True}
    listed = client.get("/api/v1/adaptations").json
    assert listed == {"adaptations": [response.json], "corrected_digits": 40}
    samples = load_custom_data(sqlite_url)
    assert samples.labels.tolist() == [3] * 40
    stored = tmp_path / "stored.h5"
    stored.write_bytes(storage_of(client).adaptations.model(response.json["id"]) or b"")
    assert (load_classifier(stored).probabilities(samples.model_inputs()).argmax(axis=1) == 3).all()
    storage_of(client).database.close()
