"""Who is active on a given day after onboarding: the field's day-N retention, counted."""

from __future__ import annotations

from collections.abc import Sequence

import ibis.expr.types as ir
import pandas as pd

from nsm_pipeline.product.config import ProductConfig
from nsm_pipeline.warehouse.cohort import Population
from nsm_pipeline.warehouse.connect import Engine
from nsm_pipeline.warehouse.outcomes import day_number
from nsm_pipeline.warehouse.usage import observed_accounts, since_onboarding
from nsm_pipeline.warehouse.where import selected


def own_events(population: Population, config: ProductConfig) -> ir.Table:
    """The events that accounts do themselves: neither passive nor administrative."""
    left_out = (*config.passive_events, *config.exclude.events)
    events = population.events
    return events.filter(~selected(events.event, left_out)) if left_out else events


def day_retention(
    engine: Engine, population: Population, rows: ir.Table, days: Sequence[int]
) -> pd.DataFrame:
    """Of the accounts observed to the end of day N, how many were active on it.

    Day N is [t0 + N, t0 + N + 1) in days of 24 hours from onboarding: on that day, not on or
    after it. Accounts are eligible or censored, each only as long as it was observed.

    Args:
        engine: the open engine.
        population: who onboarded when.
        rows: `account, at` of what counts as active.
        days: the Ns, 1 or more.

    Shape: a row per day in the order given: `day, accounts, active`.
    """
    accounts = observed_accounts(population)
    lived = accounts.select(days=day_number(accounts.observed_until, accounts.t0))
    sizes = engine.fetch(
        "accounts observed to the end of each day",
        lived.aggregate(**{f"day_{n}": lived.count(where=lived.days > n) for n in days}),
    ).iloc[0]
    mine = since_onboarding(rows.select("account", "at"), accounts)
    numbered = mine.select(
        "account_no",
        day=day_number(mine["at"], mine.t0),
        lived=day_number(mine.observed_until, mine.t0),
    )
    seen = numbered.filter(numbered.day.isin(list(days)), numbered.lived > numbered.day)
    counted = seen.group_by("day").aggregate(active=seen.account_no.nunique()).order_by("day")
    active = engine.fetch("accounts active on each day", counted).set_index("day")["active"]
    return pd.DataFrame(
        {
            "day": list(days),
            "accounts": [int(sizes[f"day_{n}"]) for n in days],
            "active": [int(active.get(n, 0)) for n in days],
        }
    )
