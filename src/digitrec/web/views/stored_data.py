"""Everything that is stored, at once; and adaptations of the model to what people corrected."""

from __future__ import annotations

import logging
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from flask import Response

from digitrec.errors import DatasetError, TrainingError
from digitrec.files import packaged_model_path
from digitrec.limits import large_images
from digitrec.model.classifier import load_classifier
from digitrec.web.middleware.api_keys import api_key_name
from digitrec.web.request_context import current_state, heartbeat, with_heartbeat
from digitrec.web.views.stored import make_blueprint, storage

if TYPE_CHECKING:
    from digitrec.training.data.mnist import Mnist

_log = logging.getLogger(__name__)
_MAX_DIGITS = 2_000  # 3 s; the features of each take 13 kB, thrice
_ADAPTATION_BYTES = 200_000_000  # MNIST, and the features of its images and of these digits
blueprint = make_blueprint("stored_data")


@blueprint.get("/api/v1/data")
def export() -> Response:
    """Return everything that is stored, as a ZIP archive."""
    headers = {"Content-Disposition": "attachment; filename=digitrec.zip"}
    return Response(with_heartbeat(storage().export()), mimetype="application/zip", headers=headers)


@blueprint.delete("/api/v1/data")
def delete() -> tuple[str, int]:
    """Delete everything that is stored."""
    storage().database.delete_all()
    return "", 204


@blueprint.get("/api/v1/adaptations")
def list_adaptations() -> dict[str, Any]:
    """Return the adaptations, the newest first, and how many digits there are to learn from."""
    adaptations = storage().adaptations
    return {
        "adaptations": [adaptation.to_dict() for adaptation in adaptations.all()],
        "corrected_digits": adaptations.num_digits(),
    }


@blueprint.post("/api/v1/adaptations")
def add_adaptation() -> tuple[dict[str, Any], int]:
    """Adapt the model to the digits that people confirmed or corrected, and read stored forms with it from now on."""
    from digitrec.training.adaptation import adapt  # noqa: PLC0415  # 0.3 s that few servers need
    from digitrec.training.samples import Samples  # noqa: PLC0415

    state, store = current_state(), storage()
    digits = Samples(*store.adaptations.digits(_MAX_DIGITS))
    with large_images.reserve(_ADAPTATION_BYTES), TemporaryDirectory() as folder:
        output = Path(folder) / "adapted.h5"
        model = state.settings.model_path or packaged_model_path()
        result = adapt(model, digits, _mnist(state.settings.data), output, beat=heartbeat())
        load_classifier(output)  # with all checks of a model file
        content = output.read_bytes()
    stored = store.adaptations.add(
        content, digits=result.digits, held_out=result.held_out, before=result.before.accuracy,
        after=result.after.accuracy, seconds=round(result.seconds, 2), created_by=api_key_name(),
    )  # fmt: skip
    return stored.to_dict(), 201


@blueprint.delete("/api/v1/adaptations/active")
def deactivate() -> tuple[str, int]:
    """Read stored forms with the server's own model again."""
    storage().adaptations.deactivate()
    return "", 204


def _mnist(path: Path | None) -> Mnist:
    """Return MNIST; not by Keras, which would stay in the server's memory."""
    from digitrec.training.data.mnist import load_mnist  # noqa: PLC0415

    try:
        return load_mnist(path or Path.home() / ".keras" / "datasets" / "mnist.npz")
    except DatasetError as error:
        _log.error("Cannot adapt the model: %s", error)
        raise TrainingError(
            "expected a server with the images of MNIST. Received: one without. Its operator sets DIGITREC_DATA."
        ) from error
