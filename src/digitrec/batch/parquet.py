"""Results as one Parquet file, for tables of millions of rows."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import islice
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from digitrec.batch.buffered_output import BufferedOutput
from digitrec.batch.task import RecognitionTask, Row
from digitrec.files import atomic_write

_ROW_GROUP = 10_000  # rows that are in memory at once
_TYPES = {"digit": pa.int8(), "confidence": pa.float64(), "accepted": pa.bool_(), "fit": pa.float64()}


class ParquetOutput(BufferedOutput):
    """A table that is written at the end, since a Parquet file cannot be appended to; the journal keeps its rows."""

    def __init__(self, path: Path, task: RecognitionTask) -> None:
        super().__init__(path, task)
        texts = {cell.name for cell in task.form.cells} if task.form else set()
        kinds = ("" if column in texts else column.rpartition(".")[2] for column in task.columns)
        types = [_TYPES.get(kind, pa.string()) for kind in kinds]
        self._schema = pa.schema(list(zip(task.columns, types, strict=True)))

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
