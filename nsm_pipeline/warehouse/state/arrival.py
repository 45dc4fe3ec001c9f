"""What came since the last night: the rows of new batches, as the state keeps them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

import ibis
import ibis.expr.types as ir
from ibis.backends.sql.datatypes import DuckDBType

from nsm_pipeline.product.config import ProductConfig
from nsm_pipeline.warehouse.events import SourceTables
from nsm_pipeline.warehouse.log import Fetch
from nsm_pipeline.warehouse.state.batches import Arrivals, Batch
from nsm_pipeline.warehouse.state.intake import Intake
from nsm_pipeline.warehouse.state.procedure import Wanted
from nsm_pipeline.warehouse.state.rows import (
    attributes,
    kept_events,
    kept_payments,
    new_accounts,
    numbered,
)
from nsm_pipeline.warehouse.state.store import StateStore
from nsm_pipeline.warehouse.state.variables import TONIGHT

# What is asked of the new rows.
MOVED_BACK, NEWEST, NAMES = "ids moved back", "newest event", "names of all events"


class NeedsRebuild(Exception):
    """The new rows change what is counted already in a way that only a rebuild can follow."""


@dataclass(frozen=True)
class Arrived:
    """What was read of the new `batches`, which are listed with the files of the accounts.

    `newest` is the newest event that the run may know of and the last night did not; `names` are
    those of all events, sorted.
    """

    newest: datetime | None
    names: tuple[str, ...]
    accounts_changed: bool
    batches: tuple[Batch, ...]


def read_arrivals(store: StateStore, intake: Intake, new: Arrivals) -> Arrived:
    """Makes temporary tables of the new batches' rows, which `NewRows` then names.

    Accounts that were never seen before get numbers. The moments of the runs are set.

    Raises:
        InvalidInput: a new file has other columns than the ones before it.
        NeedsRebuild: a known event id came again and stands earlier than the row that is counted,
            or a table has been altered.
    """
    config, before = intake.product.config, store.table("events").columns
    source = intake.new_rows(new, before)
    _refuse_altered_table(store, source)
    views = {"events": source.events, "accounts": source.accounts, "revenue": source.revenue}
    for name, rows in views.items():
        if rows is not None:
            store.view(f"arrived_{name}", rows)
    wanted = Wanted("intake", config, {}, [f"arrived_{name}" for name in views])
    found = wanted.ask(store, lambda state, ask: _take_in(state, config, ask))
    moved = int(found[MOVED_BACK]["n"][0]) if MOVED_BACK in found else 0
    if moved:
        raise NeedsRebuild(f"{moved:,} known event ids came again with an earlier time")
    newest = found[NEWEST]["at"][0]
    names = tuple(sorted(found[NAMES]["event"].astype(str)))
    newest = None if newest != newest else newest.to_pydatetime()
    batches = tuple(intake.batches(source, new.files))
    return Arrived(newest, names, new.accounts_changed, batches)


@dataclass(frozen=True)
class NewRows:
    """The new rows by name: `events` and `payments` as kept, `accounts` not seen before.

    `fresh` are the events that the run may know of and the last night did not; `listed` what the
    accounts table has, as it is.
    """

    events: ir.Table
    payments: ir.Table | None
    accounts: ir.Table
    fresh: ir.Table
    listed: ir.Table | None

    @classmethod
    def of(cls, store: StateStore, config: ProductConfig) -> NewRows:
        """As `read_arrivals` left them."""
        source = config.source
        return cls(
            store.temporary("night_events"),
            None if source.revenue is None else store.temporary("night_payments"),
            store.temporary("night_accounts"),
            store.temporary("night_fresh"),
            None if source.accounts is None else store.temporary("arrived_accounts"),
        )


def _take_in(store: StateStore, config: ProductConfig, ask: Fetch) -> None:
    engine, stored = store.engine, store.table("events")
    accounts = None if config.source.accounts is None else store.temporary("arrived_accounts")
    arrived = SourceTables(store.temporary("arrived_events"), accounts, None)
    events = kept_events(arrived, config, stored.columns)
    events = engine.materialise("night_named_events", "new events", events)
    names = [events.select("account")]
    payments = None
    if config.source.revenue is not None:
        payments = kept_payments(store.temporary("arrived_revenue"))
        payments = engine.materialise("night_named_payments", "new payments", payments)
        names.append(payments.filter(payments.account.notnull()).select("account"))
    # Not `union(distinct=True)`: of one table, without revenue, it is the table as it stands.
    numbers = _numbers(store, ibis.union(*names).distinct())
    rows = numbered(events, numbers)
    if config.source.events.id:
        rows = engine.materialise("night_numbered", "new events, numbered", rows)
        rows = _without_repeats(store, rows, ask)
    rows = engine.materialise("night_events", "new events to be kept", rows)
    if payments is not None:
        paid = numbered(payments, numbers)
        engine.materialise("night_payments", "new payments to be kept", paid)
    since = stored["at"] > TONIGHT.last
    waiting = stored.filter(since, stored["at"] <= TONIGHT.as_of).select(*rows.columns)
    fresh = ibis.union(rows.filter(rows["at"] <= TONIGHT.as_of), waiting)
    fresh = engine.materialise("night_fresh", "events not known the last night", fresh)
    ask(NEWEST, fresh.aggregate(at=fresh["at"].max()))
    known = ibis.union(store.table("names").select("event"), fresh.select("event"))
    ask(NAMES, known.distinct())


def _numbers(store: StateStore, names: ir.Table) -> ir.Table:
    """`account, account_no` of these accounts, whether they were seen before or not."""
    engine, accounts = store.engine, store.table("accounts")
    named = engine.materialise("night_names", "accounts of the new rows", names)
    known = accounts.semi_join(named, "account")
    known = engine.materialise("night_known", "those known before", known)
    fresh = new_accounts(named, known, accounts.account_no.max().as_scalar())
    fresh = engine.materialise("night_accounts", "accounts never seen before", fresh)
    both = ibis.union(known.select("account", "account_no"), fresh)
    return engine.materialise("night_numbers", "numbers of all these accounts", both)


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


def _without_repeats(store: StateStore, rows: ir.Table, ask: Fetch) -> ir.Table:
    """The new rows whose id was never seen: the one column of all history that is looked through.

    Asks how many came again with an earlier time, so that another row would be the one that counts.
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
    ask(MOVED_BACK, earlier.aggregate(n=earlier.count()))
    return rows.anti_join(seen, "id")


def _order(rows: ir.Table, accounts: ir.Table) -> ir.Table:
    """`id` and what decides which of its rows counts, as one comparable value."""
    named = rows.join(accounts, "account_no")
    order = ibis.struct({"a": named["at"], "b": named.account, "c": named.event})
    return named.select("id", order=order)
