"""Format evaluation results for a terminal: all metrics of one dataset, or a table of several."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from digitrec.constants import LABELS
from digitrec.evaluation.evaluator import SetResult, pool_results, rejection_curve_of
from digitrec.evaluation.metrics import DigitMetrics
from digitrec.evaluation.number_evaluator import NumberSetResult
from digitrec.evaluation.string_metrics import PRECISION


def format_results(results: list[SetResult], skipped: dict[str, str]) -> str:
    """Return all metrics of a single dataset of digits, or a line for each of several.

    `skipped` says by the dataset's name why it was not evaluated.
    """
    if len(results) == 1 and not skipped and results[0].is_digit_set:
        (result,) = results
        return "\n".join([format_metrics(result.metrics), *(f"\n{note}" for note in result.notes)])
    digits = [item for item in results if item.is_digit_set]
    others = [item for item in results if not item.is_digit_set]
    lines = [*_digit_lines(digits), *_other_lines(others), *_pooled_lines(digits, others), ""]
    lines += [f"{item.name}: {note}" for item in results for note in item.notes]
    return "\n".join([*lines, *(f"{name}: skipped, {reason}" for name, reason in skipped.items())]).rstrip()


def format_metrics(metrics: DigitMetrics) -> str:
    """Return the metrics as a text of about twenty lines for a terminal."""
    low, high = metrics.accuracy_ci95
    selective = metrics.selective_accuracy
    lines = [
        f"accuracy   {metrics.accuracy:.2%} ({metrics.correct} of {metrics.count}), "
        f"95 % interval {low:.2%} to {high:.2%}",
        f"accepted   {metrics.coverage:.2%}"
        + ("" if selective is None else f", accuracy of accepted {selective:.2%}"),
        f"failed     {metrics.num_failed}",
        f"ECE        {metrics.ece:.2%} (15 bins)",
        "",
        "label " + "".join(f"{digit:>6}" for digit in LABELS) + "   recall  median confidence",
    ]
    rows = zip(LABELS, metrics.confusion, metrics.recall, metrics.median_confidence, strict=True)
    return "\n".join([*lines, *(_row(*row) for row in rows)])


def _row(digit: int, counts: NDArray[np.int64], recall: float, confidence: float) -> str:
    cells = "".join(f"{count if count else '.':>6}" for count in counts.tolist())
    return f"{digit:>5} {cells}   {_percent(recall, 1):>6}  {_percent(confidence, 1):>17}"


def _digit_lines(digits: list[SetResult]) -> Iterator[str]:
    if not digits:
        return
    yield f"{'set':<20}{'n':>7}{'accuracy':>10}   95 % interval       accepted      failed"
    for item in digits:
        metrics = item.metrics
        low, high = metrics.accuracy_ci95
        yield (
            f"{item.name:<20}{metrics.count:>7}{metrics.accuracy:>10.2%}   {low:.2%} to {high:.2%}"
            f"{metrics.coverage:>13.2%}{metrics.num_failed:>12}"
        )
    mean = sum(item.metrics.accuracy for item in digits) / len(digits)
    yield f"{'mean, unweighted':<20}{'':>7}{mean:>10.2%}"


def _other_lines(others: list[SetResult]) -> Iterator[str]:
    if others:
        yield ""
        yield f"{'not digits':<20}{'n':>7}{'rejected':>10}"
    for item in others:
        yield f"{item.name:<20}{len(item.labels):>7}{1 - item.coverage:>10.2%}"


def _pooled_lines(digits: list[SetResult], others: list[SetResult]) -> Iterator[str]:
    pooled = pool_results(digits, "digits")
    curve = rejection_curve_of([*digits, *others])
    if pooled is not None:
        yield ""
        yield (
            f"all digits, n = {len(pooled.labels)}: accuracy {pooled.metrics.accuracy:.2%}, "
            f"rejected {1 - pooled.coverage:.2%}, ECE {pooled.metrics.ece:.2%} (15 bins)"
        )
    if curve is not None:
        yield f"digits against other images: AUROC {curve.auroc:.4f}"


def format_number_results(results: Sequence[NumberSetResult]) -> str:
    """Return a table with a line for each dataset of numbers."""
    title = "numbers (known length)" if any(item.known_length for item in results) else "numbers"
    lines = [
        f"{title:<24}{'n':>6}{'accuracy':>10}   {'95 % interval':<18}{'CER':>8}{f'coverage at {PRECISION:.0%}':>17}"
        f"{'accepted':>10}{'accuracy of accepted':>22}{'failed':>8}{'transcript':>12}"
    ]
    for item in results:
        metrics = item.metrics
        low, high = metrics.accuracy_ci95
        lines.append(
            f"{item.name:<24}{metrics.count:>6}{metrics.accuracy:>10.2%}   {f'{low:.2%} to {high:.2%}':<18}"
            f"{metrics.character_error_rate:>8.2%}{metrics.coverage_at_99:>17.2%}{metrics.coverage:>10.2%}"
            f"{_percent(metrics.selective_accuracy):>22}{metrics.num_failed:>8}"
            f"{_percent(metrics.transcript_accuracy):>12}"
        )
    lines.append(
        f"coverage at {PRECISION:.0%}: the fraction that a threshold can accept with {PRECISION:.0%} of it correct"
    )
    lines += [f"{item.name}: {note}" for item in results for note in item.notes]
    return "\n".join(lines)


def _percent(fraction: float | None, decimals: int = 2) -> str:
    return "-" if fraction is None or np.isnan(fraction) else f"{fraction:.{decimals}%}"
