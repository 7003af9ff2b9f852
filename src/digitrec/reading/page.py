"""A sheet of paper in a photo of something larger, such as a table: found by its corners, and seen from above."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from digitrec.preprocessing.ops import GrayImage, Mask, downscale

_SEEN_PX = 320  # the longer side of what is enough to find a sheet in
_LEAST_SHARE, _LARGEST_SHARE = 0.15, 0.94  # of the image that a sheet takes
_FILLED = 0.93  # of the four-sided figure around it: what is less is no sheet
_BRIGHTER = 30.0  # gray levels, in the median, than what lies around
_INK_DARKER = 25.0  # gray levels than the sheet
_INK_SHARE = (0.0005, 0.4)  # of the sheet
_CORNER_SHARES = (0.008, 0.015, 0.03)  # of the outline's length that it may depart from straight sides


@dataclass(frozen=True, eq=False)
class RectifiedPage:
    """A sheet as seen from above.

    Attributes
    ----------
    image : (H, W) uint8.
    to_photo : (3, 3) float64, the homography that leads from its pixels to those of the photo.
    """

    image: GrayImage
    to_photo: NDArray[np.float64]

    def box_in_photo(self, box: tuple[int, int, int, int]) -> tuple[int, int, int, int]:
        """Return the upright box in the photo around a box of the sheet: left, top, width, height."""
        left, top, width, height = box
        corners = np.array(
            [[left, top], [left + width, top], [left + width, top + height], [left, top + height]], np.float64
        )
        points = cv2.perspectiveTransform(corners[:, np.newaxis], self.to_photo)[:, 0]
        (x, y), (right, bottom) = points.min(axis=0), points.max(axis=0)
        return round(x), round(y), max(1, round(right - x)), max(1, round(bottom - y))


def rectify_page(photo: GrayImage) -> RectifiedPage | None:
    """Return the bright sheet with writing that lies on something darker; None where the image shows no such thing.

    Parameters
    ----------
    photo : (H, W) uint8.
    """
    seen = downscale(photo, _SEEN_PX)
    if min(seen.shape) < _SEEN_PX // 8 or seen.min() == seen.max():
        return None
    smooth = np.asarray(cv2.GaussianBlur(seen, (0, 0), 2.0), np.uint8)
    _, bright = cv2.threshold(smooth, 0, 1, cv2.THRESH_BINARY | cv2.THRESH_OTSU)
    corners = _corners(np.asarray(bright, np.uint8))
    if corners is None or not _is_page(smooth, corners):
        return None
    scale = max(photo.shape) / max(seen.shape)
    return _from_above(photo, (corners + 0.5) * scale - 0.5)


def _corners(bright: Mask) -> NDArray[np.float64] | None:
    """Return the corners of the largest bright piece, from the top left clockwise, (4, 2); None if it has not four."""
    outlines, _ = cv2.findContours(bright, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
    if not outlines:
        return None
    hull = cv2.convexHull(max(outlines, key=cv2.contourArea))
    area = cv2.contourArea(hull)
    if not _LEAST_SHARE <= area / bright.size <= _LARGEST_SHARE:
        return None
    length = cv2.arcLength(hull, closed=True)
    figures = (cv2.approxPolyDP(hull, share * length, closed=True) for share in _CORNER_SHARES)
    figure = next((item for item in figures if len(item) <= 4), hull)
    if len(figure) != 4 or abs(area - cv2.contourArea(figure)) > (1.0 - _FILLED) * area:
        return None
    corners = figure[:, 0].astype(np.float64)
    turned = np.roll(corners, -int(corners.sum(axis=1).argmin()), axis=0)
    across, down = turned[1] - turned[0], turned[3] - turned[0]
    return turned if across[0] * down[1] > across[1] * down[0] else turned[[0, 3, 2, 1]]


def _is_page(smooth: GrayImage, corners: NDArray[np.float64]) -> bool:
    inside = np.zeros(smooth.shape, np.uint8)
    cv2.fillConvexPoly(inside, corners.round().astype(np.int32), (1,))
    inner = cv2.erode(inside, np.ones((7, 7), np.uint8)) > 0
    if not inner.any() or inside.all():
        return False
    paper = float(np.median(smooth[inner]))
    ink = float((smooth[inner] < paper - _INK_DARKER).mean())
    return (
        paper - float(np.median(smooth[inside == 0])) >= _BRIGHTER and _INK_SHARE[0] <= ink <= _INK_SHARE[1]
    )


def _from_above(photo: GrayImage, corners: NDArray[np.float64]) -> RectifiedPage:
    """Return what lies between four corners, its sides as long as the longer ones of the photo."""
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
