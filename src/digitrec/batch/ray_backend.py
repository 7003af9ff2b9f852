"""Run a batch task on a Ray cluster, with Ray Data.

One Ray task on the machine of the command reads the inputs and puts the bytes of the images into the object store, so
the other machines need no shared file system. Actors with one core and one recognizer each process them. Ray Data
applies backpressure to the reader and restarts actors that die. The rows return in order to the command, which is the
only writer.
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
import ray
from ray.data.block import BlockMetadata
from ray.data.datasource import Datasource, ReadTask

from digitrec.batch.inputs import batched, iter_inputs
from digitrec.batch.task import BatchRecognizer, InputItem, RecognitionTask, Row
from digitrec.errors import ImageError, InvalidFieldError
from digitrec.limits import InputLimits
from digitrec.preprocessing.decode import read_file

_BATCH_SIZE = 32
_CONNECT_TIMEOUT_S = 10.0
_BLOCK_BYTES = 1_000_000  # small enough that a few thousand images keep a hundred cores busy
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
    """Yield the rows of all images whose names are not in `done`, in order.

    Parameters
    ----------
    address : of the cluster; None is RAY_ADDRESS, or else a cluster on this machine for the duration of the run.
    model : the model file, whose bytes are sent to every actor.
    workers : the number of actors; None is one for each core of the cluster.

    Raises
    ------
    InvalidFieldError : there is no cluster at the address.
    """
    is_own_connection = not ray.is_initialized()
    if is_own_connection:
        _connect(address)
    try:
        _configure(ray.data.DataContext.get_current())
        source = _Images(tuple(inputs), ray.put(frozenset(done)))
        this_node = {"ray.io/node-id": ray.get_runtime_context().get_node_id()}
        images = ray.data.read_datasource(source, override_num_blocks=1, num_cpus=0, label_selector=this_node)
        # By reference: an actor that replaces a dead one fetches the model itself.
        weights = ray.put(model.read_bytes())
        size = workers or max(1, int(ray.cluster_resources().get("CPU", 1)))
        rows = images.map_batches(
            _Actor,
            fn_constructor_args=(task, [weights]),
            compute=ray.data.ActorPoolStrategy(size=size),
            batch_size=_BATCH_SIZE,
            batch_format="pyarrow",
            num_cpus=1,
        )
        for batch in rows.iter_batches(batch_size=None, batch_format="pyarrow"):
            yield [json.loads(row) for row in batch["row"].to_pylist()]
    finally:
        if is_own_connection:
            ray.shutdown()


def _connect(address: str | None) -> None:
    # Ray reads these when it starts: no usage statistics, and no logs but exceptions.
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    os.environ.setdefault("RAY_BACKEND_LOG_LEVEL", "fatal")
    try:
        _check_reachable(address)
        ray.init(address=address, log_to_driver=False, logging_level=logging.WARNING)
    except (OSError, RuntimeError, ValueError) as error:
        raise InvalidFieldError(
            "ray",
            f"expected a Ray cluster at {address}. Received: {error}. Start one with: ray start --head",
        ) from error


def _check_reachable(address: str | None) -> None:
    """Check that HOST:PORT accepts connections; Ray itself would retry for minutes."""
    host, _, port = (address or "").removeprefix("ray://").rpartition(":")
    if host:
        socket.create_connection((host, int(port)), timeout=_CONNECT_TIMEOUT_S).close()


def _configure(context: Any) -> None:
    context.enable_progress_bars = False  # the command's own bar counts files, not blocks
    context.execution_options.preserve_order = True  # the results equal those of one machine, byte for byte
    context.execution_options.verbose_progress = False
    context.target_max_block_size = _BLOCK_BYTES
    logging.getLogger("ray.data").setLevel(logging.WARNING)


class _Images(Datasource):
    """The images of all inputs, in one stream."""

    def __init__(self, inputs: tuple[str, ...], done: Any) -> None:
        super().__init__()
        self._read = partial(_blocks, Path.cwd(), inputs, done)

    def estimate_inmemory_data_size(self) -> int | None:
        """Return None: the size is unknown."""
        return None

    def get_read_tasks(self, parallelism: int, *arguments: Any, **options: Any) -> list[ReadTask]:
        """Return the only task that reads."""
        unknown = BlockMetadata(num_rows=None, size_bytes=None, input_files=None, exec_stats=None)
        return [ReadTask(self._read, unknown, schema=_IMAGES)]


def _blocks(folder: Path, inputs: tuple[str, ...], done: Any) -> Iterator[pa.Table]:
    os.chdir(folder)  # a Ray worker starts in another folder, and the inputs may be relative paths
    names = ray.get(done)
    loaded = (_loaded(item) for item in iter_inputs(inputs) if item.name not in names)
    for batch in batched(loaded, _BATCH_SIZE):
        columns = [[getattr(item, field.name) for item in batch] for field in _IMAGES]
        yield pa.table(columns, schema=_IMAGES)


def _loaded(item: InputItem) -> InputItem:
    """Return the item with the bytes of its file, or with the error that its path would give."""
    if item.error:
        return item._replace(source=b"")
    if isinstance(item.source, bytes):
        return item
    try:
        return item._replace(source=read_file(Path(item.source), InputLimits()))
    except ImageError as error:
        return item._replace(source=b"", error=str(error))


class _Actor:
    """A recognizer on a machine of the cluster."""

    def __init__(self, task: RecognitionTask, model: Sequence[Any]) -> None:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "digitrec.h5"
            path.write_bytes(ray.get(model[0]))
            self._recognizer = BatchRecognizer(task, path)

    def __call__(self, batch: pa.Table) -> pa.Table:
        """Return a row of JSON for each image."""
        rows = self._recognizer.rows([InputItem(**source) for source in batch.to_pylist()])
        return pa.table({"row": [json.dumps(row) for row in rows]})
