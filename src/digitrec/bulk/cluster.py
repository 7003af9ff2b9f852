"""Many machines: the same reading on a Ray cluster, through Ray Data.

One task, on the machine where the command runs, goes through the inputs and puts the pictures' bytes into the object
store, so that the other machines need no disk in common with it. Actors, one core and one recognizer each, take them
from there. Ray Data holds the task back while the actors are behind, and begins another actor where one died. The rows
come back in order to the command, which alone writes them.
"""

from __future__ import annotations

import json
import logging
import os
import socket
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pyarrow as pa

from digitrec.bulk.item import Item, in_batches
from digitrec.bulk.question import Answerer, Question, Row
from digitrec.bulk.sources import items
from digitrec.errors import InvalidFieldError
from digitrec.settings import Limits, Settings

os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # nobody asked that runs be reported to Ray's makers
os.environ.setdefault(
    "RAY_BACKEND_LOG_LEVEL", "fatal"
)  # what goes wrong is raised; the rest is Ray's own affair

import ray  # after the variables, which it reads
from ray.data.block import BlockMetadata
from ray.data.datasource import Datasource, ReadTask

_BATCH = 32
_ANSWERS_WITHIN_S = 10.0
_BLOCK_BYTES = 1_000_000  # so little that a hundred cores find work in a few thousand canvases
_PICTURES = pa.schema([("name", pa.string()), ("picture", pa.binary()), ("fault", pa.string())])


def read_on_cluster(
    inputs: Sequence[str],
    done: Sequence[str],
    question: Question,
    settings: Settings,
    *,
    address: str | None,
    model: Path,
    workers: int | None,
) -> Iterator[list[Row]]:
    """Give the rows of all pictures but those that are done, in order.

    Parameters
    ----------
    address : of the cluster; None is the one in RAY_ADDRESS, else one of this machine alone, made for this run.
    model : the model file, whose bytes every actor gets.
    workers : actors; None is one for each core of the cluster.

    Raises
    ------
    InvalidFieldError : there is no cluster at the address.
    """
    begun_here = not ray.is_initialized()
    if begun_here:
        _connect(address)
    try:
        _set_up(ray.data.DataContext.get_current())
        source = _Pictures(tuple(inputs), ray.put(frozenset(done)), settings.limits)
        here = {"ray.io/node-id": ray.get_runtime_context().get_node_id()}
        pictures = ray.data.read_datasource(source, override_num_blocks=1, num_cpus=0, label_selector=here)
        # By reference: an actor that takes another's place fetches the model itself.
        weights = ray.put(model.read_bytes())
        size = workers or max(1, int(ray.cluster_resources().get("CPU", 1)))
        rows = pictures.map_batches(
            _Actor,
            fn_constructor_args=(question, settings, [weights]),
            compute=ray.data.ActorPoolStrategy(size=size),
            batch_size=_BATCH,
            batch_format="pyarrow",
            num_cpus=1,
        )
        for batch in rows.iter_batches(batch_size=None, batch_format="pyarrow"):
            yield [json.loads(row) for row in batch["row"].to_pylist()]
    finally:
        if begun_here:
            ray.shutdown()


def _connect(address: str | None) -> None:
    try:
        _require_answer(address)
        ray.init(address=address, log_to_driver=False, logging_level=logging.WARNING)
    except (OSError, RuntimeError, ValueError) as error:
        raise InvalidFieldError(
            "ray",
            f"expected a Ray cluster at {address}. Received: {error}. Start one with: ray start --head",
        ) from error


def _require_answer(address: str | None) -> None:
    """Check that something listens at HOST:PORT; Ray itself would try for minutes."""
    host, _, port = (address or "").removeprefix("ray://").rpartition(":")
    if host:
        socket.create_connection((host, int(port)), timeout=_ANSWERS_WITHIN_S).close()


def _set_up(context: Any) -> None:
    context.enable_progress_bars = False  # ours counts files, not blocks
    context.execution_options.preserve_order = True  # the same results as from one machine, byte for byte
    context.execution_options.verbose_progress = False
    context.target_max_block_size = _BLOCK_BYTES
    logging.getLogger("ray.data").setLevel(logging.WARNING)


class _Pictures(Datasource):
    """The pictures of all inputs, in one stream."""

    def __init__(self, inputs: tuple[str, ...], done: Any, limits: Limits) -> None:
        super().__init__()
        self._read = partial(_blocks, Path.cwd(), inputs, done, limits)

    def estimate_inmemory_data_size(self) -> int | None:
        """Return None: nobody knows before they were read."""
        return None

    def get_read_tasks(self, parallelism: int, *arguments: Any, **options: Any) -> list[ReadTask]:
        """Return the one task that reads."""
        unknown = BlockMetadata(num_rows=None, size_bytes=None, input_files=None, exec_stats=None)
        return [ReadTask(self._read, unknown, schema=_PICTURES)]


def _blocks(folder: Path, inputs: tuple[str, ...], done: Any, limits: Limits) -> Iterator[pa.Table]:
    os.chdir(folder)  # a worker begins elsewhere, and the inputs' names are as the command got them
    known = ray.get(done)
    loaded = (_loaded(item, limits) for item in items(inputs, limits) if item.name not in known)
    for batch in in_batches(loaded, _BATCH):
        columns = [[getattr(item, field.name) for item in batch] for field in _PICTURES]
        yield pa.table(columns, schema=_PICTURES)


def _loaded(item: Item, limits: Limits) -> Item:
    """Return the item with its file's bytes; where there are none, with the error that its path would give."""
    if isinstance(item.picture, bytes) or item.fault:
        return item._replace(picture=b"") if item.fault else item
    try:
        with Path(item.picture).open("rb") as file:  # one byte more than allowed is enough to be refused
            return item._replace(picture=file.read(limits.max_image_bytes + 1))
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        fault = f"expected an image file at {item.picture}. Received: {reason}. Check the path."
        return item._replace(picture=b"", fault=fault)


class _Actor:
    """A recognizer on some machine of the cluster."""

    def __init__(self, question: Question, settings: Settings, model: Sequence[Any]) -> None:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "digitrec.h5"
            path.write_bytes(ray.get(model[0]))
            self._answerer = Answerer(question, replace(settings, model=path))

    def __call__(self, batch: pa.Table) -> pa.Table:
        """Return a row of JSON for each picture."""
        rows = self._answerer.rows([Item(**picture) for picture in batch.to_pylist()])
        return pa.table({"row": [json.dumps(row) for row in rows]})
