"""One hostile input: its name, why it hurts, and how it is made."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

CPU_S = 2.0  # of one core, for a request with one image
SEVERAL_CPU_S = 30.0  # for a request with several images or fields: DIGITREC_REQUEST_TIMEOUT_S
MEMORY_MB = 300.0  # above an idle worker


@dataclass(frozen=True)
class Request:
    """A request as a client of the WSGI application sends it."""

    path: str
    body: bytes
    content_type: str = "application/json"
    headers: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Case:
    """One hostile input.

    Attributes
    ----------
    name : group and name, unique. reason : what it aims at.
    make : returns the same input each time. An image file (bytes), a page (H, W) uint8 or `Strokes` go to `predict`
        and to `read`, a dict is what `read` is asked besides an image, and a `Request` goes to the web application.
    is_heavy : whether it has many pixels, which take a second to make and to read.
    cpu_s : the processor time that it may take, in seconds.
    """

    name: str
    reason: str
    make: Callable[[], Any]
    is_heavy: bool = False
    cpu_s: float = CPU_S


def group(
    title: str,
    reason: str,
    makers: Mapping[str, Callable[[], Any]],
    *,
    is_heavy: bool = False,
    cpu_s: float = CPU_S,
) -> Iterator[Case]:
    """Yield the cases of one kind."""
    for name, make in makers.items():
        yield Case(f"{title}: {name}", reason, make, is_heavy, cpu_s)
