#!/usr/bin/env python3
"""Write the results in benchmarks/results into docs/performance.md, between their markers, and draw docs/serving.svg.

python benchmarks/write_performance.py          after measuring; --no-plot without matplotlib
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

Row = dict[str, str]


def main() -> None:
    """Update the page and draw the plot."""
    parser = argparse.ArgumentParser(description="Write the measured figures into docs/performance.md.")
    parser.add_argument("--no-plot", action="store_true", help="leave docs/serving.svg as it is")
    PAGE.write_text(page(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
    if not parser.parse_args().no_plot:
        draw(PLOT, by_server(rows("serving")))


def page(text: str) -> str:
    """Return the page with every table generated from the results."""
    for name, table in TABLES.items():
        begin, end = f"<!-- {name} -->", f"<!-- /{name} -->"
        pattern = re.compile(f"{re.escape(begin)}.*?{re.escape(end)}", re.DOTALL)
        if not pattern.search(text):
            raise SystemExit(
                f"{PAGE}: expected the markers {begin} and {end}. Add them where the table belongs."
            )
        before, after = pattern.split(text)
        text = f"{before}{begin}\n{table()}\n{end}{after}"
    return text


def serving() -> str:
    """Return the table of servers: median of the rounds and range."""
    facts = read("serving")
    servers = by_server(rows("serving"))
    own = _median(servers["digitrec"], "answers_per_s")
    lines = [
        "| | answers/s | digitrec's to it | p50 ms | p99 ms | CPU ms an answer | first answer s | all processes MB |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for server, rounds in servers.items():
        cells = [
            _range(rounds, "answers_per_s", ".0f"),
            f"{own / _median(rounds, 'answers_per_s'):.2f}",
            _range(rounds, "p50_ms", ".1f"),
            _range(rounds, "p99_ms", ".0f"),
            f"{_median(rounds, 'cpu_ms_an_answer'):.2f}",
            _range(rounds, "start_s", ".2f"),
            f"{_median(rounds, 'pss_mb'):.0f}",
        ]
        lines.append(f"| {NAMES[server]} | " + " | ".join(cells) + " |")
    failed, answered = (sum(int(row[key]) for row in rows("serving")) for key in ("failed", "requests"))
    others = [float(row["others_cores"]) for row in rows("serving")]
    return "\n".join(lines) + (
        f"\n\nThe middle of {facts['rounds']} rounds of {facts['seconds']} s (and their range), {facts['connections']} "
        f"connections; {answered:,} answers, {failed:,} failed. Other programs used "
        f"{statistics.median(others):.2f} cores meanwhile ({min(others):.2f} to {max(others):.2f}). "
        f"{_environment(facts)}"
    )


TABLES: dict[str, Callable[[], str]] = {"serving": serving}


def rows(name: str) -> list[Row]:
    """Return the rows of a table in benchmarks/results."""
    with (RESULTS / f"{name}.csv").open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def read(name: str) -> dict[str, Any]:
    """Return the metadata of a table: machine, versions, rounds."""
    facts: dict[str, Any] = json.loads((RESULTS / f"{name}.json").read_text(encoding="utf-8"))
    return facts


def by_server(rounds: list[Row]) -> dict[str, list[Row]]:
    """Return the rounds of each server, in the order of `NAMES`."""
    return {name: [row for row in rounds if row["server"] == name] for name in NAMES}


def _median(rounds: list[Row], key: str) -> float:
    return statistics.median(float(row[key]) for row in rounds)


def _range(rounds: list[Row], key: str, kind: str) -> str:
    values = sorted(float(row[key]) for row in rounds)
    return f"{statistics.median(values):{kind}} ({values[0]:{kind}} to {values[-1]:{kind}})"


def _environment(facts: dict[str, Any]) -> str:
    """Return the machine and the versions."""
    versions = ", ".join(f"{name} {version}" for name, version in facts["versions"].items())
    return f"{facts['machine']}; {versions}."


def draw(path: Path, servers: dict[str, list[Row]]) -> None:
    """Draw throughput, latency and memory, a bar per server; thin lines are the range of the rounds."""
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
        values = [[float(row[key]) for row in rounds] for rounds in servers.values()][::-1]
        medians = [statistics.median(rounds) for rounds in values]
        errors = [
            [middle - min(rounds) for middle, rounds in zip(medians, values, strict=True)],
            [max(rounds) - middle for middle, rounds in zip(medians, values, strict=True)],
        ]
        colors = ["#1f6feb" if name.startswith("digitrec") else "#9aa4b2" for name in names]
        axis.barh(names, medians, xerr=errors, color=colors, ecolor="#333333")
        axis.set_title(title, fontsize=9)
        axis.spines[["top", "right"]].set_visible(False)
        if "logarithmic" in title:
            axis.set_xscale("log")
    figure.savefig(path, metadata={"Date": None})
    pyplot.close(figure)


if __name__ == "__main__":
    main()
