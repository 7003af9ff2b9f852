#!/usr/bin/env python3
"""Write the figures in benchmarks/results into docs/performance.md, between their marks, and draw docs/serving.svg.

python benchmarks/write_performance.py          after measuring; --no-plot where matplotlib is missing
"""

from __future__ import annotations

import argparse
import csv
import json
import re
import statistics
from collections.abc import Callable
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
RESULTS = HERE / "results"
PAGE = HERE.parent / "docs" / "performance.md"
PLOT = HERE.parent / "docs" / "serving.svg"

NAMES = {
    "digitrec": "digitrec, 2 workers",
    "flask_keras": "Flask, `model.predict`, 1 worker",
    "flask_tf_function": "Flask, `tf.function`, 1 worker",
    "fastapi_onnx": "FastAPI, ONNX Runtime, 2 workers",
    "litserve_onnx": "LitServe, ONNX Runtime, 2 workers",
    "bentoml_onnx": "BentoML, ONNX Runtime, 2 workers",
}
_QUIET_LOAD = 0.5  # more processes that ran or waited before the measurement were somebody else's

Row = dict[str, str]


def main() -> None:
    """Write the page anew, and draw the plot."""
    parser = argparse.ArgumentParser(description="Write the measured figures into docs/performance.md.")
    parser.add_argument("--no-plot", action="store_true", help="leave docs/serving.svg as it is")
    PAGE.write_text(page(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
    if not parser.parse_args().no_plot:
        draw(PLOT, by_server(rows("serving")))


def page(text: str) -> str:
    """Return the page with every table made anew from the results."""
    for name, table in TABLES.items():
        begin, end = f"<!-- {name} -->", f"<!-- /{name} -->"
        pattern = re.compile(f"{re.escape(begin)}.*?{re.escape(end)}", re.DOTALL)
        if not pattern.search(text):
            raise SystemExit(
                f"{PAGE}: expected the marks {begin} and {end}. Put them where the table shall be."
            )
        before, after = pattern.split(text)
        text = f"{before}{begin}\n{table()}\n{end}{after}"
    return text


def serving() -> str:
    """Return the servers beside each other, the middle of the rounds and their range."""
    facts = read("serving")
    servers = by_server(rows("serving"))
    own = _medians(servers["digitrec"], "answers_per_s")
    lines = [
        "| | answers/s | digitrec's to it | p50 ms | p99 ms | CPU ms an answer | first answer s | all processes MB |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for server, some in servers.items():
        cells = [
            _range(some, "answers_per_s", ".0f"),
            f"{own / _medians(some, 'answers_per_s'):.2f}",
            _range(some, "p50_ms", ".1f"),
            _range(some, "p99_ms", ".0f"),
            f"{_medians(some, 'cpu_ms_an_answer'):.2f}",
            _range(some, "start_s", ".2f"),
            f"{_medians(some, 'pss_mb'):.0f}",
        ]
        lines.append(f"| {NAMES[server]} | " + " | ".join(cells) + " |")
    failed, answered = (sum(int(row[key]) for row in rows("serving")) for key in ("failed", "requests"))
    others = [float(row["others_cores"]) for row in rows("serving")]
    return "\n".join(lines) + (
        f"\n\nThe middle of {facts['rounds']} rounds of {facts['seconds']} s (and their range), {facts['connections']} "
        f"connections; {answered:,} answers, {failed:,} failed. Other programs used "
        f"{statistics.median(others):.2f} cores meanwhile ({min(others):.2f} to {max(others):.2f}). "
        f"{_circumstances(facts, others_are_told=True)}"
    )


def engines() -> str:
    """Return the engines beside each other."""
    facts = read("engines")
    lines = ["| engine | median ms | p99 ms | GFLOP/s | of the core's peak |", "|---|---|---|---|---|"]
    lines += [
        f"| {row['engine']} | {float(row['median_ms']):.3f} | {float(row['p99_ms']):.3f} | {row['gflops']} | "
        f"{100 * float(row['share_of_peak']):.0f} % |"
        for row in rows("engines")
    ]
    return "\n".join(lines) + (
        f"\n\nn = {facts['runs']:,}, {facts['multiply_adds']:,} multiply-adds an ink, the core's peak in a product of "
        f"matrices {facts['peak_gflops']} GFLOP/s. {_circumstances(facts)}"
    )


def parts() -> str:
    """Return the parts of one prediction; what has a slash in its name is a step of a part."""
    facts = read("parts")
    lines = ["| part | median ms | p99 ms |", "|---|---|---|"]
    for row in rows("parts"):
        part, _, step = row["part"].partition(" / ")
        name = f"&nbsp;&nbsp;&nbsp;{step}" if step else f"**{part}**"
        lines.append(f"| {name} | {float(row['median_ms']):.3f} | {float(row['p99_ms']):.3f} |")
    return "\n".join(lines) + f"\n\nn = {facts['runs']:,}, one core. {_circumstances(facts)}"


def fuzzing() -> str:
    """Return what came of the long runs of benchmarks/fuzz.py."""
    lines = [
        "| | files | findings | what came of them | slowest | most memory | memory kept: first tenth, middle, last |",
        "|---|---|---|---|---|---|---|",
    ]
    for name in ("images", "models"):
        facts = read(f"fuzz_{name}")
        outcomes = ", ".join(f"{outcome} {count:,}" for outcome, count in facts["outcomes"].items())
        lines.append(
            f"| {name} | {facts['files']:,} | {facts['findings']} | {outcomes} | {facts['slowest_s']:.2f} s | "
            f"{facts['peak_mb']:.0f} MB | {facts['kept_first_mb']:.1f}, {facts['kept_middle_mb']:.1f} and "
            f"{facts['kept_last_mb']:.1f} MB |"
        )
    return "\n".join(lines)


TABLES: dict[str, Callable[[], str]] = {
    "serving": serving,
    "engines": engines,
    "parts": parts,
    "fuzzing": fuzzing,
}


def rows(name: str) -> list[Row]:
    """Return the lines of a table in benchmarks/results."""
    with (RESULTS / f"{name}.csv").open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def read(name: str) -> dict[str, Any]:
    """Return what was noted beside a table: machine, versions, how often."""
    facts: dict[str, Any] = json.loads((RESULTS / f"{name}.json").read_text(encoding="utf-8"))
    return facts


def by_server(some: list[Row]) -> dict[str, list[Row]]:
    """Return the rounds of each server, in the order of `NAMES`."""
    return {name: [row for row in some if row["server"] == name] for name in NAMES}


def _medians(some: list[Row], key: str) -> float:
    return statistics.median(float(row[key]) for row in some)


def _range(some: list[Row], key: str, kind: str) -> str:
    values = sorted(float(row[key]) for row in some)
    return f"{statistics.median(values):{kind}} ({values[0]:{kind}} to {values[-1]:{kind}})"


def _circumstances(facts: dict[str, Any], *, others_are_told: bool = False) -> str:
    """Return machine and versions; and whether others ran, by the load before, which remembers what has just ended."""
    versions = ", ".join(f"{name} {version}" for name, version in facts["versions"].items())
    busy = facts["load_before"] > _QUIET_LOAD and not others_are_told
    others = (
        f" **Other programs ran meanwhile** (load {facts['load_before']:.1f} before): times are upper bounds."
        * busy
    )
    return f"{facts['machine']}; {versions}.{others}"


def draw(path: Path, servers: dict[str, list[Row]]) -> None:
    """Draw answers a second and memory, a bar a server; thin lines are the range of the rounds."""
    import matplotlib as mpl  # noqa: PLC0415  # the page can be written without it

    mpl.use("svg")
    mpl.rcParams.update({"svg.fonttype": "none", "svg.hashsalt": "digitrec", "font.size": 9})
    from matplotlib import pyplot  # noqa: PLC0415

    names = [NAMES[name].replace("`", "") for name in servers][::-1]
    figure, axes = pyplot.subplots(1, 3, figsize=(9.5, 2.6), sharey=True, layout="constrained")
    columns = (
        ("answers_per_s", "answers a second"),
        ("p99_ms", "p99, ms (logarithmic)"),
        ("pss_mb", "memory, MB"),
    )
    for axis, (key, title) in zip(axes, columns, strict=True):
        values = [[float(row[key]) for row in some] for some in servers.values()][::-1]
        middles = [statistics.median(some) for some in values]
        spread = [
            [middle - min(some) for middle, some in zip(middles, values, strict=True)],
            [max(some) - middle for middle, some in zip(middles, values, strict=True)],
        ]
        colours = ["#1f6feb" if name.startswith("digitrec") else "#9aa4b2" for name in names]
        axis.barh(names, middles, xerr=spread, color=colours, ecolor="#333333")
        axis.set_title(title, fontsize=9)
        axis.spines[["top", "right"]].set_visible(False)
        if "logarithmic" in title:
            axis.set_xscale("log")
    figure.savefig(path, metadata={"Date": None})
    pyplot.close(figure)


if __name__ == "__main__":
    main()
