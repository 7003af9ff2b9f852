"""The template of a form: a picture of the blank form, its fields, and the rules between them."""

from __future__ import annotations

import codecs
from collections.abc import Iterator, Mapping
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple, TypeAlias

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, PrivateAttr, Strict, ValidationError

from digitrec.errors import BlankImageError, BusyError, DigitrecError, ImageError, InvalidFieldError
from digitrec.forms.registration import REGISTRATION_BYTES, BlankForm
from digitrec.forms.rules import Rule, RuleViolation, digits_in
from digitrec.limits import InputLimits, large_images
from digitrec.preprocessing.decode import decoded
from digitrec.preprocessing.json_images import decode_base64
from digitrec.preprocessing.normalize import PixelBox
from digitrec.reading.constraints import MAX_CHARS, MAX_DIGITS, UNCONSTRAINED, Constraint, make_constraint
from digitrec.results import FormRecord, Reading
from digitrec.validation import field_error

MAX_FIELDS = 500  # the boxes of a grid count one by one

_MIN_BOX_PX = 4
_MAX_OVERLAP = 0.05  # of the smaller box
_SIZES: dict[str, tuple[str, ...]] = {"comb": ("boxes",), "grid": ("rows", "columns")}
_DATA_URL = "data:"

_Offset = Annotated[float, Strict(), Field(ge=0, lt=1e6, allow_inf_nan=False)]
_Size = Annotated[float, Strict(), Field(gt=0, lt=1e6, allow_inf_nan=False)]
_Count = Annotated[int, Strict(), Field(ge=1, le=MAX_DIGITS)]
_Box: TypeAlias = tuple[float, float, float, float]


class FormCell(NamedTuple):
    """One result of a form: a field, or one box of a grid.

    Attributes
    ----------
    name : of the field; ``NAME[ROW][COLUMN]``, counted from 1, for a box of a grid.
    kind : ``digit``, ``number``, or ``comb`` for a number with one digit per box.
    box : left, top, width, height: pixels, or fractions of the page where all boxes of the form are at most 1.
    boxes : the number of boxes of a comb, else 1.
    constraint : what the number may be.
    required : whether it must not be blank.
    """

    name: str
    kind: Literal["digit", "number", "comb"]
    box: _Box
    boxes: int
    constraint: Constraint
    required: bool

    def accepts(self, result: Reading | DigitrecError) -> bool:
        """Return whether a result needs no check: it is accepted, or blank and not required."""
        if isinstance(result, Reading):
            return result.accepted
        return isinstance(result, BlankImageError) and not self.required

    def boxes_in_pixels(self, unit: tuple[float, float]) -> list[PixelBox]:
        """Return each box in pixels, from the left; `unit` is the width and the height of one unit."""
        left, top, width, height = self.box
        edges = [round((left + width * index / self.boxes) * unit[0]) for index in range(self.boxes + 1)]
        upper, lower = round(top * unit[1]), round((top + height) * unit[1])
        return [(start, upper, max(1, end - start), max(1, lower - upper)) for start, end in pairwise(edges)]


class FormField(BaseModel):
    """A box on a form, and what is written into it; at most one constraint on its number."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: Literal["digit", "number", "comb", "grid"] = Field(
        "number",
        description="The word digit, number, comb or grid. A comb is a row of boxes with one digit each; a grid has "
        "rows and columns of boxes, each with a digit, or with a number if it has a constraint.",
    )
    box: tuple[_Offset, _Offset, _Size, _Size] = Field(
        description="A box of four numbers: left and top at least 0, width and height above it. Pixels of the blank "
        "form, or fractions of the page if no number of the form's boxes is above 1."
    )
    boxes: _Count | None = Field(
        None, description=f"A whole number from 1 to {MAX_DIGITS}. How many boxes a comb has."
    )
    rows: _Count | None = Field(
        None, description=f"A whole number from 1 to {MAX_DIGITS}. How many rows a grid has."
    )
    columns: _Count | None = Field(
        None, description=f"A whole number from 1 to {MAX_DIGITS}. How many columns a grid has."
    )
    length: _Count | None = Field(
        None, description=f"A whole number from 1 to {MAX_DIGITS}. How many digits the number has."
    )
    pattern: str | None = Field(
        None, description="A pattern of 'd', digits and separators, such as 'dd-dd'. As in the query."
    )
    choices: Annotated[list[str], Field(min_length=1)] | None = Field(
        None, description="A list of numbers as text. The number is one of these."
    )
    required: Annotated[bool, Strict()] = Field(
        True, description="true or false. Whether a record without this number needs checking."
    )

    def cells(self, name: str) -> Iterator[FormCell]:
        """Yield the results that this field, called `name`, has.

        Raises
        ------
        InvalidFieldError : the constraint is invalid, or the kind needs other attributes.
        """
        for attribute in ("boxes", "rows", "columns"):
            is_expected = attribute in _SIZES.get(self.kind, ())
            if (getattr(self, attribute) is None) == is_expected:
                expected = f"expected {attribute}" if is_expected else f"expected no {attribute}"
                raise InvalidFieldError(
                    f"{_path(name)}.{attribute}",
                    f"{expected} in a field of the kind {self.kind}. Received: {getattr(self, attribute)}.",
                )
        try:
            constraint = make_constraint(length=self.length, pattern=self.pattern, choices=self.choices)
            if self.kind == "digit" and not constraint.single_digits.any():
                raise InvalidFieldError(
                    "kind", "expected a constraint that one digit meets. Received: another one."
                )
        except InvalidFieldError as error:
            raise InvalidFieldError(f"{_path(name)}.{error.field}", error.detail) from error
        if self.kind != "grid":
            yield FormCell(name, self.kind, self.box, self.boxes or 1, constraint, self.required)
            return
        left, top, width, height = self.box
        rows, columns = self.rows or 1, self.columns or 1
        width, height = width / columns, height / rows
        is_digit = constraint is UNCONSTRAINED or _is_one_digit(constraint)
        kind: Literal["digit", "number"] = "digit" if is_digit else "number"
        for row in range(rows):
            for column in range(columns):
                box = (left + column * width, top + row * height, width, height)
                yield FormCell(f"{name}[{row + 1}][{column + 1}]", kind, box, 1, constraint, self.required)


class Form(BaseModel):
    """A form: where its fields are on the page, what they hold, and the picture of the blank form, if there is one."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    version: Literal[1] = Field(1, description="The number 1. The version of this format.")
    name: str = Field("", max_length=200, description="A name of at most 200 characters.")
    reference: str | None = Field(
        None,
        description="A picture of the blank form. The path of its file, from the template's folder, or a data URL. "
        "Without it, the page must fill the image, or lie on a darker surface.",
    )
    fields: Annotated[dict[str, FormField], Field(min_length=1, max_length=MAX_FIELDS)] = Field(
        description=f"An object of 1 to {MAX_FIELDS} fields, each a name with an object that has a box. "
        "Choose any names."
    )
    rules: tuple[Rule, ...] = Field(
        (),
        max_length=MAX_FIELDS,
        description="A list of rules, each with a kind: sum, luhn, mod97, range or date.",
    )

    _blank: BlankForm | None = PrivateAttr(None)
    _cells: tuple[FormCell, ...] | None = PrivateAttr(None)

    @classmethod
    def load(cls, path: str | Path, limits: InputLimits | None = None) -> Form:
        """Return the form in a JSON file; a relative path of its reference is next to that file.

        Parameters
        ----------
        limits : of the reference; None means `InputLimits()`.

        Raises
        ------
        InvalidFieldError : the file is missing, is not JSON, or is not a form; or its reference cannot be used.
        """
        try:
            text = Path(path).read_bytes().removeprefix(codecs.BOM_UTF8)
        except OSError as error:
            raise InvalidFieldError(
                "form",
                f"expected a JSON file at {path}. Received: {error}. Give the path of a form template.",
            ) from error
        try:
            form = cls.model_validate_json(text)
        except ValidationError as error:
            raise field_error(error, cls, within="form") from error
        return form.prepare(folder=Path(path).parent, limits=limits)

    def prepare(
        self, *, folder: Path | None = None, picture: bytes | None = None, limits: InputLimits | None = None
    ) -> Form:
        """Make a validated form ready: check what concerns several fields, load the reference, and return it.

        Parameters
        ----------
        folder : of the reference's file; None accepts a data URL alone.
        picture : the image file of the blank form, in place of the reference.
        limits : of the reference; None means `InputLimits()`.

        Raises
        ------
        InvalidFieldError : fields overlap or have different units, there are too many, a rule names none of them, or
            the reference cannot be used.
        """
        count = sum((field.rows or 1) * (field.columns or 1) for field in self.fields.values())
        if count > MAX_FIELDS:
            raise InvalidFieldError(
                "form.fields",
                f"expected at most {MAX_FIELDS} fields and boxes of grids. Received: {count}. Split the form.",
            )
        self._check_choices()
        self._check_units()
        self._cells = tuple(cell for name, field in self.fields.items() for cell in field.cells(name))
        self._check_overlaps()
        known = {cell.name for cell in self._cells}
        if len(known) < len(self._cells):
            raise InvalidFieldError(
                "form.fields",
                "expected names that no box of a grid has. Received: one twice. Rename a field.",
            )
        for index, rule in enumerate(self.rules):
            if unknown := [name for name in rule.names if name not in known]:
                raise InvalidFieldError(
                    f"form.rules[{index}]", f"expected names of fields. Received: {unknown[0][:60]!r}."
                )
        if picture is not None or self.reference is not None:
            self._blank = _load_blank(self.reference or "", folder, picture, limits)
            height, width = self._blank.image.shape
            self.check_boxes((width, height))
        return self

    @property
    def cells(self) -> tuple[FormCell, ...]:
        """The results of the form, in order."""
        if self._cells is None:
            self.prepare()
        return self._cells or ()

    @property
    def blank(self) -> BlankForm | None:
        """The blank form, if the template has a reference."""
        if self._cells is None:
            self.prepare()
        return self._blank

    def unit(self, size: tuple[int, int]) -> tuple[float, float]:
        """Return the pixels per unit of the boxes, across and down, on a page of a width and a height."""
        is_fraction = max(max(field.box) for field in self.fields.values()) <= 1.0
        return (float(size[0]), float(size[1])) if is_fraction else (1.0, 1.0)

    def check_boxes(self, size: tuple[int, int]) -> None:
        """Check that all boxes are on a page of a width and a height in pixels.

        Raises
        ------
        InvalidFieldError : a box leaves the page.
        """
        unit = self.unit(size)
        for cell in self.cells:
            for left, top, width, height in cell.boxes_in_pixels(unit):
                if (
                    left + width > size[0] + 1
                    or top + height > size[1] + 1
                    or min(width, height) < _MIN_BOX_PX
                ):
                    raise InvalidFieldError(
                        f"{_path(cell.name)}.box",
                        f"expected a box of at least {_MIN_BOX_PX} x {_MIN_BOX_PX} pixels inside the page of "
                        f"{size[0]} x {size[1]} pixels. Received: {list(cell.box)}.",
                    )

    def record(self, results: dict[str, Reading | DigitrecError], fit: float | None) -> FormRecord:
        """Return the record of the results of all cells, with the rules that they break."""
        violations = self.violations(
            {name: result.text for name, result in results.items() if isinstance(result, Reading)}
        )
        accepted = not violations and all(cell.accepts(results[cell.name]) for cell in self.cells)
        return FormRecord(results, fit, violations, accepted)

    def violations(self, texts: Mapping[str, str]) -> tuple[RuleViolation, ...]:
        """Return the rules that are broken; a rule about a blank field is not checked.

        Parameters
        ----------
        texts : what stands in each field that is not blank, digits and separators.
        """
        digits = {name: digits_in(text) for name, text in texts.items()}
        checkable = (rule for rule in self.rules if all(digits.get(name) for name in rule.names))
        return tuple(
            RuleViolation(rule.names, message) for rule in checkable if (message := rule.check(digits))
        )

    def _check_choices(self) -> None:
        chars = sum(len(number) for field in self.fields.values() for number in field.choices or ())
        if chars > MAX_CHARS:
            raise InvalidFieldError(
                "form.fields",
                f"expected choices of {MAX_CHARS:,} characters together in all fields. Received: {chars:,}. "
                "Give fewer, or patterns.",
            )

    def _check_units(self) -> None:
        in_fractions = [name for name, field in self.fields.items() if max(field.box) <= 1]
        if 0 < len(in_fractions) < len(self.fields):
            raise InvalidFieldError(
                f"{_path(in_fractions[0])}.box",
                "expected pixels, as another field has. Received: fractions of the page. Use one unit for all.",
            )

    def _check_overlaps(self) -> None:
        names = list(self.fields)
        boxes = np.array([field.box for field in self.fields.values()])
        starts, ends = boxes[:, :2], boxes[:, :2] + boxes[:, 2:]
        sides = np.minimum(ends[:, np.newaxis], ends) - np.maximum(starts[:, np.newaxis], starts)
        areas = np.maximum(boxes[:, 2] * boxes[:, 3], 1e-12)
        shared = np.maximum(sides, 0).prod(axis=2) / np.minimum(areas[:, np.newaxis], areas)
        for second, first in np.argwhere(np.tril(shared, -1) > _MAX_OVERLAP):
            raise InvalidFieldError(
                f"{_path(names[second])}.box",
                f"expected a box that does not overlap that of {names[first][:40]!r}. "
                f"Received: {boxes[second].tolist()}.",
            )

    def fingerprint(self) -> dict[str, Any]:
        """Return what distinguishes this form from another, as JSON types."""
        return {**self.model_dump(mode="json"), "pixels": None if self._blank is None else self._blank.digest}


def _load_blank(
    reference: str, folder: Path | None, picture: bytes | None, limits: InputLimits | None
) -> BlankForm:
    source: bytes | Path | None = picture
    if picture is None and reference.startswith(_DATA_URL):
        source = decode_base64(reference, "form.reference")
    elif picture is None and folder is not None:
        source = folder / reference
    try:
        if source is not None:
            with large_images.reserve(REGISTRATION_BYTES), decoded(source, limits) as image:
                return BlankForm(image)
    except (ImageError, BusyError) as error:
        raise InvalidFieldError("form.reference", str(error)) from error
    raise InvalidFieldError(
        "form.reference",
        f"expected a data URL. Received: {reference[:40]!r}. Send the picture with the form.",
    )


def _is_one_digit(constraint: Constraint) -> bool:
    """Return whether every number that a constraint accepts has one digit."""
    after = constraint.transitions[0]
    return bool((constraint.transitions[after[after >= 0]] < 0).all())


def _path(name: str) -> str:
    return f"form.fields.{name[:40]}"
