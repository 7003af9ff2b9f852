"""Save and restore an unfinished training run: one HDF5 file, replaced atomically after every epoch."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import h5py
import keras
import numpy as np

from digitrec.errors import TrainingError
from digitrec.files import atomic_write

History = list[dict[str, float]]  # the metrics of each finished epoch


def checkpoint_path(output: Path) -> Path:
    """Return the path of the checkpoint that belongs to the model file `output`."""
    return output.with_name(f"{output.name}.checkpoint")


def write_checkpoint(path: Path, model: keras.Model, config: dict[str, Any], history: History) -> None:
    """Write the state of a run. The old checkpoint stays intact until the new one is complete.

    Raises
    ------
    TrainingError : the file cannot be written.
    """
    try:
        with atomic_write(path) as tmp_path, h5py.File(tmp_path, "w") as file:
            file.attrs["state"] = json.dumps({"config": config, "history": history})
            for part, variables in _parts(model).items():
                for index, variable in enumerate(variables):
                    file[f"{part}/{index:04d}"] = keras.ops.convert_to_numpy(variable.value)
    except OSError as error:
        raise TrainingError(
            f"{path}: expected to write the checkpoint. Received: {error}. Free disk space."
        ) from error


def read_checkpoint(path: Path, model: keras.Model, config: dict[str, Any]) -> History:
    """Load the checkpoint into the compiled `model` and return the history.

    Raises
    ------
    TrainingError : the checkpoint is missing, damaged, or of a run with another configuration than `config`.
    """
    if not path.is_file():
        raise TrainingError(f"expected a checkpoint at {path}. Received: no file. Start without --resume.")
    try:
        with h5py.File(path, "r") as file:
            state = json.loads(file.attrs["state"])
            _check_same_recipe(path, state["config"], config)
            model.optimizer.build(model.trainable_variables)
            for part, variables in _parts(model).items():
                for variable, name in zip(variables, sorted(file[part]), strict=True):
                    variable.assign(np.asarray(file[part][name]))
            return list(state["history"])
    except (OSError, KeyError, ValueError) as error:
        raise TrainingError(
            f"{path}: expected a checkpoint. Received: {error}. Start without --resume."
        ) from error


def _check_same_recipe(path: Path, saved: dict[str, Any], config: dict[str, Any]) -> None:
    different = [name for name in config if saved.get(name) != config[name]]
    if different:
        name = different[0]
        raise TrainingError(
            f"{path}: expected to resume with {name} = {saved.get(name)}. Received: {config[name]}. "
            "Use the same options as before, or start without --resume."
        )


def _parts(model: keras.Model) -> dict[str, list[keras.Variable]]:
    return {"model": model.variables, "optimizer": model.optimizer.variables}
