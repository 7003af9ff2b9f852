"""Rules between the fields of a form: what cannot be right is marked, whatever the confidence."""

from __future__ import annotations

import string
from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime
from itertools import permutations
from typing import Annotated, Literal, NamedTuple, TypeAlias

from pydantic import BaseModel, ConfigDict, Field, Strict, ValidationInfo, field_validator

MAX_TERMS = 500  # of a sum

_Whole: TypeAlias = Annotated[int, Strict(), Field(ge=0)]
FieldName: TypeAlias = Annotated[str, Field(description="The name of a field.")]


def digits_in(text: str) -> str:
    """Return the digits of a text, without separators."""
    return "".join(char for char in text if char in string.digits)


class RuleViolation(NamedTuple):
    """A rule that the numbers on a form break: the fields that may be wrong, and the reason."""

    fields: tuple[str, ...]
    message: str


class _Rule(BaseModel):
    """A rule; `check` gets the digits of each of its `names`, none of them empty."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class _FieldRule(_Rule):
    field: FieldName

    @property
    def names(self) -> tuple[str, ...]:
        """The fields that the rule is about."""
        return (self.field,)


class SumRule(_Rule):
    """The sum of some fields is the number in another."""

    kind: Literal["sum"]
    fields: tuple[FieldName, ...] = Field(
        min_length=1, max_length=MAX_TERMS, description=f"A list of the names of 1 to {MAX_TERMS} fields."
    )
    total: FieldName

    @property
    def names(self) -> tuple[str, ...]:
        """The fields that the rule is about."""
        return (*self.fields, self.total)

    def check(self, digits: Mapping[str, str]) -> str | None:
        """Return what is wrong, or None."""
        expected = sum(int(digits[name]) for name in self.fields)
        if int(digits[self.total]) == expected:
            return None
        return f"expected {expected}, the sum of {', '.join(self.fields)}. Received: {digits[self.total]}."


class LuhnRule(_FieldRule):
    """The last digit is a check digit by the Luhn algorithm (ISO/IEC 7812-1)."""

    kind: Literal["luhn"]

    def check(self, digits: Mapping[str, str]) -> str | None:
        """Return what is wrong, or None."""
        number = [int(digit) for digit in digits[self.field][::-1]]
        total = sum(number[0::2]) + sum(sum(divmod(2 * digit, 10)) for digit in number[1::2])
        return None if total % 10 == 0 else "expected a number with a check digit by Luhn."


class Mod97Rule(_FieldRule):
    """The number is 1 modulo 97 (ISO/IEC 7064, MOD 97-10)."""

    kind: Literal["mod97"]

    def check(self, digits: Mapping[str, str]) -> str | None:
        """Return what is wrong, or None."""
        return None if int(digits[self.field]) % 97 == 1 else "expected a number that is 1 modulo 97."


class RangeRule(_FieldRule):
    """The number is in a range, ends included."""

    kind: Literal["range"]
    minimum: _Whole = Field(0, description="A whole number of at least 0. The smallest number.")
    maximum: _Whole | None = Field(
        None, description="A whole number, at least the smallest. The largest number."
    )

    @field_validator("maximum")
    @classmethod
    def _check_maximum(cls, value: int | None, info: ValidationInfo) -> int | None:
        if value is not None and value < info.data.get("minimum", 0):
            raise ValueError("below the minimum")
        return value

    def check(self, digits: Mapping[str, str]) -> str | None:
        """Return what is wrong, or None."""
        if int(digits[self.field]) >= self.minimum and (
            self.maximum is None or int(digits[self.field]) <= self.maximum
        ):
            return None
        limits = f"at least {self.minimum}" if self.maximum is None else f"{self.minimum} to {self.maximum}"
        return f"expected a number of {limits}. Received: {digits[self.field]}."


_DATE_FORMATS = {"".join(order) for year in ("YYYY", "YY") for order in permutations(("DD", "MM", year))}


class DateRule(_FieldRule):
    """The digits are a date that exists."""

    kind: Literal["date"]
    format: str = Field(description="An order of DD, MM and YYYY or YY, such as DDMMYYYY.")

    @field_validator("format")
    @classmethod
    def _check_format(cls, value: str) -> str:
        if value not in _DATE_FORMATS:
            raise ValueError("not a date format")
        return value

    def check(self, digits: Mapping[str, str]) -> str | None:
        """Return what is wrong, or None."""
        value, directives = digits[self.field], self.format
        for name, directive in (("YYYY", "%Y"), ("YY", "%y"), ("MM", "%m"), ("DD", "%d")):
            directives = directives.replace(name, directive)
        with suppress(ValueError):
            datetime.strptime(value, directives)  # which accepts days and months of one digit, too
            if len(value) == len(self.format):
                return None
        return f"expected a date as {self.format}. Received: {value}."


Rule: TypeAlias = Annotated[
    SumRule | LuhnRule | Mod97Rule | RangeRule | DateRule, Field(discriminator="kind")
]
