"""Which events accounts use, four weeks by four weeks back from the end of observation."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import ibis
import ibis.expr.types as ir
import pandas as pd

from nsm_pipeline.product.config import ProductConfig
from nsm_pipeline.warehouse.cohort import Population, core_events, days_after
from nsm_pipeline.warehouse.connect import Engine
from nsm_pipeline.warehouse.day_retention import own_events
from nsm_pipeline.warehouse.outcomes import DAY, day_number

PERIOD_DAYS = 28
PERIODS = 6
PER_HALF = 3


@dataclass(frozen=True)
class FeatureUsage:
    """How many accounts used what, in six periods of 28 days and in the two halves of them.

    Period 0 is the latest, half 0 the later one. Accounts are onboarded and neither internal nor
    bots; only what they did from onboarding on counts.

    Shape: `periods` a row per event and period: `event, period, adopters, repeaters` (on two days
    or more), `judged` (observed to the end of the following period), `stayed` (of those, active
    in it, by whatever event); `active` the same per period, of all active accounts:
    `period, accounts, judged, stayed`; `halves` `event, half, fresh, adopters`, where fresh
    accounts onboarded in that half; `totals` `half, fresh, accounts` (active), `core_events,
    core_squares` (of each account's number of core events). `begun` is whether somebody had
    onboarded before the earliest period.
    """

    periods: pd.DataFrame
    active: pd.DataFrame
    halves: pd.DataFrame
    totals: pd.DataFrame
    begun: bool


def feature_usage(engine: Engine, population: Population, config: ProductConfig) -> FeatureUsage:
    """Counts every event that accounts do themselves."""
    accounts = customers(population)
    end = ibis.timestamp(population.observed_until.replace(tzinfo=None).isoformat())
    usage = engine.materialise(
        "feature_usage",
        "events per account and period of four weeks",
        _usage(engine, population, config, end),
    )
    active = engine.materialise(
        "feature_periods",
        "periods that accounts were active in",
        _active(engine, usage, accounts, end),
    )
    periods, shares = _by_period(engine, usage, active)
    halves, totals = _by_half(engine, usage, active)
    engine.let_go("feature_usage", "feature_periods")
    first = engine.fetch("first onboarding", accounts.aggregate(first=accounts.t0.min()))["first"]
    return FeatureUsage(
        _named(periods, population).astype({"period": "int64"}),
        shares.astype("int64"),
        _named(halves, population),
        totals,
        _begun(first.iloc[0], population.observed_until),
    )


def customers(population: Population) -> ir.Table:
    """Everyone onboarded but internal accounts and bots, whenever it was."""
    everyone = population.onboarded
    kept = everyone.filter(~everyone.status.isin(["internal", "bot"]))
    return kept.select(
        "account", "t0", "observed_until", "part", account_no=kept.account_no.cast("int32")
    )


def _usage(
    engine: Engine, population: Population, config: ProductConfig, end: ir.Value
) -> ir.Table:
    """Row per account, event and period: `first` and `last` day, `core` events."""
    names = population.event_names
    numbers = engine.small_table(
        "own_event_numbers",
        {"event": list(names), "event_no": list(range(len(names)))},
        {"event": "string", "event_no": "int16"},
    )
    events = own_events(population, config)
    events = events.filter(events["at"] > days_after(end, -PERIOD_DAYS * PERIODS))
    core = core_events(events, config.core_metric)
    accounts = customers(population).drop("part")
    rows = events.select("account", "at", "event", core=core).join(accounts, "account")
    rows = rows.filter(rows["at"] >= rows.t0, rows["at"] <= rows.observed_until, rows["at"] <= end)
    period = engine.elapsed(rows["at"], end) // (PERIOD_DAYS * DAY)
    rows = rows.mutate(period=period.cast("int16"), day=rows["at"].date()).join(numbers, "event")
    # First and last day instead of a number of days: sets of them do not fit in memory.
    return rows.group_by("account_no", "event_no", "period").aggregate(
        repeated=rows.day.max() > rows.day.min(), core=rows.count(where=rows.core).cast("int32")
    )


def _active(engine: Engine, usage: ir.Table, accounts: ir.Table, end: ir.Value) -> ir.Table:
    """Row per account and period that it was active in: `core` events, and what is known of it.

    `judged` is whether the following period is observed to its end, `stayed` whether the account
    was active in it, `fresh` whether it onboarded in the half that the period is of.
    """
    active = usage.group_by("account_no", "period").aggregate(core=usage.core.sum().cast("int64"))
    later = active.select(
        "account_no", period=(active.period + 1).cast("int16"), next=ibis.literal(True)
    )
    rows = active.left_join(later, ["account_no", "period"]).select(*active.columns, "next")
    rows = rows.join(accounts.select("account_no", "t0", "observed_until"), "account_no")
    missing = ((rows.period - 1) * PERIOD_DAYS).as_interval("D")
    began = day_number(engine, end, rows.t0) // (PERIOD_DAYS * PER_HALF)
    return rows.select(
        *active.columns,
        judged=(rows.period > 0) & (rows.observed_until + missing >= end),
        stayed=rows.next.notnull(),
        fresh=ibis.ifelse(began == _half(rows.period), 1, 0).cast("int64"),
    )


def _half(period: ir.IntegerValue) -> ir.IntegerValue:
    return (period // PER_HALF).cast("int64")


def _by_period(
    engine: Engine, usage: ir.Table, active: ir.Table
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Accounts by event and period, and by period alone."""
    rows = usage.join(active.drop("core", "fresh"), ["account_no", "period"])
    by_event = rows.group_by("event_no", "period").aggregate(
        adopters=rows.count(),
        repeaters=rows.count(where=rows.repeated),
        judged=rows.count(where=rows.judged),
        stayed=rows.count(where=rows.judged & rows.stayed),
    )
    together = active.group_by("period").aggregate(
        accounts=active.count(),
        judged=active.count(where=active.judged),
        stayed=active.count(where=active.judged & active.stayed),
    )
    return (
        engine.fetch("accounts by event and period", by_event.order_by("event_no", "period")),
        engine.fetch("active accounts by period", together.order_by("period")),
    )


def _by_half(
    engine: Engine, usage: ir.Table, active: ir.Table
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Accounts by event and half, and by half alone with their core events."""
    halved = active.mutate(half=_half(active.period))
    rows = usage.join(
        halved.select("account_no", "period", "half", "fresh"), ["account_no", "period"]
    )
    once = rows.select("account_no", "event_no", "half", "fresh").distinct()
    by_event = once.group_by("event_no", "half", "fresh").aggregate(adopters=once.count())
    each = halved.group_by("account_no", "half", "fresh").aggregate(
        core=halved.core.sum().cast("int64")
    )
    totals = each.group_by("half", "fresh").aggregate(
        accounts=each.count(),
        core_events=each.core.sum().cast("int64"),
        core_squares=(each.core * each.core).sum().cast("int64"),
    )
    return (
        engine.fetch("accounts by event and half", by_event.order_by("event_no", "half", "fresh")),
        engine.fetch("active accounts by half", totals.order_by("half", "fresh")),
    )


def _named(counted: pd.DataFrame, population: Population) -> pd.DataFrame:
    """The counts with the name of their event instead of its number."""
    names = [population.event_names[number] for number in counted["event_no"]]
    return counted.assign(event_no=names).rename(columns={"event_no": "event"})


def _begun(first: datetime, observed_until: datetime) -> bool:
    span = pd.Timedelta(days=PERIOD_DAYS * PERIODS)
    return bool(first == first and first <= observed_until.replace(tzinfo=None) - span)
