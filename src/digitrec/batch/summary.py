"""The summary of a batch run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from digitrec.batch.task import is_accepted
from digitrec.control_characters import escape_controls


class RowCounts(NamedTuple):
    """The number of rows of each outcome.

    Attributes
    ----------
    accepted, rejected, failed : rows with an accepted result, a rejected one, and an error.
    first_error : the name and the error of the first failed row.
    """

    accepted: int = 0
    rejected: int = 0
    failed: int = 0
    first_error: str = ""

    @property
    def rows(self) -> int:
        """All rows."""
        return self.accepted + self.rejected + self.failed

    def plus(self, rows: Sequence[dict[str, Any]]) -> RowCounts:
        """Return the counts with these rows added."""
        failed = [row for row in rows if "error" in row]
        accepted = sum(is_accepted(row) for row in rows if "error" not in row)
        first = self.first_error or (f"{failed[0]['file']}: {failed[0]['error']}" if failed else "")
        return RowCounts(
            self.accepted + accepted,
            self.rejected + len(rows) - len(failed) - accepted,
            self.failed + len(failed),
            first,
        )


@dataclass(frozen=True)
class Summary:
    """The outcome of a batch run.

    Attributes
    ----------
    counts : of all rows in the results, those of earlier runs included.
    rows_before : rows that existed when this run began.
    duplicates : inputs that were named more than once, and recognized once.
    seconds : the duration of this run.
    is_interrupted : whether the run was stopped before the end.
    """

    counts: RowCounts
    rows_before: int
    duplicates: int
    seconds: float
    is_interrupted: bool = False

    def text(self, output: str) -> str:
        """Return the summary for a terminal; `output` is the name of the results."""
        counts, new = self.counts, self.counts.rows - self.rows_before
        lines = [
            f"{output}: {counts.rows:,} rows: {counts.accepted:,} accepted, {counts.rejected:,} rejected, "
            f"{counts.failed:,} failed",
            f"{new:,} new in {self.seconds:.1f} s, {new / max(self.seconds, 1e-9):,.0f} per second"
            + (f"; {self.rows_before:,} from earlier runs" if self.rows_before else "")
            + (f"; {self.duplicates:,} duplicate inputs skipped" if self.duplicates else ""),
        ]
        if counts.first_error:
            lines.append(f"first error: {escape_controls(counts.first_error)}")  # it contains a file name
        if self.is_interrupted:
            lines.append("interrupted; run the same command to resume")
        return "\n".join(lines)
