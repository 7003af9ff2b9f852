"""Hostile requests: JSON, forms and tensors that cost far more than they weigh, within 20 MB."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
from steady_load import post

from attacks.images import SIDE, noise, page, save
from attacks.pages import numbers

PREDICT, READ, _INFER = "/api/v1/predict", "/api/v1/read", "/v2/models/digitrec/infer"
_COUNT = 999_990  # a JSON body may have a million commas and brackets
_BYTES = 19_800_000
_FORM = "multipart/form-data; boundary=b"


@cache
def _base64() -> bytes:
    return base64.b64encode(save(noise(3140, 3140), "PNG", compress_level=1))


def _json(body: bytes, path: str = PREDICT) -> bytes:
    return post(body, path, "application/json")


def _image(text: bytes, path: str = PREDICT) -> bytes:
    return _json(b'{"image":"' + text + b'"}', path)


def spaced_image(every: int, blank: bytes, path: str = READ) -> bytes:
    """Return an image in base64 with a blank between every so many letters, 19.8 MB at most."""
    count = min(len(_base64()) // every, _BYTES // (every + len(blank)))
    text = np.frombuffer(_base64(), np.uint8)[: count * every]
    lines = np.empty((count, every + len(blank)), np.uint8)
    lines[:, :every], lines[:, every:] = text.reshape(-1, every), np.frombuffer(blank, np.uint8)
    return _image(lines.tobytes(), path)


def _form(*parts: tuple[str, bytes, str], path: str = PREDICT) -> bytes:
    """Return a form of (name, content, file name) parts; without a file name a part is text."""
    body = bytearray()
    for name, content, file in parts:
        body += f'--b\r\nContent-Disposition: form-data; name="{name}"'.encode()
        body += (f'; filename="{file}"'.encode() if file else b"") + b"\r\n\r\n" + content + b"\r\n"
    return post(bytes(body + b"--b--\r\n"), path, _FORM)


def _images(count: int, image: bytes, path: str = PREDICT) -> bytes:
    return _form(*[("image", image, "1.png")] * count, path=path)


def page_of_fields(image: bytes, fields: dict[str, Any]) -> bytes:
    """Return a request with a page and the boxes on it."""
    body = {"image": base64.b64encode(image).decode(), "form": {"fields": fields}}
    return _json(json.dumps(body).encode(), READ)


def _fields(**constraint: Any) -> dict[str, Any]:
    return {f"f{index}": {"box": [0, index / 500, 1, 1 / 500], **constraint} for index in range(500)}


def _tensor(kind: str, shape: list[int], data: bytes = b"", raw: bytes | None = None) -> bytes:
    head = f'{{"inputs":[{{"name":"pixels","shape":{shape},"datatype":"{kind}",'.encode()
    if raw is None:
        return _json(head + b'"data":' + data + b"}]}", _INFER)
    text = head + b'"parameters":{"binary_data_size":%d}}]}' % len(raw)
    length = f"Inference-Header-Content-Length: {len(text)}"
    return post(text + raw, _INFER, "application/octet-stream", length)


def _keys(count: int, value: bytes) -> bytes:
    return b"{" + b",".join(b'"k%d":%b' % (index, value) for index in range(count)) + b"}"


_DEEP = b'{"a":' * 190 + b"1" + b"}" * 190 + b","
_WRONG_FIELD = b'{"a":1,"b":2,"c":3}'
# Each makes a request of one image, or of none.
QUICK: dict[str, Callable[[], bytes]] = {
    "base64: a blank every 2 letters": lambda: spaced_image(2, b" "),
    "base64: a new line every letter": lambda: spaced_image(1, b"\\n"),
    "base64: escaped letters": lambda: _image(b"".join(b"\\u%04x" % each for each in _base64()[:3_300_000])),
    "base64: 13 MB of noise": lambda: _image(_base64(), READ),
    "base64: a data URL": lambda: _image(b"data:image/png;base64," + _base64()),
    "base64: a data URL of parameters": lambda: _image(b"data:image/png" + b";a=b" * 4_900_000 + b";base64,AAAA"),
    "base64: a data URL of spaces": lambda: _image(b"data:" + b" " * _BYTES),
    "base64: a data URL of base64 headers": lambda: _image(b"data:" + b";base64 " * (_BYTES // 8)),
    "base64: of zeros": lambda: _image(b"A" * _BYTES),
    "base64: blanks alone": lambda: _image(b" " * _BYTES),
    "base64: not ASCII": lambda: _image("\u00e9".encode() * (_BYTES // 2)),
    "base64: surrogates": lambda: _image(b"\\ud83d\\ude00" * (_BYTES // 12)),
    "JSON: 19.8 MB of [": lambda: _json(b"[" * _BYTES),
    "JSON: 450,000 deep": lambda: _json(b"[" * 450_000 + b"]" * 450_000),
    "JSON: objects 190 deep, often": lambda: _json(b"[" + _DEEP * 2600 + b"1]"),
    "JSON: a million pixels": lambda: _json(b'{"pixels":[' + b"1," * _COUNT + b"1]}"),
    "JSON: a million texts": lambda: _json(b'{"pixels":[' + b'"1234567890123",' * _COUNT + b"1]}"),
    "JSON: rows of wrong lengths": lambda: _json(b'{"pixels":[' + b"[1,1,1,1]," * 190_000 + b"[]]}"),
    "JSON: 330,000 points": lambda: _json(b'{"strokes":[[' + b"[1,2]," * 330_000 + b"[1,2]]]}"),
    "JSON: 330,000 wrong points": lambda: _json(b'{"strokes":[[' + b'["",2],' * 330_000 + b"[1,2]]]}"),
    "JSON: 480,000 empty strokes": lambda: _json(b'{"strokes":[' + b"[]," * 480_000 + b"[]]}", READ),
    "JSON: a number of 19.8 MB": lambda: _json(b'{"pixels":[[' + b"1" * _BYTES + b"]]}"),
    "JSON: a fraction of 19.8 MB": lambda: _json(b'{"pixels":[[0.' + b"1" * _BYTES + b"]]}"),
    "JSON: a key of 19.8 MB": lambda: _json(b'{"' + b"k" * _BYTES + b'":1}'),
    "JSON: 990,000 keys": lambda: _json(_keys(990_000, b"1")),
    "JSON: the same key 990,000 times": lambda: _json(b"{" + b'"image":"",' * 990_000 + b'"image":""}'),
    "JSON: 990,000 fields": lambda: _json(b'{"image":"","form":{"fields":' + _keys(990_000, b"1") + b"}}", READ),
    "JSON: 190,000 wrong fields": lambda: _json(
        b'{"image":"","form":{"fields":' + _keys(190_000, _WRONG_FIELD) + b"}}", READ),
    "JSON: 19.8 MB of blanks": lambda: _json(b" " * _BYTES + b"{}"),
    "JSON: not UTF-8": lambda: _json(b'{"image":"' + b"\xff" * _BYTES + b'"}'),
    "JSON: UTF-16": lambda: _json(('{"image":"' + "A" * 9_800_000 + '"}').encode("utf-16")),
    "query: a pattern of 30 kB": lambda: _json(b"{}", f"{READ}?pattern={'-' * 30_000}d"),
    "query: 5,000 choices": lambda: _json(b"{}", f"{READ}?choices={','.join(map(str, range(5000)))}"),
    "form: 1,000 parts of text": lambda: _form(*[("t", b"", "")] * 1000),
    "form: 100,000 parts": lambda: _form(*[("t", b"", "")] * 100_000),
    "form: 1,000 files": lambda: _images(1000, b""),
    "form: 19.8 MB of text": lambda: _form(("image", b"A" * _BYTES, "")),
    "form: 19.8 MB of new lines": lambda: _form(("image", b"\r\n" * (_BYTES // 2), "1.png")),
    "form: 19.8 MB of almost boundaries": lambda: _form(("image", b"\r\n--" * (_BYTES // 4), "1.png")),
    "form: 19.8 MB of names": lambda: _form(("n" * _BYTES, b"", "")),
    "form: 19.8 MB before the first part": lambda: post(b"\n" * _BYTES, PREDICT, _FORM),
    "form: a boundary of 30 kB": lambda: post(b"\r\n-" * (_BYTES // 3), PREDICT, _FORM + "b" * 30_000),
    "form: no boundary": lambda: post(b"b" * _BYTES, PREDICT, "multipart/form-data"),
    "form: 19.8 MB of pairs": lambda: post(b"a&" * (_BYTES // 2), PREDICT, "application/x-www-form-urlencoded"),
    "JSON: choices of 18 MB": lambda: page_of_fields(save(page(120, 300), "PNG"), {
        "f": {"box": [0, 0, 1, 1], "choices": numbers(270_000, 64)}}),
    "raw: 19.8 MB of no image": lambda: post(noise(4449, 4449).tobytes(), READ),
    "tensor: a million numbers": lambda: _tensor("FP32", [1275, 28, 28], b"[" + b"0.12345678901," * _COUNT + b"0]"),
    "tensor: a million bytes, nested": lambda: _tensor("UINT8", [1, 28, 28], b"[" + b"[1]," * 490_000 + b"[1]]"),
    "tensor: nested 4 deep": lambda: _tensor("FP32", [64, 28, 28, 1], b"[" + b"[[[0.5]]]," * 240_000 + b"[[[0]]]]"),
    "tensor: a million wrong bytes": lambda: _tensor("UINT8", [1, 28, 28], b"[" + b"-1," * _COUNT + b"0]"),
    "tensor: 19.8 MB of NaN": lambda: _tensor("FP32", [6313, 28, 28], raw=b"\xff" * 6313 * 3136),
    "tensor: 64 images": lambda: _tensor("UINT8", [64, 28, 28], raw=noise(64, 784).tobytes()),
    "tensor: a shape of a million": lambda: _tensor("UINT8", [1_000_000, 28, 28], raw=bytes(784)),
}  # fmt: skip

# Each makes a request of several images or fields, which may take DIGITREC_REQUEST_TIMEOUT_S together.
SEVERAL: dict[str, Callable[[], bytes]] = {
    "500 strips of a page of 25 MP": lambda: page_of_fields(save(page(), "PNG", "1"), {
        f"f{index}": {"box": [0, index * 10, SIDE, 10]} for index in range(500)}),
    "500 fields with choices": lambda: page_of_fields(save(page(240, 600), "PNG"), _fields(choices=numbers(28, 64))),
    "500 fields of 64 digits": lambda: page_of_fields(save(page(240, 600), "PNG"), _fields(length=64)),
    "64 images of 25 MP": lambda: _images(64, save(page(), "PNG", "1")),
    "64 images of 25 MP, read": lambda: _images(64, save(page(), "PNG"), READ),
    "64 images with saliency": lambda: _images(
        64, save(page(), "PNG", "1"), f"{PREDICT}?include=saliency,normalized_image"),
    "3 images of noise": lambda: _images(3, save(noise(2500, 2500), "PNG"), READ),
}  # fmt: skip
