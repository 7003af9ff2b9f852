"""Results as one Parquet file, for tables of millions."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import islice
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from digitrec.batch.task import RecognitionTask, Row
from digitrec.errors import OutputError
from digitrec.files import atomic_write

_ROW_GROUP = 10_000  # rows that are in memory at once
_TYPES = {"digit": pa.int8(), "confidence": pa.float64(), "accepted": pa.bool_()}


class ParquetOutput:
    """A table that is written in one step at the end, since a Parquet file cannot grow; the journal keeps its rows."""

    buffers_rows = True

    def __init__(self, path: Path, task: RecognitionTask) -> None:
        self._path = path
        self._question = task
        kinds = (column.rpartition(".")[2] for column in task.columns)
        types = [_TYPES.get(kind, pa.string()) for kind in kinds]
        self._schema = pa.schema(list(zip(task.columns, types, strict=True)))

    def open(self, length: int, *, is_begun: bool) -> None:
        """Check that the place is free, or that the file was left there by the journal's own command."""
        if self._path.exists() and not is_begun:
            raise OutputError(
                f"expected no file at {self._path} yet. Received: one that this command did not begin. "
                "Name another output, or remove it."
            )

    def append(self, rows: Sequence[Row]) -> int:
        """Leave the rows to the journal; the file's length stands for nothing but that there is something."""
        return 1

    def finish(self, rows: Iterable[Row]) -> None:
        """Write the file anew, in the place of one that is there."""
        cells = map(self._question.cells, rows)
        with atomic_write(self._path) as beside, pq.ParquetWriter(beside, self._schema) as writer:
            while group := list(islice(cells, _ROW_GROUP)):
                columns = list(zip(*group, strict=True))
                arrays = [
                    pa.array(column, kind) for column, kind in zip(columns, self._schema.types, strict=True)
                ]
                writer.write_table(pa.Table.from_arrays(arrays, schema=self._schema))

    def close(self) -> None:
        """Nothing is open."""
