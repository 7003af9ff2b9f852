"""Register an image of a filled form with the picture of the blank form, and remove the print from it.

Local features (SIFT: Lowe, 2004; RootSIFT: Arandjelovic, Zisserman, 2012) are matched, and a homography is fitted to
the matches (MAGSAC++: Barath et al., 2020). The fit is checked tile by tile.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cached_property
from itertools import compress
from typing import TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from digitrec.errors import BlankImageError, FormMismatchError
from digitrec.preprocessing.binarize import foreground_mask
from digitrec.preprocessing.normalize import BLANK_MESSAGE
from digitrec.preprocessing.normalize import PixelBox as Box
from digitrec.preprocessing.ops import (
    Foreground,
    GrayImage,
    connected_components,
    downscale,
    nearest_rank_quantiles,
)

Homography: TypeAlias = NDArray[np.float64]  # (3, 3)
Points: TypeAlias = NDArray[np.float32]  # (N, 2), x and y

REGISTRATION_BYTES = 105_000_000  # of memory: SIFT, and the page

_FEATURE_SIZE_PX = 800  # longer side of both images where features are found; SIFT takes 100 MB for it
_MAX_FEATURES = 4000
_MATCH_RATIO = 0.8  # of the distance to the nearest descriptor and that to the second nearest
_MIN_MATCHES = 15
_INLIER_PX = 4.0  # at the size of the features
_MAX_ITERATIONS, _CONFIDENCE = 5000, 0.9999
_MAX_SHIFT = 0.012  # of the blank form's longer side, by paper that is not flat
_NEIGHBOURS = 7  # matches around a corner of a box
# Tiles of the blank form where print is compared, at this longer side.
_TILE_SIZE_PX, _TILE_PX, _TILE_SEARCH_PX = 800, 40, 3
_MIN_TILE_CONTRAST = 25.0  # standard deviation of gray levels: less is blank paper
_MIN_TILES = 8
_CONTRAST_WINDOW_PX, _CONTRAST_FLOOR = 31, 6.0
_MIN_TILE_CORRELATION = 0.5
# Of 100 photos of other forms the best had 0.17, of 40 photos of the example's form the worst 0.74.
MIN_FIT = 0.5
_MIN_SECOND_FIT = 0.3  # of another page of the form in the same image
_MAX_SIDE_RATIO = 3.0  # of opposite sides of the page: a photo at 60 degrees has 2
_MIN_OVERLAP = 0.5  # of the page: two registrations are of one page
# Pixels of a field's image per pixel of the blank form.
_MIN_SCALE, _MAX_SCALE = 0.25, 3.0
_MAX_CROP_PX, _MAX_REDUCTION = 2_000_000, 20.0
_CONTEXT_PX = 6
_PRINT_SIZE_PX = 2400  # longer side of the blank form where print is found
_PRINT_EDGE = 70  # of 255: the soft edge of print belongs to it
_PRINT_REACH = 0.5  # pixels of the blank form by which print is widened, for the error of the registration
_INPAINT_RADIUS_PX = 3.0
# What is left of the print in a blank box has up to 0.28 of the contrast of the print, except for specks; the ink of
# a pen has at least 0.83 (20 photos each).
_MIN_INK_CONTRAST, _PRINT_CONTRAST_QUANTILE = 0.3, 0.9
_MIN_STROKE = 0.2  # of the box's shorter side: the longer side of the largest component of ink
_SMOOTHING_PX = 0.7


class BlankForm:
    """The picture of a blank form, and what registration needs of it.

    Parameters
    ----------
    image : (H, W) uint8.

    Raises
    ------
    FormMismatchError : the picture has too little print to be found in another.
    """

    def __init__(self, image: GrayImage) -> None:
        self.image = image
        self._points, self._descriptors = _find_features(image)
        self._small = downscale(image, _TILE_SIZE_PX)
        self._normalized = _normalize_contrast(self._small)
        self._tiles = _find_tiles(self._small)
        if len(self._tiles) < _MIN_TILES or len(self._points) < _MIN_MATCHES:
            raise FormMismatchError(
                f"expected a picture of a blank form with print on it. Received: {len(self._tiles)} places with "
                f"print and {len(self._points)} distinct points. Use a scan with its text and boxes."
            )

    @property
    def digest(self) -> str:
        """A hash of the picture."""
        return hashlib.sha256(self.image.tobytes()).hexdigest()[:16]

    @cached_property
    def print_image(self) -> GrayImage:
        """255 where the form has print, else 0; reduced to a size at which memory suffices."""
        return 255 * foreground_mask(downscale(self.image, _PRINT_SIZE_PX))

    def register(self, image: GrayImage) -> RegisteredPage:
        """Return where this form is in an image, (H, W) uint8, turned, tilted and scaled in any way.

        Raises
        ------
        FormMismatchError : the image does not show this form, or only a part of it, or shows it twice, or is too
            blurred.
        """
        points, descriptors = _find_features(image)
        pairs = cv2.BFMatcher(cv2.NORM_L2).knnMatch(descriptors, self._descriptors, k=2)
        matches = [
            pair[0] for pair in pairs if len(pair) == 2 and pair[0].distance < _MATCH_RATIO * pair[1].distance
        ]
        form_points = self._points[[match.trainIdx for match in matches]]
        image_points = points[[match.queryIdx for match in matches]]
        best = self._fit_homography(form_points, image_points, image, MIN_FIT)
        if best is None:
            raise FormMismatchError(
                "expected a page of this form. Received: another page, or one that is too blurred or too small. "
                "Photograph the form again, sharp and filling the photo."
            )
        registration, is_explained = best
        is_inside = self._is_inside(registration.to_image, image.shape)
        if not is_inside.all():
            raise FormMismatchError(
                f"expected the whole form. Received: {is_inside.mean():.0%} of its print. "
                "Photograph the page with its four corners."
            )
        other = self._fit_homography(
            form_points[~is_explained], image_points[~is_explained], image, _MIN_SECOND_FIT
        )
        if other is not None and not self._overlap(registration.to_image, other[0].to_image):
            raise FormMismatchError(
                "expected one page of this form. Received: two in one image. Send one page per image."
            )
        return registration

    def _fit_homography(
        self, form_points: Points, image_points: Points, image: GrayImage, min_fit: float
    ) -> tuple[RegisteredPage, NDArray[np.bool_]] | None:
        """Return the registration by matched points, and which of them it explains; None where the print differs."""
        if len(form_points) < _MIN_MATCHES:
            return None
        cv2.setRNGSeed(0)
        found, inliers = cv2.findHomography(
            form_points,
            image_points,
            cv2.USAC_MAGSAC,
            _INLIER_PX * max(1.0, max(image.shape) / _FEATURE_SIZE_PX),
            maxIters=_MAX_ITERATIONS,
            confidence=_CONFIDENCE,
        )
        if found is None or inliers.sum() < _MIN_MATCHES:
            return None
        matrix = np.asarray(found, np.float64)
        if not self._is_view(matrix):
            return None
        fit = self._fit(matrix, image)
        if fit < min_fit:
            return None
        places = cv2.perspectiveTransform(image_points[:, np.newaxis], np.linalg.inv(matrix))[:, 0]
        shifts = places - form_points
        is_near = np.linalg.norm(shifts, axis=1) <= _MAX_SHIFT * max(self.image.shape)
        if is_near.sum() < _NEIGHBOURS:
            return None
        page = RegisteredPage(self, image, matrix, fit, form_points[is_near], shifts[is_near])
        return page, is_near

    def _corners(self, matrix: Homography) -> Points:
        height, width = self.image.shape
        return np.asarray(cv2.perspectiveTransform(_box_corners(width, height)[:, np.newaxis], matrix)[:, 0])

    def _is_view(self, matrix: Homography) -> bool:
        """Return whether a homography shows the page from its front, not folded and not almost edge-on."""
        corners = self._corners(matrix)
        sides = np.linalg.norm(np.roll(corners, -1, axis=0) - corners, axis=1)
        ratios = sides / np.maximum(np.roll(sides, 2), 1e-6)
        return (
            bool(cv2.isContourConvex(corners))
            and cv2.contourArea(corners, oriented=True) > 0
            and float(ratios.max()) <= _MAX_SIDE_RATIO
        )

    def _overlap(self, first: Homography, second: Homography) -> bool:
        corners = self._corners(first)
        area, _ = cv2.intersectConvexConvex(corners, self._corners(second))
        return bool(area > _MIN_OVERLAP * cv2.contourArea(corners))

    def _is_inside(self, matrix: Homography, shape: tuple[int, ...]) -> NDArray[np.bool_]:
        """Return for each tile with print whether it is in an image of a shape."""
        scale = max(self.image.shape) / max(self._small.shape)
        centers = (np.array(self._tiles, np.float64) + _TILE_PX / 2) * scale
        places = cv2.perspectiveTransform(centers[:, np.newaxis], matrix)[:, 0]
        return np.asarray(((places >= 0) & (places < np.array(shape[::-1]))).all(axis=1))

    def _fit(self, matrix: Homography, image: GrayImage) -> float:
        """Return the fraction of the tiles with print in the image that correlate with it."""
        scale = max(self._small.shape) / max(self.image.shape)
        to_small = np.diag([scale, scale, 1.0])
        aligned = _warp(image, matrix @ np.linalg.inv(to_small), self._small.shape)
        normalized, reach, size = _normalize_contrast(aligned), _TILE_SEARCH_PX, _TILE_PX
        is_inside = self._is_inside(matrix, image.shape)
        if is_inside.sum() < _MIN_TILES:
            return 0.0
        correlations = [
            cv2.matchTemplate(
                normalized[y - reach : y + size + reach, x - reach : x + size + reach],
                self._normalized[y : y + size, x : x + size],
                cv2.TM_CCOEFF_NORMED,
            ).max()
            for x, y in compress(self._tiles, is_inside)
        ]
        return float(np.mean(np.array(correlations) > _MIN_TILE_CORRELATION))


@dataclass(frozen=True, eq=False)
class RegisteredPage:
    """A page of a form; boxes are left, top, width, height in pixels of the blank form.

    Attributes
    ----------
    form, image : the blank form, and the image that shows the page, (H, W) uint8.
    to_image : (3, 3) float64, the homography from the blank form's pixels to the image's.
    fit : the fraction of the blank form's print that looks the same in the image, in [0, 1].
    points, shifts : (N, 2) float32, places on the blank form, and how far from there the homography sees them, in the
        blank form's pixels: paper that is not flat.
    """

    form: BlankForm
    image: GrayImage
    to_image: Homography
    fit: float
    points: Points
    shifts: Points

    @property
    def size(self) -> tuple[int, int]:
        """Width and height of the blank form."""
        height, width = self.form.image.shape
        return width, height

    def field_image(self, box: Box, shape: tuple[int, int]) -> GrayImage:
        """Return a box as it is in the image, print included, but upright and of a shape (h, w)."""
        _, _, width, height = box
        scaled = _box_corners(width, height) * np.array([shape[1] / width, shape[0] / height], np.float32)
        to_image = cv2.getPerspectiveTransform(scaled, self._find_corners(box))
        return _warp(self.image, np.asarray(to_image, np.float64), shape)

    def crop(self, box: Box) -> tuple[GrayImage, Homography]:
        """Return the image of a box, upright and without the form's print.

        Returns
        -------
        (h, w) uint8, with about the image's resolution, and the homography from its pixels to the image's.

        Raises
        ------
        BlankImageError : there is nothing but print and what is left of it.
        """
        left, top, width, height = box
        places = self._find_corners(box)
        scale = float(np.sqrt(cv2.contourArea(places) / (width * height)))
        scale = min(max(scale, _MIN_SCALE), _MAX_SCALE, float(np.sqrt(_MAX_CROP_PX / (width * height))))
        # A print line next to the box is blurred into it, so print is removed around it, too.
        around = _CONTEXT_PX
        rows, columns = (slice(around, around + max(1, round(side * scale))) for side in (height, width))
        shape = (rows.stop + around, columns.stop + around)
        to_form = np.array(
            [[1 / scale, 0, left - around / scale], [0, 1 / scale, top - around / scale], [0, 0, 1]]
        )
        crop_corners = (scale * _box_corners(width, height) + around).astype(np.float32)
        to_image = np.asarray(cv2.getPerspectiveTransform(crop_corners, places), np.float64)
        part = _warp(self.image, to_image, shape)
        reduction = max(self.form.print_image.shape) / max(self.form.image.shape)
        to_print = np.diag([reduction, reduction, 1.0]) @ to_form
        print_mask = (_warp(self.form.print_image, to_print, shape) > _PRINT_EDGE).astype(np.uint8)
        reach = 1 + round(_PRINT_REACH * scale)
        print_mask = np.asarray(
            cv2.dilate(print_mask, np.ones((2 * reach + 1, 2 * reach + 1), np.uint8)), np.uint8
        )
        clean = np.asarray(cv2.inpaint(part, print_mask, _INPAINT_RADIUS_PX, cv2.INPAINT_TELEA), np.uint8)
        if print_mask.any():
            background = _closing(part)
            (contrast,) = nearest_rank_quantiles(
                _darkness(part, background)[print_mask > 0], _PRINT_CONTRAST_QUANTILE
            )
            ink = _darkness(clean, background)[rows, columns] > _MIN_INK_CONTRAST * contrast
            _, _, boxes = connected_components(ink.astype(np.uint8))
            longest = max(boxes[1:, [cv2.CC_STAT_WIDTH, cv2.CC_STAT_HEIGHT]].max(initial=0), 0)
            if longest < _MIN_STROKE * min(ink.shape):
                raise BlankImageError(BLANK_MESSAGE)
        to_crop = np.array([[1.0, 0, around], [0, 1.0, around], [0, 0, 1.0]])
        return clean[rows, columns], to_image @ to_crop

    def _find_corners(self, box: Box) -> Points:
        """Return where the corners of a box are in the image, as the matches around each say."""
        left, top, width, height = box
        corners = _box_corners(width, height) + np.array([left, top], np.float32)
        distances = np.linalg.norm(self.points - corners[:, np.newaxis], axis=2)
        nearest = distances.argsort(axis=1)[:, :_NEIGHBOURS]
        moved = corners + np.median(self.shifts[nearest], axis=1)
        return np.asarray(cv2.perspectiveTransform(moved[:, np.newaxis], self.to_image)[:, 0], np.float32)


def _find_tiles(image: GrayImage) -> list[tuple[int, int]]:
    """Return the left upper corners of the tiles of an image that have print."""
    height, width = image.shape
    step, search = _TILE_PX, _TILE_SEARCH_PX
    corners = (
        (x, y)
        for y in range(search, height - step - search, step)
        for x in range(search, width - step - search, step)
    )
    return [(x, y) for x, y in corners if image[y : y + step, x : x + step].std() >= _MIN_TILE_CONTRAST]


def _find_features(image: GrayImage) -> tuple[Points, NDArray[np.float32]]:
    """Return the keypoints of an image, and their (N, 128) descriptors."""
    small = downscale(image, _FEATURE_SIZE_PX)
    stretched = np.empty_like(small)
    cv2.normalize(small, stretched, 0, 255, cv2.NORM_MINMAX)  # photos in the dark
    # enable_precise_upscale: without it, OpenCV's keypoints are off by a fraction of a pixel.
    sift = cv2.SIFT.create(_MAX_FEATURES, enable_precise_upscale=True)
    keypoints, descriptors = sift.detectAndCompute(stretched, None)
    if not keypoints:
        return np.empty((0, 2), np.float32), np.empty((0, 128), np.float32)
    scale = np.array(image.shape[::-1]) / np.array(small.shape[::-1])
    points = (np.array([keypoint.pt for keypoint in keypoints]) + 0.5) * scale - 0.5
    root = np.sqrt(descriptors / np.maximum(descriptors.sum(axis=1, keepdims=True), 1e-6))
    return points.astype(np.float32), np.asarray(root, np.float32)


def _box_corners(width: int, height: int) -> Points:
    return np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float32)


def _warp(image: GrayImage, to_image: Homography, shape: tuple[int, ...]) -> GrayImage:
    """Return the (H, W) uint8 image whose pixels are at `to_image` in `image`, which is smoothed if it is larger."""
    height, width = shape
    places = cv2.perspectiveTransform(_box_corners(width, height)[:, np.newaxis], to_image)[:, 0]
    reduction = min(np.sqrt(cv2.contourArea(places) / (width * height)), _MAX_REDUCTION)
    if reduction > 1.5:
        # Not the whole photo for each field: what is more than three sigmas away has no influence.
        margin, inside = 4 + 1.2 * reduction, np.clip(places, 0, image.shape[::-1])
        left, top = np.maximum(inside.min(axis=0) - margin, 0).astype(int)
        right, bottom = (inside.max(axis=0) + margin).astype(int)
        image = np.asarray(cv2.GaussianBlur(image[top:bottom, left:right], (0, 0), 0.4 * reduction), np.uint8)
        to_image = np.array([[1.0, 0, -left], [0, 1.0, -top], [0, 0, 1.0]]) @ to_image
    warped = cv2.warpPerspective(
        image,
        to_image,
        (width, height),
        flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
        borderMode=cv2.BORDER_REPLICATE,
    )
    return np.asarray(warped, np.uint8)


def _closing(image: GrayImage) -> GrayImage:
    """Return the background of a crop: without strokes, which are narrower than half of its shorter side."""
    size = max(9, min(image.shape) // 2)
    return np.asarray(cv2.morphologyEx(image, cv2.MORPH_CLOSE, np.ones((size, size), np.uint8)), np.uint8)


def _darkness(image: GrayImage, background: GrayImage) -> Foreground:
    """Return how much darker each pixel is than the background, relative to it; smoothed against noise."""
    smooth = cv2.GaussianBlur(image, (0, 0), _SMOOTHING_PX).astype(np.float32)
    return np.asarray(1 - smooth / np.maximum(background, 1), np.float32)


def _normalize_contrast(image: GrayImage) -> Foreground:
    """Return the image with a local mean of 0 and a local standard deviation of about 1."""
    size = (_CONTRAST_WINDOW_PX, _CONTRAST_WINDOW_PX)
    difference = image - cv2.blur(image.astype(np.float32), size)
    deviation = np.sqrt(np.maximum(cv2.blur(difference * difference, size), 0.0))
    return np.asarray(difference / (deviation + _CONTRAST_FLOOR), np.float32)
