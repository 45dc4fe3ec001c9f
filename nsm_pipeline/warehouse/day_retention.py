"""Who is active on a given day after onboarding: the field's day-N retention, counted."""

from __future__ import annotations

from collections.abc import Sequence

import ibis
import ibis.expr.types as ir
import pandas as pd

from nsm_pipeline.product.config import ProductConfig
from nsm_pipeline.product.retention import EventRetention
from nsm_pipeline.warehouse.cohort import Population
from nsm_pipeline.warehouse.connect import Engine
from nsm_pipeline.warehouse.events import SourceTables
from nsm_pipeline.warehouse.outcomes import day_number, retaining_events, returning
from nsm_pipeline.warehouse.usage import observed_accounts, since_onboarding
from nsm_pipeline.warehouse.where import selected


def own_events(population: Population, config: ProductConfig) -> ir.Table:
    """The events that accounts do themselves: neither passive nor administrative."""
    return population.events.filter(_own(population.events, config))


def signs_of_life(population: Population, tables: SourceTables, config: ProductConfig) -> ir.Table:
    """What shows that an account is there: `account, at`, and two answers to whether it does.

    `own` is true for what accounts do themselves, `returned` for what the product's retention asks
    for. Both in one table, because a large log is read once for it.
    """
    events = population.events
    if isinstance(config.retention, EventRetention):
        returned = retaining_events(events, config)
        rows = events.select("account", "at", own=_own(events, config), returned=returned)
        return rows.filter(rows.own | rows.returned)
    yes, no = ibis.literal(True), ibis.literal(False)
    paid = returning(population, tables, config).mutate(own=no, returned=yes)
    done = own_events(population, config).select("account", "at", own=yes, returned=no)
    return ibis.union(done, paid)


def _own(events: ir.Table, config: ProductConfig) -> ir.BooleanValue:
    left_out = (*config.passive_events, *config.exclude.events)
    return ~selected(events.event, left_out) if left_out else ibis.literal(True)


def day_retention(
    engine: Engine, population: Population, rows: ir.Table, days: Sequence[int]
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Of the accounts observed to the end of day N, how many were active on it; and returned.

    Day N is [t0 + N, t0 + N + 1) in days of 24 hours from onboarding: on that day, not on or
    after it. Accounts are eligible or censored, each only as long as it was observed.

    Args:
        engine: the open engine.
        population: who onboarded when.
        rows: as `signs_of_life` gives them.
        days: the Ns, 1 or more.

    Shape: both a row per day in the order given: `day, accounts, active`; active is by anything
    of their own in the first, by what retention asks for in the second.
    """
    accounts = observed_accounts(population)
    lived = _lived(engine, accounts)
    sizes = engine.fetch(
        "accounts observed to the end of each day",
        lived.aggregate(**{f"day_{n}": lived.count(where=lived.lived > n) for n in days}),
    ).iloc[0]
    counted = engine.fetch("accounts active on each day", _active(engine, accounts, rows, days))
    found = counted.set_index("day").reindex(list(days), fill_value=0)

    def frame(kind: str) -> pd.DataFrame:
        named = {"day": list(days), "accounts": [int(sizes[f"day_{n}"]) for n in days]}
        return pd.DataFrame({**named, "active": found[kind].astype("int64").to_list()})

    return frame("own"), frame("returned")


def _active(engine: Engine, accounts: ir.Table, rows: ir.Table, days: Sequence[int]) -> ir.Table:
    """Row per day: accounts with a row of each kind on it, of those observed to its end."""
    mine = since_onboarding(rows, accounts)
    # Joined, because a filter would work the day out once for each that is asked for.
    asked = engine.small_table("asked_days", {"day": list(days)}, {"day": "int64"})
    near = mine.select(
        "account_no", "own", "returned", day=day_number(engine, mine["at"], mine.t0)
    ).join(asked, "day")
    each = near.group_by("account_no", "day").aggregate(
        own=near.own.any(), returned=near.returned.any()
    )
    full = each.join(_lived(engine, accounts), "account_no").filter(lambda t: t.lived > t.day)
    return (
        full.group_by("day")
        .aggregate(own=full.count(where=full.own), returned=full.count(where=full.returned))
        .order_by("day")
    )


def _lived(engine: Engine, accounts: ir.Table) -> ir.Table:
    days = day_number(engine, accounts.observed_until, accounts.t0)
    return accounts.select("account_no", lived=days)
