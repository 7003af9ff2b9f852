"""The Open Inference Protocol V2, for clients of KServe, Triton and MLServer.

Its errors are ``{"error": "..."}``; `digitrec.web.error_handlers` writes them.
"""

from __future__ import annotations

import json
from typing import Any

import numpy as np
from flask import Blueprint, Response, request
from numpy.typing import NDArray
from werkzeug.exceptions import BadRequest, NotFound

from digitrec import __version__
from digitrec.constants import IMAGE_SIZE_PX
from digitrec.errors import DigitrecError, InvalidFieldError
from digitrec.preprocessing.json_images import decode_pixels
from digitrec.recognizer import Recognizer
from digitrec.web.observability.metrics import record_prediction
from digitrec.web.request_context import current_state
from digitrec.web.schemas.tensors import (
    INPUT_NAME,
    INPUT_TYPES,
    OUTPUTS,
    InferenceRequest,
    decode_input_tensor,
)
from digitrec.web.schemas.validation import parse_json
from digitrec.web.views.health import require_ready
from digitrec.web.views.request_images import parsing_memory, read_body

blueprint = Blueprint("kserve_v2", __name__, url_prefix="/v2")
MODEL_NAME = "digitrec"
_HEADER_LENGTH = "Inference-Header-Content-Length"
_USAGE = 'Send {"inputs": [{"name": "pixels", "shape": [1, 28, 28], "datatype": "FP32", "data": [...]}]}.'
_POLARITY = "0 is background; full ink is 1 (FP32) or 255 (UINT8), as in MNIST"


@blueprint.get("")
def server() -> dict[str, Any]:
    """Return the server metadata."""
    return {"name": MODEL_NAME, "version": __version__, "extensions": ["binary_tensor_data"]}


@blueprint.get("/health/live")
def live() -> dict[str, bool]:
    """Return 200 while the process runs."""
    return {"live": True}


@blueprint.get("/health/ready")
def ready() -> dict[str, bool]:
    """Return 200 if the model makes a prediction; else, or during shutdown, a 503."""
    require_ready()
    return {"ready": True}


@blueprint.get("/models/<name>")
@blueprint.get("/models/<name>/versions/<version>")
def model(name: str, version: str = "") -> dict[str, Any]:
    """Return the model metadata."""
    own_version = _own_version(name, version)
    return {
        "name": MODEL_NAME,
        "versions": [own_version],
        "platform": "litert",
        "inputs": [
            {
                "name": INPUT_NAME,
                "datatype": "FP32",
                "shape": [-1, IMAGE_SIZE_PX, IMAGE_SIZE_PX],
                "parameters": {"polarity": _POLARITY, "datatypes": list(INPUT_TYPES)},
            }
        ],
        "outputs": [
            {"name": output, "datatype": datatype, "shape": [-1, *shape]}
            for output, (datatype, _, shape) in OUTPUTS.items()
        ],
    }


@blueprint.get("/models/<name>/ready")
@blueprint.get("/models/<name>/versions/<version>/ready")
def model_ready(name: str, version: str = "") -> dict[str, Any]:
    """Return 200 if the model makes a prediction; else, or during shutdown, a 503."""
    _own_version(name, version)
    require_ready()
    return {"name": MODEL_NAME, "ready": True}


@blueprint.post("/models/<name>/infer")
@blueprint.post("/models/<name>/versions/<version>/infer")
def infer(name: str, version: str = "") -> Response:
    """Predict the digits in a batch of 28 x 28 pixels.

    The tensors are numbers in the JSON or, by the binary tensor extension, bytes after it.
    """
    own_version = _own_version(name, version)
    with parsing_memory():
        task, rest = _parse_request()
        images = decode_input_tensor(task.inputs[0], rest)
    state = current_state()
    if len(images) > state.settings.max_request_images:
        raise InvalidFieldError(
            "inputs[0].shape",
            f"expected at most {state.settings.max_request_images} images in a request. "
            f"Received: {len(images):,}. Send them in parts.",
        )
    probabilities = _probabilities(state.recognizer, images, normalized=task.parameters.normalized)
    head: dict[str, Any] = {"model_name": MODEL_NAME, "model_version": own_version}
    if task.id:
        head["id"] = task.id
    outputs = _outputs(probabilities, state.recognizer.threshold)
    for row in zip(outputs["digit"], outputs["confidence"], outputs["accepted"], strict=True):
        digit, confidence, accepted = row
        record_prediction(int(digit), float(confidence), accepted=bool(accepted))
    return _response(head, task, outputs)


def _own_version(name: str, version: str) -> str:
    """Return the model's version; raises NotFound for another name or version."""
    own: str = current_state().recognizer.card["version"]
    if name != MODEL_NAME:
        raise NotFound(f"Expected the model {MODEL_NAME!r}. Received: {name[:100]!r}. There is no other.")
    if version not in ("", own):
        raise NotFound(f"Expected the version {own!r}. Received: {version[:100]!r}. There is no other.")
    return own


def _parse_request() -> tuple[InferenceRequest, bytes]:
    """Return the request, and the bytes after its JSON."""
    body = read_body("JSON", _USAGE)
    if request.content_encoding:
        raise BadRequest(
            f"Expected a body without encoding. Received: {request.content_encoding[:40]!r}. Do not compress it."
        )
    length = _json_length(request.headers.get(_HEADER_LENGTH), len(body))
    return parse_json(InferenceRequest, body[:length], _USAGE), body[length:]


def _json_length(text: str | None, size: int) -> int:
    if text is None:
        return size
    if text.isascii() and text.isdigit() and len(text) < 12 and int(text) <= size:
        return int(text)
    raise BadRequest(
        f"Expected {_HEADER_LENGTH} to be the number of bytes of the JSON, at most {size:,}. Received: {text[:40]!r}. "
        "Correct it, or omit it if nothing follows the JSON."
    )


def _probabilities(
    recognizer: Recognizer, images: NDArray[np.generic], *, normalized: bool
) -> NDArray[np.float32]:
    """Return (N, 10), of normalized images or of images like `pixels` of `/api/v1/predict`."""
    if normalized:
        full = 255 if images.dtype == np.uint8 else 1
        batch = np.ascontiguousarray(images, np.float32) / np.float32(full)
        return recognizer.classifier.probabilities(batch[..., np.newaxis])
    results = recognizer.predict_many([decode_pixels(image) for image in images], errors="return")
    for index, result in enumerate(results):
        if isinstance(result, DigitrecError):
            raise type(result)(f"inputs[0], image {index} of {len(results)}: {result}") from result
    return np.stack([result.probabilities for result in results if not isinstance(result, DigitrecError)])


def _outputs(probabilities: NDArray[np.float32], threshold: float) -> dict[str, NDArray[Any]]:
    confidence = probabilities.max(axis=1)
    return {
        "probabilities": probabilities,
        "digit": probabilities.argmax(axis=1),
        "confidence": confidence,
        "accepted": confidence >= threshold,
    }


def _response(head: dict[str, Any], task: InferenceRequest, values: dict[str, NDArray[Any]]) -> Response:
    """Return `head` with the requested outputs, as JSON or as bytes after it."""
    outputs: dict[str, bool | None] = {
        output.name: output.parameters.binary_data for output in task.outputs or []
    }
    described, tail = [], []
    for name, as_bytes in (outputs or dict.fromkeys(OUTPUTS)).items():
        datatype, kind, _ = OUTPUTS[name]
        array = np.ascontiguousarray(values[name], kind)
        tensor: dict[str, Any] = {"name": name, "datatype": datatype, "shape": list(array.shape)}
        if task.parameters.binary_data_output if as_bytes is None else as_bytes:
            tail.append(array.tobytes())
            tensor["parameters"] = {"binary_data_size": array.nbytes}
        else:
            tensor["data"] = array.reshape(-1).tolist()
        described.append(tensor)
    text = json.dumps({**head, "outputs": described}, separators=(",", ":")).encode()
    if not tail:
        return Response(text, mimetype="application/json")
    response = Response(b"".join((text, *tail)), mimetype="application/octet-stream")
    response.headers[_HEADER_LENGTH] = str(len(text))
    return response
