"""Results as one Parquet file, for tables of millions of rows."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import islice
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from digitrec.batch.journal import foreign_file_error
from digitrec.batch.task import RecognitionTask, Row
from digitrec.files import atomic_write

_ROW_GROUP = 10_000  # rows that are in memory at once
_TYPES = {"digit": pa.int8(), "confidence": pa.float64(), "accepted": pa.bool_()}


class ParquetOutput:
    """A table that is written at the end, since a Parquet file cannot be appended to; the journal keeps its rows."""

    buffers_rows = True

    def __init__(self, path: Path, task: RecognitionTask) -> None:
        self._path = path
        self._task = task
        kinds = (column.rpartition(".")[2] for column in task.columns)
        types = [_TYPES.get(kind, pa.string()) for kind in kinds]
        self._schema = pa.schema(list(zip(task.columns, types, strict=True)))

    def open(self, length: int, *, is_begun: bool) -> None:
        """Check that there is no file, or that this command has written it."""
        if self._path.exists() and not is_begun:
            raise foreign_file_error(self._path)

    def append(self, rows: Sequence[Row]) -> int:
        """Leave the rows to the journal; the returned size only shows that there are some."""
        return 1

    def finish(self, rows: Iterable[Row]) -> None:
        """Write the file, and replace an existing one."""
        cells = map(self._task.cells, rows)
        with atomic_write(self._path) as tmp_path, pq.ParquetWriter(tmp_path, self._schema) as writer:
            while group := list(islice(cells, _ROW_GROUP)):
                columns = list(zip(*group, strict=True))
                arrays = [
                    pa.array(column, kind) for column, kind in zip(columns, self._schema.types, strict=True)
                ]
                writer.write_table(pa.Table.from_arrays(arrays, schema=self._schema))

    def close(self) -> None:
        """Do nothing: no file is open."""
