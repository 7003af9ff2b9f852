"""What a bulk run tells at its end."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from digitrec.batch.task import is_accepted
from digitrec.control_characters import escape_controls


class RowCounts(NamedTuple):
    """How rows came out.

    Attributes
    ----------
    accepted, low_confidence, failed : how many, of each kind.
    first_error : the name and the error of the first that failed.
    """

    accepted: int = 0
    low_confidence: int = 0
    failed: int = 0
    first_error: str = ""

    @property
    def rows(self) -> int:
        """How many there are."""
        return self.accepted + self.low_confidence + self.failed

    def plus(self, rows: Sequence[dict[str, Any]]) -> RowCounts:
        """Return the tally with these rows, too."""
        faults = [row for row in rows if "error" in row]
        accepted = sum(is_accepted(row) for row in rows if "error" not in row)
        first = self.first_error or (f"{faults[0]['file']}: {faults[0]['error']}" if faults else "")
        return RowCounts(
            self.accepted + accepted,
            self.low_confidence + len(rows) - len(faults) - accepted,
            self.failed + len(faults),
            first,
        )


@dataclass(frozen=True)
class Summary:
    """What came out.

    Attributes
    ----------
    tally : of all rows in the results, those of earlier runs included.
    before : rows that were there when this run began.
    repeated : pictures that were named more than once, and read once.
    seconds : how long this run took.
    stopped : whether it was stopped before the end.
    """

    tally: RowCounts
    before: int
    repeated: int
    seconds: float
    stopped: bool = False

    def text(self, output: str) -> str:
        """Return the summary for a terminal."""
        tally, read = self.tally, self.tally.rows - self.before
        lines = [
            f"{output}: {tally.rows:,} rows: {tally.accepted:,} accepted, {tally.low_confidence:,} not sure, "
            f"{tally.failed:,} with an error",
            f"{read:,} read in {self.seconds:.1f} s, {read / max(self.seconds, 1e-9):,.0f} a second"
            + (f"; {self.before:,} were there before" if self.before else "")
            + (f"; {self.repeated:,} named more than once, read once" if self.repeated else ""),
        ]
        if tally.first_error:
            lines.append(f"the first error: {escape_controls(tally.first_error)}")  # it names a file
        if self.stopped:
            lines.append("stopped before the end; the same command goes on from here")
        return "\n".join(lines)
