"""Static files: cached for good under the hash of their content, and compressed.

A page names each file with its hash, ``/static/bundle/main.js?v=3f9a0c21b7de``, so that a browser asks for it
only once.
"""

from __future__ import annotations

import hashlib
from functools import lru_cache
from http import HTTPStatus
from pathlib import Path
from typing import Any, Final

from flask import Flask, Response, request
from flask_compress import Compress

_ENDPOINT: Final = "static"
_ALGORITHMS: Final = ["br", "gzip"]
_COMPRESSED: Final = [
    "text/html",
    "text/css",
    "text/javascript",
    "application/manifest+json",
    "image/svg+xml",
]
# A larger file is not read but sent, and stays open until then. A connection gets no second response meanwhile.
_SMALL_FILE_BYTES: Final = 1_000_000


def init_app(app: Flask) -> None:
    """Compress pages and their files, and add hashes to the URLs of these, which browsers may keep."""
    app.config.update(
        COMPRESS_MIMETYPES=_COMPRESSED,
        COMPRESS_ALGORITHM=_ALGORITHMS,
        COMPRESS_STREAMS=False,
        COMPRESS_BR_LEVEL=5,
        COMPRESS_LEVEL=6,
        COMPRESS_REGISTER=False,  # JSON is small, and has other headers
    )
    compress = Compress(app)

    @app.url_defaults
    def add_version(endpoint: str, values: dict[str, Any]) -> None:
        if endpoint == _ENDPOINT and (version := _version(app, values["filename"])):
            values.setdefault("v", version)

    @app.after_request
    def keep_and_compress(response: Response) -> Response:
        # Not for an error: the name may be that of no file, or of one outside the folder.
        is_found = request.endpoint == _ENDPOINT and response.status_code < HTTPStatus.BAD_REQUEST
        if is_found and request.args.get("v") == _version(app, (request.view_args or {})["filename"]):
            response.headers["Cache-Control"] = "public, max-age=31536000, immutable"
        is_file = response.direct_passthrough
        if response.status_code != HTTPStatus.OK or (response.is_streamed and not is_file):
            return response  # such as a generator, which is sent as it yields
        is_compressed = response.mimetype in _COMPRESSED and request.accept_encodings.best_match(_ALGORITHMS)
        if is_compressed or (response.content_length or 0) < _SMALL_FILE_BYTES:
            response.direct_passthrough = False
            response.make_sequence()  # the extension would leave the file open
        if is_compressed:
            return compress.after_request(response)
        if response.mimetype in _COMPRESSED:
            response.vary.add("Accept-Encoding")
        return response


def _version(app: Flask, filename: str) -> str | None:
    """Return the hash of a static file's content, or None where there is no such file."""
    path = Path(str(app.static_folder), filename)
    return _hash(path, path.stat().st_mtime_ns) if path.is_file() else None


@lru_cache(maxsize=256)
def _hash(path: Path, modified_ns: int) -> str:
    """Return the hash of a file's content, computed again when it was modified, as by `npm run build`."""
    return hashlib.sha256(path.read_bytes()).hexdigest()[:12]
