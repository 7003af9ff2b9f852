#!/usr/bin/env python3
"""Fill the form of this example by synthetic or real hands, and photograph or scan the pages.

python examples/form/fill_form.py OUTPUT --count 20           photos, and truth.jsonl with what is on them
python examples/form/fill_form.py OUTPUT --count 20 --scan
python examples/form/fill_form.py OUTPUT --count 20 --unipen FOLDER    by writers that no network was trained on
"""

from __future__ import annotations

import argparse
import json
from collections import defaultdict
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from digitrec.training.characters import split_by_writer
from digitrec.training.data.unipen import load_unipen
from digitrec.training.samples import SPLIT_SEED
from digitrec.training.synthetic.digit_templates import DIGIT_TEMPLATES
from digitrec.training.synthetic.strokes import sample_strokes

FOLDER = Path(__file__).parent
CELL_PX = 60
MAX_TILT_DEGREES = 25.0
_SUBPIXEL_BITS = 4

Image = NDArray[np.uint8]
Matrix = NDArray[np.float64]
Glyphs = dict[str, list[list[NDArray[np.floating[Any]]]]]  # the strokes of each sample of a character

DASH = "30,50 70,50"
HELD_OUT_FRACTION = 0.1  # of the writers of UNIPEN, as in training


class Hand(NamedTuple):
    """How one person writes.

    Attributes
    ----------
    draw : returns the strokes of a character, (N, 2) of x, y each, in the center of a square of side 1.
    size_px, pen_px, gray : the height of a digit, the width and the gray level of the pen.
    """

    draw: Callable[[str, np.random.Generator], Sequence[NDArray[np.floating[Any]]]]
    size_px: float
    pen_px: float
    gray: int


def random_hand(rng: np.random.Generator, writers: Sequence[Glyphs] = ()) -> Hand:
    """Return a random hand: one of `writers`, or a synthetic one."""
    if writers:
        draw, size_px = _real_digits(writers[rng.integers(len(writers))]), rng.uniform(36, 52)
    else:
        drawings = {
            str(digit): str(rng.choice([item.drawing for item in DIGIT_TEMPLATES if item.label == digit]))
            for digit in range(10)
        }
        size_px = rng.uniform(36, 52)
        draw = _synthetic_digits(drawings, slant=rng.uniform(-0.1, 0.3))
    return Hand(draw, size_px, rng.uniform(3, 6), int(rng.integers(20, 90)))


def _synthetic_digits(
    drawings: dict[str, str], slant: float
) -> Callable[..., Sequence[NDArray[np.floating[Any]]]]:
    shear = np.array([[0.75, 0], [-slant, 1]])

    def draw(char: str, rng: np.random.Generator) -> Sequence[NDArray[np.floating[Any]]]:
        return [(points - 0.5) @ shear for points in sample_strokes(drawings.get(char, DASH), rng).strokes]

    return draw


def _real_digits(glyphs: Glyphs) -> Callable[..., Sequence[NDArray[np.floating[Any]]]]:
    def draw(char: str, rng: np.random.Generator) -> Sequence[NDArray[np.floating[Any]]]:
        return glyphs[char][rng.integers(len(glyphs[char]))]

    return draw


def held_out_writers(folder: Path) -> list[Glyphs]:
    """Return the digits of the writers of UNIPEN that no network was trained on, each with a height of about 1."""
    _, characters = split_by_writer(load_unipen(folder), HELD_OUT_FRACTION, SPLIT_SEED)
    by_writer: dict[str, Glyphs] = defaultdict(lambda: defaultdict(list))
    for label, strokes, writer in characters:
        if label.isdigit():
            points = np.concatenate(strokes)
            center = (points.min(axis=0) + points.max(axis=0)) / 2
            by_writer[writer][label].append([stroke - center for stroke in strokes])
    for glyphs in by_writer.values():
        heights = [np.ptp(np.concatenate(strokes)[:, 1]) for found in glyphs.values() for strokes in found]
        for found in glyphs.values():
            found[:] = [[stroke / np.median(heights) for stroke in strokes] for strokes in found]
        glyphs["-"] = [[np.array([[-0.2, 0], [0.2, 0]])]]
    return [glyphs for glyphs in by_writer.values() if len(glyphs) == len("0123456789-")]


def random_values(rng: np.random.Generator) -> dict[str, str]:
    """Return random contents of the form's fields that keep its rules."""
    member = rng.integers(0, 10, 5).tolist()
    costs = {"train": rng.integers(10, 400), "hotel": rng.integers(50, 900), "meals": rng.integers(5, 200)}
    return {
        "member": "".join(map(str, [*member, luhn_digit(member)])),
        "date_of_birth": f"{rng.integers(1, 29):02}{rng.integers(1, 13):02}{rng.integers(1930, 2010)}",
        "postcode": f"{rng.integers(1000, 99999):05}",
        "telephone": f"{rng.integers(1000, 9999)}-{rng.integers(0, 9999):04}",
        **{name: str(value) for name, value in costs.items()},
        "total": str(sum(costs.values())),
        **{
            f"ratings[{row}][{column}]": str(rng.integers(1, 7))
            for row in range(1, 6)
            for column in range(1, 5)
        },
        "mark": str(rng.integers(1, 7)),
    }


def luhn_digit(digits: list[int]) -> int:
    """Return the check digit after `digits` (ISO/IEC 7812)."""
    doubled = [
        digit if index % 2 else 2 * digit - 9 * (digit > 4) for index, digit in enumerate(digits[::-1])
    ]
    return -sum(doubled) % 10


def fill(
    blank: Image, fields: dict[str, Any], values: dict[str, str], hand: Hand, rng: np.random.Generator
) -> Image:
    """Return the blank form with `values` written into it by a hand."""
    page = blank.copy()
    for name, field in fields.items():
        x, y, width, _ = field["box"]
        match field.get("kind", "number"):
            case "comb":
                for index, digit in enumerate(values[name]):
                    _write(page, digit, (x + CELL_PX * (index + 0.5), y + 36), hand, rng)
            case "grid":
                for row in range(field["rows"]):
                    for column in range(field["columns"]):
                        value = values[f"{name}[{row + 1}][{column + 1}]"]
                        _write(page, value, (x + CELL_PX * (column + 0.5), y + 72 * row + 36), hand, rng)
            case "digit":
                _write(page, values[name], (x + width / 2, y + 36), hand, rng)
            case _:
                step = rng.uniform(0.8, 0.95) * hand.size_px
                for index, char in enumerate(values[name]):
                    _write(page, char, (x + 40 + step * index, y + 36), hand, rng)
    return page


def _write(page: Image, char: str, center: tuple[float, float], hand: Hand, rng: np.random.Generator) -> None:
    for stroke in hand.draw(char, rng):
        points = stroke * hand.size_px + center + rng.normal(0, 2, 2)
        fixed = (points * 2**_SUBPIXEL_BITS).round().astype(np.int32)
        cv2.polylines(page, [fixed], False, (hand.gray,), round(hand.pen_px), cv2.LINE_AA, _SUBPIXEL_BITS)


def scan(page: Image, rng: np.random.Generator) -> tuple[Image, Matrix]:
    """Return the page as a flatbed scanner sees it, slightly turned, and the homography from the page to it."""
    height, width = page.shape
    dpi_factor = rng.choice([100, 150, 200, 300]) / 150
    angle = rng.uniform(-2, 2)
    matrix = np.vstack([cv2.getRotationMatrix2D((width / 2, height / 2), angle, dpi_factor), [0, 0, 1]])
    size = (round(width * dpi_factor), round(height * dpi_factor))
    matrix[:2, 2] += (np.array(size) - (width, height)) / 2
    image = cv2.warpPerspective(page, matrix, size, flags=_interpolation(dpi_factor), borderValue=(250,))
    return _expose(image, np.full(image.shape, 0.97), 0.4, 2.0, rng), matrix


def photograph(page: Image, rng: np.random.Generator) -> tuple[Image, Matrix]:
    """Return a photo of the page on a table, turned and tilted, and the homography from the page to it."""
    longer_side = rng.uniform(600, 3000)
    quarter_turns = int(rng.integers(4))
    shape = (round(longer_side), round(0.75 * longer_side))
    if quarter_turns % 2:
        shape = shape[::-1]
    matrix = _camera(page.shape, shape, quarter_turns, rng)
    soft = cv2.GaussianBlur(page, (0, 0), max(0.1, 0.35 / _scale(matrix)))
    image = cv2.warpPerspective(soft, matrix, shape[::-1])
    paper = cv2.warpPerspective(np.ones_like(page), matrix, shape[::-1], flags=cv2.INTER_NEAREST)
    table = rng.uniform(20, 140) + rng.normal(0, 10, (8, 8))
    table = cv2.resize(table.astype(np.float32), shape[::-1], interpolation=cv2.INTER_CUBIC)
    image = np.where(paper > 0, image, table.clip(0, 255)).astype(np.uint8)
    return _expose(image, _light(shape, rng), rng.uniform(0.3, 0.9), rng.uniform(1, 6), rng), matrix


def _camera(
    page: tuple[int, ...], photo: tuple[int, int], quarter_turns: int, rng: np.random.Generator
) -> Matrix:
    """Return the homography of a pinhole camera over a page that is turned in its plane, and tilted out of it."""
    height, width = page
    turn = np.deg2rad(90 * quarter_turns + rng.uniform(-12, 12))
    tilt, direction = np.deg2rad(rng.uniform(0, MAX_TILT_DEGREES)), rng.uniform(0, 2 * np.pi)
    axis = np.array([np.cos(direction), np.sin(direction), 0.0])
    rotation = cv2.Rodrigues(tilt * axis)[0] @ cv2.Rodrigues(np.array([0.0, 0.0, turn]))[0]
    corners = np.array([[x, y, 0.0] for x in (-width / 2, width / 2) for y in (-height / 2, height / 2)])
    distance = 2.0 * max(page)
    turned = corners @ rotation.T + (0, 0, distance)
    seen = turned[:, :2] / turned[:, 2:]
    low, high = seen.min(axis=0), seen.max(axis=0)
    scale = rng.uniform(0.82, 0.97) * min(photo[1] / (high - low)[0], photo[0] / (high - low)[1])
    target = (seen - (low + high) / 2) * scale + (photo[1] / 2, photo[0] / 2)
    source = corners[:, :2] + (width / 2, height / 2)
    return np.asarray(cv2.getPerspectiveTransform(source.astype(np.float32), target.astype(np.float32)))


def _light(shape: tuple[int, ...], rng: np.random.Generator) -> NDArray[np.float32]:
    """Return uneven light with a soft shadow, (H, W) float32."""
    height, width = shape
    light = cv2.resize(
        rng.uniform(0.7, 1.0, (3, 3)).astype(np.float32), (width, height), interpolation=cv2.INTER_CUBIC
    )
    if rng.random() < 0.6:
        corners = rng.uniform(0, 1, (4, 2)) * (width, height)
        shadow = np.zeros(shape, np.float32)
        cv2.fillConvexPoly(shadow, cv2.convexHull(corners.astype(np.int32)), (1.0,))
        light *= 1 - rng.uniform(0.15, 0.45) * cv2.GaussianBlur(
            shadow, (0, 0), rng.uniform(0.005, 0.04) * width
        )
    return light


def _expose(
    image: Image, light: NDArray[np.floating[Any]], blur_px: float, noise: float, rng: np.random.Generator
) -> Image:
    soft = cv2.GaussianBlur(image, (0, 0), blur_px)
    noisy = soft * light + rng.normal(0, noise, image.shape)
    return noisy.clip(0, 255).astype(np.uint8)


def _scale(matrix: Matrix) -> float:
    return float(np.sqrt(abs(np.linalg.det(matrix[:2, :2]))))


def _interpolation(scale: float) -> int:
    return cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR


def make_pages(output: Path, count: int, seed: int, *, as_scan: bool, writers: Sequence[Glyphs] = ()) -> None:
    """Write `count` pages, and a line of truth.jsonl for each: its file, its values, and its homography."""
    blank = cv2.imread(str(FOLDER / "blank.png"), cv2.IMREAD_GRAYSCALE)
    fields = json.loads((FOLDER / "form.json").read_text())["fields"]
    output.mkdir(parents=True, exist_ok=True)
    with (output / "truth.jsonl").open("w") as truth:
        for number in range(count):
            rng = np.random.default_rng([seed, number])
            values = random_values(rng)
            page = fill(blank, fields, values, random_hand(rng, writers), rng)
            image, matrix = (scan if as_scan else photograph)(page, rng)
            name = f"{number:04}.jpg"
            cv2.imwrite(str(output / name), image, [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(60, 95))])
            truth.write(json.dumps({"file": name, "fields": values, "to_photo": matrix.tolist()}) + "\n")


def main() -> None:
    """Write the pages that the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("output", type=Path, help="a folder")
    parser.add_argument("--count", type=int, default=20, help="default: %(default)s")
    parser.add_argument("--seed", type=int, default=0, help="default: %(default)s")
    parser.add_argument("--scan", action="store_true", help="scans instead of photos")
    parser.add_argument(
        "--unipen", type=Path, help="the folder of UNIPEN: real hands instead of synthetic ones"
    )
    options = parser.parse_args()
    writers = held_out_writers(options.unipen) if options.unipen else ()
    make_pages(options.output, options.count, options.seed, as_scan=options.scan, writers=writers)


if __name__ == "__main__":
    main()
