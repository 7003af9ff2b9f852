"""Measure the storage with 10,000 records of the example's form, on SQLite or another database.

python examples/form/fill_form.py pages --count 10
python benchmarks/storage.py pages
python benchmarks/storage.py pages --database postgresql://postgres@localhost/empty
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from sqlalchemy import Integer, String, cast, func, insert, literal, select, text

from digitrec import Form, Recognizer
from digitrec.batch.output import output_at
from digitrec.batch.task import RecognitionTask
from digitrec.results import FormRecord
from digitrec.storage import Storage
from digitrec.storage.tables import StoredField, StoredRecord
from digitrec.web.views.stored_forms import table_row

FORM = Path(__file__).parents[1] / "examples" / "form" / "form.json"
_REPEATS = 50


def measure(url: str, pages: list[FormRecord], count: int) -> None:
    """Print the times of the main operations."""
    storage, form = Storage.open(url), Form.load(FORM)
    stored = storage.forms.add(form, None, None)

    def add(index: int) -> None:
        storage.records.add(stored, f"{index}.jpg", f"{index:064}", pages[index % len(pages)], None)

    def check(index: int) -> None:
        storage.records.check(1 + index, 1, {"member": "123456"}, None)

    def export(_index: int) -> None:
        with tempfile.TemporaryDirectory() as folder:
            output = output_at(Path(folder) / "table.csv", RecognitionTask("form", form=form))
            output.open(0, is_begun=False)
            for page in storage.records.pages(stored.id):
                output.append([table_row(record) for record in page])
            output.close()

    for index in range(_REPEATS):
        add(index)
    fill(storage, count)
    _report("store a record", _REPEATS, lambda index: add(_REPEATS + index))
    _report("list the first 100 records", _REPEATS, lambda _: storage.records.page(stored.id))
    _report("list 100 in the middle", _REPEATS, lambda _: storage.records.page(stored.id, after=count // 2))
    _report("check a field", _REPEATS, check)
    _report("list the forms", _REPEATS, lambda _: storage.forms.summaries())
    _report("count the checked digits", _REPEATS, lambda _: storage.adaptations.num_digits())
    _report(f"write a CSV table of {count:,}", 1, export)
    storage.database.close()


def fill(storage: Storage, count: int) -> None:
    """Copy the stored records until there are `count`."""
    records, fields = StoredRecord.__table__, StoredField.__table__
    with storage.database.write() as session:
        while (present := session.scalar(select(func.max(records.c.id))) or 0) < count:
            shift = literal(present, Integer)
            is_copied = records.c.id <= count - present
            for table, changes, condition in (
                (
                    records,
                    {"id": records.c.id + shift, "sha256": cast(records.c.id + shift, String)},
                    is_copied,
                ),
                (fields, {"record_id": fields.c.record_id + shift}, fields.c.record_id <= count - present),
            ):
                columns = [changes.get(column.name, column) for column in table.c]
                session.execute(insert(table).from_select(list(table.c), select(*columns).where(condition)))
        if session.connection().dialect.name == "postgresql":
            session.execute(text(f"SELECT setval(pg_get_serial_sequence('records', 'id'), {count})"))


def _report(what: str, count: int, operation: Callable[[int], object]) -> None:
    times, started_cpu = [], time.process_time()
    for index in range(count):
        started = time.perf_counter()
        operation(index)
        times.append(1000 * (time.perf_counter() - started))
    cpu = 1000 * (time.process_time() - started_cpu) / count
    print(f"{what:32} median {np.median(times):9.1f} ms, CPU of this process {cpu:9.1f} ms", flush=True)


def main() -> None:
    """Measure one database."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("pages", type=Path, help="a folder with pages of the example's form")
    parser.add_argument("--records", type=int, default=10_000)
    parser.add_argument("--database", help="the URL of an empty database; default: a new file of SQLite")
    options = parser.parse_args()
    recognizer, form = Recognizer.load(), Form.load(FORM)
    pages = [recognizer.read_form(path, form, include_images=True) for path in options.pages.glob("*.jpg")]
    print(f"load of this machine before: {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "digitrec.db"
        measure(options.database or f"sqlite:///{path}", pages, options.records)
        if path.exists():
            print(f"{path.stat().st_size / 1e6:,.0f} MB")
    print(f"load after: {os.getloadavg()[0]:.1f}")


if __name__ == "__main__":
    main()
