"""What became of each eligible account: retained or not, and what it paid afterwards."""

from __future__ import annotations

import ibis
import ibis.expr.types as ir

from nsm_pipeline.product.config import ProductConfig
from nsm_pipeline.product.retention import AtLeast, EventRetention, Over, RevenueRetention
from nsm_pipeline.waist.cells import REVENUE_WEEKS
from nsm_pipeline.warehouse.cohort import Population, core_events, days_after
from nsm_pipeline.warehouse.connect import Engine
from nsm_pipeline.warehouse.events import SourceTables
from nsm_pipeline.warehouse.where import both, selected

DAYS_PER_WEEK = 7
DAY = 86_400_000_000  # microseconds
MINOR_UNITS = 100


def retained(population: Population, kept: ir.Table) -> ir.Table:
    """Row per eligible account: `account_no, retained`; `kept` has the `account_no` of those.

    The outcome window is (t0 + after, t0 + after + within]: start exclusive, end inclusive.
    """
    accounts = population.eligible.select("account_no")
    joined = accounts.left_join(kept.mutate(kept=True), "account_no").drop("account_no_right")
    return joined.select("account_no", retained=joined.kept.fill_null(False))


def paying(population: Population, tables: SourceTables, retention: RevenueRetention) -> ir.Table:
    """`account_no` of those whose payments within the outcome window are enough."""
    accounts = population.eligible.select("account", "account_no", "t0")
    after, within = retention.after, retention.within
    mine = known_payments(tables).join(accounts, "account")
    inside = mine.filter(
        mine["at"] > days_after(mine.t0, after), mine["at"] <= days_after(mine.t0, after + within)
    )
    return _paying_enough(inside, retention.revenue)


def _paying_enough(payments: ir.Table, limit: AtLeast | Over) -> ir.Table:
    """Accounts by their net sum, compared as whole hundredths: no float decides at the limit."""
    paid = payments.group_by("account_no").aggregate(net=minor_units(payments.amount).sum())
    if isinstance(limit, AtLeast):
        return paid.filter(paid.net >= round(limit.at_least * MINOR_UNITS)).select("account_no")
    return paid.filter(paid.net > round(limit.over * MINOR_UNITS)).select("account_no")


def returning(population: Population, tables: SourceTables, config: ProductConfig) -> ir.Table:
    """What shows that an account is still there: `account, at` of what retention asks for.

    With a revenue outcome it is every payment, whatever its size; a refund is no return.
    """
    if isinstance(config.retention, RevenueRetention):
        payments = known_payments(tables)
        return payments.filter(payments.amount > 0).select("account", "at")
    events = population.events
    return events.filter(retaining_events(events, config)).select("account", "at")


def retaining_events(events: ir.Table, config: ProductConfig) -> ir.BooleanValue:
    """True on the events that the outcome asks for; `core` stands for the core metric's own."""
    retention = config.retention
    if not isinstance(retention, EventRetention):
        raise ValueError("the product's outcome is revenue")
    if retention.event == ("core",):
        return both(core_events(events, config.core_metric), retention.where, events)
    return both(selected(events.event, retention.event), retention.where, events)


def known_payments(tables: SourceTables) -> ir.Table:
    """Payments and refunds with an amount: `account, at, amount`."""
    if tables.revenue is None:
        raise ValueError("the product declares no revenue")
    known = tables.revenue.filter(tables.revenue.amount.notnull())
    return known.select("account", "at", "amount")


def minor_units(amount: ir.Value) -> ir.Value:
    """The amount in whole hundredths, so that sums do not depend on row order."""
    return (amount * MINOR_UNITS).round().cast("int64")


def weekly_revenue(
    engine: Engine, population: Population, tables: SourceTables, config: ProductConfig
) -> ir.Table:
    """Revenue after each exposure window, week by week.

    Shape: a row per eligible account, window and week with revenue: `account_no, within_days,
    week, revenue_minor`. Week 1 begins where the exposure window ends, so nothing bought inside
    it counts twice.
    Units: hundredths of the currency, as integers, so that sums do not depend on row order.
    """
    accounts = population.eligible.select("account", "account_no", "t0")
    rows = known_payments(tables).join(accounts, "account")
    return ibis.union(*(_weeks_after(engine, rows, window) for window in config.exposure.within))


def _weeks_after(engine: Engine, rows: ir.Table, window: int) -> ir.Table:
    start = days_after(rows.t0, window)
    end = days_after(rows.t0, window + REVENUE_WEEKS * DAYS_PER_WEEK)
    inside = rows.filter(rows["at"] >= start, rows["at"] < end)
    day = day_number(engine, inside["at"], inside.t0) - window
    weeks = inside.mutate(week=(day // DAYS_PER_WEEK + 1).cast("int64"))
    return (
        weeks.group_by("account_no", "week")
        .aggregate(revenue_minor=minor_units(weeks.amount).sum().cast("int64"))
        .select("account_no", "week", "revenue_minor", within_days=ibis.literal(window, "int64"))
    )


def day_number(engine: Engine, moment: ir.Value, start: ir.Value) -> ir.IntegerValue:
    """Whole 24-hour days from start to moment (0 on the first), exact to the microsecond.

    Engines divide microseconds as floats, which is exact for more than a century.
    """
    return engine.elapsed(start, moment) // DAY


def week_number(engine: Engine, moment: ir.Value, start: ir.Value) -> ir.IntegerValue:
    """Whole weeks of 7 times 24 hours from start to moment (0 is the first)."""
    return engine.elapsed(start, moment) // (DAYS_PER_WEEK * DAY)
