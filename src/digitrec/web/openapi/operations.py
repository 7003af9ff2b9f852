"""What the specification says beyond the views: bodies, answers, failures and examples of each operation."""

from __future__ import annotations

from dataclasses import dataclass, field

from pydantic import BaseModel

from digitrec.web.openapi import examples
from digitrec.web.schemas import requests as bodies
from digitrec.web.schemas import responses as answers
from digitrec.web.schemas.tensors import InferenceRequest

_GUARDED = ("unauthorized", "internal-error")
_PICTURE = ("unauthorized", "too-many-requests", "unreadable-request", "invalid-field", "unreadable-image",
            "image-too-large", "request-too-large",
            "unsupported-image", "blank-image", "internal-error", "model-unavailable")  # fmt: skip
TAGS = {
    "reading": "Pictures to digits and numbers.",
    "protocol": "The Open Inference Protocol V2, for clients of KServe, Triton and MLServer.",
    "probes": "Whether the server lives, whether it can answer, and what it has counted.",
    "pages": "What a person sees.",
}


@dataclass(frozen=True)
class Operation:
    """What the specification says of an operation.

    Attributes
    ----------
    name : its ``operationId``.
    tag : one of `TAGS`.
    models : what a good answer is one of; none is a page.
    problems : the names of the failures that it may answer with.
    said : examples of requests.
    forms : models of its JSON body.
    pictures : whether it takes pictures as files, too.
    """

    name: str
    tag: str
    models: tuple[type[BaseModel], ...] = ()
    problems: tuple[str, ...] = ("internal-error",)
    said: examples.Requests = field(default_factory=dict)
    forms: tuple[type[BaseModel], ...] = ()
    pictures: bool = False


_predict = Operation(
    "predict", "reading", (answers.Prediction, answers.Predictions), _PICTURE, examples.PREDICT,
    (bodies.ImageBody, bodies.StrokesBody, bodies.PixelsBody), pictures=True,
)  # fmt: skip
_ready = ("internal-error", "model-unavailable")
_stops = (*_ready, "stopping")
_model_ready = ("unauthorized", "not-found", *_stops)
_infer = Operation(
    "infer", "protocol", (answers.InferenceAnswer,),
    ("unauthorized", "too-many-requests", "unreadable-request", "invalid-field", "not-found", "request-too-large",
     "blank-image", *_ready),
    examples.INFER, (InferenceRequest,),
)  # fmt: skip
OPERATIONS = {
    ("/predict", "post"): _predict,
    ("/api/v1/predict", "post"): _predict,
    ("/api/v1/read", "post"): Operation(
        "read", "reading", (answers.Reading, answers.Record, answers.Readings), _PICTURE, examples.READ,
        (bodies.ImagePageBody, bodies.StrokesBody, bodies.PixelsPageBody), pictures=True,
    ),
    ("/api/v1/model", "get"): Operation("model", "reading", (answers.ModelCard,), _GUARDED),
    ("/healthz", "get"): Operation("healthz", "probes", (answers.Alive,), _ready),
    ("/readyz", "get"): Operation("readyz", "probes", (answers.Ready,), _stops),
    ("/metrics", "get"): Operation("metrics", "probes", (), ("unauthorized", "not-found", "internal-error")),
    ("/v2", "get"): Operation("protocol_server", "protocol", (answers.ServerMetadata,), _GUARDED),
    ("/v2/health/live", "get"): Operation("protocol_live", "protocol", (answers.ServerLive,)),
    ("/v2/health/ready", "get"): Operation("protocol_ready", "protocol", (answers.ServerReady,), _stops),
    ("/v2/models/{name}", "get"): Operation(
        "protocol_model", "protocol", (answers.ModelMetadata,), ("unauthorized", "not-found", "internal-error")
    ),
    ("/v2/models/{name}/ready", "get"): Operation(
        "protocol_model_ready", "protocol", (answers.ModelReady,), _model_ready
    ),
    ("/v2/models/{name}/infer", "post"): _infer,
    ("/", "get"): Operation("page", "pages", (), _GUARDED),
    ("/pictures", "post"): Operation("pictures", "pages", (), _PICTURE, pictures=True),
    ("/problems/{name}", "get"): Operation("problem", "pages", (), ("not-found", "internal-error")),
    ("/docs", "get"): Operation("docs", "pages"),
    ("/openapi.json", "get"): Operation("openapi", "pages"),
}  # fmt: skip
