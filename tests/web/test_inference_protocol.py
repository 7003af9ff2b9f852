"""Clients of KServe, Triton and MLServer ask digitrec as one of their models."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from flask import Flask
from flask.testing import FlaskClient
from web_classifier import SteadyClassifier
from web_servers import GUNICORN, free_port, running
from werkzeug.test import TestResponse

INFER = "/v2/models/digitrec/infer"
LENGTH = "Inference-Header-Content-Length"
SEVEN = np.zeros((28, 28), np.uint8)
SEVEN[7:10, 8:20] = 255
for _row in range(10, 23):
    SEVEN[_row, 17 - (_row - 10) // 2 : 20 - (_row - 10) // 2] = 255
NOTHING = object()


def asking(pictures: np.ndarray, datatype: str = "FP32", **changes: Any) -> dict[str, Any]:
    """A request with one input, of which `changes` changes or takes away a field."""
    given = {
        "name": "pixels",
        "shape": list(pictures.shape),
        "datatype": datatype,
        "data": pictures.tolist(),
        **changes,
    }
    return {"inputs": [{name: value for name, value in given.items() if value is not NOTHING}]}


def outputs(answer: TestResponse) -> dict[str, Any]:
    assert answer.status_code == 200, answer.text
    return {output["name"]: output for output in answer.json["outputs"]}


def refusal(answer: TestResponse, status: int = 400) -> str:
    assert (answer.status_code, answer.mimetype) == (status, "application/json"), answer.text
    assert set(answer.json) == {"error"}
    return str(answer.json["error"])


def test_the_server_and_its_model_tell_what_they_are(client: FlaskClient) -> None:
    assert client.get("/v2").json["extensions"] == ["binary_tensor_data"]
    assert client.get("/v2/health/live").json == {"live": True}
    assert client.get("/v2/health/ready").json == {"ready": True}
    for address in ("/v2/models/digitrec", "/v2/models/digitrec/versions/9.9"):
        told = client.get(address).json
        assert (told["name"], told["versions"]) == ("digitrec", ["9.9"])
        (given,) = told["inputs"]
        assert (given["name"], given["datatype"], given["shape"]) == ("pixels", "FP32", [-1, 28, 28])
        assert given["parameters"]["polarity"].startswith("0 is background")
        assert client.get(f"{address}/ready").json == {"name": "digitrec", "ready": True}


def test_all_outputs_come_when_none_is_named(client: FlaskClient) -> None:
    answer = client.post(INFER, json={"id": "mine", **asking(np.stack([SEVEN, SEVEN]), "UINT8")})
    found = outputs(answer)
    assert (answer.json["id"], answer.json["model_name"], answer.json["model_version"]) == (
        "mine",
        "digitrec",
        "9.9",
    )
    described = {name: (output["datatype"], output["shape"]) for name, output in found.items()}
    assert described == {
        "probabilities": ("FP32", [2, 10]),
        "digit": ("INT64", [2]),
        "confidence": ("FP32", [2]),
        "accepted": ("BOOL", [2]),
    }
    assert found["digit"]["data"] == [7, 7]
    assert found["accepted"]["data"] == [True, True]
    assert found["probabilities"]["data"][7] == pytest.approx(0.91)


def test_only_the_outputs_that_are_named_come_in_their_order(client: FlaskClient) -> None:
    asked = [{"name": "digit"}, {"name": "probabilities"}]
    assert list(outputs(client.post(INFER, json=asking(SEVEN[None], "UINT8") | {"outputs": asked}))) == [
        "digit", "probabilities",
    ]  # fmt: skip


@pytest.mark.parametrize("shape", [(2, 28, 28), (2, 28, 28, 1), (2, 784)])
@pytest.mark.parametrize("flat", [True, False])
@pytest.mark.parametrize(("datatype", "full"), [("FP32", 1 / 255), ("UINT8", 1)])
def test_every_shape_and_datatype_is_the_same_picture(
    client: FlaskClient,
    classifier: SteadyClassifier,
    shape: tuple[int, ...],
    flat: bool,
    datatype: str,
    full: float,
) -> None:
    seen = watch(classifier)
    for picture in (SEVEN, SEVEN[:, ::-1]):
        client.post("/predict", json={"pixels": picture.tolist()})
    pictures = (np.stack([SEVEN, SEVEN[:, ::-1]]) * full).reshape(shape)
    changes = {"data": pictures.reshape(-1).tolist()} if flat else {}
    outputs(client.post(INFER, json=asking(pictures, datatype, **changes)))
    assert np.array_equal(np.concatenate(seen[:2]), seen[2]), "they mean what `pixels` of /predict means"


def watch(classifier: SteadyClassifier) -> list[np.ndarray]:
    """Return the list that every ink is put into that `classifier` is asked about from now on."""
    seen: list[np.ndarray] = []
    answer = classifier.probabilities

    def probabilities(inks: np.ndarray) -> np.ndarray:
        seen.append(inks.copy())
        return answer(inks)

    classifier.probabilities = probabilities  # type: ignore[method-assign]
    return seen


@pytest.mark.parametrize(("datatype", "full"), [("FP32", 1.0), ("UINT8", 255.0)])
def test_normalized_pixels_go_to_the_network_as_they_are(
    client: FlaskClient, classifier: SteadyClassifier, datatype: str, full: float
) -> None:
    ink = np.random.default_rng(1).integers(0, 256, (3, 28, 28)).astype(np.float32) / 255
    seen = watch(classifier)
    given = np.rint(ink * 255).astype(int) if full == 255 else ink
    outputs(client.post(INFER, json=asking(given, datatype) | {"parameters": {"normalized": True}}))
    assert np.allclose(seen[0], ink[..., None], atol=1e-7)


def test_bytes_go_in_and_out_behind_the_json(client: FlaskClient) -> None:
    request = asking(SEVEN[None], "UINT8", data=NOTHING, parameters={"binary_data_size": 784})
    request["outputs"] = [{"name": "digit"}, {"name": "probabilities", "parameters": {"binary_data": True}}]
    head = json.dumps(request).encode()
    answer = client.post(INFER, data=head + SEVEN.tobytes(), headers={LENGTH: str(len(head))})
    length = int(answer.headers[LENGTH])
    digit, probabilities = json.loads(answer.data[:length])["outputs"]
    assert digit["data"] == [7]
    assert probabilities["parameters"] == {"binary_data_size": 40}
    assert np.frombuffer(answer.data[length:], "<f4")[7] == pytest.approx(0.91)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"name": "x"}, "inputs[0].name: expected the name 'pixels'. Received: 'x'"),
        ({"name": NOTHING}, "inputs[0].name: expected the name 'pixels'. Received: nothing"),
        ({"datatype": "FP64"}, "inputs[0].datatype: expected a list of one input named 'pixels', of datatype"),
        ({"shape": [1, 28, 27]}, "inputs[0].shape[2]: expected a shape [N, 28, 28]"),
        ({"shape": [0, 784]}, "inputs[0].shape[0]: expected a shape"),
        ({"shape": [2, 784]}, "inputs[0].data: expected 1,568 numbers for the shape [2, 784]. Received: 784"),
        ({"data": NOTHING}, "inputs[0].data: expected numbers here, or 'binary_data_size'"),
        ({"data": [2.0] * 784}, "inputs[0].data[0]: expected numbers from 0, background, to full ink"),
        ({"data": [True] * 784}, "inputs[0].data[0]: expected numbers"),
        ({"data": [[0.0], [0.0, 1.0]]}, "expected lists of the same length"),
        ({"parameters": {"binary_data_size": 784}}, "expected it, or 'data'. Received: both"),
        ({"data": NOTHING, "parameters": {"binary_data_size": 7}}, "expected the number of bytes after the JSON"),
    ],
)  # fmt: skip
def test_a_wrong_tensor_is_refused_by_its_place(
    client: FlaskClient, changes: dict[str, Any], words: str
) -> None:
    assert words in refusal(client.post(INFER, json=asking(SEVEN[None] / 255, **changes)))


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({}, "inputs: expected a list of one input"),
        ({"inputs": []}, "inputs: expected a list of one input"),
        (
            asking(SEVEN[None], "UINT8") | {"outputs": [{"name": "x"}]},
            "outputs[0].name: expected a name among",
        ),
        (
            asking(SEVEN[None], "UINT8")
            | {"outputs": [{"name": "digit", "parameters": {"classification": 3}}]},
            "outputs[0].parameters.classification: expected 0",
        ),
        (asking(SEVEN[None], "UINT8") | {"id": 7}, "id: expected text"),
        ([], "Received: an array"),
    ],
)
def test_a_wrong_request_is_refused_by_its_place(client: FlaskClient, body: Any, words: str) -> None:
    assert words in refusal(client.post(INFER, json=body))


@pytest.mark.parametrize("length", ["-1", "x", "99999", "1"])
def test_a_length_that_does_not_fit_is_refused(client: FlaskClient, length: str) -> None:
    refusal(client.post(INFER, data=b'{"inputs": []}', headers={LENGTH: length}))


def test_bytes_outside_the_range_are_refused(client: FlaskClient) -> None:
    for value in (1.5, -0.1, float("nan")):
        request = asking(SEVEN[None], data=NOTHING, parameters={"binary_data_size": 784 * 4})
        head = json.dumps(request).encode()
        tail = np.full(784, value, "<f4").tobytes()
        answer = client.post(INFER, data=head + tail, headers={LENGTH: str(len(head))})
        assert "from 0, background, to 1, full ink" in refusal(answer)


def test_a_blank_picture_is_named_by_its_number(client: FlaskClient) -> None:
    answer = client.post(INFER, json=asking(np.stack([SEVEN, 0 * SEVEN]), "UINT8"))
    assert "image 1 of 2: expected a digit. Received: a blank image" in refusal(answer, 422)


def test_more_pictures_than_allowed_are_refused(make_app: Callable[..., Flask]) -> None:
    answer = (
        make_app(max_request_images=2).test_client().post(INFER, json=asking(np.stack([SEVEN] * 3), "UINT8"))
    )
    assert "at most 2 images" in refusal(answer)


@pytest.mark.parametrize("address", ["/v2/models/mnist", "/v2/models/digitrec/versions/8", "/v2/nowhere"])
def test_what_is_not_there_is_answered_with_404_in_the_protocols_form(
    client: FlaskClient, address: str
) -> None:
    refusal(client.get(address), 404)
    refusal(client.get(f"{address}/ready"), 404)


def test_other_failures_have_the_protocols_form_too(
    client: FlaskClient, make_app: Callable[..., Flask], classifier: SteadyClassifier
) -> None:
    refusal(client.get(INFER), 405)
    packed = client.post(INFER, json=asking(SEVEN[None], "UINT8"), headers={"Content-Encoding": "gzip"})
    assert "'gzip'. Do not compress it." in refusal(packed)
    refusal(make_app(max_request_bytes=100).test_client().post(INFER, data=bytes(101)), 413)
    classifier.error = RuntimeError("a secret of the server")
    assert "secret" not in refusal(client.get("/v2/health/ready"), 503)
    assert "secret" not in refusal(client.post(INFER, json=asking(SEVEN[None], "UINT8")), 500)


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    port = free_port()
    with running(GUNICORN, port, WEB_CONCURRENCY="1"):
        yield port


@pytest.fixture
def triton(port: int) -> Iterator[Any]:
    http = pytest.importorskip("tritonclient.http", reason="needs pip install 'tritonclient[http]'")
    client = http.InferenceServerClient(f"127.0.0.1:{port}")
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
@pytest.mark.parametrize(("datatype", "full"), [("FP32", 255), ("UINT8", 1)])
def test_tritons_client_reads_digits(
    triton: Any, binary_in: bool, binary_out: bool | None, datatype: str, full: int
) -> None:
    from tritonclient import http

    pictures = np.stack([SEVEN, SEVEN]).astype({"FP32": np.float32, "UINT8": np.uint8}[datatype])
    given = http.InferInput("pixels", [2, 28, 28], datatype)
    given.set_data_from_numpy(pictures / np.float32(full) if full > 1 else pictures, binary_data=binary_in)
    names = ("probabilities", "digit", "confidence", "accepted")
    asked = (
        None
        if binary_out is None
        else [http.InferRequestedOutput(name, binary_data=binary_out) for name in names]
    )
    answer = triton.infer("digitrec", [given], outputs=asked, request_id="mine")
    assert answer.get_response()["id"] == "mine"
    assert answer.as_numpy("digit").tolist() == [7, 7]
    assert answer.as_numpy("accepted").tolist() == [True, True]
    assert answer.as_numpy("probabilities").shape == (2, 10)
    assert np.allclose(answer.as_numpy("confidence"), answer.as_numpy("probabilities").max(axis=1))


def test_tritons_client_tells_what_was_wrong(triton: Any) -> None:
    from tritonclient import http
    from tritonclient.utils import InferenceServerException

    given = http.InferInput("image", [1, 28, 28], "FP32")
    given.set_data_from_numpy(np.zeros((1, 28, 28), np.float32))
    with pytest.raises(InferenceServerException, match="expected the name 'pixels'"):
        triton.infer("digitrec", [given])


def test_a_number_of_pictures_with_thousands_of_digits_is_refused(client: FlaskClient) -> None:
    body = json.dumps(asking(SEVEN[np.newaxis], "UINT8")).replace('"shape": [1,', f'"shape": [1{"0" * 4299},')
    answer = client.post(INFER, data=body, content_type="application/json")
    assert answer.status_code == 400
    assert "inputs[0].shape" in answer.json["error"]
