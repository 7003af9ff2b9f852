"""What an examination or a training run leaves to read: metrics.json and pictures. Needs matplotlib and
scikit-learn.

metrics.json          every figure of each set, of all digits together, and the refusal curve
confusion_matrix.png  which digit is taken for which
reliability.png       whether answers of 90 % confidence are right nine times in ten
mistakes.png          the surest wrong answers, with the ink the network saw
examples.png          each digit, from the least sure answer to the surest
mistakes_SET.png      the same for each set of numbers, with the image, the transcript and a box for each digit
refusal.png           what each threshold refuses; only where something that is no digit was shown
learning_curves.png   loss and error an epoch; only of a training run
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from itertools import chain
from pathlib import Path
from typing import Any, Final

import cv2
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

_DPI: Final = 120
_MAX_ERRORS: Final = (8, 12)  # at most so many rows, and columns of the sheet
_MAX_NUMBER_ERRORS: Final = 60
_NUMBER_COLUMNS: Final = 4
_CELL_INCHES: Final = 3.5
_CELL_PX: Final = 800
_EXAMPLES: Final = 12


def write_report(
    folder: Path,
    examinations: Sequence[SetResult],
    card: dict[str, Any],
    history: Sequence[dict[str, float]] = (),
    numbers: Sequence[NumberSetResult] = (),
    **options: Any,
) -> None:
    """Write metrics.json and the pictures into `folder`, which is made.

    Parameters
    ----------
    examinations : of sets of digits or of other things, and `numbers` of sets of numbers; at least one.
    card : of the model that was examined.
    history : one dict of numbers an epoch, of a training run.
    options : what the examination was asked for, to be noted.

    Raises
    ------
    OutputError : the folder cannot be made, or not be written to.
    """
    ensure_writable_dir(folder)
    digits = pool_results([item for item in examinations if item.shows_digits], "all digits")
    curve = rejection_curve_of(examinations)
    threshold = next(chain((item.threshold for item in examinations), (item.threshold for item in numbers)))
    metrics = {
        "card": card,
        "threshold": threshold,
        "options": options,
        "sets": [item.to_dict() for item in examinations],
        "numbers": [item.to_dict() for item in numbers],
        "all_digits": digits and digits.to_dict(),
        "refusal": curve and curve.to_dict(),
        "history": list(history),
    }
    (folder / "metrics.json").write_text(json.dumps(metrics, indent=2) + "\n", encoding="utf-8")
    if digits is not None:
        draw_confusion_matrix(folder / "confusion_matrix.png", digits)
        draw_reliability(folder / "reliability.png", digits)
        draw_errors(folder / "mistakes.png", digits)
        draw_examples(folder / "examples.png", digits)
    if curve is not None:
        draw_rejection_curve(folder / "refusal.png", curve, threshold)
    for item in numbers:
        draw_number_errors(folder / f"mistakes_{item.name}.png", item)
    if history:
        draw_learning_curves(folder / "learning_curves.png", history)


def draw_learning_curves(path: Path, history: Sequence[dict[str, float]]) -> None:
    """Draw cross-entropy and error an epoch, of the training and of the validation part."""
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
    """Draw how often each digit was taken for each other one."""
    figures = digits.evaluation
    figure = Figure(figsize=(5.5, 5), layout="constrained")
    axes = figure.subplots()
    mistakes = np.where(np.eye(len(LABELS), dtype=bool), 0, figures.confusion)
    ConfusionMatrixDisplay(mistakes, display_labels=LABELS).plot(ax=axes, cmap="Blues", colorbar=False)
    axes.set_title(f"{digits.name}: {figures.count - figures.correct:,} of {figures.count:,} wrong")
    _save(figure, path)


def draw_reliability(path: Path, digits: SetResult) -> None:
    """Draw accuracy over confidence, and how many answers have each confidence."""
    bins = digits.evaluation.reliability
    figure = Figure(figsize=(5, 5.5), layout="constrained")
    share, count = figure.subplots(2, 1, height_ratios=(3, 1))
    share.plot((0, 1), (0, 1), color="grey", linestyle="--", linewidth=1)
    share.plot([item.confidence for item in bins], [item.accuracy for item in bins], marker="o")
    share.set(ylabel="share that is right", xlim=(0, 1), ylim=(0, 1))
    share.set_title(f"{digits.name}: off by {digits.evaluation.calibration_error:.2%} in the mean")
    count.bar([item.confidence for item in bins], [item.answers for item in bins], width=0.04)
    count.set(xlabel="confidence", ylabel="answers", yscale="log", xlim=(0, 1))
    _save(figure, path)


def draw_errors(path: Path, digits: SetResult) -> None:
    """Draw the wrong answers, the surest first, with the ink that the network saw."""
    wrong = np.flatnonzero(digits.answers != digits.labels)
    confidences = np.nan_to_num(digits.confidences)
    most_rows, columns = _MAX_ERRORS
    worst = wrong[np.argsort(-confidences[wrong], kind="stable")][: most_rows * columns]
    rows = max(1, -(-len(worst) // columns))
    figure = Figure(figsize=(columns, 0.5 + 1.25 * rows), layout="constrained")
    grid = figure.subplots(rows, columns, squeeze=False)
    for axes in grid.flat:
        axes.axis("off")
    for axes, place in zip(grid.flat, worst.tolist(), strict=False):
        answer = (
            f"as {digits.answers[place]}, {confidences[place]:.0%}" if confidences[place] else "unanswered"
        )
        _show(axes, digits.inks[place], f"{digits.labels[place]} {answer}")
    figure.suptitle(f"{digits.name}: the surest {len(worst)} of {len(wrong)} mistakes")
    _save(figure, path)


def draw_number_errors(path: Path, numbers: NumberSetResult) -> None:
    """Draw the images of the wrong numbers, the surest first, with a box around each digit that was read."""
    shown = numbers.mistakes[:_MAX_NUMBER_ERRORS]
    images = [_small_image(numbers.rows[index]) for index in shown]
    heights = [image.shape[0] / image.shape[1] for image, _ in images] or [0.0]
    cell_height = _CELL_INCHES * float(np.clip(np.median(heights), 0.2, 1.5)) + 0.5
    rows = max(1, -(-len(shown) // _NUMBER_COLUMNS))
    figure = Figure(figsize=(_NUMBER_COLUMNS * _CELL_INCHES, 0.5 + rows * cell_height), layout="constrained")
    grid = figure.subplots(rows, _NUMBER_COLUMNS, squeeze=False)
    for axes in grid.flat:
        axes.axis("off")
    for axes, index, (image, scale) in zip(grid.flat, shown, images, strict=False):
        axes.imshow(image, cmap="gray", vmin=0, vmax=255)
        for digit in numbers.readings[index].digits:
            left, top, width, height = (scale * side for side in digit.box)
            axes.add_patch(Rectangle((left - 0.5, top - 0.5), width, height, fill=False, color="tab:red"))
        axes.set_title(_error_title(numbers, index), fontsize=9, pad=3, parse_math=False)
    title = f"{numbers.name}: the surest {len(shown)} of {len(numbers.mistakes)} mistakes"
    figure.suptitle(title, parse_math=False)
    _save(figure, path)


def _small_image(row: Example) -> tuple[NDArray[np.uint8], float]:
    """Return the image in gray, scaled down to what a cell of the sheet can show, and the scale."""
    try:
        image = decode(row.picture())
    except DigitrecError:
        return np.full((1, 1), 255, np.uint8), 1.0
    scale = min(1.0, _CELL_PX / max(image.shape))
    if scale < 1:
        size = tuple(max(1, round(scale * side)) for side in reversed(image.shape))
        image = np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), np.uint8)
    return image, scale


def _error_title(numbers: NumberSetResult, index: int) -> str:
    row, reading = numbers.rows[index], numbers.readings[index]
    if not reading.text:
        return f"{row.label} > unanswered"
    transcript = reading.transcript.replace("\n", LINE_SEPARATOR)
    written = f"written as {transcript}" if row.transcript is None else f"{row.transcript} > {transcript}"
    accepted = ", accepted" if reading.accepted else ""
    return f"{row.label} > {numbers.answers[index]}\n{written}   {reading.confidence:.1%}{accepted}"


def draw_examples(path: Path, digits: SetResult) -> None:
    """Draw each digit's right answers, from the least sure to the surest in even steps."""
    right = digits.answers == digits.labels
    figure = Figure(figsize=(_EXAMPLES, 12.5), layout="constrained")
    grid = figure.subplots(len(LABELS), _EXAMPLES)
    for axes in grid.flat:
        axes.axis("off")
    for digit in LABELS:
        places = np.flatnonzero(right & (digits.labels == digit))
        places = places[np.argsort(digits.confidences[places], kind="stable")]
        steps = np.linspace(0, len(places) - 1, min(_EXAMPLES, len(places))).astype(int)
        for axes, place in zip(grid[digit], places[steps].tolist(), strict=False):
            _show(axes, digits.inks[place], f"{digits.confidences[place]:.1%}")
    figure.suptitle(f"{digits.name}: right answers by confidence")
    _save(figure, path)


def draw_rejection_curve(path: Path, curve: RejectionCurve, threshold: float) -> None:
    """Draw what each threshold refuses, and the model's own."""
    figure = Figure(figsize=(6, 4), layout="constrained")
    axes = figure.subplots()
    axes.plot(curve.thresholds, 100 * curve.others, label="no digits")
    axes.plot(curve.thresholds, 100 * curve.digits, label="digits")
    axes.axvline(threshold, color="grey", linestyle="--", linewidth=1, label=f"threshold {threshold:.2f}")
    axes.set(xlabel="threshold", ylabel="refused, %", xlim=(0, 1), ylim=(0, 100))
    axes.set_title(f"Area under the ROC: {curve.area:.4f}")
    axes.legend()
    _save(figure, path)


def _show(axes: Axes, ink: Any, title: str) -> None:
    axes.imshow(ink, cmap="gray_r", vmin=0, vmax=255)
    axes.set_title(title, fontsize=7, pad=2)


def _save(figure: Any, path: Path) -> None:
    figure.savefig(path, dpi=_DPI)
