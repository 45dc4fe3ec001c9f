"""What a night costs beside a whole count: `make bench-night`, the table of docs/benchmarks.md.

The growing product's history without its last rows becomes a state; the rows left out come as
nights of 100,000 events, one in 200 of them late by up to three days. The same nights on a history
of a hundredth show what every night costs whatever its size.

`--nights 20` lets so many nights come one after the other, which shows how a state ages.
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks.growing_product import MONTHS, GrowingProduct
from nsm_pipeline.product.loaded_product import LoadedProduct
from nsm_pipeline.product.yaml_file import load_product
from nsm_pipeline.stats.score import fit_score
from nsm_pipeline.stats.search import best_rows, search
from nsm_pipeline.warehouse.extract import Extract
from nsm_pipeline.warehouse.profile import profile_source
from nsm_pipeline.warehouse.scored import Scored
from nsm_pipeline.warehouse.state.build import Build, build_state
from nsm_pipeline.warehouse.state.carrying import carry_forward, digests
from nsm_pipeline.warehouse.state.stored import StoredCounts

NIGHTS, NIGHT_EVENTS = 3, 100_000
# Of the last month's rows, at most this share comes by night.
MOST_COMING = 0.8
LATE_SHARE, LATE_ROWS = 1 / 200, 2_000_000
SMALL = 100
SEED = 9


@dataclass(frozen=True)
class Nights:
    """A growing product cut into a history and nights to come."""

    folder: Path
    whole: GrowingProduct
    night_events: int
    count: int = NIGHTS

    def write(self) -> list[datetime]:
        """Lays out the history; the moments of the nights, the history's own first."""
        self.whole.write()
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir(parents=True)
        months = [f"events_{number:02}.parquet" for number in range(MONTHS)]
        for name in (*months[:-1], "accounts.parquet", "revenue.parquet"):
            os.link(self.whole.folder / name, self.folder / name)
        last = pq.read_table(self.whole.folder / months[-1])
        events = min(self.night_events, int(last.num_rows * MOST_COMING) // self.count)
        kept = last.num_rows - self.count * events
        night = np.repeat(np.arange(self.count + 1), [kept, *[events] * self.count])
        rng = np.random.default_rng(SEED)
        recent = np.arange(max(0, kept - LATE_ROWS), kept)
        late = rng.choice(recent, int(self.count * events * LATE_SHARE), replace=False)
        ends = [_end(last, night == number) for number in range(self.count + 1)]
        night[late] = rng.integers(1, self.count + 1, len(late))
        pq.write_table(last.filter(pa.array(night == 0)), self.folder / months[-1])
        for number in range(1, self.count + 1):
            rows = last.filter(pa.array(night == number))
            pq.write_table(rows, self.folder / f"night_{number}.parquet")
        return ends

    def arrive(self, number: int) -> None:
        """The night's file comes to lie beside the others."""
        name = f"night_{number}.parquet"
        (self.folder / name).rename(self.folder / f"events_{MONTHS:02}_{name}")

    def product(self) -> LoadedProduct:
        """The product over the files that have arrived."""
        here = replace(self.whole, folder=self.folder)
        return load_product(here.product_file("nights", state={"rebuild": "quarterly"}))


def _end(rows: pa.Table, of: np.ndarray) -> datetime:
    newest = pd.Timestamp(rows.column("at").filter(pa.array(of))[-1].as_py())
    return newest.to_pydatetime().astimezone(UTC)


def cpu(work: Callable[[], Any]) -> tuple[Any, float]:
    """What the work gave, and the CPU seconds it took, of all threads."""
    started = time.process_time()
    found = work()
    return found, time.process_time() - started


def count_whole(product: LoadedProduct, as_of: datetime) -> tuple[Extract, Any, float, float]:
    """The engine's part of a whole run: CPU s with and without the score's fit and the search."""
    extract = Extract.open(product, as_of)
    spent = [cpu(lambda: _read(extract))[1]]
    sample, seconds = cpu(lambda: extract.score_input())
    model = fit_score(sample)
    scored = Scored(extract, model)
    _, more = cpu(lambda: scored.counted_cells)
    cells, fetching = cpu(scored.cells)
    _, last = cpu(_weeks_asked(scored, best_rows(search(cells, extract.specs))))
    return extract, model, sum(spent) + seconds + more + last, fetching


def _read(extract: Extract) -> dict[str, Any]:
    profile = profile_source(extract.tables, config=extract.product.config, as_of=extract.as_of)
    _ = (extract.counts, extract.revenue_at_core)
    _ = (extract.retention_curve, extract.revenue_by_week)
    return profile


def _weeks_asked(counted: Scored | StoredCounts, chosen: pd.DataFrame) -> Callable[[], Any]:
    """What a run asks of its choice; of none, in a small history, it asks nothing."""
    if chosen.empty:
        return lambda: None
    return lambda: (counted.revenue_weeks(chosen), counted.weekly_reach(chosen))


def measure(nights: Nights) -> dict[str, float]:
    """CPU seconds of the whole count, of building the state, and of each night."""
    ends = nights.write()
    product, state = nights.product(), nights.folder / "state.duckdb"
    extract, model, whole, fetching = count_whole(product, ends[0])
    profile = profile_source(extract.tables, config=product.config, as_of=ends[0])
    notes = {"digests": digests(product.config), "advice": None, "profile": profile}
    _, building = cpu(lambda: build_state(extract, Build(model, 1, notes), state))
    extract.engine.close()
    found = {"whole": whole, "cells to Python": fetching, "building": building}
    for number, end in enumerate(ends[1:], start=1):
        nights.arrive(number)
        found[f"night {number}"], found[f"night {number}, cells to Python"] = _night(
            product, end, state
        )
    found["state MB"] = state.stat().st_size / 1e6
    return found


def _night(product: LoadedProduct, as_of: datetime, state: Path) -> tuple[float, float]:
    engine = Extract.open(product, as_of).engine
    (plan, stored), carrying = cpu(lambda: carry_forward(engine, product, as_of, state))
    if stored is None:
        raise RuntimeError(f"not carried, because {plan.because}")
    _, reading = cpu(lambda: (stored.counts, stored.retention_curve, stored.revenue_by_week))
    cells, fetching = cpu(stored.cells)
    _, last = cpu(_weeks_asked(stored, best_rows(search(cells, stored.specs))))
    # Closing writes what has changed into the file.
    _, closing = cpu(engine.close)
    return carrying + reading + last + closing, fetching


def say(text: str) -> None:
    """A line of the table."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def main() -> None:
    """Prints the table."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("size", type=int, nargs="?", default=10_000_000)
    asked.add_argument("root", type=Path, nargs="?", default=Path(".bench"))
    asked.add_argument("--nights", type=int, default=NIGHTS)
    given = asked.parse_args()
    sizes = {"history": given.size, "a hundredth of it": given.size // SMALL}
    found = {}
    for name, events in sizes.items():
        whole = GrowingProduct(given.root / f"events_{events}", events)
        small = min(NIGHT_EVENTS, events // SMALL)
        nights = Nights(given.root / f"nights_{events}", whole, small, given.nights)
        found[name] = measure(nights)
    big, little = found["history"], found["a hundredth of it"]
    say(f"| CPU s | {given.size:,} events | {given.size // SMALL:,} events |\n|---|---|---|")
    for key in big:
        say(f"| {key} | {big[key]:.2f} | {little[key]:.2f} |")
    night, every = (
        np.median([found[f"night {n}"] for n in range(1, given.nights + 1)])
        for found in (big, little)
    )
    say(f"\nwhole / night: {big['whole'] / night:.0f}")
    engine = (big["whole"] - little["whole"]) / max(night - every, 1e-9)
    say(f"the same without what the smaller history costs: {engine:.0f}")


if __name__ == "__main__":
    main()
