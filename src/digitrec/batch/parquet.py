"""Results as one Parquet file, for tables of millions of rows."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import islice
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from digitrec.batch.task import RecognitionTask, Row

_ROW_GROUP = 10_000  # rows that are in memory at once
_TYPES = {"digit": pa.int8(), "confidence": pa.float64(), "accepted": pa.bool_(), "fit": pa.float64()}


def write_parquet(path: Path, task: RecognitionTask, rows: Iterable[Row]) -> None:
    """Write a table of the rows, with a column for each of the task's."""
    texts = {cell.name for cell in task.form.cells} if task.form else set()
    kinds = ("" if column in texts else column.rpartition(".")[2] for column in task.columns)
    types = [_TYPES.get(kind, pa.string()) for kind in kinds]
    schema = pa.schema(list(zip(task.columns, types, strict=True)))
    cells = map(task.cells, rows)
    with pq.ParquetWriter(path, schema) as writer:
        while group := list(islice(cells, _ROW_GROUP)):
            columns = list(zip(*group, strict=True))
            arrays = [pa.array(column, kind) for column, kind in zip(columns, types, strict=True)]
            writer.write_table(pa.Table.from_arrays(arrays, schema=schema))
