"""Check that a network recognizes digits, and find out what is wrong with its input or its classes if it does not."""

from __future__ import annotations

from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from digitrec.constants import IMAGE_SIZE_PX, LABELS
from digitrec.errors import ModelFileError

if TYPE_CHECKING:
    import keras

MIN_RECOGNIZED = 8  # of the ten digits; they are clear ones
_MIN_CONFIDENCE = 0.5  # a network that gets 0..1 in place of 0..255 may be right, with 0.12
_SCALES = (1.0, 255.0)


def sample_digits() -> NDArray[np.float32]:
    """Return ten of MNIST's training images (LeCun, Cortes, Burges; CC BY-SA 3.0), one of each digit from 0 to 9.

    The array is (10, 28, 28, 1) float32 in [0, 1], 0 is background.
    """
    with Image.open(Path(__file__).with_name("mnist_digits.png")) as row:
        digits = np.hsplit(np.asarray(row, np.float32) / np.float32(255), len(LABELS))
    return np.stack(digits)[..., None]


def require_recognition(model: keras.Model, name: str, scale: float, *, invert: bool) -> None:
    """Check that `model` recognizes the sample digits.

    Parameters
    ----------
    model : maps (N, 28, 28, 1) normalized images to (N, 10) probabilities.
    name : its name in error messages.
    scale, invert : what `model` does to its input, see `adapt_to_digit_classifier`.

    Raises
    ------
    ModelFileError : it recognizes fewer than `MIN_RECOGNIZED`. The error says whether the network expects another
        scale or polarity, or has its classes in another order.
    """
    digits = sample_digits()
    given = scale, invert
    inputs = sorted(
        {given, *product(_SCALES, (False, True))},
        key=lambda item: ((item[0] != scale) + (item[1] != invert), item),  # the fewest changes first
    )
    counts: dict[tuple[float, bool], int] = {}
    orders = []
    for other_scale, other_invert in inputs:
        values = other_scale / scale * (1 - digits if other_invert else digits)
        probabilities = np.asarray(model(1 - values if invert else values, training=False))
        is_sure = probabilities.max(axis=1) >= _MIN_CONFIDENCE
        classes = probabilities.argmax(axis=1)
        counts[other_scale, other_invert] = int((is_sure & (classes == LABELS)).sum())
        if is_sure.all() and len(set(classes)) == len(LABELS):
            orders.append(classes.tolist())
    best = max(inputs, key=lambda item: counts[item])
    if counts[given] >= MIN_RECOGNIZED:
        return
    if counts[best] >= MIN_RECOGNIZED:
        remedy = f"{_difference(given, best)} (it then recognizes {counts[best]})."
    elif orders:
        remedy = (
            f"Wrong class order: the digits 0 to 9 get the classes {orders[0]}. Reorder the weights of its last Dense "
            f"layer: layer.set_weights([w[..., {orders[0]}] for w in layer.get_weights()])."
        )
    else:
        remedy = (
            "It does not recognize digits, bright on dark or dark on bright, from 0 to 1 or from 0 to 255. "
            f"Train it on {IMAGE_SIZE_PX} x {IMAGE_SIZE_PX} images like MNIST's, or name another file."
        )
    raise ModelFileError(
        f"{name}: expected a network that recognizes at least {MIN_RECOGNIZED} of {len(LABELS)} digits of MNIST. "
        f"Received one that recognizes {counts[given]}. {remedy}"
    )


def _difference(given: tuple[float, bool], best: tuple[float, bool]) -> str:
    """Return the options that turn one (scale, invert) into another, with their reasons."""
    parts = []
    if given[0] != best[0]:
        parts.append(f"trained on 0..{best[0]:g}: pass --scale {best[0]:g}")
    if given[1] != best[1]:
        parts.append(
            "expects black on white: pass --invert" if best[1] else "expects white on black: omit --invert"
        )
    text = ", ".join(parts)
    return text[0].upper() + text[1:]
