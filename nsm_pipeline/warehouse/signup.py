"""From sign-up to onboarding: how long it takes, and who never gets there."""

from __future__ import annotations

from typing import Any

import ibis
import ibis.expr.types as ir
import pandas as pd

from nsm_pipeline.product.config import ProductConfig
from nsm_pipeline.warehouse.cohort import MISSING, Population, excluded
from nsm_pipeline.warehouse.connect import Engine
from nsm_pipeline.warehouse.events import SourceTables
from nsm_pipeline.warehouse.labels import SEGMENT_LEVELS
from nsm_pipeline.warehouse.outcomes import day_number

QUARTILES = {"first_quartile_days": 0.25, "median_days": 0.5, "third_quartile_days": 0.75}


def time_to_onboard(
    engine: Engine, tables: SourceTables, population: Population, config: ProductConfig
) -> list[dict[str, Any]]:
    """Whole days from sign-up to onboarding, of all accounts and by each segment's levels.

    Shape: a record for all, then one per level of a segment that is a column of the accounts:
    `segment, accounts, onboarded, never_share` and the quartiles of those who onboarded. Accounts
    that signed up after the end of observation, internal ones and those that signed up after
    they had onboarded are left out. Empty when no sign-up time is declared.
    """
    accounts = tables.accounts
    if accounts is None or "signed_up_at" not in accounts.columns:
        return []
    end = ibis.timestamp(population.observed_until.replace(tzinfo=None).isoformat())
    known = accounts.filter(accounts.signed_up_at <= end, ~excluded(accounts, config.exclude))
    segments = [name for name in config.segments if name in accounts.columns]
    signed_up = known.group_by("account").aggregate(
        signed_up_at=known.signed_up_at.min(),
        **{f"level_{n}": known[name].cast("string").min() for n, name in enumerate(segments)},
    )
    clock = population.onboarded.select("account", "t0")
    rows = signed_up.left_join(clock, "account").drop("account_right")
    rows = rows.filter(rows.t0.isnull() | (rows.t0 >= rows.signed_up_at))
    days = rows.mutate(days=day_number(rows.t0, rows.signed_up_at).cast("int64"))
    found = [_summary("all", _histogram(engine, days, None))]
    for n, name in enumerate(segments):
        table = _histogram(engine, days, f"level_{n}")
        sizes = table.groupby("level")["accounts"].sum().reset_index()
        largest = sizes.sort_values(["accounts", "level"], ascending=[False, True])["level"]
        found += [
            _summary(f"{name}={level}", table[table["level"] == level])
            for level in largest[:SEGMENT_LEVELS]
        ]
    return found


def _histogram(engine: Engine, days: ir.Table, level: str | None) -> pd.DataFrame:
    """`level, days` (null: never), `accounts`."""
    named = ibis.literal("all") if level is None else days[level].fill_null(MISSING)
    rows = days.select("days", level=named)
    counted = rows.group_by("level", "days").aggregate(accounts=rows.count())
    return engine.fetch("days from sign-up to onboarding", counted.order_by("level", "days"))


def _summary(segment: str, table: pd.DataFrame) -> dict[str, Any]:
    there = table[table["days"].notna()].sort_values("days")
    accounts, onboarded = int(table["accounts"].sum()), int(there["accounts"].sum())
    reached = there["accounts"].cumsum()
    return {
        "segment": segment,
        "accounts": accounts,
        "onboarded": onboarded,
        "never_share": 1 - onboarded / accounts if accounts else None,
        **{
            name: int(there.loc[reached >= share * onboarded, "days"].iloc[0])
            if onboarded
            else None
            for name, share in QUARTILES.items()
        },
    }
