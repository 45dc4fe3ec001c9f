"""What accounts bring in: by week since onboarding, and by calendar month."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import ibis
import ibis.expr.types as ir
import pandas as pd

from nsm_pipeline.product.clauses import COSTS
from nsm_pipeline.product.health import CostColumns
from nsm_pipeline.product.loaded_product import LoadedProduct
from nsm_pipeline.warehouse.cohort import Population
from nsm_pipeline.warehouse.connect import Engine
from nsm_pipeline.warehouse.events import SourceTables, raw_table
from nsm_pipeline.warehouse.feature_usage import customers
from nsm_pipeline.warehouse.outcomes import (
    MINOR_UNITS,
    known_payments,
    minor_units,
    week_number,
)
from nsm_pipeline.warehouse.usage import curve_by_week, observed_accounts, weeks_lived
from nsm_pipeline.warehouse.where import numeric


@dataclass(frozen=True)
class Month:
    """A calendar month in the product's zone: its first day, and its bounds in UTC."""

    first: date
    begin: datetime
    end: datetime


def whole_months(last: datetime, zone: str, most: int) -> list[Month]:
    """The latest `most` months that were over by `last`, oldest first."""
    local = last.astimezone(ZoneInfo(zone))
    at = local.year * 12 + local.month - 1
    return [month_of(number // 12, number % 12 + 1, zone) for number in range(at - most, at)]


def month_of(year: int, month: int, zone: str) -> Month:
    """A calendar month with its bounds."""
    begin = datetime(year, month, 1, tzinfo=ZoneInfo(zone))
    end = datetime(year + month // 12, month % 12 + 1, 1, tzinfo=ZoneInfo(zone))
    return Month(date(year, month, 1), begin.astimezone(UTC), end.astimezone(UTC))


def value_by_week(engine: Engine, population: Population, tables: SourceTables) -> pd.DataFrame:
    """Net revenue of accounts by week since onboarding, of those observed through the week.

    Shape: a row per week and part: `week` (0 is the week of onboarding, with all that was paid
    before it), `part` (a fortieth of the accounts), `accounts, revenue_minor`.
    Units: hundredths of the currency, whole.
    """
    accounts = observed_accounts(population)
    rows = known_payments(tables).join(accounts, "account")
    rows = rows.filter(rows["at"] <= rows.observed_until)
    weeks = rows.select(
        "part",
        week=ibis.greatest(week_number(engine, rows["at"], rows.t0), 0).cast("int64"),
        weeks=week_number(engine, rows.observed_until, rows.t0),
        minor=minor_units(rows.amount),
    )
    full = weeks.filter(weeks.weeks > weeks.week)
    spent = engine.fetch(
        "revenue by week since onboarding",
        full.group_by("week", "part")
        .aggregate(revenue_minor=full.minor.sum().cast("int64"))
        .order_by("week", "part"),
    )
    return curve_by_week(weeks_lived(engine, population), spent)


def value_by_month(
    engine: Engine, population: Population, tables: SourceTables, months: Sequence[Month]
) -> pd.DataFrame:
    """Net revenue of all customers by calendar month, and how many of them paid.

    Shape: a row per month and part with payments: `month_no` (its place in `months`), `part`,
    `revenue_minor`, `payers` (accounts with a payment above zero).
    """
    accounts = customers(population)
    rows = known_payments(tables).join(accounts, "account")
    end = ibis.timestamp(population.observed_until.replace(tzinfo=None).isoformat())
    rows = _in_months(engine, rows.filter(rows["at"] <= end), "at", months)
    paid = rows.group_by("month_no", "part", "account_no").aggregate(
        minor=minor_units(rows.amount).sum().cast("int64"),
        paying=ibis.ifelse(rows.amount > 0, 1, 0).max(),
    )
    whole = paid.group_by("month_no", "part").aggregate(
        revenue_minor=paid.minor.sum().cast("int64"), payers=paid.paying.sum().cast("int64")
    )
    return engine.fetch("revenue by calendar month", whole.order_by("month_no", "part"))


def onboarded_by_month(
    engine: Engine, population: Population, months: Sequence[Month]
) -> pd.DataFrame:
    """Accounts onboarded in each month that had any: `month_no, accounts`."""
    rows = _in_months(engine, observed_accounts(population), "t0", months)
    counted = rows.group_by("month_no").aggregate(accounts=rows.count())
    return engine.fetch("accounts onboarded by calendar month", counted.order_by("month_no"))


def costs_by_month(engine: Engine, product: LoadedProduct) -> dict[date, float]:
    """What the declared table says was spent, by the first day of the month; empty without one.

    Rows without a month or an amount say nothing; several of one month add up.
    """
    costs = product.config.health.costs
    declared = costs.acquisition if costs else None
    if not isinstance(declared, CostColumns):
        return {}
    raw = raw_table(engine, product, COSTS)
    rows = raw.select(at=raw[declared.month].cast("date"), amount=numeric(raw[declared.amount]))
    rows = rows.filter(rows["at"].notnull(), rows.amount.notnull())
    rows = rows.mutate(year=rows["at"].year(), month=rows["at"].month())
    spent = rows.group_by("year", "month").aggregate(
        minor=minor_units(rows.amount.cast("decimal(18, 4)")).sum().cast("int64")
    )
    found = engine.fetch("acquisition costs by month", spent.order_by("year", "month"))
    return {
        date(year, month, 1): minor / MINOR_UNITS
        for year, month, minor in found.astype("int64").itertuples(index=False)
    }


def _in_months(engine: Engine, rows: ir.Table, column: str, months: Sequence[Month]) -> ir.Table:
    bounds = engine.small_table(
        "months",
        {
            "month_no": list(range(len(months))),
            "begin_at": [month.begin.replace(tzinfo=None) for month in months],
            "end_at": [month.end.replace(tzinfo=None) for month in months],
        },
        {"month_no": "int64", "begin_at": "timestamp(6)", "end_at": "timestamp(6)"},
    )
    return rows.join(bounds, [rows[column] >= bounds.begin_at, rows[column] < bounds.end_at])
