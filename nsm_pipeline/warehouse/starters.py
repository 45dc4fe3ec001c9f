"""Who began, when, and how long each has been watched since: signed up, or else first seen."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, time
from typing import Literal

import ibis
import ibis.expr.types as ir
import pandas as pd

from nsm_pipeline.product.config import ProductConfig
from nsm_pipeline.warehouse.cohort import MISSING, Population, excluded
from nsm_pipeline.warehouse.connect import Engine
from nsm_pipeline.warehouse.events import SourceTables
from nsm_pipeline.warehouse.labels import OTHER, SEGMENT_LEVELS
from nsm_pipeline.warehouse.outcomes import day_number

LONGEST_DAYS = 365
Beginning = Literal["sign-up", "first event"]


@dataclass(frozen=True)
class Starters:
    """Every account that began, onboarded or not.

    Shape of `table`: a row per account: `account, began, days` (whole days watched since, at most
    LONGEST_DAYS), `onboarded_at` (null: not yet), `split_0` the month it began in, `split_1` … its
    level of each of `segments`. Internal accounts, bots, and those that began outside
    `onboarding.from` and `to` are left out.
    """

    table: ir.Table
    beginning: Beginning
    segments: tuple[str, ...]

    @property
    def splits(self) -> tuple[str, ...]:
        """What `split_0`, `split_1` … are."""
        return ("cohort", *self.segments)


def find_starters(
    engine: Engine, tables: SourceTables, population: Population, config: ProductConfig
) -> Starters:
    """The accounts by their sign-up where the source has it, else by their first event.

    Segments are those that are columns of the accounts: what an event tells is not known of
    accounts that never did it.
    """
    columns = tables.accounts.columns if tables.accounts is not None else ()
    segments = tuple(name for name in config.segments if name in columns)
    by_sign_up = "signed_up_at" in columns
    rows = _signed_up(tables) if by_sign_up else _first_seen(population)
    rows = _with_attributes(rows, tables, segments, config)
    clock = population.onboarded.select("account", "t0", "status")
    rows = rows.left_join(clock, "account").drop("account_right")
    end = ibis.timestamp(population.observed_until.replace(tzinfo=None).isoformat())
    rows = rows.mutate(until=ibis.least(end, rows.own_until.fill_null(end)))
    rows = rows.filter(
        _inside(rows.began, config),
        rows.began <= rows.until,
        ~rows.internal.fill_null(False),
        ~rows.status.fill_null("").isin(["internal", "bot"]),
    )
    year, month = rows.began.year().cast("string"), rows.began.month().cast("string")
    table = rows.select(
        "account",
        "began",
        days=ibis.least(day_number(engine, rows.until, rows.began), LONGEST_DAYS).cast("int64"),
        onboarded_at=rows.t0,
        split_0=year + "-" + month.lpad(2, "0"),
        **{f"split_{n}": _level(rows, n) for n in range(1, len(segments) + 1)},
    )
    kept = engine.materialise("starters", "who began, and when", table)
    beginning: Beginning = "sign-up" if by_sign_up else "first event"
    return Starters(_largest_levels(engine, kept, len(segments)), beginning, segments)


def days_watched(engine: Engine, starters: Starters) -> pd.DataFrame:
    """Accounts by whole days watched since they began: `days, accounts`."""
    table = starters.table
    counted = table.group_by("days").aggregate(accounts=table.count())
    return engine.fetch("days watched since the beginning", counted.order_by("days"))


def _signed_up(tables: SourceTables) -> ir.Table:
    accounts = tables.accounts
    if accounts is None:
        raise ValueError("the source has no accounts")
    known = accounts.filter(accounts.account.notnull(), accounts.signed_up_at.notnull())
    return known.group_by("account").aggregate(began=known.signed_up_at.min())


def _first_seen(population: Population) -> ir.Table:
    return population.events.group_by("account").aggregate(began=population.events["at"].min())


def _with_attributes(
    rows: ir.Table, tables: SourceTables, segments: tuple[str, ...], config: ProductConfig
) -> ir.Table:
    """Adds `own_until, internal, level_1` …, however often an account was delivered."""
    accounts = tables.accounts
    if accounts is None:
        return rows.mutate(own_until=ibis.null("timestamp(6)"), internal=ibis.literal(False))
    own: ir.Value = ibis.null("timestamp(6)")
    if "observed_until" in accounts.columns:
        own = accounts.observed_until
    known = accounts.select(
        "account",
        own_until=own,
        internal=ibis.ifelse(excluded(accounts, config.exclude), 1, 0),
        **{f"level_{n}": accounts[name].cast("string") for n, name in enumerate(segments, 1)},
    )
    once = known.group_by("account").aggregate(
        own_until=known.own_until.min(),
        internal=known.internal.max() == 1,
        **{f"level_{n}": known[f"level_{n}"].min() for n in range(1, len(segments) + 1)},
    )
    return rows.left_join(once, "account").drop("account_right")


def _inside(began: ir.Value, config: ProductConfig) -> ir.BooleanValue:
    inside = ibis.literal(True)
    for day, later in ((config.onboarding.from_, True), (config.onboarding.to, False)):
        if day is not None:
            midnight = ibis.timestamp(datetime.combine(day, time()).isoformat())
            inside = inside & ((began >= midnight) if later else (began < midnight))
    return inside


def _level(rows: ir.Table, number: int) -> ir.StringValue:
    level: ir.StringValue = rows[f"level_{number}"].fill_null(MISSING)
    return level


def _largest_levels(engine: Engine, table: ir.Table, segments: int) -> ir.Table:
    """The few largest levels of each segment by name, the rest as one."""
    for number in range(1, segments + 1):
        split = f"split_{number}"
        sizes = table.group_by(split).aggregate(accounts=table.count())
        largest = engine.fetch(
            f"levels of split {number}",
            sizes.order_by(ibis.desc("accounts"), split).limit(SEGMENT_LEVELS),
        )
        named = table[split].isin(list(largest[split]))
        table = table.mutate(**{split: ibis.ifelse(named, table[split], OTHER)})
    return table
