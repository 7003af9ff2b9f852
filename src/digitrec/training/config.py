"""How a model is trained: one frozen value that goes into the checkpoint and the card, and the presets for it."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any, Final

from digitrec.errors import TrainingError
from digitrec.model.architectures import ARCHITECTURES, DEFAULT_ARCHITECTURE
from digitrec.training.augmentation import MILD_AUGMENTATION, QUICK_AUGMENTATION, Augmentation
from digitrec.training.synthetic.non_digits import NonDigitCounts

_SMALLEST_SLICE = 200  # leaves some images of every digit to validate with


@dataclass(frozen=True)
class TrainingConfig:
    """The recipe.

    Attributes
    ----------
    architecture : a name in `digitrec.model.architectures.ARCHITECTURES`.
    epochs, batch_size : passes over the training part, and images a step.
    learning_rate : of AdamW, at its height.
    anneal : warm up over the first epoch and fall to 0 along a cosine; without it the rate stays as it is.
    weight_decay : of AdamW (Loshchilov, Hutter, 2017).
    label_smoothing : the share of each label that is spread over all classes (Szegedy et al., 2016).
    teachers : the SHA-256 of the models whose mean answer is learned beside the labels, and from the first of which
        the network goes on; see `digitrec.training.distillation`.
    teacher_share : what of each target they say.
    averaged : the seeds of the networks whose weights this one's are the mean of, each trained by this recipe; see
        `digitrec.training.weight_averaging`.
    seed : of the order, the augmentation, the weights and dropout, and of all that is drawn.
    validation_share : of MNIST's every label and of the pen digits' writers, held out to choose the temperature
        and the threshold; the same ones for every seed.
    use_strokes : learn from the pen digits beside MNIST.
    pen_renderings : how often each pen digit is drawn, with another pen, size and place.
    style_drawings : how often each style of the synthetic writer is drawn.
    rows : how many rows of touching digits are cut up, as for reading, to learn from what comes out.
    negatives : how many things that are no digit are made; None learns the ten digits alone and refuses nothing.
    refused_share : the share of validation digits that the card's threshold may refuse.
    augmentation : see `Augmentation`; None shows every image as it is.
    calm : the augmentation of the last epochs, so that the network ends on ink as it mostly is.
    calm_share : how many of the epochs these are, in [0, 1].
    limit : use only this many training images, for trying things out; None is all.
    """

    architecture: str = DEFAULT_ARCHITECTURE
    epochs: int = 15
    batch_size: int = 128
    learning_rate: float = 2e-3
    anneal: bool = True
    weight_decay: float = 1e-3
    label_smoothing: float = 0.05
    teachers: tuple[str, ...] = ()
    teacher_share: float = 0.7
    averaged: tuple[int, ...] = ()
    seed: int = 1
    validation_share: float = 0.08
    use_strokes: bool = True
    pen_renderings: int = 2
    style_drawings: int = 120
    rows: int = 4500
    negatives: NonDigitCounts | None = field(default_factory=NonDigitCounts)
    refused_share: float = 0.003
    augmentation: Augmentation | None = field(default_factory=Augmentation)
    calm: Augmentation = MILD_AUGMENTATION
    calm_share: float = 0.4
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
        if not 0 < self.learning_rate < math.inf:
            raise TrainingError(f"learning_rate: expected a number above 0. Received: {self.learning_rate}.")

    def augmentation_in(self, epoch: int) -> Augmentation | None:
        """Return how ink is varied in the epoch of that number, the first of which is 0."""
        if self.augmentation is None or epoch < (1 - self.calm_share) * self.epochs:
            return self.augmentation
        return self.calm

    def to_dict(self) -> dict[str, Any]:
        """Return the recipe as plain values for JSON."""
        return dataclasses.asdict(self)

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> TrainingConfig:
        """Return the recipe that `to_dict` told, be it by way of JSON; what it does not name is as by default.

        Raises
        ------
        TrainingError : a value is not known here: another version of digitrec wrote it.
        """
        try:
            return cls(
                **{
                    name: value if value is None or name not in _KINDS else _KINDS[name](value)
                    for name, value in values.items()
                }
            )
        except TypeError as error:
            raise TrainingError(
                f"recipe: expected one of this version of digitrec. Received: another ({error}). "
                "Train with one version."
            ) from error


# What JSON has as lists and objects.
_KINDS: Final[dict[str, Callable[[Any], Any]]] = {
    "teachers": tuple,
    "averaged": tuple,
    "negatives": lambda counts: NonDigitCounts(*counts),
    "augmentation": lambda ranges: Augmentation(**ranges),
    "calm": lambda ranges: Augmentation(**ranges),
}
DEFAULT_PRESET: Final = "standard"
PUBLISHED: Final = "published"

_OURS: Final = {
    "quick": TrainingConfig(
        epochs=3,
        learning_rate=6e-3,
        label_smoothing=0.02,
        validation_share=0.02,
        use_strokes=False,
        style_drawings=0,
        rows=0,
        negatives=None,
        augmentation=QUICK_AUGMENTATION,
        calm_share=0.0,
    ),
    DEFAULT_PRESET: TrainingConfig(),
    "best": TrainingConfig(epochs=40, validation_share=0.04, rows=9000),
}
PRESETS: Final = (*_OURS, PUBLISHED)


def preset(name: str, architecture: str = DEFAULT_ARCHITECTURE, **changes: Any) -> TrainingConfig:
    """Return a recipe by name.

    Parameters
    ----------
    name : one of `PRESETS`. ``quick`` takes few epochs, ``standard`` is the default, ``best`` takes most;
        ``published`` is how the one who published `architecture` trains it: MNIST as it is, Adam, no more.
    architecture : a name in `digitrec.model.architectures.ARCHITECTURES`.
    changes : fields of `TrainingConfig` that differ from the preset.

    Raises
    ------
    TrainingError : an unknown preset or architecture, a value out of range, or ``published`` for a network of ours.
    """
    if name not in PRESETS:
        raise TrainingError(f"preset: expected one of {', '.join(PRESETS)}. Received: {name!r}.")
    config = replace(_OURS.get(name, TrainingConfig()), architecture=architecture)
    if name == PUBLISHED:
        config = _as_published(config)
    return replace(config, **changes)


def _as_published(config: TrainingConfig) -> TrainingConfig:
    recipe = ARCHITECTURES[config.architecture].own_recipe
    if recipe is None:
        published = [name for name, architecture in ARCHITECTURES.items() if architecture.own_recipe]
        raise TrainingError(
            f"preset: expected one of {', '.join(published)} with {PUBLISHED!r}. Received: {config.architecture!r}, "
            "which has no other recipe than ours. Name one of those, or another preset."
        )
    return replace(
        config,
        epochs=recipe.epochs,
        batch_size=recipe.batch_size,
        learning_rate=1e-3,
        anneal=False,
        weight_decay=0.0,
        label_smoothing=0.0,
        validation_share=0.02,
        use_strokes=False,
        style_drawings=0,
        rows=0,
        negatives=None,
        augmentation=None,
    )
