"""What a source shows before there is a product file: tables, kinds of columns, a few counts."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

import ibis
import ibis.expr.types as ir

from nsm_pipeline.errors import InvalidInput, Problem
from nsm_pipeline.product.draft.columns import EventColumns
from nsm_pipeline.product.draft.seen import EventFact, SeenEvents, SeenTable, Uniqueness
from nsm_pipeline.product.source import TABLE_NAME
from nsm_pipeline.warehouse.connect import Engine
from nsm_pipeline.warehouse.events import column_kinds
from nsm_pipeline.warehouse.labels import md5
from nsm_pipeline.warehouse.parquet_tables import parquet_tables

# Of more rows than this the facts are counted on a share of the accounts, the same every time.
MOST_ROWS = 5_000_000
SHARES = 4096
MOST_EVENT_NAMES = 1000
MOST_CURRENCIES = 20
AGAIN_AFTER = ibis.interval(days=7)
OUR_TABLES = "nsm_"


@dataclass(frozen=True)
class LookedAt:
    """A table as it was seen, and as the engine has it."""

    seen: SeenTable
    table: ir.Table


def look_at_files(engine: Engine, place: str) -> list[LookedAt]:
    """The tables in Parquet files.

    Raises:
        InvalidInput: nothing matches, or what matches is not Parquet.
    """
    found = []
    for number, group in enumerate(parquet_tables(place)):
        table = engine.read_files(f"look_{number}", group.paths)
        found.append(
            LookedAt(SeenTable(group.name, "files", group.places, column_kinds(table)), table)
        )
    return found


def look_at_tables(engine: Engine, schema: str | None) -> list[LookedAt]:
    """The tables and views of a schema; without one, of the connection's own.

    Raises:
        InvalidInput: there are none.
    """
    names = [name for name in engine.table_names(schema) if not name.startswith(OUR_TABLES)]
    places = {name: f"{schema}.{name}" if schema else name for name in names}
    usable = {name: place for name, place in places.items() if re.fullmatch(TABLE_NAME, place)}
    if not usable:
        where = f"schema {schema}" if schema else "the connection's own schema"
        what = f"There is no table in {where} whose name a product file can hold."
        raise InvalidInput(Problem("the source", what, "Name the schema with --schema."))
    found = []
    for number, (name, place) in enumerate(usable.items()):
        table = engine.read_table(f"look_{number}", (schema, name))
        found.append(LookedAt(SeenTable(name, "table", (place,), column_kinds(table)), table))
    return found


def see_events(engine: Engine, raw: ir.Table, columns: EventColumns) -> SeenEvents:
    """Rows, span and what each event name is like. One scan; no row leaves the engine.

    Raises:
        InvalidInput: no row is whole, or the event column holds no names of events.
    """
    events = raw.select(
        account=raw[columns.account].cast("string"),
        at=raw[columns.at].cast("timestamp(6)"),
        event=raw[columns.event].cast("string"),
    )
    whole = events.filter(events.account.notnull(), events["at"].notnull(), events.event.notnull())
    total = engine.fetch(
        "rows and span of the events",
        whole.aggregate(rows=whole.count(), first=whole["at"].min(), last=whole["at"].max()),
    ).iloc[0]
    rows = int(total["rows"])
    if rows == 0:
        what = "No row has an account, a time and an event."
        raise InvalidInput(Problem("the events", what, "Look at the table; then name another."))
    kept, share = _share_of_accounts(whole, rows)
    facts = _event_facts(engine, kept)
    return SeenEvents(rows, total["first"].date(), total["last"].date(), share, tuple(facts))


def see_accounts(engine: Engine, raw: ir.Table, account: str) -> Uniqueness:
    """How many rows and accounts a table has."""
    counted = raw.aggregate(rows=raw.count(), accounts=raw[account].nunique())
    found = engine.fetch("rows and accounts", counted).iloc[0]
    return Uniqueness(int(found["rows"]), int(found["accounts"]))


def see_currencies(engine: Engine, raw: ir.Table, column: str) -> tuple[str, ...]:
    """The different currencies of a table, sorted."""
    named = raw.select(currency=raw[column].cast("string")).distinct()
    known = named.filter(named.currency.notnull()).order_by("currency").limit(MOST_CURRENCIES)
    return tuple(engine.fetch("currencies", known)["currency"])


def _share_of_accounts(events: ir.Table, rows: int) -> tuple[ir.Table, float]:
    """The events of the accounts whose MD5 is small enough to leave about MOST_ROWS."""
    if rows <= MOST_ROWS:
        return events, 1.0
    parts = max(1, MOST_ROWS * SHARES // rows)
    return events.filter(md5(events.account).substr(0, 3) < f"{parts:03x}"), parts / SHARES


def _event_facts(engine: Engine, events: ir.Table) -> Iterable[EventFact]:
    did = events.group_by("event", "account").aggregate(
        n=events.count(), first=events["at"].min(), last=events["at"].max()
    )
    again = did["last"] >= did["first"] + AGAIN_AFTER
    counted = did.group_by("event").aggregate(
        rows=did.n.sum(), accounts=did.count(), returned=did.count(where=again)
    )
    found = engine.fetch(
        "what each event is like", counted.order_by("event").limit(MOST_EVENT_NAMES + 1)
    )
    if len(found) > MOST_EVENT_NAMES:
        what = f"The event column holds more than {MOST_EVENT_NAMES:,} different names."
        mend = "Make a view whose event names are kinds of events, and draft from that."
        raise InvalidInput(Problem("the events", what, mend))
    columns = zip(*(found[name] for name in ("event", "rows", "accounts", "returned")), strict=True)
    return (EventFact(str(name), *map(int, counts)) for name, *counts in columns)
