"""What became of each eligible account: retained or not, and what it paid afterwards."""

from __future__ import annotations

import ibis
import ibis.expr.types as ir

from nsm_pipeline.product.config import ProductConfig
from nsm_pipeline.warehouse.cohort import (
    REVENUE_WEEKS,
    Population,
    days_after,
    retaining_events,
)
from nsm_pipeline.warehouse.events import SourceTables

DAYS_PER_WEEK = 7
MINOR_UNITS = 100


def retained(population: Population, config: ProductConfig) -> ir.Table:
    """Row per eligible account: `account_no, retained`.

    The outcome window is (t0 + after, t0 + after + within]: start exclusive, end inclusive.
    """
    accounts = population.eligible.select("account", "account_no", "t0")
    kept = population.events.filter(retaining_events(population.events, config))
    after, within = config.retention.after, config.retention.within
    rows = kept.select("account", "at").join(accounts, "account")
    rows = rows.filter(
        rows["at"] > days_after(rows.t0, after), rows["at"] <= days_after(rows.t0, after + within)
    )
    returned = rows.select("account_no").distinct().mutate(returned=True)
    joined = accounts.left_join(returned, "account_no").drop("account_no_right")
    return joined.select("account_no", retained=joined.returned.fill_null(False))


def weekly_revenue(population: Population, tables: SourceTables, config: ProductConfig) -> ir.Table:
    """Revenue after each exposure window, week by week.

    Shape: a row per eligible account, window and week with revenue: `account_no, within_days,
    week, revenue_minor`. Week 1 begins where the exposure window ends, so nothing bought inside
    it counts twice.
    Units: hundredths of the currency, as integers, so that sums do not depend on row order.
    """
    if tables.revenue is None:
        raise ValueError("the product declares no revenue")
    accounts = population.eligible.select("account", "account_no", "t0")
    revenue = tables.revenue.filter(tables.revenue.amount.notnull())
    rows = revenue.select("account", "at", "amount").join(accounts, "account")
    return ibis.union(*(_weeks_after(rows, window) for window in config.exposure.within))


def _weeks_after(rows: ir.Table, window: int) -> ir.Table:
    start = days_after(rows.t0, window)
    end = days_after(rows.t0, window + REVENUE_WEEKS * DAYS_PER_WEEK)
    inside = rows.filter(rows["at"] >= start, rows["at"] < end)
    week = day_number(inside["at"], days_after(inside.t0, window)) // DAYS_PER_WEEK + 1
    weeks = inside.mutate(week=week.cast("int64"))
    return (
        weeks.group_by("account_no", "week")
        .aggregate(
            revenue_minor=(weeks.amount * MINOR_UNITS).round().cast("int64").sum().cast("int64")
        )
        .select("account_no", "week", "revenue_minor", within_days=ibis.literal(window, "int64"))
    )


def day_number(moment: ir.Value, start: ir.Value) -> ir.IntegerValue:
    """Whole 24-hour days from start to moment (0 on the first), exact to the microsecond.

    The difference of dates, less one where the hour of the start has not come again: engines
    agree on dates and comparisons, but not on what a timestamp is as a number.
    """
    dates = moment.date().delta(start.date(), unit="day")
    early = (moment < start + dates.as_interval("D")).cast("int64")
    return dates - early
