"""What came since the last night: the rows of new files, as the state keeps them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import ibis
import ibis.expr.types as ir

from nsm_pipeline.product.loaded_product import LoadedProduct
from nsm_pipeline.warehouse.events import SourceTables, open_source, refuse_differing_columns
from nsm_pipeline.warehouse.state.batches import LOGS, Batch, read_batch
from nsm_pipeline.warehouse.state.rows import kept_events, kept_payments, new_accounts, numbered
from nsm_pipeline.warehouse.state.store import StateStore


class NeedsRebuild(Exception):
    """The new rows change what is counted already in a way that only a rebuild can follow."""


@dataclass(frozen=True)
class Arrived:
    """The new rows, materialised: `events` and `payments` as kept, `accounts` not seen before.

    `source` are the new files' rows as they are, for the checks, with the accounts as they are now;
    `batches` the new files and those of the accounts.
    """

    events: ir.Table
    payments: ir.Table | None
    accounts: ir.Table
    source: SourceTables
    batches: tuple[Batch, ...]


def read_arrivals(
    store: StateStore,
    product: LoadedProduct,
    files: Mapping[str, Sequence[Path]],
    new: Mapping[str, Sequence[Path]],
) -> Arrived:
    """The rows of the new files, with numbers for accounts that were never seen before.

    Raises:
        InvalidInput: a new file has other columns than the ones before it.
        NeedsRebuild: a known event id came again and stands earlier than the row that is counted.
    """
    engine, config = store.engine, product.config
    source = _new_rows(store, product, files, new)
    events = kept_events(source, config, store.table("events").columns)
    events = engine.materialise("night_named_events", "new events", events)
    names = [events.select("account")]
    payments = None
    if source.revenue is not None:
        payments = kept_payments(source.revenue)
        payments = engine.materialise("night_named_payments", "new payments", payments)
        names.append(payments.filter(payments.account.notnull()).select("account"))
    named = engine.materialise(
        "night_names", "accounts of the new rows", ibis.union(*names, distinct=True)
    )
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
    paths = [(log, path) for log in LOGS for path in new[log]]
    paths += [("accounts", path) for path in files.get("accounts", ())]
    batches = tuple(read_batch(log, path) for log, path in paths)
    return Arrived(rows, payments, fresh, source, batches)


def _new_rows(
    store: StateStore,
    product: LoadedProduct,
    files: Mapping[str, Sequence[Path]],
    new: Mapping[str, Sequence[Path]],
) -> SourceTables:
    """The standard tables over the new files only; over none, any file lends its columns."""
    opened = dict(files)
    for log in LOGS:
        if files.get(log):
            like = [path for path in files[log] if path not in new[log]][:1]
            refuse_differing_columns(product.where("source", log, "files"), [*new[log], *like])
            opened[log] = new[log] or like
    source = open_source(store.engine, product, opened)
    if not new["events"]:
        source = replace(source, events=source.events.limit(0))
    if source.revenue is not None and not new["revenue"]:
        source = replace(source, revenue=source.revenue.limit(0))
    return source


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
