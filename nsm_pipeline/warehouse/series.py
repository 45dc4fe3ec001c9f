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
    accounts = population.eligible.select("account_no", week=population.eligible.t0.truncate("W"))
    size = engine.fetch(
        "eligible accounts by week of onboarding",
        accounts.group_by("week").aggregate(accounts=accounts.count()).order_by("week"),
    )
    rows = did.join(accounts, "account_no")
    counted = engine.fetch(
        "doers by week of onboarding",
        rows.group_by("candidate_no", "week")
        .aggregate(doers=rows.count())
        .order_by("candidate_no", "week"),
    )
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
    end = ibis.timestamp(observed_until.replace(tzinfo=None).isoformat())
    rows = tables.revenue
    rows = rows.filter(rows.amount.notnull(), rows["at"] <= end).mutate(
        week=rows["at"].truncate("W")
    )
    whole = rows.filter(days_after(rows.week, DAYS_PER_WEEK) <= end)
    summed = whole.group_by("week").aggregate(revenue=whole.amount.sum()).order_by("week")
    frame = engine.fetch("revenue by calendar week", summed)
    return frame.assign(revenue=frame["revenue"].astype("float64"))


def revenue_at_core(
    engine: Engine, tables: SourceTables, population: Population, config: ProductConfig
) -> float:
    """Share (0 to 1) of payments booked at the very moment of a core event of their account."""
    if tables.revenue is None:
        return 0.0
    core = population.events.filter(core_events(population.events, config.core_metric))
    paid = tables.revenue.filter(tables.revenue.amount > 0).select("account", "at")
    # Payments are few and events many: only the moments that meet are kept, never all of them.
    met = core.select("account", "at").join(paid.distinct(), ["account", "at"])
    joined = paid.left_join(met.distinct().mutate(core=1), ["account", "at"])
    found = engine.fetch(
        "payments at the moment of a core event",
        joined.aggregate(payments=joined.count(), at_core=joined.core.count()),
    ).iloc[0]
    return float(found["at_core"] / found["payments"]) if found["payments"] else 0.0


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
