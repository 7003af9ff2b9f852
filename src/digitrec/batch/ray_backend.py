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
from functools import partial
from pathlib import Path
from typing import Any

import pyarrow as pa

from digitrec.batch.inputs import InputItem, batched
from digitrec.batch.sources import iter_inputs
from digitrec.batch.task import BatchRecognizer, RecognitionTask, Row
from digitrec.errors import InvalidFieldError
from digitrec.limits import InputLimits

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
_IMAGES = pa.schema([("name", pa.string()), ("source", pa.binary()), ("error", pa.string())])


def run_on_ray(
    inputs: Sequence[str],
    done: Sequence[str],
    task: RecognitionTask,
    model: Path,
    *,
    address: str | None,
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
        source = _Images(tuple(inputs), ray.put(frozenset(done)), InputLimits())
        here = {"ray.io/node-id": ray.get_runtime_context().get_node_id()}
        images = ray.data.read_datasource(source, override_num_blocks=1, num_cpus=0, label_selector=here)
        # By reference: an actor that takes another's place fetches the model itself.
        weights = ray.put(model.read_bytes())
        size = workers or max(1, int(ray.cluster_resources().get("CPU", 1)))
        rows = images.map_batches(
            _Actor,
            fn_constructor_args=(task, [weights]),
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
        _check_reachable(address)
        ray.init(address=address, log_to_driver=False, logging_level=logging.WARNING)
    except (OSError, RuntimeError, ValueError) as error:
        raise InvalidFieldError(
            "ray",
            f"expected a Ray cluster at {address}. Received: {error}. Start one with: ray start --head",
        ) from error


def _check_reachable(address: str | None) -> None:
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


class _Images(Datasource):
    """The pictures of all inputs, in one stream."""

    def __init__(self, inputs: tuple[str, ...], done: Any, limits: InputLimits) -> None:
        super().__init__()
        self._read = partial(_blocks, Path.cwd(), inputs, done, limits)

    def estimate_inmemory_data_size(self) -> int | None:
        """Return None: nobody knows before they were read."""
        return None

    def get_read_tasks(self, parallelism: int, *arguments: Any, **options: Any) -> list[ReadTask]:
        """Return the one task that reads."""
        unknown = BlockMetadata(num_rows=None, size_bytes=None, input_files=None, exec_stats=None)
        return [ReadTask(self._read, unknown, schema=_IMAGES)]


def _blocks(folder: Path, inputs: tuple[str, ...], done: Any, limits: InputLimits) -> Iterator[pa.Table]:
    os.chdir(folder)  # a worker begins elsewhere, and the inputs' names are as the command got them
    known = ray.get(done)
    loaded = (_loaded(item, limits) for item in iter_inputs(inputs, limits) if item.name not in known)
    for batch in batched(loaded, _BATCH):
        columns = [[getattr(item, field.name) for item in batch] for field in _IMAGES]
        yield pa.table(columns, schema=_IMAGES)


def _loaded(item: InputItem, limits: InputLimits) -> InputItem:
    """Return the item with its file's bytes; where there are none, with the error that its path would give."""
    if isinstance(item.source, bytes) or item.error:
        return item._replace(source=b"") if item.error else item
    try:
        with Path(item.source).open("rb") as file:  # one byte more than allowed is enough to be refused
            return item._replace(source=file.read(limits.max_image_bytes + 1))
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        message = f"expected an image file at {item.source}. Received: {reason}. Check the path."
        return item._replace(source=b"", error=message)


class _Actor:
    """A recognizer on some machine of the cluster."""

    def __init__(self, task: RecognitionTask, model: Sequence[Any]) -> None:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "digitrec.h5"
            path.write_bytes(ray.get(model[0]))
            self._recognizer = BatchRecognizer(task, path)

    def __call__(self, batch: pa.Table) -> pa.Table:
        """Return a row of JSON for each picture."""
        rows = self._recognizer.rows([InputItem(**source) for source in batch.to_pylist()])
        return pa.table({"row": [json.dumps(row) for row in rows]})
