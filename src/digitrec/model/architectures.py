"""Named Keras CNNs for normalized 28 x 28 images, and the line model: builders only, no training and no files.

Every architecture builds an uncompiled ``keras.Model`` that maps (N, 28, 28, 1) float32 images in [0, 1] to (N, 10)
float32 probabilities, rows sum to 1.

A network with a reject class is trained on an eleventh class, "non-digit". Its probability is spread evenly over the
ten digits, so that no digit of a non-digit image reaches the confidence threshold.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

import keras
import numpy as np
from keras import layers

from digitrec.constants import IMAGE_SIZE_PX, LABELS
from digitrec.model.last_layer import CLASSES_LAYER
from digitrec.model.line_alphabet import LINE_CLASS_COUNT
from digitrec.preprocessing.contrast import LINE_HEIGHT_PX

Tensor: TypeAlias = keras.KerasTensor

DEFAULT_ARCHITECTURE = "residual"


@dataclass(frozen=True)
class PublishedRecipe:
    """The published training recipe of a network: Adam with Keras's learning rate on plain MNIST, no augmentation.

    `patience` is that of early stopping, in epochs; None trains for all epochs.
    """

    epochs: int
    batch_size: int
    patience: int | None = None


@dataclass(frozen=True)
class Architecture:
    """A network that can be chosen by name.

    Attributes
    ----------
    name : the value of `--architecture`.
    backbone : the layers between the input and the classification layer.
    published_recipe : None for our own.
    """

    name: str
    backbone: Callable[[Tensor], Tensor]
    published_recipe: PublishedRecipe | None = None

    def build(self, *, reject_class: bool = False) -> keras.Model:
        """Return the network with new weights; with `reject_class` it has "non-digit" as an eleventh class."""
        inputs = keras.Input((IMAGE_SIZE_PX, IMAGE_SIZE_PX, 1), name="image")
        classes = len(LABELS) + reject_class
        # Probabilities are float32 in mixed precision, too.
        dense = layers.Dense(classes, activation="softmax", dtype="float32", name=CLASSES_LAYER)
        outputs = dense(self.backbone(inputs))
        if reject_class:
            spread = layers.Dense(
                len(LABELS), use_bias=False, trainable=False, dtype="float32", name="probabilities"
            )
            outputs = spread(outputs)
            # The identity for the ten digits, and the eleventh class divided by ten.
            spread.set_weights([np.vstack([np.eye(len(LABELS)), np.full(len(LABELS), 1 / len(LABELS))])])
        return keras.Model(inputs, outputs, name=f"digitrec_{self.name.replace('-', '_')}")


def residual(stem: int, first: int, second: int) -> Callable[[Tensor], Tensor]:
    """Return the backbone of a small residual CNN with these numbers of filters in its stem and its two stages.

    A stem at full resolution, then two stages at 14 x 14 and 7 x 7, each a widening convolution and one residual block
    of two 3 x 3 convolutions (He et al., "Deep Residual Learning", 2015).
    """

    def stack(x: Tensor) -> Tensor:
        x = _conv(x, stem, "stem")
        x = layers.MaxPooling2D(name="stem_pool")(x)
        x = _conv(x, first, "stage1_widen")
        x = _residual_block(x, first, "stage1")
        x = layers.MaxPooling2D(name="stage1_pool")(x)
        x = _conv(x, second, "stage2_widen")
        x = _residual_block(x, second, "stage2")
        x = layers.Conv2D(64, 1, use_bias=False, name="squeeze_conv")(x)
        x = layers.BatchNormalization(name="squeeze_norm")(x)
        x = layers.ReLU(name="squeeze_relu")(x)
        x = layers.Flatten(name="flatten")(x)
        return layers.Dropout(0.4, name="dropout")(x)

    return stack


def _three_blocks(x: Tensor) -> Tensor:
    """Stack three blocks of 32, 64 and 128 filters with batch norm, then dense layers of 256 and 128."""
    for filters in (32, 64, 128):
        x = layers.Conv2D(filters, 3, padding="same")(x)
        x = layers.BatchNormalization()(x)
        x = layers.ReLU()(x)
        x = layers.MaxPooling2D()(x)
    x = layers.Flatten()(x)
    for units, dropout in ((256, 0.5), (128, 0.3)):
        x = layers.Dropout(dropout)(layers.Dense(units, activation="relu")(x))
    return x


def _three_convs(x: Tensor) -> Tensor:
    """Stack three unpadded convolutions of 64 filters, then dense layers of 64 and 32: 81,066 parameters."""
    for _ in range(3):
        x = layers.MaxPooling2D()(layers.Conv2D(64, 3, activation="relu")(x))
    x = layers.Flatten()(x)
    for units in (64, 32):
        x = layers.Dense(units, activation="relu")(x)
    return x


def _two_convs_dropout(x: Tensor) -> Tensor:
    """Stack two convolutions of 32 and 64 filters with dropout, then a dense layer of 128 with dropout."""
    for filters in (32, 64):
        x = layers.MaxPooling2D()(layers.Conv2D(filters, 3, activation="relu")(x))
    x = layers.Flatten()(layers.Dropout(0.25)(x))
    return layers.Dropout(0.5)(layers.Dense(128, activation="relu")(x))


def _two_convs(x: Tensor) -> Tensor:
    """Stack two convolutions of 32 and 64 filters, then a dense layer of 128: 225,034 parameters."""
    for filters in (32, 64):
        x = layers.MaxPooling2D()(layers.Conv2D(filters, 3, activation="relu")(x))
    x = layers.Flatten()(x)
    return layers.Dropout(0.2)(layers.Dense(128, activation="relu")(x))


def _conv(x: Tensor, filters: int, name: str, *, relu: bool = True) -> Tensor:
    x = layers.Conv2D(filters, 3, padding="same", use_bias=False, name=f"{name}_conv")(x)
    x = layers.BatchNormalization(name=f"{name}_norm")(x)
    return layers.ReLU(name=f"{name}_relu")(x) if relu else x


def _residual_block(x: Tensor, filters: int, name: str) -> Tensor:
    shortcut = x
    x = _conv(x, filters, f"{name}_a")
    x = _conv(x, filters, f"{name}_b", relu=False)
    x = layers.Add(name=f"{name}_add")([x, shortcut])
    return layers.ReLU(name=f"{name}_relu")(x)


ARCHITECTURES: Final = {
    architecture.name: architecture
    for architecture in (
        # The widths are multiples of what LiteRT's kernels take at once.
        Architecture(DEFAULT_ARCHITECTURE, residual(24, 32, 96)),
        # Its author stops early. The patience is ours.
        Architecture("three-blocks", _three_blocks, PublishedRecipe(epochs=8, batch_size=128, patience=3)),
        Architecture("three-convs", _three_convs, PublishedRecipe(epochs=10, batch_size=128)),
        Architecture("two-convs-dropout", _two_convs_dropout, PublishedRecipe(epochs=12, batch_size=128)),
        Architecture("two-convs", _two_convs, PublishedRecipe(epochs=5, batch_size=128)),
    )
}


def class_probability_model(model: keras.Model) -> keras.Model:
    """Return the trained part of `model`: up to the ten classes, or eleven with a reject class."""
    return keras.Model(model.input, model.get_layer(CLASSES_LAYER).output)


def line_model(widths: Sequence[int] = (24, 48, 80, 112), column_features: int = 192) -> keras.Model:
    """Return the CTC line model with new weights; 1.1 million parameters.

    It maps (B, 48, W, 1) contrast-normalized lines, W a multiple of 4, to (B, W / 4, 24) float32 logits of
    `line_alphabet`. Strided convolutions halve the height until three rows are left, which one convolution merges;
    dilated residual blocks along the line then give each column a receptive field of 120 px to each side.
    """
    line = keras.Input((LINE_HEIGHT_PX, None, 1), name="line")
    x = _batch_normed(layers.Conv2D(widths[0], 3, strides=2, padding="same", use_bias=False)(line))
    x = _batch_normed(layers.Conv2D(widths[1], 3, strides=2, padding="same", use_bias=False)(x))
    for filters in widths[2:]:
        x = _batch_normed(layers.Conv2D(filters, 3, strides=(2, 1), padding="same", use_bias=False)(x))
        x = layers.Add()([x, _batch_normed(layers.Conv2D(filters, 3, padding="same", use_bias=False)(x))])
    x = _batch_normed(layers.Conv2D(column_features, (x.shape[1], 1), use_bias=False)(x))
    for dilation in (1, 2, 4, 1):
        block = _batch_normed(
            layers.Conv2D(
                column_features, (1, 5), padding="same", dilation_rate=(1, dilation), use_bias=False
            )(x)
        )
        x = layers.Add()([x, layers.Dropout(0.1)(block)])
    x = layers.Conv2D(LINE_CLASS_COUNT, 1, dtype="float32", name="classes")(x)
    return keras.Model(
        line,
        layers.Reshape((-1, LINE_CLASS_COUNT), dtype="float32", name="logits")(x),
        name="digitrec_line_model",
    )


def _batch_normed(x: Tensor) -> Tensor:
    """Apply batch normalization and ReLU.

    The momentum is high because each batch has lines of another width and kind: with 0.9, a half-trained network read
    79 % of cheques, and 82 % after the statistics were averaged.
    """
    return layers.ReLU()(layers.BatchNormalization(momentum=0.995)(x))
