"""Where the files that travel beside the code are: ``models/``, ``static/`` and ``templates/``.

In a wheel they lie inside the package (hatchling's force-include puts them there), in a checkout or an
editable install at the repository's root.
"""

from __future__ import annotations

from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent
_ROOTS = (_PACKAGE / "_resources", _PACKAGE.parents[1])


def resource_path(name: str) -> Path:
    """Return the path of the resource `name`, such as ``"static"`` or ``"models/digitrec.h5"``.

    The path of the installed place is returned when the resource is in neither, so that an error can
    name it.
    """
    candidates = [root / name for root in _ROOTS]
    return next((path for path in candidates if path.exists()), candidates[0])


def packaged_model_path(name: str = "digitrec") -> Path:
    """Return the path of a model file that comes with digitrec: its digit network, or the one named ``"lines"``."""
    return resource_path(f"models/{name}.h5")
