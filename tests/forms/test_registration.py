from __future__ import annotations

from pathlib import Path

import cv2
import fill_form
import numpy as np
import pytest
from make_form import FormDrawing
from numpy.typing import NDArray
from PIL import Image

from digitrec import BlankImageError, FormMismatchError
from digitrec.forms.registration import BlankForm

Picture = NDArray[np.uint8]
EXAMPLE = Path(fill_form.__file__).parent
BOXES = [(90, 325, 360, 72), (1020, 325, 60, 72), (330, 1200, 240, 360), (700, 1240, 72, 72)]


@pytest.fixture(scope="module")
def blank() -> BlankForm:
    return BlankForm(np.asarray(Image.open(EXAMPLE / "blank.png")))


def photo(blank: BlankForm, seed: int) -> tuple[Picture, NDArray[np.float64]]:
    return fill_form.photograph(blank.image, np.random.default_rng([11, seed]))


def error_px(blank: BlankForm, image: Picture, true: NDArray[np.float64]) -> float:
    """Return the largest error of a box's corner, in pixels of the blank form at 100 dpi."""
    corners = np.array(
        [[x, y] for x, y, _, _ in BOXES] + [[x + w, y + h] for x, y, w, h in BOXES], np.float64
    )
    found = cv2.perspectiveTransform(corners[:, np.newaxis], blank.register(image).to_image)
    return float(
        np.linalg.norm(cv2.perspectiveTransform(found, np.linalg.inv(true))[:, 0] - corners, axis=1).max()
        / 1.5
    )


@pytest.mark.parametrize("seed", range(8))
def test_a_photo_is_registered_however_it_is_turned_and_tilted(blank: BlankForm, seed: int) -> None:
    assert error_px(blank, *photo(blank, seed)) < 3


def test_a_registration_is_the_same_each_time(blank: BlankForm) -> None:
    image, _ = photo(blank, 0)
    assert np.array_equal(blank.register(image).to_image, blank.register(image).to_image)


def test_a_small_image_is_not_changed(blank: BlankForm) -> None:
    image = cv2.resize(photo(blank, 0)[0], (600, 800), interpolation=cv2.INTER_AREA) // 2
    image.flags.writeable = False
    before = image.copy()
    blank.register(image)
    BlankForm(image)
    assert np.array_equal(image, before)


def test_a_page_that_is_almost_edge_on_is_rejected(blank: BlankForm) -> None:
    height = blank.image.shape[0]
    steep = np.array([[1, 0, 0], [0, 1, 0], [0, (0.01 - 1) / height, 1]])
    image = cv2.warpPerspective(blank.image, steep, blank.image.shape[::-1])
    with pytest.raises(FormMismatchError):
        blank.register(image)


@pytest.mark.parametrize("factor", [0.15, 0.5])
def test_a_dark_photo_is_registered(blank: BlankForm, factor: float) -> None:
    image, true = photo(blank, 1)
    assert error_px(blank, (image * factor).astype(np.uint8), true) < 3


def other_form(seed: int) -> Picture:
    """Return another form with the same font and some of the same words."""
    rng = np.random.default_rng(seed)
    form = FormDrawing()
    words = ["Seminar", "costs", "and", "feedback", "member", "number", "postcode", "mark", "signature"]
    for y in range(80, 1600, 130):
        form.text(90, y, " ".join(rng.choice(words, 4)), int(rng.choice([22, 24, 36])))
        form.comb(f"comb {y}", int(rng.integers(90, 600)), y + 40, int(rng.integers(2, 8)))
    return np.asarray(form.image)


@pytest.mark.parametrize("seed", range(4))
def test_another_form_is_rejected(blank: BlankForm, seed: int) -> None:
    image, _ = fill_form.photograph(other_form(seed), np.random.default_rng([12, seed]))
    with pytest.raises(FormMismatchError, match="another page"):
        blank.register(image)


@pytest.mark.parametrize(
    "image",
    [
        np.zeros((1, 1), np.uint8),
        np.full((10, 3000), 200, np.uint8),
        np.full((900, 700), 255, np.uint8),
        np.random.default_rng(0).integers(0, 255, (900, 700), np.uint8),
    ],
    ids=["pixel", "strip", "white", "noise"],
)
def test_an_image_without_a_form_is_rejected(blank: BlankForm, image: Picture) -> None:
    with pytest.raises(FormMismatchError, match="another page"):
        blank.register(image)


def test_a_part_of_the_form_is_rejected(blank: BlankForm) -> None:
    image, _ = photo(blank, 0)
    height, width = image.shape
    for part in (image[: height // 2], image[height // 4 :], image[:, : width // 2]):
        with pytest.raises(FormMismatchError, match="expected the whole form"):
            blank.register(part)


def test_a_mirrored_or_a_blurred_form_is_rejected(blank: BlankForm) -> None:
    image, _ = photo(blank, 0)
    for wrong in (image[:, ::-1], cv2.GaussianBlur(image, (0, 0), 0.01 * image.shape[0])):
        with pytest.raises(FormMismatchError, match="another page, or one that is too blurred"):
            blank.register(np.ascontiguousarray(wrong))


def test_two_forms_in_one_image_are_rejected(blank: BlankForm) -> None:
    first, second = (photo(blank, seed)[0] for seed in (2, 3))
    second = cv2.resize(second, first.shape[::-1], interpolation=cv2.INTER_AREA)
    with pytest.raises(FormMismatchError, match="two in one image"):
        blank.register(np.hstack([first, second]))


@pytest.mark.parametrize("bend_px", [0, 10])
@pytest.mark.parametrize("seed", range(3))
def test_nothing_is_left_of_the_print_in_a_blank_box(blank: BlankForm, seed: int, bend_px: int) -> None:
    height, width = blank.image.shape
    x, y = np.meshgrid(np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32))
    bent_y = y + bend_px * np.sin(np.pi * x / width).astype(np.float32)
    bent = cv2.remap(blank.image, x, bent_y, cv2.INTER_LINEAR)
    image, _ = fill_form.photograph(bent, np.random.default_rng([14, seed]))
    page = blank.register(image)
    assert not bend_px or np.abs(page.shifts).max() > 2
    for box in BOXES[1:]:
        with pytest.raises(BlankImageError):
            page.crop(box)


def test_ink_across_the_print_is_kept(blank: BlankForm) -> None:
    page = blank.image.copy()
    cv2.line(page, (95, 380), (445, 340), (60,), 5)  # across the dividers of a comb
    image, _ = fill_form.scan(page, np.random.default_rng(3))
    crop, to_image = blank.register(image).crop(BOXES[0])
    columns = crop.min(axis=0)
    assert np.mean(columns < 150) > 0.85
    assert to_image.shape == (3, 3)
