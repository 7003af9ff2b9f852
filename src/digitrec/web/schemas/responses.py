"""What answers hold, as models: for the specification alone, and for the tests that hold answers against it."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from digitrec.web.schemas.tensors import OUTPUTS
from digitrec.web.schemas.validation import tidy

Share = Annotated[float, Field(ge=0, le=1)]
Digit = Annotated[int, Field(ge=0, le=9)]
Shares = Annotated[
    list[Share],
    Field(
        min_length=10,
        max_length=10,
        description="The probabilities of the digits 0 to 9, rounded to 6 places.",
    ),
]
Plane = Annotated[str, Field(pattern="^data:image/png;base64,", description="28 x 28 grey PNG, 255 is most.")]


class _Answer(BaseModel):
    model_config = ConfigDict(extra="forbid", json_schema_extra=tidy)


class Named(_Answer):
    """The model that answered."""

    name: str
    version: str


class Problem(_Answer):
    """A failure (RFC 9457)."""

    type: str = Field(
        description="Stable; compare it. The address explains the failure.",
        json_schema_extra={"format": "uri-reference"},
    )
    title: str
    status: Annotated[int, Field(ge=400, le=599)]
    detail: str = Field(description="What was expected, what came and how to mend it.")
    request_id: str = Field(description="As the header X-Request-ID has it, and the server's log.")
    field: str = Field("", description="The field or query parameter that is wrong.")


class Prediction(_Answer):
    """The digit in a picture."""

    digit: Digit
    confidence: Share
    probabilities: Shares
    accepted: bool = Field(
        description='Whether the confidence reaches the threshold: false means "not sure, ask again".'
    )
    model: Named
    ink: Plane = Field("", description="What the network saw; with `ink=1`.")
    saliency: Plane = Field("", description="What the answer leans on; with `explain=1`.")


class Predictions(_Answer):
    """The digits in several pictures, in order; a bad picture has its problem in its place."""

    results: Annotated[list[Prediction | Problem], Field(min_length=2)]


class FoundDigit(_Answer):
    """A digit of a number."""

    digit: Digit
    confidence: Share
    box: Annotated[list[float], Field(min_length=4, max_length=4)] = Field(
        description="Left, top, width and height in the picture's own pixels, or in the strokes' own unit."
    )
    probabilities: Shares
    ink: Plane = Field("", description="What the network saw; with `ink=1`.")


class FieldReading(_Answer):
    """The number in a field of a form."""

    text: str = Field(
        description="The digits in reading order; empty where none was found, or none that fits."
    )
    transcript: str = Field(
        description="What stands on the paper, separators too, such as `14/05/2006`; `?` is any other mark. "
        "Lines are separated by a newline."
    )
    confidence: Share
    accepted: bool
    digits: list[FoundDigit]


class Reading(FieldReading):
    """The number in a picture."""

    model: Named


class Record(_Answer):
    """The numbers in the fields of a form, by name; a field that cannot be read has its problem in its place."""

    fields: dict[str, FieldReading | Problem]
    model: Named


class Readings(_Answer):
    """The numbers in several pictures, in order; a bad picture has its problem in its place."""

    results: Annotated[list[Reading | Record | Problem], Field(min_length=2)]


class ModelCard(_Answer):
    """What the network is, what it was trained on and how well it reads; as much as its training wrote down."""

    model_config = ConfigDict(extra="allow", json_schema_extra=tidy)

    format: int
    name: str
    version: str
    threshold: Share = Field(
        description="The model's own: the confidence that an accepted digit needs. `?threshold=` replaces it, and so "
        "may the server's settings."
    )
    number_threshold: Share = Field(
        description="The line reader's own: the confidence that an accepted number needs. The same replace it."
    )


class Alive(_Answer):
    """The process lives, and the network answers."""

    status: Literal["alive"]


class Ready(_Answer):
    """The network answers."""

    status: Literal["ready"]
    model: Named


class ProtocolError(_Answer):
    """A failure, as the Open Inference Protocol has it."""

    error: str


class ServerMetadata(_Answer):
    """What this server is."""

    name: Literal["digitrec"]
    version: str
    extensions: list[str]


class ServerLive(_Answer):
    """The process answers."""

    live: Literal[True]


class ServerReady(_Answer):
    """The network answers."""

    ready: Literal[True]


class ModelReady(_Answer):
    """The network answers."""

    name: Literal["digitrec"]
    ready: Literal[True]


class TensorMetadata(_Answer):
    """A tensor that the model takes or gives; -1 is any number of pictures."""

    name: str
    datatype: str
    shape: list[int]
    parameters: dict[str, Any] = {}


class ModelMetadata(_Answer):
    """What the model takes and gives."""

    name: Literal["digitrec"]
    versions: list[str]
    platform: str
    inputs: list[TensorMetadata]
    outputs: list[TensorMetadata]


class OutputTensor(_Answer):
    """An output."""

    name: str = Field(json_schema_extra={"enum": list(OUTPUTS)})
    datatype: Literal["FP32", "INT64", "BOOL"]
    shape: list[int]
    data: list[float | bool] = []
    parameters: dict[str, int] = Field(
        {}, description="`binary_data_size`, where the data follow the JSON as bytes."
    )


class InferenceAnswer(_Answer):
    """The digits in a batch."""

    model_name: Literal["digitrec"]
    model_version: str
    id: str = ""
    outputs: list[OutputTensor]
