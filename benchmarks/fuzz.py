#!/usr/bin/env python3
"""Feed digitrec mutated files: pictures to the decoder and the normalisation, model files to their reader.

    python benchmarks/fuzz.py images                200,000 files
    python benchmarks/fuzz.py models                20,000 files
    python benchmarks/fuzz.py images --case 4711    that file again, with its traceback, and saved

Each file has a number, and depends on it alone. Whatever raises an exception that is none of digitrec's, ends the
process or takes more than five seconds of processor time is a finding, and the exit code is then 1.

The same command goes on after a stop. It begins anew where all files were eaten, and where digitrec or a mutation is
another than before, so that a finding which is mended is not told again.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import statistics
import sys
import time
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from fuzzing.targets import TARGETS
from fuzzing.watched import SEED, Meal, Target, eat, file_of

import digitrec
from digitrec.files import packaged_model_path

_BLOCK = 1000


def main() -> None:
    """Feed the files that have not been eaten yet, and tell what came of all."""
    options = _arguments()
    target = TARGETS[options.target]
    if options.case is not None:
        sys.exit(eat_again(target, options.case))
    journal = options.results or Path("reports") / "fuzz" / f"{target.name}.jsonl"
    feed(target, options.cases or target.cases, journal)
    sys.exit(tell(target, journal, options.output or journal.with_name(f"fuzz_{target.name}.json")))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Feed digitrec mutated files.")
    parser.add_argument("target", choices=TARGETS)
    parser.add_argument("--cases", type=int, help="how many files; default: 200,000 images, 20,000 models")
    parser.add_argument("--case", type=int, help="this file alone")
    parser.add_argument("--results", type=Path, help="default: reports/fuzz/TARGET.jsonl")
    parser.add_argument(
        "--output", type=Path, help="of the sum; default: fuzz_TARGET.json beside the results"
    )
    return parser.parse_args()


def eat_again(target: Target, case: int) -> int:
    """Eat one file anew, save it, and print what came of it."""
    path = Path(f"{target.name}-{case}.bin")
    path.write_bytes(file_of(target, target.originals(), case))
    (meal,) = eat(target, case, case + 1)
    print(
        f"{path}: {meal.outcome}, {meal.seconds:.3f} s, at most {meal.peak_mb:.0f} MB, "
        f"{meal.noise_bytes} bytes on stderr\n{meal.finding}"
    )
    return int(is_finding(meal.outcome))


def feed(target: Target, cases: int, journal: Path) -> None:
    """Eat the files from where the journal ends, and note each block of a thousand in it.

    The journal begins anew where all were eaten, and where the code is another.
    """
    version = code()
    blocks = read(journal)
    start = max((block["stop"] for block in blocks), default=0)
    if start >= cases or any(block.get("code") != version for block in blocks):
        journal.unlink(missing_ok=True)
        start = 0
    journal.parent.mkdir(parents=True, exist_ok=True)
    print(f"{target.name}: seed {SEED}, files {start:,} to {cases:,}, noted in {journal}", flush=True)
    block: list[Meal] = []
    with journal.open("a", encoding="utf-8") as file:
        for meal in eat(target, start, cases):
            block.append(meal)
            if is_finding(meal.outcome):
                print(f"finding: --case {meal.case}: {meal.outcome} {meal.finding}", flush=True)
            if (meal.case + 1) % _BLOCK == 0 or meal.case + 1 == cases:
                file.write(json.dumps(_summed(block) | {"code": version}) + "\n")
                file.flush()
                block = []


def code() -> str:
    """Return a fingerprint of the sources."""
    digest = hashlib.sha256()
    for path in sorted(sources()):
        digest.update(f"\0{path}\0".encode() + path.read_bytes())
    return digest.hexdigest()


def sources() -> Iterable[Path]:
    """Return the files that decide what comes of a mutated file, and what it is made of."""
    here, package = Path(__file__).parent, Path(digitrec.__file__).parent
    return [*package.rglob("*.py"), *here.glob("fuzzing/*.py"), here / "digits.py", packaged_model_path()]


def _summed(block: list[Meal]) -> dict[str, Any]:
    slowest = max(block, key=lambda meal: meal.seconds)
    largest = max(block, key=lambda meal: meal.peak_mb)
    return {
        "start": block[0].case,
        "stop": block[-1].case + 1,
        "outcomes": Counter(meal.outcome for meal in block),
        "findings": {meal.case: meal.finding for meal in block if is_finding(meal.outcome)},
        "cpu_s": round(sum(meal.seconds for meal in block), 3),
        "slowest": [slowest.case, round(slowest.seconds, 3)],
        "largest": [largest.case, round(largest.peak_mb, 1)],
        "rss_mb": [(meal.pid, round(meal.rss_mb, 1)) for meal in block if meal.rss_mb],
        "stderr_bytes": sum(meal.noise_bytes for meal in block),
        "time": int(time.time()),
    }


def read(journal: Path) -> list[dict[str, Any]]:
    """Return the whole lines of a journal."""
    lines = journal.read_text(encoding="utf-8").splitlines(keepends=True) if journal.exists() else []
    return [json.loads(line) for line in lines if line.endswith("\n")]


def tell(target: Target, journal: Path, output: Path) -> int:
    """Print what came of all files in the journal, and write it; return 1 where there are findings, else 0."""
    facts = summary(target, read(journal))
    text = json.dumps(facts, indent=1) + "\n"
    output.write_text(text, encoding="utf-8")
    print(text)
    return int(facts["findings"] > 0)


def summary(target: Target, blocks: list[dict[str, Any]]) -> dict[str, Any]:
    """Return what came of all files together.

    The memory kept is that of the process that ate most files, in the first tenth of them, a middle and the last one.
    """
    outcomes = sum((Counter(block["outcomes"]) for block in blocks), Counter[str]())
    slowest = max((block["slowest"] for block in blocks), key=lambda pair: pair[1])
    largest = max((block["largest"] for block in blocks), key=lambda pair: pair[1])
    sizes = max(_processes(blocks), key=len)
    tenth = max(1, len(sizes) // 10)
    return {
        "target": target.name,
        "seed": SEED,
        "files": outcomes.total(),
        "outcomes": dict(outcomes.most_common()),
        "findings": sum(count for outcome, count in outcomes.items() if is_finding(outcome)),
        "cpu_s": round(sum(block["cpu_s"] for block in blocks)),
        "slowest_s": slowest[1],
        "slowest_case": slowest[0],
        "peak_mb": largest[1],
        "peak_case": largest[0],
        "kept_first_mb": statistics.median(sizes[:tenth]),
        "kept_middle_mb": statistics.median(sizes[len(sizes) // 2 :][:tenth]),
        "kept_last_mb": statistics.median(sizes[-tenth:]),
        "stderr_bytes": sum(block["stderr_bytes"] for block in blocks),
    }


def _processes(blocks: list[dict[str, Any]]) -> list[list[float]]:
    """Return the sizes of each process, one for every hundredth file."""
    sizes: dict[int, list[float]] = {}
    for block in blocks:
        for pid, size in block["rss_mb"]:
            sizes.setdefault(pid, []).append(size)
    return list(sizes.values())


def is_finding(outcome: str) -> bool:
    """Tell an outcome that must not be from a word or the name of one of digitrec's errors."""
    return outcome in ("CRASH", "EXCEPTION")


if __name__ == "__main__":
    main()
