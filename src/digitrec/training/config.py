"""Training configuration: one frozen value, stored in the checkpoint and the model card, and its presets."""

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

_MIN_LIMIT = 200  # leaves some validation images of every digit


@dataclass(frozen=True)
class TrainingConfig:
    """Configuration of a training run.

    Attributes
    ----------
    architecture : a name in `digitrec.model.architectures.ARCHITECTURES`.
    epochs, batch_size : passes over the training set, and images per step.
    patience : stop after this many epochs without a lower loss on the validation set, and restore the weights of the
        best epoch; None trains for all epochs.
    learning_rate : peak learning rate of AdamW.
    cosine_decay : warm up during the first epoch, then decay to 0 along a cosine; False keeps the rate constant.
    weight_decay : of AdamW (Loshchilov, Hutter, 2017).
    label_smoothing : the fraction of each label that is spread over all classes (Szegedy et al., 2016).
    teachers : SHA-256 of the teacher models. The network starts from the first one's weights and learns from their
        mean prediction; see `digitrec.training.distillation`.
    teacher_fraction : weight of the teachers' prediction in each target, in [0, 1]; 0 uses their weights only.
    averaged_seeds : seeds of the networks whose weights were averaged; see `digitrec.training.weight_averaging`.
    averaged_with_start : whether the network that they started from was averaged with them.
    seed : of the order, the augmentation, the initial weights, dropout, and all synthetic data.
    validation_fraction : of each MNIST label and of the pen digits' writers, held out to choose the temperature and the
        threshold. The split is the same for every seed.
    use_strokes : train on characters given as pen strokes in addition to MNIST: the pen digits, UNIPEN and others.
    renderings : of each digit given as pen strokes, with different pens, sizes and positions.
    characters_per_label : letters and signs of each kind that are rendered as non-digits.
    scanned_digits : number of digits that are rendered as scans and photos, in boxes and on ruled lines.
    samples_per_template : samples drawn from each digit template of the synthetic writer.
    touching_digit_rows : number of synthetic rows of touching digits that are split into training samples.
    non_digits : number of synthetic non-digits; None trains without the reject class.
    line_weight : weight of the line model's probabilities in `predict`, in [0, 1]; 0 is the digit network alone.
    rejected_fraction : the fraction of validation digits that the card's threshold may reject.
    augmentation : see `Augmentation`; None trains on the images as they are.
    mild_augmentation : the augmentation of the last epochs, closer to the real distribution.
    mild_fraction : fraction of the epochs that use it, in [0, 1].
    quantize : write the LiteRT graph with 8-bit weights, which is faster; the Keras weights stay as they are.
    mixed_precision : compute in bfloat16, which is faster on processors with AMX and slower on others.
    limit : maximum number of MNIST training images, for experiments; None is all.
    """

    architecture: str = DEFAULT_ARCHITECTURE
    epochs: int = 15
    batch_size: int = 128
    patience: int | None = None
    learning_rate: float = 2e-3
    cosine_decay: bool = True
    weight_decay: float = 1e-3
    label_smoothing: float = 0.05
    teachers: tuple[str, ...] = ()
    teacher_fraction: float = 0.7
    averaged_seeds: tuple[int, ...] = ()
    averaged_with_start: bool = False
    seed: int = 1
    validation_fraction: float = 0.08
    use_strokes: bool = True
    renderings: int = 2
    characters_per_label: int = 200
    scanned_digits: int = 16_000
    samples_per_template: int = 120
    touching_digit_rows: int = 4500
    non_digits: NonDigitCounts | None = field(default_factory=NonDigitCounts)
    line_weight: float = 0.6
    rejected_fraction: float = 0.01
    augmentation: Augmentation | None = field(default_factory=Augmentation)
    mild_augmentation: Augmentation = MILD_AUGMENTATION
    mild_fraction: float = 0.4
    quantize: bool = True
    mixed_precision: bool = False
    limit: int | None = None

    def __post_init__(self) -> None:
        """Validate the values that a user can set."""
        if self.architecture not in ARCHITECTURES:
            known = ", ".join(ARCHITECTURES)
            raise TrainingError(f"architecture: expected one of {known}. Received: {self.architecture!r}.")
        least = {"epochs": 1, "batch_size": 1, "patience": 1, "seed": 0, "limit": _MIN_LIMIT}
        for name, minimum in least.items():
            value = getattr(self, name)
            if value is not None and value < minimum:
                raise TrainingError(f"{name}: expected at least {minimum}. Received: {value}.")
        for name in ("teacher_fraction", "line_weight"):
            if not 0 <= getattr(self, name) <= 1:
                raise TrainingError(
                    f"{name}: expected a number from 0 to 1. Received: {getattr(self, name)}."
                )
        if not 0 < self.learning_rate < math.inf:
            raise TrainingError(f"learning_rate: expected a positive number. Received: {self.learning_rate}.")

    def augmentation_in(self, epoch: int) -> Augmentation | None:
        """Return the augmentation of an epoch, counted from 0."""
        if self.augmentation is None or epoch < (1 - self.mild_fraction) * self.epochs:
            return self.augmentation
        return self.mild_augmentation

    def to_dict(self) -> dict[str, Any]:
        """Return the configuration as JSON-compatible values."""
        return dataclasses.asdict(self)

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> TrainingConfig:
        """Return the configuration from the values of `to_dict`, also after JSON. Missing fields take their default.

        Raises
        ------
        TrainingError : an unknown field, as written by another version of digitrec.
        """
        try:
            return cls(
                **{
                    name: value if value is None or name not in _FROM_JSON else _FROM_JSON[name](value)
                    for name, value in values.items()
                }
            )
        except TypeError as error:
            raise TrainingError(
                f"config: expected the fields of this version of digitrec. Received: {error}. "
                "Train all models with the same version."
            ) from error


# Fields that JSON stores as lists and objects.
_FROM_JSON: Final[dict[str, Callable[[Any], Any]]] = {
    "teachers": tuple,
    "averaged_seeds": tuple,
    "non_digits": lambda counts: NonDigitCounts(*counts),
    "augmentation": lambda ranges: Augmentation(**ranges),
    "mild_augmentation": lambda ranges: Augmentation(**ranges),
}
DEFAULT_PRESET: Final = "standard"
REFERENCE: Final = "reference"

_PLAIN_MNIST: Final = TrainingConfig(
    validation_fraction=0.02,
    use_strokes=False,
    samples_per_template=0,
    scanned_digits=0,
    touching_digit_rows=0,
    non_digits=None,
    line_weight=0.0,
)
_PRESETS: Final = {
    "quick": replace(
        _PLAIN_MNIST,
        epochs=3,
        learning_rate=6e-3,
        label_smoothing=0.02,
        augmentation=QUICK_AUGMENTATION,
        mild_fraction=0.0,
    ),
    DEFAULT_PRESET: TrainingConfig(),
    "best": TrainingConfig(epochs=40, validation_fraction=0.04, touching_digit_rows=9000),
}
PRESETS: Final = (*_PRESETS, REFERENCE)


def preset(name: str, architecture: str = DEFAULT_ARCHITECTURE, **changes: Any) -> TrainingConfig:
    """Return a configuration by name.

    Parameters
    ----------
    name : one of `PRESETS`. ``quick`` trains for a few epochs, ``standard`` is the default, ``best`` trains longest;
        ``reference`` is the recipe published with `architecture`: plain MNIST, Adam, no augmentation.
    changes : fields of `TrainingConfig` that override the preset.

    Raises
    ------
    TrainingError : an unknown preset or architecture, a value out of range, or ``reference`` for an architecture
        without a published recipe.
    """
    if name not in PRESETS:
        raise TrainingError(f"preset: expected one of {', '.join(PRESETS)}. Received: {name!r}.")
    config = replace(_PRESETS.get(name, _PLAIN_MNIST), architecture=architecture)
    if name == REFERENCE:
        config = _reference_config(config)
    return replace(config, **changes)


def _reference_config(config: TrainingConfig) -> TrainingConfig:
    reference = ARCHITECTURES[config.architecture].published_recipe
    if reference is None:
        published = [name for name, architecture in ARCHITECTURES.items() if architecture.published_recipe]
        raise TrainingError(
            f"preset: expected one of {', '.join(published)} with {REFERENCE!r}. Received: {config.architecture!r}, "
            "which has no published recipe. Choose one of those, or another preset."
        )
    return replace(
        config,
        epochs=reference.epochs,
        batch_size=reference.batch_size,
        patience=reference.patience,
        learning_rate=1e-3,
        cosine_decay=False,
        weight_decay=0.0,
        label_smoothing=0.0,
        quantize=False,
        augmentation=None,
    )
