"""Shared constants: the normalized image, the labels and the format of the model file.

A normalized image is (28, 28) float32 in [0, 1], 0 is the background and 1 is ink. The digit's longer side is 20 px and
its center of mass is the center of the image, as in MNIST (LeCun, Cortes, Burges, "The MNIST database of handwritten
digits").
"""

from __future__ import annotations

IMAGE_SIZE_PX = 28
BOX_SIZE_PX = 20
LABELS = tuple(range(10))
NON_DIGIT_LABEL = len(LABELS)  # the label of images without a digit

PROBABILITY_DECIMALS = 6  # in outputs: about the precision of float32

MODEL_FORMAT_VERSION = 1

GIT_LFS_POINTER = (
    b"version https://git-lfs.github.com/spec/"  # begins the text that Git LFS puts in a file's place
)
