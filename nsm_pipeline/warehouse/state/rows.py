"""The rows a state keeps of the logs: complete, each id once, accounts as numbers."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

import ibis
import ibis.expr.types as ir

from nsm_pipeline.product.config import ProductConfig
from nsm_pipeline.product.retention import EventRetention
from nsm_pipeline.warehouse.cohort import core_events
from nsm_pipeline.warehouse.events import SourceTables, visible_events
from nsm_pipeline.warehouse.exposures import STANDARD, columns_in_use
from nsm_pipeline.warehouse.log import WORLD_STARTS, Moment
from nsm_pipeline.warehouse.outcomes import retaining_events

FOREVER = datetime(9999, 1, 1)


def moment(value: Moment) -> ir.TimestampScalar:
    """A moment as the engine's own, in UTC without a zone."""
    if isinstance(value, ir.TimestampScalar):
        return value
    bare = value.astimezone(UTC).replace(tzinfo=None) if value.tzinfo else value
    return ibis.timestamp(bare.isoformat())


def columns_of_events(
    tables: SourceTables, config: ProductConfig, before: Iterable[str] = ()
) -> list[str]:
    """`id` where declared and every other column that the product uses, beside the standard ones.

    Columns kept `before` go on being kept: a candidate that read one may come back.
    """
    used = columns_in_use(config) | set(config.core_metric.where) | set(before)
    if isinstance(config.retention, EventRetention):
        used |= set(config.retention.where)
    listed = set(tables.accounts.columns) if tables.accounts is not None else set()
    used |= {*config.adjust_for, *config.segments} - listed
    if config.source.events.id:
        used.add("id")
    return sorted(used - STANDARD - {"account_no"})


def kept_events(
    tables: SourceTables, config: ProductConfig, before: Iterable[str] = ()
) -> ir.Table:
    """`account, at, event` and `columns_of_events` of the complete rows, each id once."""
    rows = visible_events(tables, config.source, moment(FOREVER))
    return rows.select("account", "at", "event", *columns_of_events(tables, config, before))


def kept_payments(revenue: ir.Table) -> ir.Table:
    """`account, at, amount` of every payment and refund with an amount."""
    return revenue.filter(revenue.amount.notnull()).select("account", "at", "amount")


def numbered(rows: ir.Table, accounts: ir.Table) -> ir.Table:
    """The rows with `account_no` in place of `account`; null where the account is."""
    known = accounts.select("account_no", name=accounts.account)
    joined = rows.left_join(known, rows.account == known.name)
    return joined.drop("account", "name")


def new_accounts(names: ir.Table, known: ir.Table, last: ir.IntegerScalar) -> ir.Table:
    """`account, account_no` of the names that are not `known`, numbered on from the last."""
    fresh = names.anti_join(known, "account")
    order = ibis.row_number().over(order_by=fresh.account)
    return fresh.select("account", account_no=(order + 1 + last.fill_null(-1)).cast("int64"))


def first_core(visible: ir.Table, clock: ir.Table, config: ProductConfig) -> ir.Table:
    """The core events that say when an account onboards: up to t0, or all while there is none."""
    core = visible.filter(core_events(visible, config.core_metric))
    joined = core.left_join(clock.select("account_no", "t0"), "account_no")
    near = joined.filter(joined.t0.isnull() | (joined["at"] <= joined.t0))
    return near.select(*visible.columns)


def returning_among(rows: ir.Table, config: ProductConfig) -> ir.Table:
    """Of events or payments, those that show an account is still there."""
    if isinstance(config.retention, EventRetention):
        return rows.filter(retaining_events(rows, config)).select("account_no", "at")
    return rows.filter(rows.amount > 0).select("account_no", "at")


def attributes(accounts: ir.Table, config: ProductConfig) -> ir.Table:
    """Per account what its row says of the columns in use, as text to be compared."""
    named = {"internal", "observed_until", *config.exclude.accounts}
    named |= {*config.adjust_for, *config.segments}
    pieces: ir.StringValue = ibis.literal("")
    for column in sorted(named & set(accounts.columns)):
        text = accounts[column].cast("string")
        pieces = pieces + text.length().cast("string").fill_null("-") + ":" + text.fill_null("")
    rows = accounts.select("account", said=pieces)
    return rows.group_by("account").aggregate(
        low=rows.said.min(), high=rows.said.max(), copies=rows.count()
    )


def event_names(visible: ir.Table) -> ir.Table:
    """`event, rows, first` of rows that the run may know of."""
    known = visible.filter(visible["at"] > moment(WORLD_STARTS))
    return known.group_by("event").aggregate(rows=known.count(), first=known["at"].min())


def newest_moment(value: Any) -> str | None:
    """The newest event as text; None where there is none."""
    return None if value is None or value != value else str(value.isoformat())
