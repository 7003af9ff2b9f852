"""Query parameters of the endpoints."""

from __future__ import annotations

from typing import Annotated, Final, Literal, TypeVar

from pydantic import Field, ValidationError
from werkzeug.datastructures import MultiDict

from digitrec.errors import InvalidFieldError
from digitrec.forms.template import Form
from digitrec.reading.constraints import (
    ANY_DIGIT,
    MAX_DIGITS,
    PATTERN_SEPARATORS,
    Constraint,
    make_constraint,
)
from digitrec.validation import field_error
from digitrec.web.schemas.validation import RequestModel

MAX_ID: Final = 2**31 - 1
_CONSTRAINTS = ("length", "pattern", "choices")
_PREDICT_OPTIONS = "normalized_image|saliency"
_READ_OPTIONS = "normalized_image|field_image"


def _list_pattern(names: str) -> str:
    return rf"^(({names})(,({names}))*)?$"


class _ResponseOptions(RequestModel):
    include: str
    threshold: Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)] | None = Field(
        None,
        description="A number from 0 to 1. The confidence that an accepted result needs, in place of the model's own.",
    )

    @property
    def includes(self) -> frozenset[str]:
        """The names in `include`."""
        return frozenset(self.include.split(","))


class PredictOptions(_ResponseOptions):
    """Query parameters of a prediction; unknown ones are ignored."""

    include: str = Field(
        "",
        pattern=_list_pattern(_PREDICT_OPTIONS),
        description="A list of normalized_image and saliency, separated by a comma. The response includes them.",
    )


class ReadOptions(_ResponseOptions):
    """Query parameters of a reading, at most one of the three constraints; unknown ones are ignored."""

    include: str = Field(
        "",
        pattern=_list_pattern(_READ_OPTIONS),
        description="A list of normalized_image and field_image, separated by a comma. Each digit includes its "
        "normalized image, each field of a form its field image.",
    )
    length: Annotated[int, Field(ge=1, le=MAX_DIGITS)] | None = Field(
        None, description=f"A whole number from 1 to {MAX_DIGITS}. How many digits the number has."
    )
    pattern: str | None = Field(
        None,
        description=f"A pattern of '{ANY_DIGIT}' for any digit, digits and separators ({PATTERN_SEPARATORS.strip()}), "
        "such as 'dd-dd'. The text has its separators.",
    )
    choices: str | None = Field(
        None, description="A list of numbers, separated by commas. The number is one of these."
    )

    def constraint(self, form: Form | None) -> Constraint:
        """Return the constraint on the number.

        Raises
        ------
        InvalidFieldError : it is invalid, or there are several, or one next to `form`, whose fields have their own.
        """
        given = {name: value for name in _CONSTRAINTS if (value := getattr(self, name)) is not None}
        if form is not None and given:
            raise InvalidFieldError(
                next(iter(given)), "expected it inside each field. Received: both. Move it there."
            )
        if "choices" in given:
            given["choices"] = [item.strip() for item in given["choices"].split(",")]
        return make_constraint(**given)


class RecordsOptions(RequestModel):
    """Query parameters of a list of records; unknown ones are ignored."""

    state: Literal["all", "unchecked", "checked"] = Field(
        "all", description="The word all, unchecked or checked. Only records in this state."
    )
    after: Annotated[int, Field(ge=0, le=MAX_ID)] = Field(
        0, description="A whole number, 0 or above. Only records with a higher ID."
    )
    limit: Annotated[int, Field(ge=1, le=1000)] = Field(
        100, description="A whole number from 1 to 1000. At most this many records."
    )


class TableOptions(RequestModel):
    """Query parameters of a table of records; unknown ones are ignored."""

    format: Literal["csv", "xlsx", "json"] = Field(
        "csv", description="The word csv, xlsx or json. The format of the file."
    )


_Options = TypeVar("_Options", bound=RequestModel)


def parse_query(options: type[_Options], arguments: MultiDict[str, str]) -> _Options:
    """Return the query parameters in `arguments`, of several with one name the first, or raise InvalidFieldError."""
    try:
        return options.model_validate(arguments.to_dict())
    except ValidationError as error:
        raise field_error(error, options) from error
