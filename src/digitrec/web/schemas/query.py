"""Query parameters of the endpoints."""

from __future__ import annotations

from typing import Annotated, TypeVar

from pydantic import Field, ValidationError
from werkzeug.datastructures import MultiDict

from digitrec.errors import InvalidFieldError
from digitrec.forms import FormField
from digitrec.reading.constraints import ANY_DIGIT, MAX_DIGITS, SEPARATORS, Constraint, make_constraint
from digitrec.web.schemas.validation import RequestModel, field_error

_CONSTRAINTS = ("length", "pattern", "choices")
_OPTIONS = r"normalized_image|saliency"


class _ResponseOptions(RequestModel):
    threshold: Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)] | None = Field(
        None,
        description="A number from 0 to 1. The confidence that an accepted result needs, in place of the model's own.",
    )


class PredictOptions(_ResponseOptions):
    """Query parameters of a prediction; unknown ones are ignored."""

    include: str = Field(
        "",
        pattern=rf"^(({_OPTIONS})(,({_OPTIONS}))*)?$",
        description="A list of normalized_image and saliency, separated by a comma. The response includes them.",
    )

    @property
    def includes(self) -> frozenset[str]:
        """The names in `include`."""
        return frozenset(self.include.split(","))


class ReadOptions(_ResponseOptions):
    """Query parameters of a reading, at most one of the three constraints; unknown ones are ignored."""

    include: str = Field(
        "", pattern="^(normalized_image)?$", description="The word normalized_image. Each digit includes it."
    )
    length: Annotated[int, Field(ge=1, le=MAX_DIGITS)] | None = Field(
        None, description=f"A whole number from 1 to {MAX_DIGITS}. How many digits the number has."
    )
    pattern: str | None = Field(
        None,
        description=f"A pattern of '{ANY_DIGIT}' for any digit, digits and separators ({SEPARATORS.strip()}), such as "
        "'dd-dd'. The text has its separators.",
    )
    choices: str | None = Field(
        None, description="A list of numbers, separated by commas. The number is one of these."
    )

    @property
    def includes(self) -> frozenset[str]:
        """The names in `include`."""
        return frozenset({self.include})

    def constraint(self, form: tuple[FormField, ...] | None) -> Constraint:
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


_Options = TypeVar("_Options", PredictOptions, ReadOptions)


def parse_query(options: type[_Options], arguments: MultiDict[str, str]) -> _Options:
    """Return the query parameters in `arguments`; of several with one name the first counts.

    Raises
    ------
    InvalidFieldError : a value is invalid.
    """
    try:
        return options.model_validate(arguments.to_dict())
    except ValidationError as error:
        raise field_error(error, options) from error
