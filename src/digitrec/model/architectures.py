"""Named Keras CNNs for 28 x 28 ink: builders only, no training and no files.

Every builder returns an uncompiled ``keras.Model`` that maps ink of shape (N, 28, 28, 1), float32 in
[0, 1], to probabilities of shape (N, 10), float32 rows that sum to 1.
"""

from __future__ import annotations

from collections.abc import Callable

import keras
from keras import layers

from digitrec.contract import IMAGE_SIZE_PX, LABELS

DEFAULT_ARCHITECTURE = "residual"


def build_residual() -> keras.Model:
    """Return digitrec's own network: a small residual CNN of 299,010 parameters.

    A stem at full resolution, then two stages at 14 x 14 and 7 x 7, each a widening convolution and one
    residual block of two 3 x 3 convolutions (He et al., "Deep Residual Learning", 2015). Most of the work
    happens after the first pooling, which keeps one image at half a millisecond in LiteRT on one core.
    """
    inputs = keras.Input((IMAGE_SIZE_PX, IMAGE_SIZE_PX, 1), name="ink")
    x = _conv(inputs, 24, "stem")
    x = layers.MaxPooling2D(name="stem_pool")(x)
    x = _conv(x, 48, "stage1_widen")
    x = _residual_block(x, 48, "stage1")
    x = layers.MaxPooling2D(name="stage1_pool")(x)
    x = _conv(x, 96, "stage2_widen")
    x = _residual_block(x, 96, "stage2")
    x = layers.Conv2D(64, 1, use_bias=False, name="squeeze_conv")(x)
    x = layers.BatchNormalization(name="squeeze_norm")(x)
    x = layers.ReLU(name="squeeze_relu")(x)
    x = layers.Flatten(name="flatten")(x)
    x = layers.Dropout(0.4, name="dropout")(x)
    outputs = layers.Dense(len(LABELS), activation="softmax", name="probabilities")(x)
    return keras.Model(inputs, outputs, name="digitrec_residual")


ARCHITECTURES: dict[str, Callable[[], keras.Model]] = {DEFAULT_ARCHITECTURE: build_residual}


def _conv(x: keras.KerasTensor, filters: int, name: str, *, relu: bool = True) -> keras.KerasTensor:
    x = layers.Conv2D(filters, 3, padding="same", use_bias=False, name=f"{name}_conv")(x)
    x = layers.BatchNormalization(name=f"{name}_norm")(x)
    return layers.ReLU(name=f"{name}_relu")(x) if relu else x


def _residual_block(x: keras.KerasTensor, filters: int, name: str) -> keras.KerasTensor:
    shortcut = x
    x = _conv(x, filters, f"{name}_a")
    x = _conv(x, filters, f"{name}_b", relu=False)
    x = layers.Add(name=f"{name}_add")([x, shortcut])
    return layers.ReLU(name=f"{name}_relu")(x)
