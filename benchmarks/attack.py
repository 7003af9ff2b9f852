#!/usr/bin/env python3
"""Send everything that is known to hurt: in process with its cost counted, and over HTTP next to a normal client.

    python benchmarks/attack.py                            everything, as `make attack`; about an hour
    python benchmarks/attack.py --part 1 --only 'PNG: '    single inputs
    python benchmarks/attack.py --short                    the short form

Part 1 gives each input to a process of its own that has answered once, and counts the processor time and the memory
that it takes on top. Part 2 starts the server as the Procfile does, with one worker and 512 MiB, for each attack, and
notes what becomes of a client that posts a canvas ten times a second meanwhile. Exit status 1: there is a finding.
"""

from __future__ import annotations

import argparse
import json
import random
import re
import signal
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from attacks import bodies, jpeg, others, pages, png, tiff
from attacks.case import CPU_S, Case, Request
from attacks.child import Result, Target
from attacks.connections import Attack, ask_all, attacks, mixed, raw
from attacks.material import FILE_BYTES, noise, page, saved
from attacks.served import MEMORY_BYTES, Served, served
from digits import canvases
from server_process import machine
from steady_load import ANSWERED, Load

from digitrec import Strokes, __version__

_NORMAL_RATE = 10.0
_MAX_WAIT_S = 10.0  # of the normal client
_SMALL_BYTES = 1_000_000
_SHORT_SAMPLE = 16  # heavy inputs in the short form


def main() -> None:
    """Run the parts that are asked for, print their tables, and end with 1 where there is a finding."""
    options = _arguments()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # else the server would go on
    if options.list:
        for case in cases():
            print(f"{case.name:<60}{case.reason}")
        return
    print(f"digitrec {__version__}, {machine()}")
    results = list(in_process(options)) if options.part != 2 else []
    courses = list(over_http(options, results)) if options.part != 1 else []
    if results:
        _print_worst(results)
    findings = [f"{each.name}: {each.finding}" for each in (*results, *courses) if each.finding]
    print(f"\n{len(results)} inputs, {len(courses)} attacks, {len(findings)} findings", *findings, sep="\n  ")
    if options.output:
        report = {"digitrec": __version__, "machine": machine()}
        report |= {
            "in_process": [asdict(each) for each in results],
            "over_http": [asdict(each) for each in courses],
        }
        options.output.write_text(json.dumps(report, indent=1) + "\n")
    sys.exit(1 if findings else 0)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Attack the reader and the server.")
    parser.add_argument(
        "--part", type=int, choices=(1, 2), help="1 is in process, 2 over HTTP; both without it"
    )
    parser.add_argument("--only", default="", help="a pattern of names of inputs and attacks")
    parser.add_argument(
        "--list", action="store_true", help="print the names of the inputs and what they aim at"
    )
    parser.add_argument(
        "--short", action="store_true", help="a sample of the heavy inputs, and bounds twice as wide"
    )
    parser.add_argument("--mixed", type=int, default=100_000, help="requests of the mixed attack")
    parser.add_argument("--output", type=Path, help="a JSON file for all results")
    return parser.parse_args()


def made_cases() -> list[Case]:
    """Return every input that is a file or a request."""
    return [case for module in (png, jpeg, others, tiff, bodies) for case in module.cases()]


def cases() -> Iterator[Case]:
    """Yield every input of part 1; the pages are made meanwhile."""
    yield from made_cases()
    for name, pixels in pages.pages():
        file = saved(pixels, "PNG", compress_level=1)
        given = file if len(file) < FILE_BYTES else pixels
        yield Case(f"page: {name}", "pieces, lines, cuts and candidates", lambda given=given: given)
    for name, strokes in pages.drawings():
        drawing = Strokes(tuple(np.array(stroke, np.float32) for stroke in strokes))
        yield Case(f"drawing: {name}", "points, strokes and cuts", lambda drawing=drawing: drawing)
    for name, asked in pages.constraints():
        yield Case(f"constraint: {name}", "states times places", lambda asked=asked: asked)


def _short_cases() -> Iterator[Case]:
    """Yield what the short form tries: all that is made quickly, and of the others a sample."""
    chosen = made_cases()
    heavy = [case for case in chosen if case.is_heavy and case.cpu_s == CPU_S]
    sample = random.Random(0).sample(heavy, _SHORT_SAMPLE)  # noqa: S311  # nosec B311  # the same each time
    yield from (case for case in chosen if not case.is_heavy or case in sample)


def in_process(options: argparse.Namespace) -> Iterator[Result]:
    """Give what comes of each input, and print it."""
    target = Target()
    print(f"\n{'input':<58}{'call':<18}{'MB in':>6}{'CPU s':>8}{'MB':>7}  outcome")
    for case in _short_cases() if options.short else cases():
        if re.search(options.only, case.name):
            for result in target.attack(case, cpu_slack=10.0 if options.short else 1.0):
                print(_row(result), flush=True)
                yield result


def _row(result: Result) -> str:
    return (
        f"{result.name:<58}{result.call[-17:]:<18}{result.input_bytes / 1e6:>6.1f}{result.cpu_s:>8.2f}"
        f"{result.above_idle_mb:>7.0f}  {result.outcome}{_finding(result.finding)}"
    )


def _finding(text: str) -> str:
    return f"\n    FINDING: {text}" if text else ""


def _print_worst(results: Sequence[Result]) -> None:
    for title, cost in (("slowest", lambda each: each.cpu_s), ("largest", lambda each: each.above_idle_mb)):
        print(f"\nthe {title} inputs", *map(_row, sorted(results, key=cost, reverse=True)[:10]), sep="\n")


@dataclass(frozen=True)
class Course:
    """What one attack over HTTP came to.

    Attributes
    ----------
    outcomes : how often what came of its requests. seconds : how long it took.
    asked, lost : the requests of the normal client, and those without an answer of status 200.
    p50_ms, p99_ms, slowest_ms : how long the normal client waited.
    replaced, kills : workers that are gone, and processes that were killed for memory. peak_mb : memory at most.
    """

    name: str
    outcomes: dict[str, int]
    seconds: float
    asked: int
    lost: int
    p50_ms: float
    p99_ms: float
    slowest_ms: float
    replaced: int
    kills: int
    peak_mb: float
    finding: str = ""


def over_http(options: argparse.Namespace, results: Sequence[Result]) -> Iterator[Course]:
    """Give what each attack comes to, and print it."""
    print(
        f"\n{'attack':<34}{'s':>6}{'normal':>8}{'lost':>6}{'p50 ms':>8}{'p99 ms':>8}{'slowest':>9}{'MB':>6}  outcomes"
    )
    for attack in _chosen_attacks(options, results):
        with served(attack.open_files) as server:
            course = _course(attack, server)
        if server.memory.folder is None:
            print("no control group can be made here: memory is watched and not limited", file=sys.stderr)
        outcomes = ", ".join(f"{count:,} x {kind}" for kind, count in sorted(course.outcomes.items()))
        print(
            f"{course.name:<34}{course.seconds:>6.0f}{course.asked:>8,}{course.lost:>6}{course.p50_ms:>8.0f}"
            f"{course.p99_ms:>8.0f}{course.slowest_ms:>9.0f}{course.peak_mb:>6.0f}  {outcomes}"
            f"{_finding(course.finding)}",
            flush=True,
        )
        yield course


def _chosen_attacks(options: argparse.Namespace, results: Sequence[Result]) -> Iterator[Attack]:
    if not options.short:
        costs = (lambda each: each.cpu_s), (lambda each: each.above_idle_mb)
        worst = {each.name for cost in costs for each in sorted(results, key=cost, reverse=True)[:8]}
        chosen = made_cases()
        heaviest = [_on_wire(case) for case in chosen if case.name in worst and case.cpu_s == CPU_S]
        several = [_on_wire(case) for case in chosen if case.cpu_s > CPU_S]
        for attack in attacks(10 * _ordinary(), heaviest or _ordinary(), several):
            if re.search(options.only, attack.name):
                yield attack
    if re.search(options.only, "mixed"):
        yield Attack("mixed", "everything at once", _mixed(300 if options.short else options.mixed))


def _ordinary() -> list[bytes]:
    """Return images as people send them, but large."""
    lossless = saved(page(), "WEBP", "RGB", lossless=True, method=0)
    files = [
        png.png(page(), 6),
        lossless,
        saved(page(), "JPEG", "RGB"),
        saved(page(), "TIFF", "I;16", compression="tiff_lzw"),
    ]
    spaced = next(case for case in bodies.cases() if case.name == "base64: a blank every 2 letters")
    return [raw(Request("/api/v1/read", file, "image/png")) for file in files] + [_on_wire(spaced)]


def _on_wire(case: Case) -> bytes:
    given = case.make()
    return raw(given if isinstance(given, Request) else Request("/api/v1/read", given, "image/png"))


def _mixed(count: int) -> Any:
    """Return the mixed attack: four of five requests are normal, the others a sample of the inputs."""
    rng = random.Random(0)  # noqa: S311  # nosec B311  # the same each time
    chosen = [case for case in made_cases() if case.cpu_s == CPU_S]
    inputs = [_on_wire(case) for case in rng.sample(chosen, 20 if count < 1000 else 90)]
    small, large = (
        [],
        [*_ordinary(), raw(Request("/api/v1/read", saved(noise(2500, 2500), "PNG"), "image/png"))],
    )
    for data in inputs:
        (small if len(data) < _SMALL_BYTES else large).append(data)
    normal = [raw(Request("/api/v1/predict", image, "image/png")) for _, image in canvases(20)]
    return lambda port: ask_all(port, mixed(normal, small, large, count), 8)


def _course(attack: Attack, server: Served) -> Course:
    """Run an attack next to the normal client, and some seconds more."""
    with Load(server.port, [image for _, image in canvases(20)], 1, rate=_NORMAL_RATE) as normal:
        time.sleep(1.0)
        began = time.monotonic()
        outcomes = attack.run(server.port)
        seconds = time.monotonic() - began
        time.sleep(2.0)
        normal.end()
        waits_ms = sorted(1000 * each.seconds for each in normal.outcomes) or [0.0]
        lost = sum(each.kind != ANSWERED or each.status != 200 for each in normal.outcomes)
    course = partial(
        Course, attack.name, dict(outcomes), round(seconds, 1), normal.count, lost,
        *(round(waits_ms[int(place * (len(waits_ms) - 1))], 1) for place in (0.5, 0.99, 1.0)),
        server.replaced, server.memory.kills, round(server.memory.peak_bytes / 2**20, 1),
    )  # fmt: skip
    return course(finding=_faults(attack, course()))


def _faults(attack: Attack, course: Course) -> str:
    unexpected = {kind: count for kind, count in course.outcomes.items() if not attack.is_expected(kind)}
    normal = {
        kind: count
        for kind, count in course.outcomes.items()
        if kind.startswith("normal") and kind != "normal 200"
    }
    faults = {
        f"{course.replaced} processes gone": course.replaced,
        f"{course.kills} killed for memory": course.kills,
        f"{course.lost} of {course.asked} normal requests lost": course.lost or course.asked == 0,
        f"a normal request took {course.slowest_ms / 1000:.1f} s": course.slowest_ms > 1000 * _MAX_WAIT_S,
        f"more than {MEMORY_BYTES >> 20} MiB": course.peak_mb * 2**20 > MEMORY_BYTES,
        f"unexpected: {unexpected | normal}": unexpected or normal,
    }
    return "; ".join(fault for fault, is_so in faults.items() if is_so)


if __name__ == "__main__":
    main()
