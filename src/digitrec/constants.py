"""What every layer agrees on: the shape of ink, the labels, the model file's format.

Ink is float32 in [0, 1] of shape (28, 28), 0 is paper and 1 is full ink. The digit's longer side fills
20 px and its centre of mass lies on the image's centre: MNIST's own rules
(LeCun, Cortes, Burges, "The MNIST database of handwritten digits").
"""

from __future__ import annotations

IMAGE_SIZE_PX = 28
BOX_SIZE_PX = 20
LABELS = tuple(range(10))
NON_DIGIT_LABEL = len(LABELS)  # the label of what is none of the ten

PROBABILITY_DECIMALS = 6  # of a probability, as it is told: float32 has hardly more

MODEL_FORMAT_VERSION = 1
