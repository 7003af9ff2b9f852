"""Measure the reading of a form on pages with known contents: registration, fields, records, time and memory.

python examples/form/fill_form.py /tmp/pages --count 200
python benchmarks/forms.py examples/form/form.json /tmp/pages
"""

from __future__ import annotations

import argparse
import json
import resource
import statistics
import time
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import numpy as np

from digitrec import FormMismatchError, Reading, Recognizer
from digitrec.forms.template import Form
from digitrec.preprocessing.decode import decode
from digitrec.preprocessing.ops import disable_opencv_threads

DPI_FACTOR = 100 / 150  # the example's blank form has 150 dpi; errors are given at 100


class Page(NamedTuple):
    """The result of one page: the seconds it took, the error of its boxes, and which fields are right and accepted."""

    seconds: float
    error_px: float | None
    fields: dict[str, tuple[bool, bool]]
    is_accepted: bool


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("form", type=Path)
    parser.add_argument("pages", type=Path, help="a folder with truth.jsonl")
    parser.add_argument("--errors", action="store_true", help="print each wrong field")
    options = parser.parse_args()
    disable_opencv_threads()
    form, recognizer = Form.load(options.form), Recognizer.load()
    truths = [json.loads(line) for line in (options.pages / "truth.jsonl").read_text().splitlines()]
    recognizer.read_form(options.pages / truths[0]["file"], form)
    pages = [measure(recognizer, form, options.pages, truth, print_errors=options.errors) for truth in truths]
    report(pages)


def measure(
    recognizer: Recognizer, form: Form, folder: Path, truth: dict[str, Any], *, print_errors: bool
) -> Page:
    """Return the result of one page."""
    start = time.perf_counter()
    try:
        record = recognizer.read_form(folder / truth["file"], form)
    except FormMismatchError as error:
        print(f"{truth['file']}: {error}")
        return Page(time.perf_counter() - start, None, {}, False)
    seconds = time.perf_counter() - start
    fields = {}
    for name, expected in truth["fields"].items():
        result = record.fields[name]
        text = result.text if isinstance(result, Reading) else ""
        accepted = isinstance(result, Reading) and result.accepted
        fields[name] = (text == expected, accepted)
        if print_errors and text != expected:
            print(
                f"{truth['file']} {name}: {text!r}, expected {expected!r}{', accepted' if accepted else ''}"
            )
    return Page(seconds, box_error(form, folder, truth), fields, record.accepted)


def box_error(form: Form, folder: Path, truth: dict[str, Any]) -> float:
    """Return the largest distance of a field's corner from its true place, in pixels of the blank form at 100 dpi."""
    if form.blank is None:
        raise SystemExit("expected a form with a reference.")
    boxes = np.array([field.box for field in form.fields.values()])
    corners = np.concatenate([boxes[:, :2], boxes[:, :2] + boxes[:, 2:]])[:, np.newaxis]
    found = form.blank.register(decode(folder / truth["file"])).to_image
    true = np.array(truth["to_photo"])
    places = cv2.perspectiveTransform(cv2.perspectiveTransform(corners, found), np.linalg.inv(true))
    return float(np.linalg.norm(places - corners, axis=2).max()) * DPI_FACTOR


def report(pages: list[Page]) -> None:
    """Print the figures of some pages."""
    found = [page for page in pages if page.error_px is not None]
    errors = [page.error_px for page in found if page.error_px is not None]
    fields = [field for page in found for field in page.fields.values()]
    accepted = [right for right, is_accepted in fields if is_accepted]
    flagged = [not page.is_accepted or all(right for right, _ in page.fields.values()) for page in found]
    print(f"pages               {len(pages)}")
    print(f"registered          {len(found) / len(pages):.2%}")
    print(f"box error           median {statistics.median(errors):.2f}, max {max(errors):.2f} px at 100 dpi")
    print(f"fields right        {np.mean([right for right, _ in fields]):.2%} of {len(fields):,}")
    print(f"fields accepted     {len(accepted) / len(fields):.2%}, {np.mean(accepted):.2%} of them right")
    print(f"records accepted    {np.mean([page.is_accepted for page in found]):.2%}")
    print(f"right or flagged    {np.mean(flagged):.2%} of the records")
    print(f"seconds per page    median {statistics.median(page.seconds for page in pages):.2f}")
    print(f"peak memory         {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MB")


if __name__ == "__main__":
    main()
