"""The events that metrics count, each with its unit, its period and its segment."""

from __future__ import annotations

import functools
import operator
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import ibis
import ibis.expr.types as ir

from nsm_pipeline.product.candidate import Part
from nsm_pipeline.product.config import ProductConfig
from nsm_pipeline.product.metrics import Clause, CountedMetric, ShareOf
from nsm_pipeline.warehouse.cohort import MISSING, Population, days_after, excluded, one_row_each
from nsm_pipeline.warehouse.connect import Engine
from nsm_pipeline.warehouse.events import SourceTables
from nsm_pipeline.warehouse.labels import OTHER
from nsm_pipeline.warehouse.local_time import local
from nsm_pipeline.warehouse.where import both, selected

MOST_LEVELS = 20
TRUNCATED = {"day": "D", "week": "W", "month": "M"}
# The prefix keeps clear of the source's own column names.
UNIT, PERIOD, SEGMENT, CLOCK = "nsm_unit", "nsm_period", "nsm_segment", "nsm_clock"
COHORT = ("eligible", "censored")


@dataclass(frozen=True)
class Frame:
    """What metrics share that are counted by one scan of the events."""

    unit: str | None
    per: str
    within: int | None
    segment: str | None

    @property
    def title(self) -> str:
        """What the engine is asked for."""
        cohort = "" if self.within is None else f", within {self.within} days of onboarding"
        split = "" if self.segment is None else f", by {self.segment}"
        return f"of each {self.unit or 'account'} per {self.per}{cohort}{split}"


@dataclass(frozen=True)
class Scope:
    """Whose events are counted, and on which clock: all that the frames of a run share."""

    engine: Engine
    tables: SourceTables
    population: Population
    config: ProductConfig
    begins: datetime

    @property
    def ends(self) -> datetime:
        """End of observation, in UTC."""
        return self.population.observed_until

    @property
    def events(self) -> ir.Table:
        """What customers did by then: no internal accounts, no bots."""
        events = self.population.events
        known = events.filter(events["at"] <= _moment(self.ends))
        others = _not_customers(self.tables, self.population, self.config)
        return known if others is None else known.anti_join(others, "account")

    def start(self, moment: ir.Value, per: str) -> ir.TimestampValue:
        """Beginning of the moment's period, by the product's clocks."""
        return self.clock(moment).truncate(TRUNCATED[per]).cast("timestamp(6)")

    def clock(self, moment: ir.Value) -> ir.TimestampValue:
        """The moment as the product's clocks show it."""
        return local(moment, ZoneInfo(self.config.timezone), self.begins, self.ends)


def marks(number: int, metric: CountedMetric) -> Iterator[tuple[str, Clause | Part]]:
    """A name for each clause of a metric, the first first and what a share is of last."""
    for place, clause in enumerate(metric.clauses):
        yield f"is_{number}_{place}", clause
    if isinstance(metric.value, ShareOf) and isinstance(metric.value.share_of, Clause):
        yield f"is_{number}_base", metric.value.share_of


def metric_rows(
    scope: Scope, frame: Frame, metrics: Sequence[tuple[int, CountedMetric]]
) -> ir.Table:
    """The events that any of the metrics counts, marked with the clauses that do.

    Shape: a row per event, without those that name no unit: the source's columns, UNIT, CLOCK
    (local time), PERIOD (its beginning, local time), SEGMENT (the text of its level; "" for
    everybody) and a boolean for each of `marks`.
    """
    events = scope.events if frame.within is None else _of_cohorts(scope, frame.within)
    moment = events["at"] if frame.within is None else events.t0
    placed = events.mutate(
        **{
            UNIT: events[frame.unit or "account"],
            PERIOD: scope.start(moment, frame.per),
            CLOCK: scope.clock(events["at"]),
        },
        **{
            name: both(selected(events.event, clause.event), clause.where, events)
            for number, metric in metrics
            for name, clause in marks(number, metric)
        },
    )
    names = [name for number, metric in metrics for name, _ in marks(number, metric)]
    counted = functools.reduce(operator.or_, (placed[name] for name in names))
    rows = placed.filter(placed[UNIT].notnull() & counted)
    return with_segment(scope, frame.segment, rows)


def cohort_sizes(scope: Scope, frame: Frame) -> ir.Table:
    """Onboarded accounts observed through the window: SEGMENT, PERIOD, `accounts`."""
    accounts = _cohorts(scope.population, frame.within or 0)
    placed = accounts.mutate(**{PERIOD: scope.start(accounts.t0, frame.per)})
    rows = with_segment(scope, frame.segment, placed)
    return rows.group_by(SEGMENT, PERIOD).aggregate(accounts=rows.count())


def with_segment(scope: Scope, column: str | None, rows: ir.Table) -> ir.Table:
    """Adds SEGMENT: the row's own level of the column, or its account's where accounts have it."""
    if column is None:
        return rows.mutate(**{SEGMENT: ibis.literal("")})
    accounts = scope.tables.accounts
    if accounts is not None and column in accounts.columns:
        people = one_row_each(accounts)
        levels = people.select("account", level=people[column].cast("string"))
        rows = rows.left_join(levels, "account").drop("account_right")
        level, sizes = rows.level, levels
    else:
        level = rows[column].cast("string")
        sizes = scope.events.select(level=scope.events[column].cast("string"))
    largest = _largest_levels(scope.engine, column, sizes)
    known = ibis.ifelse(level.isin(largest), level, OTHER)
    return rows.mutate(**{SEGMENT: ibis.ifelse(level.isnull(), MISSING, known)})


def _largest_levels(engine: Engine, column: str, rows: ir.Table) -> list[str]:
    known = rows.filter(rows.level.notnull())
    counted = known.group_by("level").aggregate(n=known.count())
    listed = counted.order_by(ibis.desc("n"), "level").limit(MOST_LEVELS)
    return [str(level) for level in engine.fetch(f"levels of {column}", listed)["level"]]


def _of_cohorts(scope: Scope, within: int) -> ir.Table:
    """What accounts did in [t0, t0 + within), of those observed that long."""
    accounts = _cohorts(scope.population, within)
    rows = scope.events.join(accounts, "account")
    return rows.filter(rows["at"] >= rows.t0, rows["at"] < rows.window_ends)


def _cohorts(population: Population, within: int) -> ir.Table:
    onboarded = population.onboarded
    known = onboarded.filter(onboarded.status.isin(COHORT)).select(
        "account", "t0", "observed_until", window_ends=days_after(onboarded.t0, within)
    )
    return known.filter(known.window_ends <= known.observed_until).drop("observed_until")


def _not_customers(
    tables: SourceTables, population: Population, config: ProductConfig
) -> ir.Table | None:
    found = []
    if tables.accounts is not None and (
        config.exclude.accounts or "internal" in tables.accounts.columns
    ):
        people = one_row_each(tables.accounts)
        found.append(people.filter(excluded(people, config.exclude)).select("account"))
    if config.exclude.bots is not None:
        onboarded = population.onboarded
        found.append(onboarded.filter(onboarded.status == "bot").select("account"))
    return ibis.union(*found) if len(found) > 1 else found[0] if found else None


def _moment(moment: datetime) -> ir.TimestampScalar:
    return ibis.timestamp(moment.astimezone(UTC).replace(tzinfo=None).isoformat())
