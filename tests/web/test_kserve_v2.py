"""The Open Inference Protocol, which clients of KServe, Triton and MLServer speak."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from flask import Flask
from flask.testing import FlaskClient
from web_servers import Server
from web_testing import StubClassifier
from werkzeug.test import TestResponse

INFER = "/v2/models/digitrec/infer"
LENGTH = "Inference-Header-Content-Length"
SEVEN = np.zeros((28, 28), np.uint8)
SEVEN[7:10, 8:20] = 255
for _row in range(10, 23):
    SEVEN[_row, 17 - (_row - 10) // 2 : 20 - (_row - 10) // 2] = 255
SEVENS = np.stack([SEVEN, SEVEN[:, ::-1]])
ABSENT = object()


def tensor(images: np.ndarray = SEVENS[:1], datatype: str = "UINT8", **changes: Any) -> dict[str, Any]:
    """A request with one input, with `changes` of its fields."""
    given = {"name": "pixels", "shape": list(images.shape), "datatype": datatype, "data": images.tolist()}
    return {"inputs": [{name: value for name, value in {**given, **changes}.items() if value is not ABSENT}]}


def outputs(response: TestResponse) -> dict[str, Any]:
    assert response.status_code == 200, response.text
    return {output["name"]: output for output in response.json["outputs"]}


def error(response: TestResponse, status: int = 400) -> str:
    assert (response.status_code, response.mimetype) == (status, "application/json"), response.text
    assert set(response.json) == {"error"}
    return str(response.json["error"])


def post_binary(client: FlaskClient, request: dict[str, Any], tail: bytes) -> TestResponse:
    head = json.dumps(request).encode()
    return client.post(INFER, data=head + tail, headers={LENGTH: str(len(head))})


def test_the_server_and_its_model_describe_themselves(client: FlaskClient) -> None:
    assert client.get("/v2").json["extensions"] == ["binary_tensor_data"]
    assert client.get("/v2/health/live").json == {"live": True}
    assert client.get("/v2/health/ready").json == {"ready": True}
    for path in ("/v2/models/digitrec", "/v2/models/digitrec/versions/9.9"):
        model = client.get(path).json
        assert (model["name"], model["versions"]) == ("digitrec", ["9.9"])
        (given,) = model["inputs"]
        assert (given["name"], given["datatype"], given["shape"]) == ("pixels", "FP32", [-1, 28, 28])
        assert given["parameters"]["polarity"].startswith("0 is background")
        assert client.get(f"{path}/ready").json == {"name": "digitrec", "ready": True}


def test_all_outputs_come_unless_some_are_named_in_their_order(client: FlaskClient) -> None:
    response = client.post(INFER, json={"id": "mine", **tensor(SEVENS)})
    found = outputs(response)
    assert (response.json["id"], response.json["model_name"], response.json["model_version"]) == (
        "mine", "digitrec", "9.9",
    )  # fmt: skip
    assert {name: (output["datatype"], output["shape"]) for name, output in found.items()} == {
        "probabilities": ("FP32", [2, 10]),
        "digit": ("INT64", [2]),
        "confidence": ("FP32", [2]),
        "accepted": ("BOOL", [2]),
    }
    assert found["digit"]["data"] == [7, 7]
    assert found["accepted"]["data"] == [True, True]
    assert found["probabilities"]["data"][7] == pytest.approx(0.91)
    named = [{"name": "digit"}, {"name": "probabilities"}]
    assert list(outputs(client.post(INFER, json=tensor() | {"outputs": named}))) == ["digit", "probabilities"]


@pytest.fixture
def seen(classifier: StubClassifier, monkeypatch: pytest.MonkeyPatch) -> list[np.ndarray]:
    """The normalized images that the model gets."""
    images: list[np.ndarray] = []
    probabilities = classifier.probabilities
    monkeypatch.setattr(
        classifier, "probabilities", lambda given: images.append(given.copy()) or probabilities(given)
    )
    return images


@pytest.mark.parametrize(("datatype", "full"), [("FP32", 1 / 255), ("UINT8", 1)])
def test_every_shape_and_datatype_means_the_pixels_of_predict(
    client: FlaskClient, seen: list[np.ndarray], datatype: str, full: float
) -> None:
    for image in SEVENS:
        client.post("/predict", json={"pixels": image.tolist()})
    for shape in ((2, 28, 28), (2, 28, 28, 1), (2, 784)):
        images = (SEVENS * full).reshape(shape)
        for changes in ({}, {"data": images.reshape(-1).tolist()}):
            outputs(client.post(INFER, json=tensor(images, datatype, **changes)))
            assert np.array_equal(seen[:2], seen[-2:])


@pytest.mark.parametrize(("datatype", "full"), [("FP32", 1.0), ("UINT8", 255.0)])
def test_normalized_pixels_go_to_the_network_as_they_are(
    client: FlaskClient, seen: list[np.ndarray], datatype: str, full: float
) -> None:
    normalized = np.random.default_rng(1).integers(0, 256, (3, 28, 28)).astype(np.float32) / 255
    given = np.rint(normalized * 255).astype(int) if full == 255 else normalized
    outputs(client.post(INFER, json=tensor(given, datatype) | {"parameters": {"normalized": True}}))
    assert np.allclose(seen[0], normalized[..., None], atol=1e-7)


def test_bytes_go_in_and_out_after_the_json(client: FlaskClient) -> None:
    request = tensor(data=ABSENT, parameters={"binary_data_size": 784})
    request["outputs"] = [{"name": "digit"}, {"name": "probabilities", "parameters": {"binary_data": True}}]
    response = post_binary(client, request, SEVEN.tobytes())
    length = int(response.headers[LENGTH])
    digit, probabilities = json.loads(response.data[:length])["outputs"]
    assert digit["data"] == [7]
    assert probabilities["parameters"] == {"binary_data_size": 40}
    assert np.frombuffer(response.data[length:], "<f4")[7] == pytest.approx(0.91)


FP32 = {"datatype": "FP32"}


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (tensor(name="x"), "inputs[0].name: expected the name 'pixels'. Received: 'x'"),
        (tensor(name=ABSENT), "inputs[0].name: expected the name 'pixels'. Received: nothing"),
        (
            tensor(datatype="FP64"),
            "inputs[0].datatype: expected a list of one input named 'pixels', of datatype",
        ),
        (tensor(shape=[1, 28, 27]), "inputs[0].shape[2]: expected a shape [N, 28, 28]"),
        (tensor(shape=[0, 784]), "inputs[0].shape[0]: expected a shape"),
        (tensor(shape=[2, 784]), "data: expected 1,568 numbers for the shape [2, 784]. Received: 784"),
        (tensor(data=ABSENT), "inputs[0].data: expected numbers here, or 'binary_data_size'"),
        (
            tensor(**FP32, data=[2.0] * 784),
            "inputs[0].data[0]: expected numbers from 0, background, to full ink",
        ),
        (tensor(data=[True] * 784), "inputs[0].data[0]: expected numbers"),
        (tensor(**FP32, data=[[0.0], [0.0, 1.0]]), "expected lists of the same length"),
        (tensor(parameters={"binary_data_size": 784}), "expected it, or 'data'. Received: both"),
        (
            tensor(data=ABSENT, parameters={"binary_data_size": 7}),
            "expected the number of bytes after the JSON",
        ),
        ({}, "inputs: expected a list of one input"),
        ({"inputs": []}, "inputs: expected a list of one input"),
        (tensor() | {"outputs": [{"name": "x"}]}, "outputs[0].name: expected a name among"),
        (
            tensor() | {"outputs": [{"name": "digit", "parameters": {"classification": 3}}]},
            "outputs[0].parameters.classification: expected 0",
        ),
        (tensor() | {"id": 7}, "id: expected text"),
        ([], "Received: an array"),
    ],
)
def test_a_wrong_request_is_rejected_by_its_field(client: FlaskClient, body: Any, words: str) -> None:
    assert words in error(client.post(INFER, json=body))


def test_a_shape_of_thousands_of_digits_is_rejected(client: FlaskClient) -> None:
    body = json.dumps(tensor()).replace('"shape": [1,', f'"shape": [1{"0" * 4299},')
    assert "inputs[0].shape" in error(client.post(INFER, data=body, content_type="application/json"))


@pytest.mark.parametrize("length", ["-1", "x", "99999", "1"])
def test_a_header_length_that_does_not_fit_is_rejected(client: FlaskClient, length: str) -> None:
    error(client.post(INFER, data=b'{"inputs": []}', headers={LENGTH: length}))


def test_bytes_outside_the_range_are_rejected(client: FlaskClient) -> None:
    request = tensor(**FP32, data=ABSENT, parameters={"binary_data_size": 784 * 4})
    for value in (1.5, -0.1, float("nan")):
        response = post_binary(client, request, np.full(784, value, "<f4").tobytes())
        assert "from 0, background, to 1, full ink" in error(response)


def test_a_blank_image_is_named_by_its_index(client: FlaskClient) -> None:
    response = client.post(INFER, json=tensor(np.stack([SEVEN, 0 * SEVEN])))
    assert "image 1 of 2: expected a digit. Received: a blank image" in error(response, 422)


@pytest.mark.parametrize("path", ["/v2/models/mnist", "/v2/models/digitrec/versions/8", "/v2/nowhere"])
def test_what_is_not_there_gets_404_in_the_protocols_form(client: FlaskClient, path: str) -> None:
    error(client.get(path), 404)
    error(client.get(f"{path}/ready"), 404)


def test_other_errors_have_the_protocols_form_too(
    client: FlaskClient, make_app: Callable[..., Flask], classifier: StubClassifier
) -> None:
    error(client.get(INFER), 405)
    compressed = client.post(INFER, json=tensor(), headers={"Content-Encoding": "gzip"})
    assert "'gzip'. Do not compress it." in error(compressed)
    small = make_app(max_request_bytes=100).test_client()
    error(small.post(INFER, data=bytes(101)), 413)
    few = make_app(max_request_images=1).test_client()
    assert "at most 1 images" in error(few.post(INFER, json=tensor(SEVENS)))
    classifier.error = RuntimeError("a secret of the server")
    assert "secret" not in error(client.get("/v2/health/ready"), 503)
    assert "secret" not in error(client.post(INFER, json=tensor()), 500)


@pytest.fixture
def triton(server: Server) -> Iterator[Any]:
    http = pytest.importorskip("tritonclient.http", reason="needs pip install 'tritonclient[http]'")
    client = http.InferenceServerClient(f"127.0.0.1:{server.port}")
    yield client
    client.close()


def test_tritons_client_finds_the_model_ready(triton: Any) -> None:
    assert triton.is_server_live()
    assert triton.is_server_ready()
    assert triton.is_model_ready("digitrec")
    (version,) = triton.get_model_metadata("digitrec")["versions"]
    assert triton.is_model_ready("digitrec", version)
    assert not triton.is_model_ready("mnist")
    assert triton.get_server_metadata()["name"] == "digitrec"


@pytest.mark.parametrize("binary_in", [True, False])
@pytest.mark.parametrize("binary_out", [True, False, None])
@pytest.mark.parametrize("images", [SEVENS[[0, 0]], SEVENS[[0, 0]] / np.float32(255)], ids=["UINT8", "FP32"])
def test_tritons_client_reads_digits(
    triton: Any, images: np.ndarray, binary_in: bool, binary_out: bool | None
) -> None:
    from tritonclient import http
    from tritonclient.utils import np_to_triton_dtype

    given = http.InferInput("pixels", [2, 28, 28], np_to_triton_dtype(images.dtype))
    given.set_data_from_numpy(images, binary_data=binary_in)
    names = ("probabilities", "digit", "confidence", "accepted")
    asked = [http.InferRequestedOutput(name, binary_data=bool(binary_out)) for name in names]
    response = triton.infer(
        "digitrec", [given], outputs=None if binary_out is None else asked, request_id="mine"
    )
    assert response.get_response()["id"] == "mine"
    assert response.as_numpy("digit").tolist() == [7, 7]
    assert response.as_numpy("accepted").tolist() == [True, True]
    assert response.as_numpy("probabilities").shape == (2, 10)
    assert np.allclose(response.as_numpy("confidence"), response.as_numpy("probabilities").max(axis=1))


def test_tritons_client_reports_what_was_wrong(triton: Any) -> None:
    from tritonclient import http
    from tritonclient.utils import InferenceServerException

    given = http.InferInput("image", [1, 28, 28], "FP32")
    given.set_data_from_numpy(np.zeros((1, 28, 28), np.float32))
    with pytest.raises(InferenceServerException, match="expected the name 'pixels'"):
        triton.infer("digitrec", [given])
