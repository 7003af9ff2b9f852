"""Find a sheet of paper in a photo by its corners, and rectify its perspective."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from digitrec.preprocessing.normalize import PixelBox
from digitrec.preprocessing.ops import GrayImage, Mask, downscale

_WORKING_SIZE_PX = 320  # longer side of the image in which the corners are found
_MIN_AREA_FRACTION, _MAX_AREA_FRACTION = 0.15, 0.94  # of the image that the sheet covers
_MIN_FILLED_FRACTION = 0.93  # of the quadrilateral around it
_MIN_BRIGHTNESS_STEP = 30.0  # gray levels, of the sheet's median above its surroundings'
_INK_CONTRAST = 25.0  # gray levels of ink below the sheet
_INK_FRACTIONS = (0.0005, 0.4)  # of the sheet that is ink
_RULED_LINE_PX = 10  # next to the sheet: a narrower dark strip is a ruled line or a stroke
_PROFILE_PX = 8  # across an edge, on either side
_EDGE_PX = 3  # of a sheet's edge in focus; that of a shadow is wider
_EDGE_STEP_FRACTION = 0.45  # of the sheet's brightness above its surroundings: the step within the edge ...
_SHARP_FRACTION = 0.8  # ... and how much of each side has it
_CORNER_TOLERANCES = (0.008, 0.015, 0.03)  # of the outline's length, for its polygon approximation
# What has fewer corners in the image may be a part of the paper that is out of the shade: its other corners are where
# its sides meet the image's border.
_MIN_CORNERS, _BORDER_PX = 2, 3
_STROKE_PX = 21  # maximum width of a stroke in the shade


@dataclass(frozen=True, eq=False)
class RectifiedPage:
    """A sheet with its perspective corrected.

    Attributes
    ----------
    image : (H, W) uint8.
    to_photo : (3, 3) float64, the homography from its pixels to the photo's.
    """

    image: GrayImage
    to_photo: NDArray[np.float64]


def transform_box(box: PixelBox, homography: NDArray[np.float64]) -> PixelBox:
    """Return the bounding box of where a (3, 3) homography maps a box: left, top, width, height."""
    left, top, width, height = box
    corners = np.array(
        [[left, top], [left + width, top], [left + width, top + height], [left, top + height]], np.float64
    )
    points = cv2.perspectiveTransform(corners[:, np.newaxis], homography)[:, 0]
    (x, y), (right, bottom) = points.min(axis=0), points.max(axis=0)
    return round(x), round(y), max(1, round(right - x)), max(1, round(bottom - y))


def rectify_page(photo: GrayImage) -> RectifiedPage | None:
    """Return the bright sheet with writing on a darker surface; None where there is no such sheet.

    Parameters
    ----------
    photo : (H, W) uint8.
    """
    small_photo = downscale(photo, _WORKING_SIZE_PX)
    if min(small_photo.shape) < _WORKING_SIZE_PX // 8 or small_photo.min() == small_photo.max():
        return None
    smooth = np.asarray(cv2.GaussianBlur(small_photo, (0, 0), 2.0), np.uint8)
    _, bright = cv2.threshold(smooth, 0, 1, cv2.THRESH_BINARY | cv2.THRESH_OTSU)
    corners = _corners(np.asarray(bright, np.uint8))
    if corners is None or not _is_page(smooth, corners):
        return None
    scale = max(photo.shape) / max(small_photo.shape)
    return _rectify(photo, (corners + 0.5) * scale - 0.5)


def _corners(bright: Mask) -> NDArray[np.float64] | None:
    """Return the corners of the largest bright region, clockwise from the top left, (4, 2); None if it has not four."""
    outlines, _ = cv2.findContours(bright, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
    if not outlines:
        return None
    hull = cv2.convexHull(max(outlines, key=cv2.contourArea))
    area = cv2.contourArea(hull)
    if not _MIN_AREA_FRACTION <= area / bright.size <= _MAX_AREA_FRACTION:
        return None
    length = cv2.arcLength(hull, closed=True)
    figures = (cv2.approxPolyDP(hull, tolerance * length, closed=True) for tolerance in _CORNER_TOLERANCES)
    figure = next((item for item in figures if len(item) <= 4), hull)
    if len(figure) != 4 or abs(area - cv2.contourArea(figure)) > (1.0 - _MIN_FILLED_FRACTION) * area:
        return None
    corners = figure[:, 0].astype(np.float64)
    turned = np.roll(corners, -int(corners.sum(axis=1).argmin()), axis=0)
    across, down = turned[1] - turned[0], turned[3] - turned[0]
    return turned if across[0] * down[1] > across[1] * down[0] else turned[[0, 3, 2, 1]]


def _is_page(smooth: GrayImage, corners: NDArray[np.float64]) -> bool:
    inside = np.zeros(smooth.shape, np.uint8)
    cv2.fillConvexPoly(inside, corners.round().astype(np.int32), (1,))
    inner = cv2.erode(inside, np.ones((7, 7), np.uint8)) > 0
    outer = inside == 0
    if inside[[0, -1]].any() or inside[:, [0, -1]].any():  # the table is not all around
        side = 2 * _RULED_LINE_PX + 1
        outer = cv2.dilate(inside, np.ones((side, side), np.uint8)) == 0
    if not inner.any() or not outer.any():
        return False
    background = float(np.median(smooth[inner]))
    step = background - float(np.median(smooth[outer]))
    ink = float((smooth[inner] < background - _INK_CONTRAST).mean())
    if step < _MIN_BRIGHTNESS_STEP or not _INK_FRACTIONS[0] <= ink <= _INK_FRACTIONS[1]:
        return False
    limit = np.array(smooth.shape[::-1]) - 1 - _BORDER_PX
    is_in_image = ((corners >= _BORDER_PX) & (corners <= limit)).all(axis=1)
    if is_in_image.sum() < _MIN_CORNERS and _has_ink(smooth, outer, _INK_CONTRAST * (1 - step / background)):
        return False
    return all(
        _is_sharp(smooth, start, end, corners.mean(axis=0), _EDGE_STEP_FRACTION * step)
        for start, end in zip(corners, np.roll(corners, -1, axis=0), strict=True)
    )


def _has_ink(smooth: GrayImage, region: NDArray[np.bool_], contrast: float) -> bool:
    """Return whether a region has strokes darker than what is around them, as paper with writing has."""
    strokes = cv2.morphologyEx(smooth, cv2.MORPH_BLACKHAT, np.ones((_STROKE_PX, _STROKE_PX), np.uint8))
    return bool((strokes[region] > contrast).mean() >= _INK_FRACTIONS[0])


def _is_sharp(
    smooth: GrayImage,
    start: NDArray[np.float64],
    end: NDArray[np.float64],
    center: NDArray[np.float64],
    min_step: float,
) -> bool:
    """Return whether the brightness steps up towards the center within few pixels, where the side is in the image."""
    points = start + np.linspace(0.1, 0.9, 33)[:, np.newaxis] * (end - start)
    limit = np.array(smooth.shape[::-1]) - 1 - _PROFILE_PX
    points = points[((points >= _PROFILE_PX) & (points <= limit)).all(axis=1)]
    if not len(points):
        return True
    normal = np.array([start[1] - end[1], end[0] - start[0]]) / max(float(np.linalg.norm(end - start)), 1e-6)
    inward = normal * np.sign(normal @ (center - start))
    offsets = np.arange(-_PROFILE_PX, _PROFILE_PX + 1)[:, np.newaxis] * inward
    x, y = np.moveaxis(points[:, np.newaxis] + offsets, -1, 0).astype(np.float32)
    profiles = cv2.remap(smooth, x, y, cv2.INTER_LINEAR).astype(np.float64)
    steps = (profiles[:, _EDGE_PX:] - profiles[:, :-_EDGE_PX]).max(axis=1)
    is_brighter = profiles[:, -_EDGE_PX:].mean(axis=1) - profiles[:, :_EDGE_PX].mean(axis=1) > min_step
    return bool(np.mean(is_brighter & (steps > min_step)) >= _SHARP_FRACTION)


def _rectify(photo: GrayImage, corners: NDArray[np.float64]) -> RectifiedPage:
    """Return the image between four corners; its sides are as long as the longer ones of the photo."""
    sides = np.linalg.norm(np.roll(corners, -1, axis=0) - corners, axis=1)
    width, height = (
        max(8, round(float(side))) for side in (max(sides[0], sides[2]), max(sides[1], sides[3]))
    )
    target = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float32)
    to_photo = cv2.getPerspectiveTransform(target, corners.astype(np.float32))
    image = cv2.warpPerspective(
        photo,
        to_photo,
        (width, height),
        flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
        borderMode=cv2.BORDER_REPLICATE,
    )
    return RectifiedPage(np.asarray(image, np.uint8), np.asarray(to_photo, np.float64))
