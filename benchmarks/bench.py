"""What a run costs, beside what the same counting costs by other means: `make bench`.

Every case runs in a process of its own, one after the other, and tells its CPU seconds (of all
threads), wall seconds and peak memory. Ratios are within one run, so they outlive the machine. The
printed tables are those of docs/benchmarks.md; `make bench-small` holds the ratios of a million
events against margins and exits 1 beyond them.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from benchmarks.growing_product import THRESHOLDS, WINDOWS, GrowingProduct
from benchmarks.measured_cases import CASES, VARIANTS, same_cells

GUARDED = 1_000_000
MODELS = 50 * len(WINDOWS) * len(THRESHOLDS)
# The first two are what the others are held against, so each row is whole once it is measured.
ORDER = (
    *("group", "engine", "decode", "hand, 1 GB", "hand", "engine, 16 GB"),
    *("polars", "run", "fits", "pandas"),
)
TITLES = {
    "group": "DuckDB, bare `GROUP BY account, event`",
    "engine": "our engine part: from the files to the cells, score joined (0.5 GB a thread)",
    "decode": "DuckDB decodes the three columns",
    "hand, 1 GB": "DuckDB SQL by hand, the same cells, held to 1 GB",
    "hand": "DuckDB SQL by hand, the same cells, DuckDB at its own default",
    "polars": "Polars, the counts alone",
    "run": "our whole `nsm run`",
    "pandas": "pandas, a crude table per candidate, window and threshold (scaled from 5 of 50)",
    "fits": "scikit-learn on account rows, 2 models",
    "engine, 16 GB": "our engine part, DuckDB given 16 GB",
}
# Measured over twice by three on 22 November 2026; beyond these something has gone wrong.
MARGINS = {
    ("engine", "hand"): 6.0,
    ("engine", "group"): 120.0,
    ("engine:500 candidates", "engine"): 3.0,
    ("run", "engine"): 10.0,
}


@dataclass(frozen=True)
class Cost:
    """What one case took."""

    cpu: float
    wall: float
    peak_gb: float
    said: dict[str, Any]


def measured(case: str, product: GrowingProduct, memory: str = "") -> Cost:
    """The cost of a case in a fresh process, without its preparations."""
    asked = ["--case", case, str(product.folder), str(product.events), memory]
    command = [sys.executable, "-m", "benchmarks.bench", *asked]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    cost = Cost(**json.loads(done.stdout.splitlines()[-1]))
    sys.stderr.write(f"{product.events:>11,} events  {case:<22} {cost.cpu:9.2f} CPU s\n")
    return cost


def run_case(case: str, folder: str, events: str, memory: str) -> None:
    """Runs one case here and prints its cost."""
    name, _, variant = case.partition(":")
    work = CASES[name](GrowingProduct(Path(folder), int(events)), variant, memory or None)
    cpu, wall = time.process_time(), time.perf_counter()
    said = work() or {}
    cost = {
        "cpu": said.pop("cpu", time.process_time() - cpu),
        "wall": time.perf_counter() - wall,
        "peak_gb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20,
        "said": said,
    }
    sys.stdout.write(json.dumps(cost) + "\n")


def written(folder: Path, events: int, **changes: int) -> GrowingProduct:
    """The product's files, written unless they are there."""
    name = "_".join([str(events), *(f"{key}_{value}" for key, value in changes.items())])
    product = GrowingProduct(folder / name, events, **changes)
    product.write()
    return product


def compared(product: GrowingProduct) -> Iterator[str]:
    """The table of one size, a row as soon as it is measured.

    Each case stands beside the bare GROUP BY and beside our engine part; one that breaks off is
    said to, and the others go on.
    """
    yield f"### {product.events:,} events, {product.accounts:,} accounts"
    yield ""
    yield "| what | CPU s | wall s | peak GB | CPU / bare GROUP BY | CPU / engine part |"
    yield "|---|---|---|---|---|---|"
    costs: dict[str, Cost] = {}
    for case in ORDER:
        name, _, memory = case.partition(", ")
        try:
            costs[case] = measured(name, product, memory.replace(" ", ""))
        except subprocess.CalledProcessError:
            yield f"| {TITLES[case]} | broke off | | | | |"
            continue
        if case == "engine":
            yield from (_row(done, costs) for done in costs)
        elif "engine" in costs:
            yield _row(case, costs)
    if "hand" in costs and not same_cells(product.folder):
        raise SystemExit("the SQL by hand gives other cells")
    yield ""
    if {"fits", "run", "pandas"} <= costs.keys():
        yield _sentence(costs)
        yield ""
    if "run" in costs:
        steps = costs["run"].said["steps"]
        yield f"| step of the whole run | {' | '.join(steps)} |"
        yield f"|---|{'---|' * len(steps)}"
        yield f"| CPU s | {' | '.join(_short(cpu) for cpu in steps.values())} |"
        yield ""


def _row(case: str, costs: Mapping[str, Cost]) -> str:
    cost = costs[case]
    beside = (cost.cpu / costs[other].cpu for other in ("group", "engine"))
    numbers = [cost.cpu, cost.wall, cost.peak_gb, *beside]
    return f"| {TITLES[case]} | {' | '.join(_short(number) for number in numbers)} |"


def _sentence(costs: Mapping[str, Cost]) -> str:
    fits = costs["fits"]
    each = fits.cpu / fits.said["models"]
    whole = each * MODELS
    return (
        f"One of the {fits.said['models']} fits on {fits.said['accounts']:,} accounts took "
        f"{each:.2f} CPU s; all {MODELS:,} (scaled, not run) {whole:,.0f}, or "
        f"{whole / costs['run'].cpu:,.0f} times the whole run. The notebook loop took "
        f"{costs['pandas'].cpu / costs['run'].cpu:.2g} times the whole run. The score's fit is not "
        f"in the engine part: {costs['engine'].said['fit']:.2f} CPU s. "
        f"{costs['engine'].said['cells']:,} cells, equal to those by hand."
    )


def growth(folder: Path, events: int) -> Iterator[str]:
    """How the engine part grows with what is asked."""
    product = written(folder, events)
    base = measured("engine", product)
    yield f"### Growth, {events:,} events"
    yield ""
    yield "| engine part | candidates | cells | CPU s | CPU / first row | peak GB |"
    yield "|---|---|---|---|---|---|"
    yield _grown("50 candidates, 4 windows, 20 thresholds", base, base)
    for variant in list(VARIANTS)[1:]:
        yield _grown(variant, measured(f"engine:{variant}", product), base)
    many = written(folder, events, events_per_account=10)
    yield _grown("10 times the accounts, the same events", measured("engine", many), base)
    yield ""


def _grown(what: str, cost: Cost, base: Cost) -> str:
    found = [f"{cost.said[name]:,}" for name in ("candidates", "cells")]
    numbers = [_short(n) for n in (cost.cpu, cost.cpu / base.cpu, cost.peak_gb)]
    return f"| {' | '.join([what, *found, *numbers])} |"


def guard(folder: Path) -> list[str]:
    """The ratios of a small product that are beyond their margins."""
    product = written(folder, GUARDED)
    wanted = dict.fromkeys(case for pair in MARGINS for case in pair)
    costs = {case: measured(case, product) for case in wanted if case != "hand"}
    costs["hand"] = measured("hand", product)
    beyond = [] if same_cells(product.folder) else ["the SQL by hand gives other cells"]
    for (case, other), margin in MARGINS.items():
        ratio = costs[case].cpu / costs[other].cpu
        line = f"{case} / {other}: {ratio:.2f} of at most {margin:g}"
        sys.stdout.write(line + "\n")
        if ratio > margin:
            beyond.append(line)
    return beyond


def _short(number: float) -> str:
    return f"{number:,.0f}" if number >= 100 else f"{number:.2f}"


def _machine() -> str:
    lines = Path("/proc/cpuinfo").read_text().splitlines() if os.name == "posix" else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    processor = names[0] if names else platform.machine()
    return (
        f"{processor}, {os.cpu_count()} cores; Python {platform.python_version()}, "
        f"DuckDB {version('duckdb')}, Ibis {version('ibis-framework')}, "
        f"pandas {version('pandas')}, Polars {version('polars')}"
    )


def main() -> None:
    """Prints the tables, or guards the ratios of a small product."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--events", type=float, nargs="*", default=[1e6, 1e7, 1e8])
    parser.add_argument("--grow", type=float, default=1e7, help="events of the growth table")
    parser.add_argument("--guard", action="store_true", help="a million events against margins")
    parser.add_argument("--folder", type=Path, help="where the products are, or will be")
    parser.add_argument("--case", nargs=4, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.case:
        run_case(*given.case)
        return
    with tempfile.TemporaryDirectory() as aside:
        folder = given.folder or Path(aside)
        if given.guard:
            if beyond := guard(folder):
                raise SystemExit("beyond the margin: " + "; ".join(beyond))
            return
        sys.stdout.write(_machine() + "\n\n")
        for events in given.events:
            for line in compared(written(folder, int(events))):
                sys.stdout.write(line + "\n")
                sys.stdout.flush()
        if given.grow:
            for line in growth(folder, int(given.grow)):
                sys.stdout.write(line + "\n")


if __name__ == "__main__":
    main()
