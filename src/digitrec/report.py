"""What a run leaves to read: metrics.json, the learning curves and the confusion matrix."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
from sklearn.metrics import ConfusionMatrixDisplay

from digitrec.contract import LABELS
from digitrec.evaluation import Evaluation

matplotlib.use("Agg")  # a report is written where no screen is

from matplotlib import pyplot as plt

_DPI = 120


def write_report(
    folder: Path, card: dict[str, Any], test: Evaluation, history: list[dict[str, float]]
) -> None:
    """Write metrics.json, learning_curves.png and confusion_matrix.png into `folder`, which is made."""
    folder.mkdir(parents=True, exist_ok=True)
    metrics = {"card": card, "history": history}
    (folder / "metrics.json").write_text(json.dumps(metrics, indent=2) + "\n", encoding="utf-8")
    _draw_learning_curves(folder / "learning_curves.png", history)
    _draw_confusion_matrix(folder / "confusion_matrix.png", test)


def _draw_learning_curves(path: Path, history: list[dict[str, float]]) -> None:
    figure, (loss, error) = plt.subplots(1, 2, figsize=(9, 3.5), layout="constrained")
    epochs = [entry["epoch"] for entry in history]
    for name, label in (("", "training, augmented"), ("val_", "validation")):
        loss.plot(epochs, [entry[f"{name}loss"] for entry in history], label=label)
        error.plot(epochs, [100 * (1 - entry[f"{name}accuracy"]) for entry in history], label=label)
    loss.set(xlabel="epoch", ylabel="cross-entropy", yscale="log")
    error.set(xlabel="epoch", ylabel="error, %", yscale="log")
    error.legend()
    figure.savefig(path, dpi=_DPI)
    plt.close(figure)


def _draw_confusion_matrix(path: Path, test: Evaluation) -> None:
    figure, axes = plt.subplots(figsize=(5.5, 5), layout="constrained")
    mistakes = np.where(np.eye(len(LABELS), dtype=bool), 0, test.confusion)
    ConfusionMatrixDisplay(mistakes, display_labels=LABELS).plot(ax=axes, cmap="Blues", colorbar=False)
    axes.set_title(f"Mistakes on MNIST's test set: {test.count - test.correct} of {test.count}")
    figure.savefig(path, dpi=_DPI)
    plt.close(figure)
