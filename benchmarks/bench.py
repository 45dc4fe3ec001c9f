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
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.growing_product import GrowingProduct
from benchmarks.measured_cases import CASES

GUARDED = 1_000_000
# Measured over twice by three on 22 November 2026; beyond these something has gone wrong.
MARGINS = {
    ("engine", "hand"): 6.0,
    ("engine", "group"): 60.0,
    ("engine:500 candidates", "engine"): 3.0,
    ("run", "engine"): 6.0,
}


@dataclass(frozen=True)
class Cost:
    """What one case took."""

    cpu: float
    wall: float
    peak_gb: float
    said: dict[str, Any]


def measured(case: str, folder: Path, events: int, memory: str | None = None) -> Cost:
    """The cost of a case in a fresh process, without its preparations."""
    asked = [case, str(folder), str(events), *([memory] if memory else [])]
    command = [sys.executable, "-m", "benchmarks.bench", "--case", *asked]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    return Cost(**json.loads(done.stdout.splitlines()[-1]))


def run_case(case: str, folder: Path, events: int, memory: str | None) -> None:
    """Runs one case here and prints its cost."""
    name, _, variant = case.partition(":")
    prepare = CASES[name]
    product = GrowingProduct(folder, events)
    work = prepare(product, variant, memory)
    cpu, wall = time.process_time(), time.perf_counter()
    said = work() or {}
    cost = {
        "cpu": said.pop("cpu", time.process_time() - cpu),
        "wall": time.perf_counter() - wall,
        "peak_gb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20,
        "said": said,
    }
    sys.stdout.write(json.dumps(cost) + "\n")
