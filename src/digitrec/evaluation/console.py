"""What a terminal shows of an examination: the figures of one set, or a line for each of several."""

from __future__ import annotations

from collections.abc import Iterator

from digitrec.evaluation.evaluator import SetResult, pool_results, rejection_curve_of
from digitrec.evaluation.metrics import format_metrics


def format_results(examinations: list[SetResult], skipped: dict[str, str]) -> str:
    """Return a text for a terminal: the full figures of a single set, or a line for each of several."""
    if len(examinations) == 1 and not skipped and examinations[0].shows_digits:
        only = examinations[0]
        return "\n".join([format_metrics(only.evaluation), *(f"\n{note}" for note in only.notes)])
    digits = [item for item in examinations if item.shows_digits]
    others = [item for item in examinations if not item.shows_digits]
    lines = [*_digit_lines(digits), *_other_lines(others), *_pooled_lines(digits, others), ""]
    lines += [f"{item.name}: {note}" for item in examinations for note in item.notes]
    return "\n".join([*lines, *(f"{name}: skipped, {fault}" for name, fault in skipped.items())]).rstrip()


def _digit_lines(digits: list[SetResult]) -> Iterator[str]:
    if not digits:
        return
    yield f"{'set':<20}{'n':>7}{'accuracy':>10}   95 % interval       accepted  unanswered"
    for item in digits:
        figures = item.evaluation
        low, high = figures.interval
        yield (
            f"{item.name:<20}{figures.count:>7}{figures.accuracy:>10.2%}   {low:.2%} to {high:.2%}"
            f"{figures.accepted_share:>13.2%}{figures.unanswered:>12}"
        )
    mean = sum(item.evaluation.accuracy for item in digits) / len(digits)
    yield f"{'mean, unweighted':<20}{'':>7}{mean:>10.2%}"


def _other_lines(others: list[SetResult]) -> Iterator[str]:
    if others:
        yield ""
        yield f"{'no digits':<20}{'n':>7}{'refused':>10}"
    for item in others:
        yield f"{item.name:<20}{len(item.labels):>7}{1 - item.accepted_share:>10.2%}"


def _pooled_lines(digits: list[SetResult], others: list[SetResult]) -> Iterator[str]:
    pooled = pool_results(digits, "digits")
    curve = rejection_curve_of([*digits, *others])
    if pooled is not None:
        yield ""
        yield (
            f"all digits together, n = {len(pooled.labels)}: {pooled.evaluation.accuracy:.2%} right, "
            f"{1 - pooled.accepted_share:.2%} refused, confidence off by "
            f"{pooled.evaluation.calibration_error:.2%} in the mean (15 bins)"
        )
    if curve is not None:
        yield f"digits against no digits: area under the ROC {curve.area:.4f}"
