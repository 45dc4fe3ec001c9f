"""Whole runs of a product that keeps a state, step by step: `make bench-week`.

The growing product's history as a first run, then nights of 100,000 events or of a five-hundredth,
and the last of them once more with `measure: nightly`, as what every night would cost.
"""

from __future__ import annotations

import itertools
import shutil
import sys
import time
from dataclasses import replace
from datetime import datetime
from pathlib import Path

from benchmarks.bench_night import NIGHT_EVENTS, Nights, say
from benchmarks.growing_product import GrowingProduct
from nsm_pipeline.pipeline import STEPS, Step, run_product
from nsm_pipeline.runs.run_files import MEASURED

SHARE = 500


def costs(nights: Nights, measure: str, as_of: datetime) -> str:
    """A row of the table: CPU seconds of a run's steps, all threads, and what it measured."""
    here = replace(nights.whole, folder=nights.folder)
    path = here.product_file("week", state={"rebuild": "quarterly", "measure": measure})
    marks: list[float] = []

    def note(_step: Step) -> None:
        marks.append(time.process_time())

    run = run_product(path, as_of=as_of, out=nights.folder / "runs", on_step=note)
    marks.append(time.process_time())
    spent = [end - begin for begin, end in itertools.pairwise(marks)]
    told = run.read_json(MEASURED)["kind"] if run.exists(MEASURED) else "anew"
    cells = " | ".join(f"{seconds:.2f}" for seconds in (*spent, sum(spent)))
    return f"{as_of:%A} | {told} | {cells} |"


def main() -> None:
    """Prints the table."""
    size = int(sys.argv[1]) if len(sys.argv) > 1 else 10_000_000
    root = Path(sys.argv[2]) if len(sys.argv) > 2 else Path(".bench")
    whole = GrowingProduct(root / f"events_{size}", size)
    nights = Nights(root / f"week_{size}", whole, min(NIGHT_EVENTS, size // SHARE))
    first, *ends = nights.write()
    shutil.rmtree(nights.folder / "runs", ignore_errors=True)
    names = " | ".join(step.name for step in STEPS)
    say(f"| CPU s, {size:,} events | night | measured | {names} | whole run |")
    say("|---|---|---|" + "---|" * (len(STEPS) + 1))
    say(f"| the history | {costs(nights, 'weekly', first)}")
    for number, end in enumerate(ends, start=1):
        nights.arrive(number)
        say(f"| night {number} | {costs(nights, 'weekly', end)}")
    say(f"| night {len(ends)} again, `measure: nightly` | {costs(nights, 'nightly', ends[-1])}")


if __name__ == "__main__":
    main()
