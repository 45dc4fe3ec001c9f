"""The clock: one row per onboarded account, true at any end of observation.

Shape: `account_no, account, t0, base, own_until, cohort, segment, part, trait_*, retained`. `base`
is internal, outside, bot or counted; whether a counted account is eligible depends on the night.
`retained` is known of the eligible and false of all others.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

import ibis
import ibis.expr.types as ir

from nsm_pipeline.product.config import ProductConfig
from nsm_pipeline.warehouse.cohort import Population, days_after
from nsm_pipeline.warehouse.log import Moment
from nsm_pipeline.warehouse.state.rows import moment

COUNTED = "counted"


@dataclass(frozen=True)
class Span:
    """From the last night to this one: the moments of the runs, and their ends of observation."""

    last: Moment
    as_of: Moment
    last_end: Moment
    end: Moment


def clock_rows(onboarded: ir.Table, accounts: ir.Table, retained: ir.Table | None) -> ir.Table:
    """The clock of a population's accounts; `retained` (`account, retained`) of the eligible."""
    numbers = accounts.select("account", number=accounts.account_no)
    rows = onboarded.join(numbers, "account")
    if retained is None:
        rows = rows.mutate(retained=False)
    else:
        kept = retained.filter(retained.retained).select("account", kept=True)
        rows = rows.left_join(kept, "account").drop("account_right")
        rows = rows.mutate(retained=rows.kept.fill_null(False))
    counted = rows.status.isin(["eligible", "censored"])
    return rows.select(
        account_no=rows.number,
        account=rows.account,
        t0=rows.t0,
        base=ibis.ifelse(counted, COUNTED, rows.status),
        own_until=rows.own_until.cast("timestamp(6)"),
        cohort=rows.cohort,
        segment=rows.segment,
        part=rows.part,
        **{name: rows[name] for name in traits(rows)},
        retained=rows.retained,
    )


def traits(rows: ir.Table) -> list[str]:
    """The trait columns."""
    return [name for name in rows.columns if name.startswith("trait_")]


def population_at(
    clock: ir.Table,
    events: ir.Table,
    config: ProductConfig,
    end: datetime,
    *,
    names: Iterable[str] = (),
) -> Population:
    """The clock's accounts as a population at this end of observation.

    `names` are those of the events, for who is going to count them.
    """
    return Population(onboarded_at(clock, config, end), events, tuple(names), end)


def onboarded_at(clock: ir.Table, config: ProductConfig, end: Moment) -> ir.Table:
    """The clock's accounts with their `status` and `observed_until` at this end of observation."""
    observed = ibis.least(moment(end), clock.own_until.fill_null(moment(end)))
    eligible = over_by(clock, outcome_days(config), end)
    status = ibis.cases(
        (clock.base != COUNTED, clock.base), (eligible, "eligible"), else_="censored"
    )
    return clock.mutate(observed_until=observed, status=status)


def outcome_days(config: ProductConfig) -> int:
    """Days from onboarding to the end of the outcome window."""
    return config.retention.after + config.retention.within


def eligible_at(clock: ir.Table, config: ProductConfig, end: Moment) -> ir.Table:
    """The rows of accounts that are compared at this end of observation."""
    return clock.filter(clock.base == COUNTED, over_by(clock, outcome_days(config), end))


def over_by(clock: ir.Table, days: int, end: Moment) -> ir.BooleanValue:
    """Whether so many days of the account were observed; a plain bound on t0 prunes blocks."""
    own = clock.own_until.isnull() | (days_after(clock.t0, days) <= clock.own_until)
    return (clock.t0 <= moment(end - timedelta(days=days))) & own


def crossing(clock: ir.Table, days: int, before: Moment, end: Moment) -> ir.Table:
    """Counted accounts of which so many days are observed since the last night."""
    since = clock.t0 > moment(before - timedelta(days=days))
    return clock.filter(clock.base == COUNTED, since, over_by(clock, days, end))
