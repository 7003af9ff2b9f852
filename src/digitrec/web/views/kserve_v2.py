"""The Open Inference Protocol V2, by which clients of KServe, Triton and MLServer ask: digitrec as one of their models.

Its failures are ``{"error": "..."}``, as the protocol says; `digitrec.web.error_handlers` writes them.
"""

from __future__ import annotations

import json
from typing import Any

import numpy as np
from flask import Blueprint, Request, Response, request
from numpy.typing import NDArray
from pydantic import TypeAdapter
from werkzeug.exceptions import BadRequest, NotFound

from digitrec import __version__
from digitrec.constants import IMAGE_SIZE_PX
from digitrec.errors import DigitrecError, InvalidFieldError
from digitrec.preprocessing.json_images import decode_pixels
from digitrec.recognizer import Recognizer
from digitrec.web.app_state import current_state
from digitrec.web.observability.metrics import count_digit
from digitrec.web.openapi.decorator import specified
from digitrec.web.request_images import parsing_memory, read_body
from digitrec.web.schemas.tensors import (
    INPUT_NAME,
    INPUT_TYPES,
    OUTPUTS,
    InferenceRequest,
    pictures_of,
)
from digitrec.web.schemas.validation import parsed
from digitrec.web.views.health import require_ready

blueprint = Blueprint("inference_protocol", __name__, url_prefix="/v2")
MODEL_NAME = "digitrec"
_HEADER_LENGTH = "Inference-Header-Content-Length"
_HOW_TO_SEND = (
    'Send {"inputs": [{"name": "pixels", "shape": [1, 28, 28], "datatype": "FP32", "data": [...]}]}.'
)
_REQUEST = TypeAdapter(InferenceRequest)
_COUNTED = ("digit", "confidence", "accepted")
_POLARITY = "0 is paper; full ink is 1 (FP32) or 255 (UINT8): MNIST's polarity"


@blueprint.get("")
@specified
def server() -> dict[str, Any]:
    """Tell what this server is."""
    return {"name": MODEL_NAME, "version": __version__, "extensions": ["binary_tensor_data"]}


@blueprint.get("/health/live")
@specified
def live() -> dict[str, bool]:
    """Answer as long as the process answers at all."""
    return {"live": True}


@blueprint.get("/health/ready")
@specified
def ready() -> dict[str, bool]:
    """Answer 200 only after the network itself has just answered, else, or when the server stops, a 503."""
    require_ready()
    return {"ready": True}


@blueprint.get("/models/<name>")
@blueprint.get("/models/<name>/versions/<version>")
@specified
def model(name: str, version: str = "") -> dict[str, Any]:
    """Tell what the model takes and gives."""
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
@specified
def model_ready(name: str, version: str = "") -> dict[str, Any]:
    """Answer 200 only after the network itself has just answered, else, or when the server stops, a 503."""
    _own_version(name, version)
    require_ready()
    return {"name": MODEL_NAME, "ready": True}


@blueprint.post("/models/<name>/infer")
@blueprint.post("/models/<name>/versions/<version>/infer")
@specified
def infer(name: str, version: str = "") -> Response:
    """Read the digits in a batch of 28 x 28 pixels.

    0 is paper. The tensors are numbers in the JSON or, by the binary tensor extension, bytes after it.
    """
    own_version = _own_version(name, version)
    with parsing_memory(request):
        asked, rest = _read_request(request)
        pictures = pictures_of(asked.inputs[0], rest)
    state = current_state()
    if len(pictures) > state.settings.max_request_images:
        raise InvalidFieldError(
            "inputs[0].shape",
            f"expected at most {state.settings.max_request_images} pictures in a request. "
            f"Received: {len(pictures):,}. Send them in parts.",
        )
    probabilities = _probabilities(state.recognizer, pictures, normalized=asked.parameters.normalized)
    head: dict[str, Any] = {"model_name": MODEL_NAME, "model_version": own_version}
    if asked.id:
        head["id"] = asked.id
    outputs = _outputs(probabilities, state.recognizer.threshold)
    for digit, confidence, accepted in zip(*(outputs[each] for each in _COUNTED), strict=True):
        count_digit(int(digit), float(confidence), accepted=bool(accepted))
    return _answer(head, asked, outputs)


def _own_version(name: str, version: str) -> str:
    """Return the model's version, if it is the one asked for."""
    own: str = current_state().recognizer.card["version"]
    if name != MODEL_NAME:
        raise NotFound(
            f"Expected the model {MODEL_NAME!r}. Received: {name[:100]!r}. It is the only one here."
        )
    if version not in ("", own):
        raise NotFound(f"Expected the version {own!r}. Received: {version[:100]!r}. It is the only one here.")
    return own


def _read_request(request: Request) -> tuple[InferenceRequest, bytes]:
    """Return the request, and the bytes that follow its JSON."""
    body = read_body(request, "JSON", _HOW_TO_SEND)
    if request.content_encoding:
        raise BadRequest(
            f"Expected a plain body. Received: one in {request.content_encoding[:40]!r}. Send it uncompressed."
        )
    length = _json_length(request.headers.get(_HEADER_LENGTH), len(body))
    return parsed(_REQUEST, body[:length], _HOW_TO_SEND, InferenceRequest), body[length:]


def _json_length(text: str | None, size: int) -> int:
    if text is None:
        return size
    if text.isascii() and text.isdigit() and len(text) < 12 and int(text) <= size:
        return int(text)
    raise BadRequest(
        f"Expected {_HEADER_LENGTH} to be the number of bytes of the JSON, at most {size:,}. Received: {text[:40]!r}. "
        "Correct it, or leave it out where nothing follows the JSON."
    )


def _probabilities(
    recognizer: Recognizer, pictures: NDArray[np.generic], *, normalized: bool
) -> NDArray[np.float32]:
    """Return (N, 10): of ink as it is, or of pictures that mean what `pixels` of `/api/v1/predict` means."""
    if normalized:
        full = 255 if pictures.dtype == np.uint8 else 1
        inks = np.ascontiguousarray(pictures, np.float32) / np.float32(full)
        return recognizer.classifier.probabilities(inks[..., np.newaxis])
    results = recognizer.predict_many([decode_pixels(picture) for picture in pictures], errors="return")
    for index, result in enumerate(results):
        if isinstance(result, DigitrecError):
            raise type(result)(f"inputs[0], picture {index} of {len(results)}: {result}") from result
    return np.stack([result.probabilities for result in results if not isinstance(result, DigitrecError)])


def _outputs(probabilities: NDArray[np.float32], threshold: float) -> dict[str, NDArray[Any]]:
    confidence = probabilities.max(axis=1)
    return {
        "probabilities": probabilities,
        "digit": probabilities.argmax(axis=1),
        "confidence": confidence,
        "accepted": confidence >= threshold,
    }


def _answer(head: dict[str, Any], asked: InferenceRequest, values: dict[str, NDArray[Any]]) -> Response:
    """Return `head` with the outputs that are asked for, those that shall be bytes behind the JSON."""
    outputs: dict[str, bool | None] = {
        output.name: output.parameters.binary_data for output in asked.outputs or []
    }
    described, tail = [], []
    for name, as_bytes in (outputs or dict.fromkeys(OUTPUTS)).items():
        datatype, kind, _ = OUTPUTS[name]
        array = np.ascontiguousarray(values[name], kind)
        tensor: dict[str, Any] = {"name": name, "datatype": datatype, "shape": list(array.shape)}
        if asked.parameters.binary_data_output if as_bytes is None else as_bytes:
            tail.append(array.tobytes())
            tensor["parameters"] = {"binary_data_size": array.nbytes}
        else:
            tensor["data"] = array.reshape(-1).tolist()
        described.append(tensor)
    text = json.dumps({**head, "outputs": described}, separators=(",", ":")).encode()
    if not tail:
        return Response(text, mimetype="application/json")
    answer = Response(b"".join((text, *tail)), mimetype="application/octet-stream")
    answer.headers[_HEADER_LENGTH] = str(len(text))
    return answer
