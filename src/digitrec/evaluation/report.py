"""Write a report of an evaluation or a training run. Needs matplotlib and scikit-learn.

metrics.json          all metrics of each dataset and of all digits together, and the rejection curve
confusion_matrix.png  how often each digit is mistaken for each other one
reliability.png       accuracy at each confidence
errors.png            the wrong predictions with the highest confidence, with the normalized images
examples.png          correct predictions of each digit, from the lowest confidence to the highest
errors_SET.png        for each dataset of numbers: the wrong readings, with image, transcript and a box for each digit
rejection_curve.png   the rejection rate at each threshold; only with a dataset of images that are not digits
learning_curves.png   loss and error of each epoch; only of a training run
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from itertools import chain
from pathlib import Path
from typing import Any, Final

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from numpy.typing import NDArray
from sklearn.metrics import ConfusionMatrixDisplay

from digitrec.constants import LABELS
from digitrec.errors import DigitrecError
from digitrec.evaluation.calibration import RejectionCurve
from digitrec.evaluation.dataset_readers import LINE_SEPARATOR, Example
from digitrec.evaluation.evaluator import SetResult, pool_results, rejection_curve_of
from digitrec.evaluation.number_evaluator import NumberSetResult
from digitrec.files import ensure_writable_dir
from digitrec.preprocessing.decode import decode
from digitrec.preprocessing.ops import downscale

_DPI: Final = 120
_MAX_ERROR_ROWS: Final = 8
_ERROR_COLUMNS: Final = 12
_MAX_NUMBER_ERRORS: Final = 60
_NUMBER_COLUMNS: Final = 4
_CELL_INCHES: Final = 3.5
_CELL_PX: Final = 800
_EXAMPLES_PER_DIGIT: Final = 12


def write_report(
    folder: Path,
    results: Sequence[SetResult],
    card: dict[str, Any],
    history: Sequence[dict[str, float]] = (),
    number_results: Sequence[NumberSetResult] = (),
    **options: Any,
) -> None:
    """Write metrics.json and the plots into `folder`, which is created.

    Parameters
    ----------
    results, number_results : of datasets of digits or other images, and of datasets of numbers; at least one in all.
    history : the metrics of each epoch of a training run.
    options : how the evaluation was run, for metrics.json.

    Raises
    ------
    OutputError : the folder cannot be created or written to.
    """
    ensure_writable_dir(folder)
    digits = pool_results([item for item in results if item.is_digit_set], "all digits")
    curve = rejection_curve_of(results)
    threshold = next(chain((item.threshold for item in results), (item.threshold for item in number_results)))
    metrics = {
        "card": card,
        "threshold": threshold,
        "options": options,
        "sets": [item.to_dict() for item in results],
        "numbers": [item.to_dict() for item in number_results],
        "all_digits": digits and digits.to_dict(),
        "rejection_curve": curve and curve.to_dict(),
        "history": list(history),
    }
    (folder / "metrics.json").write_text(json.dumps(metrics, indent=2) + "\n", encoding="utf-8")
    if digits is not None:
        draw_confusion_matrix(folder / "confusion_matrix.png", digits)
        draw_reliability(folder / "reliability.png", digits)
        draw_errors(folder / "errors.png", digits)
        draw_examples(folder / "examples.png", digits)
    if curve is not None:
        draw_rejection_curve(folder / "rejection_curve.png", curve, threshold)
    for item in number_results:
        draw_number_errors(folder / f"errors_{item.name}.png", item)
    if history:
        draw_learning_curves(folder / "learning_curves.png", history)


def draw_learning_curves(path: Path, history: Sequence[dict[str, float]]) -> None:
    """Plot cross-entropy and error of each epoch, for training and validation data."""
    figure = Figure(figsize=(9, 3.5), layout="constrained")
    loss, error = figure.subplots(1, 2)
    epochs = [entry["epoch"] for entry in history]
    for name, label in (("", "training, augmented"), ("val_", "validation")):
        loss.plot(epochs, [entry[f"{name}loss"] for entry in history], label=label)
        error.plot(epochs, [100 * (1 - entry[f"{name}accuracy"]) for entry in history], label=label)
    loss.set(xlabel="epoch", ylabel="cross-entropy", yscale="log")
    error.set(xlabel="epoch", ylabel="error, %", yscale="log")
    error.legend()
    _save(figure, path)


def draw_confusion_matrix(path: Path, digits: SetResult) -> None:
    """Plot how often each digit was mistaken for each other one."""
    metrics = digits.metrics
    figure = Figure(figsize=(5.5, 5), layout="constrained")
    axes = figure.subplots()
    errors = np.where(np.eye(len(LABELS), dtype=bool), 0, metrics.confusion)
    ConfusionMatrixDisplay(errors, display_labels=LABELS).plot(ax=axes, cmap="Blues", colorbar=False)
    axes.set_title(f"{digits.name}: {metrics.count - metrics.correct:,} of {metrics.count:,} wrong")
    _save(figure, path)


def draw_reliability(path: Path, digits: SetResult) -> None:
    """Plot accuracy over confidence, and the number of predictions at each confidence."""
    bins = digits.metrics.reliability
    confidences = [item.confidence for item in bins]
    figure = Figure(figsize=(5, 5.5), layout="constrained")
    accuracy, count = figure.subplots(2, 1, height_ratios=(3, 1))
    accuracy.plot((0, 1), (0, 1), color="grey", linestyle="--", linewidth=1)
    accuracy.plot(confidences, [item.accuracy for item in bins], marker="o")
    accuracy.set(ylabel="accuracy", xlim=(0, 1), ylim=(0, 1))
    accuracy.set_title(f"{digits.name}: ECE {digits.metrics.ece:.2%}")
    count.bar(confidences, [item.predictions for item in bins], width=0.04)
    count.set(xlabel="confidence", ylabel="predictions", yscale="log", xlim=(0, 1))
    _save(figure, path)


def draw_errors(path: Path, digits: SetResult) -> None:
    """Draw the normalized images of the wrong predictions, in descending order of confidence."""
    wrong = np.flatnonzero(digits.predictions != digits.labels)
    confidences = np.nan_to_num(digits.confidences)
    selected = wrong[np.argsort(-confidences[wrong], kind="stable")][: _MAX_ERROR_ROWS * _ERROR_COLUMNS]
    rows = max(1, -(-len(selected) // _ERROR_COLUMNS))
    figure = Figure(figsize=(_ERROR_COLUMNS, 0.5 + 1.25 * rows), layout="constrained")
    grid = _empty_grid(figure, rows, _ERROR_COLUMNS)
    for axes, index in zip(grid.flat, selected.tolist(), strict=False):
        prediction = (
            f"as {digits.predictions[index]}, {confidences[index]:.0%}" if confidences[index] else "failed"
        )
        _draw_image(axes, digits.images[index], f"{digits.labels[index]} {prediction}")
    figure.suptitle(f"{digits.name}: {len(selected)} of {len(wrong)} errors, by confidence")
    _save(figure, path)


def draw_number_errors(path: Path, result: NumberSetResult) -> None:
    """Draw the images of the wrong readings, in descending order of confidence, with a box around each digit."""
    selected = result.error_indices[:_MAX_NUMBER_ERRORS]
    images = [_small_image(result.examples[index]) for index in selected]
    aspects = [image.shape[0] / image.shape[1] for image, _ in images] or [0.0]
    cell_height = _CELL_INCHES * float(np.clip(np.median(aspects), 0.2, 1.5)) + 0.5
    rows = max(1, -(-len(selected) // _NUMBER_COLUMNS))
    figure = Figure(figsize=(_NUMBER_COLUMNS * _CELL_INCHES, 0.5 + rows * cell_height), layout="constrained")
    grid = _empty_grid(figure, rows, _NUMBER_COLUMNS)
    for axes, index, (image, scale) in zip(grid.flat, selected, images, strict=False):
        axes.imshow(image, cmap="gray", vmin=0, vmax=255)
        for digit in result.readings[index].digits:
            left, top, width, height = (scale * side for side in digit.box)
            axes.add_patch(Rectangle((left - 0.5, top - 0.5), width, height, fill=False, color="tab:red"))
        axes.set_title(_error_title(result, index), fontsize=9, pad=3, parse_math=False)
    title = f"{result.name}: {len(selected)} of {len(result.error_indices)} errors, by confidence"
    figure.suptitle(title, parse_math=False)
    _save(figure, path)


def _small_image(example: Example) -> tuple[NDArray[np.uint8], float]:
    """Return the image in gray, scaled down to the resolution of a cell, and the scale."""
    try:
        image = decode(example.load_image())
    except DigitrecError:
        return np.full((1, 1), 255, np.uint8), 1.0
    small = downscale(image, _CELL_PX)
    return small, max(small.shape) / max(image.shape)


def _error_title(result: NumberSetResult, index: int) -> str:
    example, reading = result.examples[index], result.readings[index]
    if not reading.text:
        return f"{example.label} > failed"
    transcript = reading.transcript.replace("\n", LINE_SEPARATOR)
    prefix = "written as" if example.transcript is None else f"{example.transcript} >"
    accepted = ", accepted" if reading.accepted else ""
    return (
        f"{example.label} > {result.texts[index]}\n{prefix} {transcript}   {reading.confidence:.1%}{accepted}"
    )


def draw_examples(path: Path, digits: SetResult) -> None:
    """Draw correct predictions of each digit, in even steps from the lowest confidence to the highest."""
    correct = digits.predictions == digits.labels
    figure = Figure(figsize=(_EXAMPLES_PER_DIGIT, 12.5), layout="constrained")
    grid = _empty_grid(figure, len(LABELS), _EXAMPLES_PER_DIGIT)
    for digit in LABELS:
        indices = np.flatnonzero(correct & (digits.labels == digit))
        indices = indices[np.argsort(digits.confidences[indices], kind="stable")]
        steps = np.linspace(0, len(indices) - 1, min(_EXAMPLES_PER_DIGIT, len(indices))).astype(int)
        for axes, index in zip(grid[digit], indices[steps].tolist(), strict=False):
            _draw_image(axes, digits.images[index], f"{digits.confidences[index]:.1%}")
    figure.suptitle(f"{digits.name}: correct predictions, by confidence")
    _save(figure, path)


def draw_rejection_curve(path: Path, curve: RejectionCurve, threshold: float) -> None:
    """Plot the rejection rate at each threshold, and mark the threshold of the model."""
    figure = Figure(figsize=(6, 4), layout="constrained")
    axes = figure.subplots()
    axes.plot(curve.thresholds, 100 * curve.out_of_domain, label="not digits")
    axes.plot(curve.thresholds, 100 * curve.in_domain, label="digits")
    axes.axvline(threshold, color="grey", linestyle="--", linewidth=1, label=f"threshold {threshold:.2f}")
    axes.set(xlabel="threshold", ylabel="rejected, %", xlim=(0, 1), ylim=(0, 100))
    axes.set_title(f"AUROC {curve.auroc:.4f}")
    axes.legend()
    _save(figure, path)


def _empty_grid(figure: Figure, rows: int, columns: int) -> NDArray[Any]:
    grid: NDArray[Any] = figure.subplots(rows, columns, squeeze=False)
    for axes in grid.flat:
        axes.axis("off")
    return grid


def _draw_image(axes: Axes, image: NDArray[np.uint8], title: str) -> None:
    axes.imshow(image, cmap="gray_r", vmin=0, vmax=255)
    axes.set_title(title, fontsize=7, pad=2)


def _save(figure: Figure, path: Path) -> None:
    figure.savefig(path, dpi=_DPI)
