"""Series over weeks: reach by cohort week and revenue by calendar week; and what books it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import ibis
import ibis.expr.types as ir
import pandas as pd

from nsm_pipeline.product.config import ProductConfig
from nsm_pipeline.warehouse.cohort import (
    Population,
    core_events,
    days_after,
)
from nsm_pipeline.warehouse.connect import Engine
from nsm_pipeline.warehouse.events import SourceTables
from nsm_pipeline.warehouse.outcomes import DAYS_PER_WEEK


def weekly_reach(
    engine: Engine, population: Population, did: ir.Table, names: Sequence[str]
) -> pd.DataFrame:
    """Row per candidate and week of onboarding (Monday): `candidate, week, accounts, doers`."""
    accounts = onboarding_weeks(population)
    rows = did.join(accounts, "account_no")
    counted = engine.fetch(
        "doers by week of onboarding",
        rows.group_by("candidate_no", "week")
        .aggregate(doers=rows.count())
        .order_by("candidate_no", "week"),
    )
    return reach_by_week(fetch_cohort_weeks(engine, accounts), counted, names)


def onboarding_weeks(population: Population) -> ir.Table:
    """Row per eligible account: `account_no, week`, the Monday before it onboarded."""
    return population.eligible.select("account_no", week=population.eligible.t0.truncate("W"))


def fetch_cohort_weeks(engine: Engine, accounts: ir.Table) -> pd.DataFrame:
    """Eligible accounts by week of onboarding: `week, accounts`."""
    return engine.fetch(
        "eligible accounts by week of onboarding",
        accounts.group_by("week").aggregate(accounts=accounts.count()).order_by("week"),
    )


def reach_by_week(size: pd.DataFrame, counted: pd.DataFrame, names: Sequence[str]) -> pd.DataFrame:
    """Row per candidate and week from `week, accounts` and `candidate_no, week, doers`."""
    chosen = sorted(counted["candidate_no"].unique())
    grid = pd.merge(pd.DataFrame({"candidate_no": chosen}), size, how="cross")
    grid = grid.merge(counted, how="left", on=["candidate_no", "week"]).fillna({"doers": 0})
    grid["candidate"] = [names[number] for number in grid["candidate_no"]]
    grid["doers"] = grid["doers"].astype("int64")
    return grid[["candidate", "week", "accounts", "doers"]]


def revenue_by_week(engine: Engine, tables: SourceTables, observed_until: datetime) -> pd.DataFrame:
    """Net revenue per whole calendar week (Monday): `week, revenue` in currency units."""
    if tables.revenue is None:
        return pd.DataFrame(
            {"week": pd.Series(dtype="datetime64[us]"), "revenue": pd.Series(dtype=float)}
        )
    rows = tables.revenue
    return whole_weeks(engine, weekly_sums(rows.filter(rows.amount.notnull())), observed_until)


def weekly_sums(payments: ir.Table) -> ir.Table:
    """Net revenue per calendar week (Monday), whole or not: `week, revenue`, exact decimals."""
    rows = payments.filter(payments["at"].notnull())
    rows = rows.mutate(week=rows["at"].truncate("W").cast("timestamp(6)"))
    return rows.group_by("week").aggregate(revenue=rows.amount.sum())


def whole_weeks(engine: Engine, weekly: ir.Table, observed_until: datetime) -> pd.DataFrame:
    """The weeks of `weekly_sums` that were over by then, in currency units."""
    end = ibis.timestamp(observed_until.replace(tzinfo=None).isoformat())
    whole = weekly.filter(days_after(weekly.week, DAYS_PER_WEEK) <= end).order_by("week")
    frame = engine.fetch("revenue by calendar week", whole)
    return frame.assign(revenue=frame["revenue"].astype("float64"))


def revenue_at_core(
    engine: Engine, tables: SourceTables, population: Population, config: ProductConfig
) -> float:
    """Share (0 to 1) of payments booked at the very moment of a core event of their account."""
    if tables.revenue is None:
        return 0.0
    core = population.events.filter(core_events(population.events, config.core_metric))
    found = payments_at_core(engine, tables.revenue, core, ("account", "at"))
    return found["at_core"] / found["payments"] if found["payments"] else 0.0


def payments_at_core(
    engine: Engine, payments: ir.Table, core: ir.Table, keys: Sequence[str]
) -> dict[str, int]:
    """How many `payments` there are, and how many share the keys with a core event (`at_core`)."""
    counted = count_at_core(payments, core, keys)
    found = engine.fetch("payments at the moment of a core event", counted).iloc[0]
    return {name: int(found[name]) for name in counted.columns}


def count_at_core(payments: ir.Table, core: ir.Table, keys: Sequence[str]) -> ir.Table:
    """The same in the engine: one row of `payments, at_core`."""
    paid = payments.filter(payments.amount > 0).select(*keys)
    # Payments are few and events many: only the moments that meet are kept, never all of them.
    met = core.select(*keys).join(paid.distinct(), list(keys))
    joined = paid.left_join(met.distinct().mutate(core=1), list(keys))
    return joined.aggregate(payments=joined.count(), at_core=joined.core.count())


def events_of_payment(
    engine: Engine, tables: SourceTables, population: Population
) -> tuple[str, ...]:
    """Events that are the payment seen from another side, by name.

    At most moments of payment their account has one, and at most of their rows there is a
    payment. Both are asked, because in data of whole days a mere visit shares the day.
    """
    if tables.revenue is None:
        return ()
    paid = tables.revenue.filter(tables.revenue.amount > 0)
    moments = paid.select("account", "at").distinct().mutate(paid=1)
    rows = population.events.left_join(moments, ["account", "at"])
    rows = rows.select("account", "at", "event", "paid")
    by_moment = rows.group_by("event", "account", "at").aggregate(
        rows=rows.count(), paid=rows.paid.max()
    )
    counted = engine.fetch(
        "events at moments of payment",
        by_moment.group_by("event")
        .aggregate(
            rows=by_moment.rows.sum(),
            rows_paid=ibis.ifelse(by_moment.paid == 1, by_moment.rows, 0).sum(),
            moments=by_moment.paid.sum().fill_null(0),
        )
        .order_by("event"),
    )
    whole = int(engine.fetch("moments of payment", moments.aggregate(n=moments.count()))["n"][0])
    own = (counted["moments"] * 2 >= whole) & (counted["rows_paid"] * 2 >= counted["rows"])
    return tuple(counted.loc[own & (whole > 0), "event"].astype(str))
