"""What came since the last night: the rows of new batches, as the state keeps them."""

from __future__ import annotations

from dataclasses import dataclass, replace

import ibis
import ibis.expr.types as ir
from ibis.backends.sql.datatypes import DuckDBType

from nsm_pipeline.warehouse.events import SourceTables
from nsm_pipeline.warehouse.state.batches import Arrivals, Batch
from nsm_pipeline.warehouse.state.intake import Intake
from nsm_pipeline.warehouse.state.rows import (
    attributes,
    kept_events,
    kept_payments,
    new_accounts,
    numbered,
)
from nsm_pipeline.warehouse.state.store import StateStore


class NeedsRebuild(Exception):
    """The new rows change what is counted already in a way that only a rebuild can follow."""


@dataclass(frozen=True)
class Arrived:
    """The new rows, materialised: `events` and `payments` as kept, `accounts` not seen before.

    `source` are the new batches' rows as they are, for the checks, with the accounts as they are
    now; `batches` the new ones and the files of the accounts.
    """

    events: ir.Table
    payments: ir.Table | None
    accounts: ir.Table
    source: SourceTables
    batches: tuple[Batch, ...]


def read_arrivals(store: StateStore, intake: Intake, new: Arrivals) -> Arrived:
    """The rows of the new batches, with numbers for accounts that were never seen before.

    Raises:
        InvalidInput: a new file has other columns than the ones before it.
        NeedsRebuild: a known event id came again and stands earlier than the row that is counted,
            or a table has been altered.
    """
    engine, config = store.engine, intake.product.config
    before = store.table("events").columns
    source = intake.new_rows(new, before)
    _refuse_altered_table(store, source)
    events = kept_events(source, config, before)
    events = engine.materialise("night_named_events", "new events", events)
    names = [events.select("account")]
    payments = None
    if source.revenue is not None:
        payments = kept_payments(source.revenue)
        payments = engine.materialise("night_named_payments", "new payments", payments)
        names.append(payments.filter(payments.account.notnull()).select("account"))
    # Not `union(distinct=True)`: of one table, without revenue, it is the table as it stands.
    named = ibis.union(*names).distinct()
    named = engine.materialise("night_names", "accounts of the new rows", named)
    accounts = store.table("accounts")
    known = engine.materialise(
        "night_known", "those known before", accounts.semi_join(named, "account")
    )
    last = engine.fetch("the last number", accounts.aggregate(last=accounts.account_no.max()))
    number = -1 if last["last"].isna()[0] else int(last["last"][0])
    fresh = engine.materialise(
        "night_accounts", "accounts never seen before", new_accounts(named, known, number)
    )
    both = ibis.union(known.select("account", "account_no"), fresh)
    both = engine.materialise("night_numbers", "numbers of all these accounts", both)
    rows = engine.materialise("night_events", "new events", numbered(events, both))
    if config.source.events.id:
        rows = _without_repeats(store, rows)
    if payments is not None:
        payments = engine.materialise("night_payments", "new payments", numbered(payments, both))
    batches = tuple(intake.batches(source, new.files))
    return Arrived(rows, payments, fresh, source, batches)


def with_accounts(store: StateStore, intake: Intake, arrivals: Arrivals) -> Arrivals:
    """The arrivals, with whether accounts in a table are others now than they were."""
    if intake.accounts is None or "accounts" in intake.files:
        return arrivals
    other = said_otherwise(store, attributes(intake.accounts, intake.product.config))
    found = store.engine.fetch("how many", other.aggregate(n=other.count()))
    return replace(arrivals, accounts_changed=bool(found["n"][0]))


def said_otherwise(store: StateStore, now: ir.Table) -> ir.Table:
    """`account` of those of which the accounts table says something else than last night."""
    before = store.table("attributes").select(*now.columns)
    differing = ibis.union(before.difference(now), now.difference(before))
    return store.engine.materialise(
        "night_other", "accounts it says something else of", differing.select("account").distinct()
    )


def _refuse_altered_table(store: StateStore, source: SourceTables) -> None:
    """All files of a table have the same columns; one in a database may have others by now.

    Raises:
        NeedsRebuild: a column that is kept is gone, or has another type.
    """
    kept = {**store.table("events").drop("account_no").schema()}
    kept |= {"account": store.table("accounts").account.type()}
    now = source.events.schema()
    for column, dtype in kept.items():
        if column not in now:
            raise NeedsRebuild(f"column {column!r} of events is gone")
        if DuckDBType.to_string(now[column]) != DuckDBType.to_string(dtype):
            raise NeedsRebuild(f"column {column!r} of events has another type")


def _without_repeats(store: StateStore, rows: ir.Table) -> ir.Table:
    """The new rows whose id was never seen: the one column of all history that is looked through.

    Raises:
        NeedsRebuild: a row that came again would be the one that counts.
    """
    engine = store.engine
    ids = rows.filter(rows["id"].notnull()).select("id").distinct()
    seen = engine.materialise(
        "night_repeats", "ids seen before", store.table("events").semi_join(ids, "id")
    )
    accounts = store.table("accounts").semi_join(
        ibis.union(seen, rows).select("account_no"), "account_no"
    )
    accounts = engine.materialise("night_repeating", "accounts of repeated ids", accounts)
    old, new = (_order(table, accounts) for table in (seen, rows.semi_join(seen, "id")))
    pairs = old.join(new, "id", lname="old_{name}", rname="new_{name}")
    earlier = pairs.filter(pairs.new_order < pairs.old_order)
    count = int(engine.fetch("ids moved back", earlier.aggregate(n=earlier.count()))["n"][0])
    if count:
        raise NeedsRebuild(f"{count:,} known event ids came again with an earlier time")
    fresh = rows.anti_join(seen, "id")
    return engine.materialise("night_events_once", "new events, each id once", fresh)


def _order(rows: ir.Table, accounts: ir.Table) -> ir.Table:
    """`id` and what decides which of its rows counts, as one comparable value."""
    named = rows.join(accounts, "account_no")
    order = ibis.struct({"a": named["at"], "b": named.account, "c": named.event})
    return named.select("id", order=order)
