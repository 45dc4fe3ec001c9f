"""What each eligible account did in its exposure windows: one scan of the events, then counts.

Exposure windows are [t0, t0 + X): start inclusive, end exclusive. A row lies in window X exactly
when its `day` (whole 24-hour days since t0) is below X, so all windows share one table.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import ibis
import ibis.expr.types as ir

from nsm_pipeline.product.candidate import Behaviour, CompositeCandidate
from nsm_pipeline.product.config import ProductConfig
from nsm_pipeline.warehouse.cohort import Population, days_after
from nsm_pipeline.warehouse.connect import Engine
from nsm_pipeline.warehouse.outcomes import day_number
from nsm_pipeline.warehouse.where import both, matches, selected, selects

STANDARD = {"account", "at", "event"}


@dataclass(frozen=True)
class Exposures:
    """The exposure rows and what was counted in them.

    Shape: `rows` a row per event: `account_no, event_no, day, at` and the property columns used;
    `counts` a row per window, account and event: `within_days, account_no, event_no, n`.
    `event_names[event_no]` is the event's name.
    """

    rows: ir.Table
    counts: ir.Table
    event_names: tuple[str, ...]
    windows: tuple[int, ...]

    def numbers(self, events: Iterable[str]) -> list[int]:
        """Numbers of these events; names that never occur have none."""
        wanted = set(events)
        return [number for number, name in enumerate(self.event_names) if name in wanted]


def build_exposures(engine: Engine, population: Population, config: ProductConfig) -> Exposures:
    """Exposure rows of eligible accounts and their counts per window, account and event."""
    windows = config.exposure.within
    rows = exposure_rows(population, config)
    named = engine.materialise("named_exposures", "events within the exposure windows", rows)
    found = engine.fetch("events that occur", named.select("event").distinct().order_by("event"))
    names = tuple(found["event"].astype(str))
    dictionary = engine.small_table(
        "event_numbers",
        {"event": list(names), "event_no": list(range(len(names)))},
        {"event": "string", "event_no": "int64"},
    )
    unused = [] if "event" in columns_in_use(config) else ["event"]
    numbered = named.join(dictionary, "event").drop(*unused)
    rows = engine.materialise("exposures", "the same with event numbers", numbered)
    wide = engine.materialise(
        "event_counts",
        "events per account, event and window",
        rows.group_by("account_no", "event_no").aggregate(
            **{f"n_{window}": rows.count(where=rows.day < window) for window in windows}
        ),
    )
    counts = long_by_window(wide, windows, "n", ["account_no", "event_no"])
    return Exposures(rows, counts, names, windows)


def exposure_rows(population: Population, config: ProductConfig) -> ir.Table:
    """Events of eligible accounts in the longest window, with the property columns in use."""
    accounts = population.eligible.select("account", "account_no", "t0")
    used = columns_in_use(config)
    events = population.events.select("account", "at", "event", *sorted(used - STANDARD))
    if config.exclude.events:
        events = events.filter(~selected(events.event, config.exclude.events))
    rows = events.join(accounts, "account")
    rows = rows.filter(
        rows["at"] >= rows.t0, rows["at"] < days_after(rows.t0, config.exposure.within[-1])
    )
    unused = [] if "account" in used else ["account"]
    return rows.mutate(day=day_number(rows["at"], rows.t0).cast("int64")).drop(*unused, "t0")


def columns_in_use(config: ProductConfig) -> set[str]:
    """Event columns that candidates filter on, measure or are discovered from."""
    clauses: list[Behaviour] = []
    for candidate in config.candidates:
        if isinstance(candidate, CompositeCandidate):
            clauses.extend(candidate.all_of)
        else:
            clauses.append(candidate)
    columns = {column for clause in clauses for column in clause.where}
    for clause in clauses:
        measure = clause.measure
        if not isinstance(measure, str):
            columns.update(measure.model_dump().values())
    if config.discover:
        columns.update(config.discover.properties)
    return columns


def long_by_window(
    wide: ir.Table, windows: Sequence[int], value: str, keys: Sequence[str]
) -> ir.Table:
    """A row per key and window from the columns `<value>_<window>`, without zeros and nulls."""

    def one(window: int) -> ir.Table:
        column = wide[f"{value}_{window}"]
        part = wide.filter(column.notnull() & (column > 0))
        return part.select(
            within_days=ibis.literal(window, "int64"),
            **{key: part[key] for key in keys},
            **{value: part[f"{value}_{window}"]},
        )

    return ibis.union(*(one(window) for window in windows))


def clause_rows(rows: ir.Table, exposures: Exposures, clause: Behaviour) -> ir.BooleanValue:
    """True on the rows that a clause counts."""
    names = [name for name in exposures.event_names if selects(clause.event, name)]
    if not names:
        return ibis.literal(False)
    if len(names) == len(exposures.event_names):
        return matches(rows, clause.where)
    return both(rows.event_no.isin(exposures.numbers(names)), clause.where, rows)
