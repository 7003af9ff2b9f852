"""Rectification of a page in a photo; lines, straightened, with their ink parted among the characters."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from digitrec import Recognizer
from digitrec.preprocessing.binarize import BinarizedPage, binarize_page
from digitrec.preprocessing.contrast import LINE_HEIGHT_PX
from digitrec.reading.character_ink import locate_characters
from digitrec.reading.page import rectify_page, transform_box
from digitrec.reading.text_lines import find_text_lines, image_as_line, line_width, straighten
from sample_digits import draw_digit, write_number

Image = NDArray[np.uint8]


def _page() -> Image:
    """Return a page of 300 x 200 px with a digit whose box is about (120, 70, 60, 60)."""
    page = np.full((200, 300), 225, np.uint8)
    np.minimum(page[70:130, 120:180], draw_digit(8, 60, 5, digit_px=48), out=page[70:130, 120:180])
    return page


def _on_table(corners: list[tuple[float, float]], table: int = 70) -> Image:
    photo = np.full((480, 640), table, np.uint8)
    photo[:, ::7] -= 10  # wood
    source = np.array([[0, 0], [300, 0], [300, 200], [0, 200]], np.float32)
    matrix = cv2.getPerspectiveTransform(source, np.array(corners, np.float32))
    cv2.warpPerspective(_page(), matrix, (640, 480), dst=photo, borderMode=cv2.BORDER_TRANSPARENT)
    return photo


@pytest.mark.parametrize("shape", [(1, 1), (1, 500), (60, 60), (400, 600)])
@pytest.mark.parametrize("level", [0, 200, 255])
def test_uniform_image_has_no_page(shape: tuple[int, int], level: int) -> None:
    assert rectify_page(np.full(shape, level, np.uint8)) is None


def test_page_that_fills_the_image_and_bright_patch_without_writing_are_no_pages() -> None:
    assert rectify_page(cv2.resize(_page(), (900, 600))) is None
    photo = np.full((480, 640), 70, np.uint8)
    photo[100:380, 120:520] = 225
    assert rectify_page(photo) is None


@pytest.mark.parametrize("size", [(480, 640), (480, 580), (400, 500)])
def test_bright_frame_on_black_is_not_a_page(size: tuple[int, int]) -> None:
    photo = np.zeros((480, 640), np.uint8)
    height, width = size
    cv2.rectangle(photo, (0, 0), (width - 1, height - 1), (255,), 20)
    assert rectify_page(photo) is None


@pytest.mark.parametrize("seed", range(80))
def test_uneven_light_on_paper_is_not_a_page(seed: int) -> None:
    rng = np.random.default_rng(seed)
    height, width = int(rng.integers(60, 400)), int(rng.integers(200, 800))
    shadow = np.zeros((height, width), np.float32)
    corners = cv2.convexHull((rng.uniform(-0.1, 1.1, (6, 2)) * (width, height)).astype(np.int32))
    cv2.fillConvexPoly(shadow, corners, (1.0,))
    light = 1 - rng.uniform(0.2, 0.5) * cv2.GaussianBlur(shadow, (0, 0), rng.uniform(0.02, 0.1) * width)
    paper = np.full((height, width), 225, np.uint8)
    write_number(paper, "2358", width // 8, height // 4, size_px=height // 2, step_px=width // 6)
    photo = paper * (light if seed % 2 else 1.2 - light / light.max()) + rng.normal(0, 4, paper.shape)
    assert rectify_page(photo.clip(0, 255).astype(np.uint8)) is None


@pytest.mark.parametrize(
    "bright", [np.s_[:, :90], np.s_[:, 90:180], np.s_[:, 270:], np.s_[:50], np.s_[50:], np.s_[40:, 180:]]
)
@pytest.mark.parametrize("dark_level", [60, 110, 160])
def test_bright_part_of_a_row_is_not_a_page(
    recognizer: Recognizer, bright: tuple[slice, ...], dark_level: int
) -> None:
    row = np.full((90, 360), 230, np.uint8)
    write_number(row, "2748", 10, 20, size_px=56, step_px=90)
    photo = np.asarray(row * (dark_level / 230), np.uint8)
    photo[bright] = row[bright]
    assert rectify_page(photo) is None
    reading = recognizer.read(photo)
    assert reading.text == "2748" or not reading.accepted


@pytest.mark.parametrize("rule_px", range(2, 8))
@pytest.mark.parametrize("number", ["38153", "1100", "7"])
@pytest.mark.parametrize("sides", ["bottom", "top and bottom", "left"])
def test_ruled_lines_and_digits_at_the_edges_of_a_crop_are_not_a_table(
    rule_px: int, number: str, sides: str
) -> None:
    crop = np.full((80, 60 * len(number)), 225, np.uint8)
    write_number(crop, number, 0, 14, size_px=56, step_px=58)
    rules = {"bottom": crop[80 - rule_px :], "left": crop[:, :rule_px]}.get(sides, crop[:rule_px])
    rules[:] = 60
    if sides == "top and bottom":
        crop[78 - rule_px : 78] = 60
    assert rectify_page(crop) is None


@pytest.mark.parametrize("digit", [0, 1, 4, 7, 8])
def test_bold_light_digit_on_dark_is_not_a_page(digit: int) -> None:
    assert rectify_page(255 - draw_digit(digit, 400, 90, digit_px=320)) is None


@pytest.mark.parametrize(
    "corners",
    [
        [(120, 100), (520, 100), (520, 370), (120, 370)],
        [(150, 80), (540, 140), (500, 400), (110, 340)],  # rotated
        [(200, 110), (450, 120), (560, 400), (90, 390)],  # seen from below
        [(100, 140), (500, 90), (540, 380), (130, 330)],
    ],
)
def test_page_is_rectified(corners: list[tuple[float, float]]) -> None:
    photo = _on_table(corners)
    page = rectify_page(photo)
    assert page is not None
    height, width = page.image.shape
    small = cv2.resize(page.image, (300, 200), interpolation=cv2.INTER_AREA)
    assert np.abs(small.astype(int) - _page()).mean() < 12
    box = (round(0.4 * width), round(0.35 * height), round(0.2 * width), round(0.3 * height))
    left, top, box_width, box_height = transform_box(box, page.to_photo)
    inside = photo[top : top + box_height, left : left + box_width]
    assert inside.min() < 60  # the digit
    assert 20 < box_width < 200
    assert 20 < box_height < 200


@pytest.mark.parametrize("rim_px", [8, 12, 16])
def test_page_with_a_narrow_rim_of_table_is_rectified(rim_px: int) -> None:
    width, height = 640 - rim_px, 480 - rim_px
    corners = [(rim_px, rim_px), (width, rim_px), (width, height), (rim_px, height)]
    assert rectify_page(_on_table([(float(x), float(y)) for x, y in corners])) is not None


@pytest.mark.parametrize(
    "corners",
    [
        [(-60, 110), (700, 100), (700, 380), (-60, 390)],  # a strip
        [(80, -60), (560, -60), (550, 540), (90, 540)],
        [(-40, -40), (560, -40), (564, 390), (-40, 385)],  # with one corner in the photo
    ],
)
def test_page_with_fewer_than_two_corners_is_rectified_on_a_plain_table(
    corners: list[tuple[float, float]],
) -> None:
    assert rectify_page(_on_table(corners)) is not None


@pytest.mark.parametrize("right", [560, 700])
def test_page_with_two_corners_is_rectified_on_a_table_with_strokes(right: int) -> None:
    photo = _on_table([(100, 100), (right, 100), (right, 380), (100, 380)])
    cv2.line(photo, (20, 60), (40, 420), (10,), 8)
    assert rectify_page(photo) is not None


def test_digit_on_a_page_is_located_in_the_photo(recognizer: Recognizer) -> None:
    reading = recognizer.read(_on_table([(150, 80), (540, 140), (500, 400), (110, 340)]))
    assert reading.text == "8"
    left, top, width, height = reading.digits[0].box
    assert left < 325 < left + width
    assert top < 240 < top + height


def _blank(height: int, width: int) -> Image:
    return np.full((height, width), 255, np.uint8)


@pytest.mark.parametrize("shape", [(1, 1), (1, 50), (50, 1), (48, 48), (300, 40)])
def test_any_image_can_be_one_line(shape: tuple[int, int]) -> None:
    line = image_as_line(np.full(shape, 200, np.uint8))
    assert line.image.shape[0] == LINE_HEIGHT_PX
    assert line.image.shape[1] >= 4
    assert (line.image == 200).all()


def test_padding_of_a_whole_image_has_its_background_level() -> None:
    page = _blank(60, 40)
    page[:, 8:22] = 0
    line = image_as_line(page).image
    assert (line[0] == 255).all()
    np.testing.assert_allclose(255 - image_as_line(255 - page).image, line, atol=1)


@pytest.mark.parametrize(
    ("size", "written", "digits"),
    [
        ((300, 400), [("58", 40, 200), ("214", 40, 20), ("3067", 40, 110)], [3, 4, 2]),  # from top to bottom
        (
            (240, 700),
            [
                ("21", 20, 10),
                ("305", 20, 85),
                ("4", 20, 160),
                ("583", 420, 10),
                ("67", 420, 85),
                ("9021", 420, 160),
            ],
            [2, 3, 1, 3, 2, 4],  # in columns
        ),
        ((80, 700), [("21", 20, 10), ("58", 420, 10)], [4]),  # a wide gap
    ],
)
def test_lines_are_sorted_by_column_and_row(
    size: tuple[int, int], written: list[tuple[str, int, int]], digits: list[int]
) -> None:
    page = _blank(*size)
    for text, left, top in written:
        write_number(page, text, left, top)
    _, lines = find_text_lines(page)
    assert [len(line.components) for line in lines] == digits
    assert {round(line.text_height_px, -1) for line in lines} == {50}


@pytest.mark.parametrize(("pitch_px", "offset_px"), [(76, 40), (84, 42), (100, 50)])
@pytest.mark.parametrize("texts", [("285", "471", "936", "258"), ("7", "62", "936", "19")])
def test_lines_of_staggered_columns_are_not_joined(
    pitch_px: int, offset_px: int, texts: tuple[str, ...]
) -> None:
    page = _blank(120 + 4 * pitch_px, 860)
    for row, text in enumerate(texts):
        write_number(page, text, 30, 20 + row * pitch_px)
        write_number(page, text, 560, 20 + row * pitch_px + offset_px)
    _, lines = find_text_lines(page)
    assert sorted(len(line.components) for line in lines) == sorted(map(len, 2 * texts))


@pytest.mark.parametrize("rise_px", [-20, 0, 6, 14, 26])
@pytest.mark.parametrize("comma", [(20, 46), (24, 50), (34, 62), (40, 66)])
def test_a_large_comma_does_not_end_its_line(rise_px: int, comma: tuple[int, int]) -> None:
    page = _blank(130, 500)
    write_number(page, "458", 20, 40)
    write_number(page, "480", 250, 40 - rise_px)
    top, bottom = comma
    cv2.line(page, (230, 40 + top), (222, 40 + bottom), (0,), 5)
    _, lines = find_text_lines(page)
    assert [len(line.components) for line in lines] == [7]


@pytest.mark.parametrize("pitch_px", [50, 56, 70])
def test_lines_with_little_space_between_them_are_not_merged(pitch_px: int) -> None:
    page = _blank(240, 300)
    for row, text in enumerate(["285", "036", "892"]):
        write_number(page, text, 30, 20 + row * pitch_px, size_px=52)
    _, lines = find_text_lines(page)
    assert [len(line.components) for line in lines] == [3, 3, 3]


@pytest.mark.parametrize("digit", range(10))
@pytest.mark.parametrize("bar_px", [4, 10, 16])
def test_the_bars_of_a_sum_do_not_change_the_height_of_its_lines(digit: int, bar_px: int) -> None:
    page = _blank(500, 400)
    for top in (30, 190, 370):
        np.minimum(
            page[top : top + 110, 200:310], draw_digit(digit, 110, 8), out=page[top : top + 110, 200:310]
        )
    cv2.line(page, (30, 245), (100, 240), (0,), bar_px)
    cv2.line(page, (40, 335), (360, 330), (0,), bar_px)
    _, lines = find_text_lines(page)
    assert len(lines) == 3
    assert all(0.8 < line.text_height_px / lines[0].text_height_px < 1.25 for line in lines)


@pytest.mark.parametrize("visible_px", [4, 12, 20])
@pytest.mark.parametrize("text", ["058", "777", "23690"])
def test_lines_that_the_image_cuts_off_are_left_out(visible_px: int, text: str) -> None:
    page = _blank(300, 400)
    for top in (0, 100, 200):
        write_number(page, text, 30, top, size_px=60)
    _, (line,) = find_text_lines(page[54 - visible_px : 206 + visible_px])
    assert len(line.components) == len(text)
    assert line.y == pytest.approx(76 + visible_px, abs=6)


@pytest.mark.parametrize("mark", [(200, 20), (20, 8), (300, 60)])
@pytest.mark.parametrize("flip", [1, -1])
def test_digits_at_the_edge_are_kept_beside_a_mark(mark: tuple[int, int], flip: int) -> None:
    page = _blank(130, 330)
    write_number(page, "2847", 15, 50, step_px=50)
    page = page[: int(np.flatnonzero((page < 128).any(axis=1))[-1]) - 3]
    cv2.circle(page, mark, 5, (0,), -1)
    _, (line,) = find_text_lines(np.ascontiguousarray(page[::flip]))
    assert len(line.components) == 5


def test_a_line_that_fills_the_image_is_not_cut_off() -> None:
    page = _blank(160, 240)
    write_number(page, "058", 30, 0)
    write_number(page, "231", 30, 100)
    _, lines = find_text_lines(page[6:154])
    assert [len(line.components) for line in lines] == [3, 3]


@pytest.mark.parametrize("slope", [-0.15, 0.0, 0.15])
@pytest.mark.parametrize("bend", [-0.0004, 0.0, 0.0004])
def test_slanted_and_curved_lines_are_straightened(slope: float, bend: float) -> None:
    page = _blank(400, 800)
    for index in range(11):
        left = 40 + 62 * index
        write_number(
            page, str(index % 10), left, round(170 + slope * (left - 370) + bend * (left - 370) ** 2)
        )
    _, (line,) = find_text_lines(page)
    straight = straighten(page, line, 38.0).image
    inked = straight < 128
    centers = [
        float(np.flatnonzero(inked[:, start : start + 60].any(axis=1)).mean())
        for start in range(0, straight.shape[1] - 60, 40)
        if inked[:, start : start + 60].any()
    ]
    assert np.ptp(centers) < 8
    assert abs(straight.shape[1] - line_width(line, 38.0)) < 0.35 * straight.shape[1]


def test_column_of_a_line_maps_to_the_image() -> None:
    page = _blank(90, 300)
    page[20:70, 200:206] = 0
    page[20:70, 60:66] = 0
    _, (line,) = find_text_lines(page)
    straight = straighten(page, line, 38.0)
    columns = np.flatnonzero(straight.image.min(axis=0) < 64)
    assert straight.x(columns[0]) == pytest.approx(60, abs=2)
    assert straight.x(columns[-1] + 1) == pytest.approx(206, abs=2)


def test_each_character_has_its_own_ink() -> None:
    page = _blank(80, 300)
    write_number(page, "2830", 10, 10)
    ink, (line,) = find_text_lines(page)
    peaks = [(40 + 60 * index) * ink.scale for index in range(4)]
    characters = locate_characters(ink, line.components, peaks)
    for index, part in enumerate(characters):
        left, _, right, _ = (edge / ink.scale for edge in part.box)
        assert 10 + 60 * index <= left < right <= 70 + 60 * index
        assert part.ink.shape == (28, 28)
        assert part.ink.max() == pytest.approx(1.0, abs=0.05)


def test_touching_characters_are_split_where_the_ink_is_thinnest() -> None:
    page = _blank(90, 140)
    cv2.ellipse(page, (45, 45), (22, 30), 0, 0, 360, (0,), 6)
    cv2.ellipse(page, (93, 45), (22, 30), 0, 0, 360, (0,), 6)
    page[43:47, 60:80] = 0
    ink, (line,) = find_text_lines(page)
    first, second = locate_characters(ink, line.components, [45 * ink.scale, 93 * ink.scale])
    assert first.box[2] / ink.scale == pytest.approx(69, abs=8)
    assert second.box[0] / ink.scale == pytest.approx(69, abs=8)


def test_boxes_around_characters_are_not_their_ink() -> None:
    page = _blank(100, 360)
    write_number(page, "283", 40, 20, step_px=100)
    plain_ink, (line,) = find_text_lines(page)
    peaks = [70.0, 170.0, 270.0]
    plain = locate_characters(plain_ink, line.components, [peak * plain_ink.scale for peak in peaks])
    for left in (25, 125, 225):
        cv2.rectangle(page, (left, 8), (left + 90, 92), (0,), 2)
    framed_ink = binarize_page(page)
    components = np.arange(1, len(framed_ink.boxes))
    framed = locate_characters(framed_ink, components, [peak * framed_ink.scale for peak in peaks])
    for one, other in zip(plain, framed, strict=True):
        assert np.allclose(
            np.array(one.box) / plain_ink.scale, np.array(other.box) / framed_ink.scale, atol=4
        )


def test_character_without_ink_keeps_its_part_of_the_line() -> None:
    page = _blank(80, 300)
    write_number(page, "2", 10, 10)
    ink, (line,) = find_text_lines(page)
    characters = locate_characters(ink, line.components, [40 * ink.scale, 64 * ink.scale])
    assert characters[0].ink.any()
    assert not characters[1].ink.any()
    assert characters[1].box[2] >= characters[1].box[0]


def test_characters_that_the_binarization_took_for_background_have_columns_and_no_ink() -> None:
    """The line model sees the grayscale image, and so more than the components."""
    background = np.array([[0, 0, 90, 40, 3600]], np.int32)
    blank = BinarizedPage(np.zeros((40, 90), np.float32), np.zeros((40, 90), np.int32), background, 20.0, 1.0)
    characters = locate_characters(blank, np.array([], np.intp), [20.0, 60.0])
    assert [character.box for character in characters] == [(0, 0, 40, 40), (40, 0, 90, 40)]
    assert not any(character.ink.any() for character in characters)
