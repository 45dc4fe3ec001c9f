"""What each eligible account did in its exposure windows: one scan of the events, then counts.

Exposure windows are [t0, t0 + X): start inclusive, end exclusive. A row lies in window X exactly
when its `day` (whole 24-hour days since t0) is below X, so all windows share one table, and what
is measured per window stands in columns `<value>_<X>` beside each other.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import ibis
import ibis.expr.types as ir

from nsm_pipeline.product.candidate import Behaviour, CompositeCandidate
from nsm_pipeline.product.config import ProductConfig
from nsm_pipeline.product.retention import EventRetention
from nsm_pipeline.warehouse.cohort import Population
from nsm_pipeline.warehouse.connect import Engine
from nsm_pipeline.warehouse.outcomes import DAY, retaining_events
from nsm_pipeline.warehouse.where import both, matches, selected, selects

STANDARD = {"account", "at", "event"}


@dataclass(frozen=True)
class NearEvents:
    """The events that matter of each eligible account: of its exposure and its outcome window.

    Shape: a row per event: `account_no, event_no, day` and the columns in use. The outcome begins
    after the longest exposure window (`exposed_days`) has ended, so the day tells the two apart;
    of outcome windows only what retains is there, and nothing where the outcome is revenue.
    """

    table: ir.Table
    event_numbers: Mapping[str, int]
    exposed_days: int

    @property
    def exposed(self) -> ir.Table:
        """The rows of the exposure windows."""
        return self.table.filter(self.table.day < self.exposed_days)

    @property
    def returned(self) -> ir.Table:
        """`account_no` of those with a row in the outcome window."""
        late = self.table.filter(self.table.day >= self.exposed_days)
        return late.select("account_no").distinct()


@dataclass(frozen=True)
class Exposures:
    """The exposure rows and what was counted in them.

    Shape: `rows` a row per event: `account_no, event_no, day` and the columns in use; `by_event` a
    row per account and event: `account_no, event_no, n_<window>`. `event_numbers` has the names
    that occur, in order of name.
    """

    rows: ir.Table
    by_event: ir.Table
    event_numbers: Mapping[str, int]
    windows: tuple[int, ...]

    @property
    def event_names(self) -> tuple[str, ...]:
        """The events that occur, in order of name."""
        return tuple(self.event_numbers)

    @property
    def counts(self) -> ir.Table:
        """Row per window, account and event seen: `within_days, account_no, event_no, n`."""
        return long_by_window(self.by_event, self.windows, "n", ["account_no", "event_no"])

    def numbers(self, events: Iterable[str]) -> list[int]:
        """Numbers of these events; names that never occur have none."""
        wanted = set(events)
        return [number for name, number in self.event_numbers.items() if name in wanted]


def find_near_events(
    engine: Engine, population: Population, config: ProductConfig, known: Sequence[str] = ()
) -> NearEvents:
    """The rows of all exposure and outcome windows, by one scan of the events.

    `known` events have a number even when none of these accounts did them.
    """
    names = sorted({*population.event_names, *known})
    numbers = engine.small_table(
        "event_numbers",
        {"event": names, "event_no": list(range(len(names)))},
        {"event": "string", "event_no": "int16"},
    )
    rows = near_rows(engine, population, config).join(numbers, "event")
    unused = [] if "event" in columns_in_use(config) else ["event"]
    kept = engine.materialise(
        "near_events", "events within the exposure and outcome windows", rows.drop(*unused)
    )
    return NearEvents(kept, {name: n for n, name in enumerate(names)}, config.exposure.within[-1])


def near_rows(engine: Engine, population: Population, config: ProductConfig) -> ir.Table:
    """Events of eligible accounts in the windows, with the property columns in use.

    All windows are asked of one number, the time since onboarding: comparing moments, and days of
    the calendar for the day, costs more, and this is the dearest question of a large log.
    """
    exposed_days, retention = config.exposure.within[-1], config.retention
    eligible = population.eligible
    # Narrow, because every event looks here; 2^31 accounts would be refused by the engine.
    accounts = eligible.select("account", "t0", account_no=eligible.account_no.cast("int32"))
    used = columns_in_use(config)
    retains = (
        retaining_events(population.events, config)
        if isinstance(retention, EventRetention)
        else ibis.literal(False)
    )
    events = population.events.select(
        "account", "at", "event", *sorted(used - STANDARD), retains=retains
    )
    rows = events.join(accounts, "account")
    rows = rows.mutate(since=engine.elapsed(rows.t0, rows["at"]))
    exposed = rows.since < exposed_days * DAY
    if config.exclude.events:
        exposed &= ~selected(rows.event, config.exclude.events)
    after, until = retention.after * DAY, (retention.after + retention.within) * DAY
    returned = (rows.since > after) & (rows.since <= until)
    rows = rows.filter(rows.since >= 0, exposed | (rows.retains & returned))
    return rows.select(
        "event",
        *sorted(used - {"event"}),
        "account_no",
        day=(rows.since // DAY).cast("int16"),
    )


def build_exposures(
    engine: Engine, near: NearEvents, windows: tuple[int, ...], known: Sequence[str] = ()
) -> Exposures:
    """Counts per account, event and window.

    With `known` events nobody is asked which ones occur: all that may have a number.
    """
    rows = near.exposed
    by_event = engine.materialise(
        "event_counts",
        "events per account, event and window",
        rows.group_by("account_no", "event_no").aggregate(
            **{f"n_{w}": rows.count(where=rows.day < w).cast("int32") for w in windows}
        ),
    )
    numbers = near.event_numbers
    if not known:
        found = engine.fetch("events that occur", by_event.select("event_no").distinct())
        occurring = set(found["event_no"])
        numbers = {name: no for name, no in numbers.items() if no in occurring}
    return Exposures(rows, by_event, numbers, windows)


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
        if measure == "days":
            columns.add("at")
        elif not isinstance(measure, str):
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
