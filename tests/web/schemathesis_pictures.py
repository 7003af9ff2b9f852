"""What Schemathesis cannot know: real pictures, where it would send random bytes, and which queries go together."""

from __future__ import annotations

import io
from typing import Any

import schemathesis
from hypothesis import strategies as st
from PIL import Image, ImageDraw

FORMATS = ("PNG", "JPEG", "WEBP", "BMP", "GIF", "TIFF")


@st.composite
def pictures(draw: Any, file_format: str) -> bytes:
    """A picture with a few lines on it, whole or, one in four, cut off."""
    size = draw(st.tuples(st.integers(1, 200), st.integers(1, 200)))
    image = Image.new(draw(st.sampled_from(["L", "RGB"])), size, draw(st.sampled_from(["white", "black"])))
    point = st.tuples(st.integers(0, size[0]), st.integers(0, size[1]))
    for line in draw(st.lists(st.lists(point, min_size=2, max_size=6), max_size=4)):
        ImageDraw.Draw(image).line(line, fill=draw(st.sampled_from(["white", "black", "grey"])), width=9)
    buffer = io.BytesIO()
    image.save(buffer, file_format)
    data = buffer.getvalue()
    return data[: draw(st.integers(0, len(data)))] if draw(st.integers(0, 3)) == 3 else data


@schemathesis.hook
def before_load_schema(_context: object, raw_schema: dict[str, Any]) -> None:
    """A file is bytes. OpenAPI 3.1 says so by its media type; Schemathesis goes by the format of 3.0, and without
    it calls the four bytes ``true`` of a file a boolean.
    """
    mark_files(raw_schema["paths"])


def mark_files(value: object) -> None:
    if isinstance(value, dict) and value.get("contentMediaType") == "application/octet-stream":
        value["format"] = "binary"
    elif isinstance(value, (dict, list)):
        for item in value.values() if isinstance(value, dict) else value:
            mark_files(item)


@schemathesis.hook
def filter_query(_context: object, query: dict[str, Any] | None) -> bool:
    """At most one of the three constraints, which no schema of a query can say."""
    return sum(name in (query or {}) for name in ("length", "pattern", "choices")) <= 1


for name in FORMATS:
    schemathesis.openapi.media_type(f"image/{name.lower()}", pictures(name))
