"""Tensors of the Open Inference Protocol: 28 x 28 pixels in, numbers out, as JSON or as bytes after the JSON."""

from __future__ import annotations

from typing import Annotated, Any, Literal, TypeAlias, TypeVar

import numpy as np
from numpy.typing import NDArray
from pydantic import ConfigDict, Field, Strict

from digitrec.constants import IMAGE_SIZE_PX, LABELS
from digitrec.errors import InvalidFieldError
from digitrec.web.schemas.validation import RequestModel

INPUT_NAME = "pixels"
INPUT_TYPES: dict[str, np.dtype[Any]] = {"FP32": np.dtype("<f4"), "UINT8": np.dtype("u1")}
# The datatype of each output, its type in memory, and the shape that each image adds to N.
OUTPUTS: dict[str, tuple[str, np.dtype[Any], tuple[int, ...]]] = {
    "probabilities": ("FP32", np.dtype("<f4"), (len(LABELS),)),
    "digit": ("INT64", np.dtype("<i8"), ()),
    "confidence": ("FP32", np.dtype("<f4"), ()),
    "accepted": ("BOOL", np.dtype("?"), ()),
}

_Value = TypeVar("_Value")
_List = Annotated[list[_Value], Field(fail_fast=True)]  # of a million wrong numbers the first is enough
_Nested: TypeAlias = Annotated[
    _List[_Value] | _List[_List[_Value]] | _List[_List[_List[_Value]]] | _List[_List[_List[_List[_Value]]]],
    Field(union_mode="left_to_right"),
]
_Fraction = Annotated[float, Strict(), Field(ge=0, le=1, allow_inf_nan=False)]
_Byte = Annotated[int, Strict(), Field(ge=0, le=255)]
_Count = Annotated[int, Strict(), Field(ge=1, le=1_000_000)]
_DATA = (
    "Numbers from 0, background, to full ink, which is 1 in FP32 and 255 in UINT8, flat or nested by the shape. "
    "Omit them with 'binary_data_size', if they follow as bytes."
)


class _Parameters(RequestModel):
    model_config = ConfigDict(extra="allow")


class InputParameters(_Parameters):
    """Parameters of an input; unknown ones are ignored."""

    binary_data_size: Annotated[int, Strict(), Field(ge=0, le=1_000_000_000)] | None = Field(
        default=None,
        description="A whole number, 0 or more. This many bytes after the JSON are this input's data.",
    )


class _Input(RequestModel):
    name: Literal["pixels"] = Field(description="The name 'pixels'. There is no other input.")
    shape: (
        tuple[_Count, Literal[28], Literal[28]]
        | tuple[_Count, Literal[28], Literal[28], Literal[1]]
        | tuple[_Count, Literal[784]]
    ) = Field(
        description="A shape [N, 28, 28], [N, 28, 28, 1] or [N, 784] of N images, at least 1. Row by row.",
        examples=[[1, 28, 28]],
    )
    parameters: InputParameters = Field(
        default=InputParameters(), description="An object. Parameters of the input."
    )


class FractionsInput(_Input):
    """Images as fractions of full ink."""

    datatype: Literal["FP32"] = Field(description="A datatype FP32 or UINT8.")
    data: _Nested[_Fraction] | None = Field(default=None, description=_DATA)


class BytesInput(_Input):
    """Images as bytes."""

    datatype: Literal["UINT8"] = Field(description="A datatype FP32 or UINT8.")
    data: _Nested[_Byte] | None = Field(default=None, description=_DATA)


class OutputParameters(_Parameters):
    """Parameters of an output; unknown ones are ignored."""

    binary_data: Annotated[bool, Strict()] | None = Field(
        default=None, description="True or false. Whether the output follows the JSON as bytes."
    )
    classification: Literal[0] = Field(
        default=0, description="0, as there are no classification results. Use the probabilities."
    )


class RequestedOutput(RequestModel):
    """An output to return."""

    name: Literal["probabilities", "digit", "confidence", "accepted"] = Field(
        description="A name among 'probabilities', 'digit', 'confidence' and 'accepted'."
    )
    parameters: OutputParameters = Field(
        default=OutputParameters(), description="An object. Parameters of the output."
    )


class RequestParameters(_Parameters):
    """Parameters of the request; unknown ones are ignored."""

    binary_data_output: Annotated[bool, Strict()] = Field(
        default=False,
        description="True or false. Whether outputs follow the JSON as bytes, unless they have `binary_data`.",
    )
    normalized: Annotated[bool, Strict()] = Field(
        default=False,
        description="True or false. Whether the pixels are a normalized image, as in MNIST, and go to the network "
        "unchanged. Else they are normalized like any image.",
    )


Input: TypeAlias = Annotated[FractionsInput | BytesInput, Field(discriminator="datatype")]


class InferenceRequest(RequestModel):
    """A batch of images."""

    id: str = Field(default="", description="Text. The response repeats it.")
    parameters: RequestParameters = Field(
        default=RequestParameters(), description="An object. Parameters of the request."
    )
    inputs: Annotated[list[Input], Field(min_length=1, max_length=1)] = Field(
        description="A list of one input named 'pixels', of datatype FP32 or UINT8."
    )
    outputs: Annotated[list[RequestedOutput], Field(max_length=len(OUTPUTS))] | None = Field(
        default=None, description="A list of the outputs to return, each once. Without it all are returned."
    )


def decode_input_tensor(given: FractionsInput | BytesInput, rest: bytes) -> NDArray[np.generic]:
    """Return the images of an input, (N, 28, 28) float32 in [0, 1] or uint8.

    Parameters
    ----------
    rest : the bytes that follow the JSON.

    Raises
    ------
    InvalidFieldError : more or fewer numbers than in the shape, or numbers outside the range.
    """
    kind, count = INPUT_TYPES[given.datatype], given.shape[0]
    expected = count * IMAGE_SIZE_PX**2
    size = given.parameters.binary_data_size
    numbers = _from_lists(given.data, kind) if size is None else _from_bytes(given.data, size, rest, kind)
    if numbers.size != expected:
        raise InvalidFieldError(
            "inputs[0].data",
            f"expected {expected:,} numbers for the shape {list(given.shape)}. Received: {numbers.size:,}. "
            "Correct one of them.",
        )
    return numbers.reshape(count, IMAGE_SIZE_PX, IMAGE_SIZE_PX)


def _from_lists(data: Any, kind: np.dtype[Any]) -> NDArray[np.generic]:
    if data is None:
        raise InvalidFieldError(
            "inputs[0].data",
            "expected numbers here, or 'binary_data_size' in 'parameters'. Received: neither. Add one.",
        )
    try:
        return np.asarray(data, kind).reshape(-1)
    except ValueError:
        raise InvalidFieldError(
            "inputs[0].data",
            "expected lists of the same length. Received: different ones. Send whole images.",
        ) from None


def _from_bytes(data: Any, size: int, rest: bytes, kind: np.dtype[Any]) -> NDArray[np.generic]:
    field = "inputs[0].parameters.binary_data_size"
    if data is not None:
        raise InvalidFieldError(field, "expected it, or 'data'. Received: both. Leave one out.")
    if size != len(rest) or size % kind.itemsize:
        raise InvalidFieldError(
            field,
            f"expected the number of bytes after the JSON, a multiple of {kind.itemsize}. Received: {size:,}, "
            f"and {len(rest):,} bytes follow. Correct it, or the header Inference-Header-Content-Length.",
        )
    numbers = np.frombuffer(rest, kind)
    if kind.kind == "f" and not ((numbers >= 0) & (numbers <= 1)).all():  # False for NaN
        raise InvalidFieldError(
            "inputs[0].data",
            "expected numbers from 0, background, to 1, full ink. Received: others. Scale them first.",
        )
    return numbers
