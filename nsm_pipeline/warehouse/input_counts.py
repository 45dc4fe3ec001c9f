"""What a metric's tree is counted from: active units and what they did, period by period."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from zoneinfo import ZoneInfo

import ibis
import ibis.expr.types as ir
import pandas as pd

from nsm_pipeline.warehouse.cohort import Population
from nsm_pipeline.warehouse.connect import Engine
from nsm_pipeline.warehouse.local_time import local

Period = Literal["day", "week", "month"]
TRUNCATED: dict[Period, str] = {"day": "D", "week": "W", "month": "M"}
STEPS: dict[Period, pd.DateOffset] = {
    "day": pd.DateOffset(days=1),
    "week": pd.DateOffset(weeks=1),
    "month": pd.DateOffset(months=1),
}
NO_CUSTOMERS = ("internal", "bot")


@dataclass(frozen=True)
class Calendar:
    """Periods as the product's clocks tell them."""

    per: Period
    timezone: str

    def truncated(self, at: ir.TimestampValue) -> ir.TimestampValue:
        """The start of the period that a local moment is in."""
        return at.truncate(TRUNCATED[self.per]).cast("timestamp(6)")

    def before(self, period: ir.TimestampValue) -> ir.TimestampValue:
        """The period before."""
        return period - ibis.interval(**{f"{self.per}s": 1})

    def in_utc(self, starts: pd.Series) -> pd.Series:
        """Local starts of periods as moments in UTC, without a zone."""
        here = starts.dt.tz_localize(self.timezone, ambiguous=True, nonexistent="shift_forward")
        moments: pd.Series = here.dt.tz_convert("UTC").dt.tz_localize(None)
        return moments.astype("datetime64[us]")


def input_counts(
    engine: Engine, population: Population, counted: ir.BooleanValue, calendar: Calendar
) -> pd.DataFrame:
    """Accounts with such events by period and segment, of those onboarded; no staff, no bots.

    Args:
        engine: the engine.
        population: who is who; visible events only.
        counted: true on the events of `population.events` that count.
        calendar: which periods.

    Shape: a row per period and segment that has any, and one of zeros for every other period
    between: `period` (its start, UTC), `segment` (`""` where the product declares none), `units`
    (active accounts), `days` (on which they were, summed), `value` (events), `new` (accounts never
    seen to do it before), `returned`, `kept` (active in the period before, too), `whole` (the
    period was over by `observed_until`). Ordered by segment and period.
    """
    rows = _local_rows(engine, population, counted, calendar)
    if rows is None:
        return _nothing()
    per_unit = engine.materialise(
        "unit_periods", "active days and events per account and period", _per_unit(rows, calendar)
    )
    before = per_unit.period.lag().over(group_by=per_unit.account, order_by=per_unit.period)
    known = per_unit.mutate(earlier=before)
    kept = (known.earlier == calendar.before(known.period)).fill_null(False)
    found = engine.fetch(
        "active accounts by period and segment",
        known.group_by("segment", "period")
        .aggregate(
            units=known.count(),
            days=known.days.sum(),
            value=known["value"].sum(),
            new=known.count(where=known.earlier.isnull()),
            kept=known.count(where=kept),
        )
        .order_by("segment", "period"),
    )
    return _every_period(found, calendar, population.observed_until)


def _local_rows(
    engine: Engine, population: Population, counted: ir.BooleanValue, calendar: Calendar
) -> ir.Table | None:
    """`account, segment, at` (local) of the counted events; None when there are none."""
    people = population.onboarded.filter(population.onboarded.status.notin(NO_CUSTOMERS))
    events = population.events.filter(counted).select("account", "at")
    mine = events.join(people.select("account", "segment"), "account")
    first = engine.fetch("the first counted event", mine.aggregate(first=mine["at"].min()))
    begin = first["first"].iloc[0]
    if begin is None or begin != begin:
        return None
    zone = ZoneInfo(calendar.timezone)
    end = population.observed_until
    return mine.mutate(
        at=local(mine["at"], zone, begin.to_pydatetime().replace(tzinfo=end.tzinfo), end)
    )


def _per_unit(rows: ir.Table, calendar: Calendar) -> ir.Table:
    by_day = rows.mutate(day=rows["at"].date())
    daily = by_day.group_by("account", "segment", "day").aggregate(value=by_day.count())
    periods = daily.mutate(period=calendar.truncated(daily.day.cast("timestamp(6)")))
    return periods.group_by("account", "segment", "period").aggregate(
        days=periods.count(), value=periods["value"].sum().cast("int64")
    )


def _every_period(found: pd.DataFrame, calendar: Calendar, until: datetime) -> pd.DataFrame:
    starts = pd.date_range(found["period"].min(), found["period"].max(), freq=STEPS[calendar.per])
    missing = starts.difference(pd.DatetimeIndex(found["period"].unique()))
    empty = pd.DataFrame({"period": missing, "segment": found["segment"].iloc[0]})
    table = pd.concat([found, empty], ignore_index=True) if len(missing) else found
    table = table.fillna(dict.fromkeys(("units", "days", "value", "new", "kept"), 0))
    end = until.replace(tzinfo=None)
    table["whole"] = calendar.in_utc(table["period"] + STEPS[calendar.per]) <= end
    table["period"] = calendar.in_utc(table["period"])
    table["returned"] = table["units"] - table["new"] - table["kept"]
    counts = ["units", "days", "value", "new", "returned", "kept"]
    table[counts] = table[counts].astype("int64")
    ordered = table.sort_values(["segment", "period"], ignore_index=True)
    return ordered[["period", "segment", *counts, "whole"]]


def _nothing() -> pd.DataFrame:
    counts = dict.fromkeys(("units", "days", "value", "new", "returned", "kept"), "int64")
    types = {"period": "datetime64[us]", "segment": "object", **counts, "whole": "bool"}
    return pd.DataFrame({name: pd.Series(dtype=kind) for name, kind in types.items()})
