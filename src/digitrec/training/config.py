"""How a model is trained: one frozen value that goes into the checkpoint and the card."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from typing import Any

from digitrec.errors import TrainingError
from digitrec.model.architectures import ARCHITECTURES, DEFAULT_ARCHITECTURE
from digitrec.training.augmentation import Augmentation

_SMALLEST_SLICE = 200  # leaves some images of every digit to validate with


@dataclass(frozen=True)
class TrainingConfig:
    """The recipe.

    Attributes
    ----------
    architecture : a name in `digitrec.model.architectures.ARCHITECTURES`.
    epochs, batch_size : passes over the training part, and images a step.
    learning_rate : of AdamW at its height; it warms up over the first epoch and falls to 0 along a cosine.
    weight_decay : of AdamW (Loshchilov, Hutter, 2017).
    seed : of the split, the order, the augmentation, the weights and dropout.
    validation_share : of MNIST's every label and of the pen digits' writers, held out to choose the epoch and
        the threshold.
    use_strokes : learn from the pen digits beside MNIST.
    pen_renderings : how often each pen digit is drawn, with another pen, size and place.
    accepted_error : the share of wrong answers among accepted ones that the card's threshold may leave on
        validation data.
    augmentation : see `Augmentation`.
    limit : use only this many training images, for trying things out; None is all.
    """

    architecture: str = DEFAULT_ARCHITECTURE
    epochs: int = 16
    batch_size: int = 128
    learning_rate: float = 2e-3
    weight_decay: float = 1e-3
    seed: int = 1
    validation_share: float = 0.08
    use_strokes: bool = True
    pen_renderings: int = 2
    accepted_error: float = 0.003
    augmentation: Augmentation = field(default_factory=Augmentation)
    limit: int | None = None

    def __post_init__(self) -> None:
        """Check the values a user can set."""
        if self.architecture not in ARCHITECTURES:
            known = ", ".join(ARCHITECTURES)
            raise TrainingError(f"architecture: expected one of {known}. Received: {self.architecture!r}.")
        least = {"epochs": 1, "batch_size": 1, "seed": 0, "limit": _SMALLEST_SLICE}
        for name, minimum in least.items():
            value = getattr(self, name)
            if value is not None and value < minimum:
                raise TrainingError(f"{name}: expected at least {minimum}. Received: {value}.")

    def to_dict(self) -> dict[str, Any]:
        """Return the recipe as plain values for JSON."""
        return dataclasses.asdict(self)
