"""Hostile requests: JSON, forms and tensors that cost far more than they weigh, within 20 MB."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from functools import cache, partial
from typing import Any

import numpy as np

from attacks.case import SEVERAL_CPU_S, Case, Request, group
from attacks.material import SIDE, noise, page
from attacks.png import png

_PREDICT, _READ, _INFER = "/api/v1/predict", "/api/v1/read", "/v2/models/digitrec/infer"
_MARKS = 999_990  # a JSON body may have a million commas and brackets
_BYTES = 19_800_000


@cache
def _base64() -> bytes:
    return base64.b64encode(png(noise(3140, 3140)))


def _image(text: bytes, path: str = _PREDICT) -> Request:
    return Request(path, b'{"image":"' + text + b'"}')


def _spread(every: int, blank: bytes) -> bytes:
    """Return base64 with a blank between every so many letters, 19.8 MB at most."""
    count = min(len(_base64()) // every, _BYTES // (every + len(blank)))
    text = np.frombuffer(_base64(), np.uint8)[: count * every]
    lines = np.empty((count, every + len(blank)), np.uint8)
    lines[:, :every], lines[:, every:] = text.reshape(-1, every), np.frombuffer(blank, np.uint8)
    return lines.tobytes()


def multipart(*parts: tuple[str, bytes, str], path: str = _PREDICT) -> Request:
    """Return a form of (name, content, file name) parts; without a file name a part is text."""
    body = bytearray()
    for name, content, file in parts:
        body += f'--b\r\nContent-Disposition: form-data; name="{name}"'.encode()
        body += (f'; filename="{file}"'.encode() if file else b"") + b"\r\n\r\n" + content + b"\r\n"
    return Request(path, bytes(body + b"--b--\r\n"), "multipart/form-data; boundary=b")


def _form_of_fields(image: bytes, fields: dict[str, Any]) -> Request:
    return multipart(("image", image, "1.png"), ("fields", json.dumps(fields).encode(), ""), path=_READ)


def _page_of_fields(image: bytes, fields: dict[str, Any]) -> Request:
    return Request(_READ, json.dumps({"image": base64.b64encode(image).decode(), "fields": fields}).encode())


def _numbers(count: int, digits: int) -> list[str]:
    numbers = np.random.default_rng(0).integers(48, 58, (count, digits), np.uint8).tobytes().decode()
    return sorted({numbers[at : at + digits] for at in range(0, len(numbers), digits)})


def _tensor(kind: str, shape: list[int], data: bytes = b"", raw: bytes | None = None) -> Request:
    head = f'{{"inputs":[{{"name":"pixels","shape":{shape},"datatype":"{kind}",'.encode()
    if raw is None:
        return Request(_INFER, head + b'"data":' + data + b"}]}")
    text = head + b'"parameters":{"binary_data_size":%d}}]}' % len(raw)
    length = ("Inference-Header-Content-Length", str(len(text)))
    return Request(_INFER, text + raw, "application/octet-stream", (length,))


def _object(count: int, value: bytes) -> bytes:
    """Return a JSON object of so many keys."""
    return b"{" + b",".join(b'"k%d":%b' % (each, value) for each in range(count)) + b"}"


def _listed(count: int) -> Request:
    """Return a page with a field that may be one of so many numbers."""
    return _page_of_fields(png(page(120, 300)), {"f": {"box": [0, 0, 1, 1], "choices": _numbers(count, 64)}})


def cases() -> Iterator[Case]:
    """Yield every request."""
    url = b"data:image/png" + b";a=b" * 4_900_000 + b";base64,AAAA"
    yield from group("base64", "a pass, or a piece, for each letter", {
        "a blank every 2 letters": lambda: _image(_spread(2, b" ")),
        "a blank every 2 letters, read": lambda: _image(_spread(2, b" "), _READ),
        "a new line every letter": lambda: _image(_spread(1, b"\\n")),
        "a new line every 76": lambda: _image(_spread(76, b"\\r\\n")),
        "escaped letters": lambda: _image(b"".join(b"\\u%04x" % each for each in _base64()[:3_300_000])),
        "13 MB of noise": lambda: _image(_base64(), _READ),
        "a data URL": lambda: _image(b"data:image/png;base64," + _base64()),
        "a data URL of parameters": lambda: _image(url),
        "a data URL of spaces": lambda: _image(b"data:" + b" " * _BYTES),
        "a data URL of base64 headers": lambda: _image(b"data:" + b";base64 " * (_BYTES // 8)),
        "commas": lambda: _image(b"data:" + b"," * _MARKS),
        "of nothing": lambda: _image(b"A" * _BYTES),
        "blanks alone": lambda: _image(b" " * _BYTES),
        "not ASCII": lambda: _image("\u00e9".encode() * (_BYTES // 2)),
        "surrogates": lambda: _image(b"\\ud83d\\ude00" * (_BYTES // 12)),
    })  # fmt: skip
    deep = b'{"a":' * 190 + b"1" + b"}" * 190 + b","
    page_of = b'{"image":"","fields":'
    points, rows = b"[1,2]," * 20_001, b"[" + b"1," * 27 + b"1],"
    yield from group("JSON", "a value costs an object, a fault a message", {
        "19.8 MB of [": lambda: Request(_PREDICT, b"[" * _BYTES),
        "900,000 deep": lambda: Request(_PREDICT, b"[" * 450_000 + b"]" * 450_000),
        "objects 190 deep, often": lambda: Request(_PREDICT, b"[" + deep * 2600 + b"1]"),
        "a million numbers": lambda: Request(_PREDICT, b"[" + b"1," * _MARKS + b"1]"),
        "a million pixels": lambda: Request(_PREDICT, b'{"pixels":[' + b"1," * _MARKS + b"1]}"),
        "a million texts": lambda: Request(_PREDICT, b'{"pixels":[' + b'"1234567890123",' * _MARKS + b"1]}"),
        "330,000 points": lambda: Request(_PREDICT, b'{"strokes":[[' + b"[1,2]," * 330_000 + b"[1,2]]]}"),
        "20,001 strokes": lambda: Request(_PREDICT, b'{"strokes":[' + b"[[1,2]]," * 20_001 + b"[]]}"),
        "330,000 wrong points": lambda: Request(_PREDICT, b'{"strokes":[[' + b'["",2],' * 330_000 + b"[1,2]]]}"),
        "900,000 empty strokes": lambda: Request(_READ, b'{"strokes":[' + b"[]," * 480_000 + b"[]]}"),
        "many points, read": lambda: Request(_READ, b'{"strokes":[[' + points[:-1] + b"]]}"),
        "rows of wrong lengths": lambda: Request(_PREDICT, b'{"pixels":[' + rows * 30_000 + b"[]]}"),
        "a number of 19.8 MB": lambda: Request(_PREDICT, b'{"pixels":[[' + b"1" * _BYTES + b"]]}"),
        "a fraction of 19.8 MB": lambda: Request(_PREDICT, b'{"pixels":[[0.' + b"1" * _BYTES + b"]]}"),
        "a key of 19.8 MB": lambda: Request(_PREDICT, b'{"' + b"k" * _BYTES + b'":1}'),
        "990,000 keys": lambda: Request(_PREDICT, _object(990_000, b"1")),
        "990,000 times the same key": lambda: Request(_PREDICT, b"{" + b'"image":"",' * 990_000 + b'"image":""}'),
        "990,000 fields": lambda: Request(_READ, page_of + _object(990_000, b"1") + b"}"),
        "200,000 wrong fields": lambda: Request(_READ, page_of + _object(190_000, b'{"a":1,"b":2,"c":3}') + b"}"),
        "19.8 MB of blanks": lambda: Request(_PREDICT, b" " * _BYTES + b"{}"),
        "19.8 MB of zeros": lambda: Request(_PREDICT, bytes(_BYTES)),
        "no UTF-8": lambda: Request(_PREDICT, b'{"image":"' + b"\xff" * _BYTES + b'"}'),
        "UTF-16": lambda: Request(_PREDICT, ('{"image":"' + "A" * 9_800_000 + '"}').encode("utf-16")),
        "a query of 30 kB": lambda: Request(f"{_READ}?pattern={'-' * 30_000}d", b"{}"),
        "10,000 allowed in the query": lambda: Request(f"{_READ}?choices={','.join(map(str, range(5000)))}", b"{}"),
    })  # fmt: skip
    lines, long = [("t", b"", "")] * 1000, f"multipart/form-data; boundary={'b' * 30_000}"
    yield from group("form", "a part costs an object; its end is looked for", {
        "1,000 parts of text": lambda: multipart(*lines),
        "100,000 parts": lambda: multipart(*lines * 100),
        "1,000 files": lambda: multipart(*[("image", b"", "1.png")] * 1000),
        "19.8 MB of text": lambda: multipart(("image", b"A" * _BYTES, "")),
        "19.8 MB of new lines": lambda: multipart(("image", b"\r\n" * (_BYTES // 2), "1.png")),
        "19.8 MB of nearly ends": lambda: multipart(("image", b"\r\n--" * (_BYTES // 4), "1.png")),
        "19.8 MB of names": lambda: multipart(("n" * _BYTES, b"", "")),
        "19.8 MB before the first part": lambda: Request(_PREDICT, b"\n" * _BYTES, "multipart/form-data; boundary=b"),
        "a boundary of 30 kB": lambda: Request(_PREDICT, b"\r\n-" * (_BYTES // 3), long),
        "no boundary": lambda: Request(_PREDICT, b"b" * _BYTES, "multipart/form-data"),
        "19.8 MB of pairs": lambda: Request(_PREDICT, b"a&" * (_BYTES // 2), "application/x-www-form-urlencoded"),
        "19.8 MB of no image": lambda: Request(_READ, noise(4449, 4449).tobytes(), "image/png"),
        "a list of 2 MB in a field": lambda: _listed(30_000),
        "a list of 19 MB in a field": lambda: _listed(280_000),
    })  # fmt: skip
    bits = partial(png, color=0, depth=1)
    whole = {f"f{index}": {"box": [0, 0, 1, 1]} for index in range(500)}
    strips = {f"f{index}": {"box": [0, index * 10, SIDE, 10]} for index in range(500)}
    listed = {name: {"box": [0.1, 0.1, 0.8, 0.8], "choices": _numbers(60, 64)} for name in whole}
    yield from group("several", "each image and each field costs as much as one", {
        "500 fields, each the page of 25 MP": lambda: _form_of_fields(bits(page()), whole),
        "500 fields in JSON": lambda: _page_of_fields(png(page()), whole),
        "500 strips of a page of 25 MP": lambda: _form_of_fields(bits(page()), strips),
        "500 fields with lists": lambda: _page_of_fields(png(page(240, 600)), listed),
        "500 fields with lists on 25 MP": lambda: _page_of_fields(bits(page()), listed),
        "500 fields of 64 digits": lambda: _page_of_fields(
            png(page(240, 600)), {name: {"box": [0, 0, 1, 1], "length": 64} for name in whole}),
        "64 images of 25 MP": lambda: multipart(*[("image", bits(page()), "1.png")] * 64),
        "64 images of 25 MP, read": lambda: multipart(*[("image", bits(page()), "1.png")] * 64, path=_READ),
        "64 images of 25 MP, 8 bits": lambda: multipart(*[("image", png(page()), "1.png")] * 64),
        "64 images, explained": lambda: multipart(
            *[("image", bits(page()), "1.png")] * 64, path=f"{_PREDICT}?explain=true&ink=true"),
        "3 images of noise": lambda: multipart(*[("image", png(noise(2500, 2500)), "1.png")] * 3, path=_READ),
    }, is_heavy=True, cpu_s=SEVERAL_CPU_S)  # fmt: skip
    yield from group("tensor", "a number costs an object in JSON", {
        "a million numbers": lambda: _tensor("FP32", [1275, 28, 28], b"[" + b"0.5," * _MARKS + b"0]"),
        "a million long numbers": lambda: _tensor("FP32", [1275, 28, 28], b"[" + b"0.12345678901," * _MARKS + b"0]"),
        "a million bytes, nested": lambda: _tensor("UINT8", [1, 28, 28], b"[" + b"[1]," * 490_000 + b"[1]]"),
        "a million wrong bytes": lambda: _tensor("UINT8", [1, 28, 28], b"[" + b"-1," * _MARKS + b"0]"),
        "nested 4 deep": lambda: _tensor("FP32", [64, 28, 28, 1], b"[" + b"[[[0.5]]]," * 240_000 + b"[[[0]]]]"),
        "19.8 MB of bytes": lambda: _tensor("UINT8", [25_255, 28, 28], raw=bytes(25_255 * 784)),
        "19.8 MB of floats": lambda: _tensor("FP32", [6313, 28, 28], raw=bytes(6313 * 3136)),
        "19.8 MB of NaN": lambda: _tensor("FP32", [6313, 28, 28], raw=b"\xff" * 6313 * 3136),
        "64 images": lambda: _tensor("UINT8", [64, 28, 28], raw=noise(64, 784).tobytes()),
        "a shape of a million": lambda: _tensor("UINT8", [1_000_000, 28, 28], raw=bytes(784)),
    })  # fmt: skip
