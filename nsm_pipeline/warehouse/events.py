"""The source's three tables under standard names, types and time, with their own columns kept.

Shape: events `account: int64 or string, at: timestamp (UTC, microseconds), event: string, id?`;
accounts `account, signed_up_at?, observed_until?, internal?`; revenue `account, at,
amount: decimal(18, 4), refund: boolean`. Rows are raw here: nulls, duplicates and rows after the
run's moment are still in, because the checks must see them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import ibis
import ibis.expr.types as ir
import pyarrow.parquet as pq
from ibis.common.exceptions import TableNotFound

from nsm_pipeline.errors import InvalidInput, Problem
from nsm_pipeline.product.clauses import placed_table
from nsm_pipeline.product.loaded_product import LoadedProduct
from nsm_pipeline.product.source import AccountColumns, EventColumns, Files, RevenueColumns, Source
from nsm_pipeline.warehouse.connect import Engine
from nsm_pipeline.warehouse.where import matches

# The prefix keeps clear of the source's own column names.
ACCOUNT = "nsm_account"
TABLES = ("events", "accounts", "revenue")


@dataclass(frozen=True)
class SourceTables:
    """The standardised tables of one product; accounts and revenue may be absent."""

    events: ir.Table
    accounts: ir.Table | None
    revenue: ir.Table | None


def table_names(product: LoadedProduct) -> list[str]:
    """Which of events, accounts and revenue the source has."""
    return [name for name in TABLES if getattr(product.config.source, name) is not None]


def column_kinds(table: ir.Table) -> dict[str, str]:
    """The kind of every column, in the words of `product.rules`."""
    return {column: _kind(dtype) for column, dtype in table.schema().items()}


def read_event_names(engine: Engine, event: ir.Value) -> list[str]:
    """Names of all events in the raw column that holds them, at any time, sorted."""
    names = event.cast("string").name("event").as_table().distinct()
    return sorted(engine.fetch("names of all events", names)["event"].dropna().astype(str))


def files_by_table(product: LoadedProduct) -> dict[str, list[Path]]:
    """The files of every source table that is in files, as they are found now.

    Raises:
        InvalidInput: there are none, or two files of one table differ in columns.
    """
    names = table_names(product)
    places = {name: getattr(product.config.source, name) for name in names}
    return {name: source_files(product, name) for name in names if isinstance(places[name], Files)}


def open_source(
    engine: Engine, product: LoadedProduct, files: Mapping[str, Sequence[Path]] | None = None
) -> SourceTables:
    """The product's tables, standardised; nothing is read yet.

    With `files` (as `files_by_table` gives them) no others are looked for.
    """
    return standardised(raw_tables(engine, product, files), product.config.source)


def standardised(raw: dict[str, ir.Table], source: Source) -> SourceTables:
    """The raw tables (as `raw_tables` gives them) under standard names, each in its own engine."""
    raw = _with_account(raw, source)
    accounts, revenue = raw.get("accounts"), raw.get("revenue")
    return SourceTables(
        events=_events(raw["events"], source.events),
        accounts=_accounts(accounts, source.accounts)
        if accounts is not None and source.accounts
        else None,
        revenue=_revenue(revenue, source.revenue)
        if revenue is not None and source.revenue
        else None,
    )


def raw_tables(
    engine: Engine, product: LoadedProduct, files: Mapping[str, Sequence[Path]] | None = None
) -> dict[str, ir.Table]:
    """The source's tables as they are.

    Raises:
        InvalidInput: a file or table is missing, or two files of one table differ in columns.
    """
    found = files_by_table(product) if files is None else files
    return {
        name: raw_table(engine, product, name, found.get(name)) for name in table_names(product)
    }


def raw_table(
    engine: Engine, product: LoadedProduct, name: str, files: Sequence[Path] | None = None
) -> ir.Table:
    """One of the source's tables, or the costs, as it is, of these files where it is in files.

    Raises:
        InvalidInput: a file or the table is missing, or two files of it differ in columns.
    """
    keys, place = placed_table(product.config, name)
    if place is None:
        raise ValueError(f"the product declares no {name}")
    if isinstance(place, Files):
        paths = source_files(product, name) if files is None else files
        try:
            return engine.read_files(f"source_{name}", paths)
        except NotImplementedError:
            raise InvalidInput(
                Problem(
                    product.where(*keys, "files"),
                    "The engine behind this connection does not read files.",
                    "Load them into a table and name it with `table`, or use DuckDB or Spark.",
                )
            ) from None
    *schema, table_name = place.table.split(".")
    try:
        return engine.read_table(f"source_{name}", (schema[0] if schema else None, table_name))
    except TableNotFound as failure:
        raise InvalidInput(
            Problem(
                product.where(*keys, "table"),
                f"The connection has no table {place.table!r}.",
                "Name an existing table or view, as `name` or `schema.name`.",
            )
        ) from failure


def source_files(product: LoadedProduct, name: str) -> list[Path]:
    """The Parquet files of one of the source's tables, all with the same columns.

    Raises:
        InvalidInput: there is none, or two of them differ.
    """
    keys, place = placed_table(product.config, name)
    patterns = place.files if isinstance(place, Files) else ()
    paths = [path for pattern in patterns for path in product.resolve(pattern)]
    refuse_differing_columns(product.where(*keys, "files"), paths)
    return paths


def refuse_differing_columns(where: str, paths: Sequence[Path]) -> None:
    """DuckDB drops a column that only a later file has, without a word."""
    first: dict[str, str] | None = None
    for path in paths:
        try:
            schema = pq.read_schema(path)
        except Exception as failure:
            raise InvalidInput(
                Problem(
                    where,
                    f"{path.name} cannot be read as Parquet.",
                    "Write it again, or take it out of the list.",
                )
            ) from failure
        columns = dict(zip(schema.names, map(str, schema.types), strict=True))
        first = first or columns
        differing = sorted(set(columns.items()) ^ set(first.items()))
        if differing:
            raise InvalidInput(
                Problem(
                    where,
                    f"{path.name} and {paths[0].name} differ in column {differing[0][0]!r}.",
                    "Give all files of one table the same columns and types.",
                )
            )


def _with_account(raw: dict[str, ir.Table], source: Source) -> dict[str, ir.Table]:
    """The tables with the account as ACCOUNT, alike in all: whole numbers where each has them.

    Joining and grouping by numbers costs half of what it does by their text.
    """
    ids = {name: table[getattr(source, name).account] for name, table in raw.items()}
    numbered = all(column.type().is_signed_integer() for column in ids.values())
    kind = "int64" if numbered else "string"
    return {name: table.mutate(**{ACCOUNT: ids[name].cast(kind)}) for name, table in raw.items()}


def _standard(raw: ir.Table, columns: dict[str, ir.Value]) -> ir.Table:
    """Standard columns first; a raw column whose name a standard one takes is hidden."""
    own = [column for column in raw.columns if column not in {*columns, ACCOUNT}]
    return raw.select(**columns, **{column: raw[column] for column in own})


def _moment(column: ir.Value) -> ir.Value:
    return column.cast("timestamp(6)")


def _events(raw: ir.Table, columns: EventColumns) -> ir.Table:
    standard = {
        "account": raw[ACCOUNT],
        "at": _moment(raw[columns.at]),
        "event": raw[columns.event].cast("string"),
    }
    if columns.id:
        standard["id"] = raw[columns.id].cast("string")
    return _standard(raw, standard)


def _accounts(raw: ir.Table, columns: AccountColumns) -> ir.Table:
    standard = {"account": raw[ACCOUNT]}
    for name in ("signed_up_at", "observed_until"):
        if getattr(columns, name):
            standard[name] = _moment(raw[getattr(columns, name)])
    if columns.internal:
        standard["internal"] = raw[columns.internal].cast("boolean")
    return _standard(raw, standard)


def _revenue(raw: ir.Table, columns: RevenueColumns) -> ir.Table:
    amount = raw[columns.amount]
    number = amount.nullif(float("nan")) if amount.type().is_floating() else amount
    standard = {
        "account": raw[ACCOUNT],
        "at": _moment(raw[columns.at]),
        "amount": number.cast("decimal(18, 4)"),
        "refund": matches(raw, columns.refund) if columns.refund else ibis.literal(False),
    }
    return _standard(raw, standard)


def _kind(dtype: ibis.DataType) -> str:
    kinds = {
        "string": dtype.is_string(),
        "boolean": dtype.is_boolean(),
        "integer": dtype.is_integer(),
        "float": dtype.is_floating() or dtype.is_decimal(),
        "timestamp": dtype.is_timestamp(),
        "date": dtype.is_date(),
    }
    return next((kind for kind, holds in kinds.items() if holds), "other")


def visible_events(tables: SourceTables, source: Source, until: ir.Value) -> ir.Table:
    """Events the run may know: complete, not after its moment, each declared id once."""
    events = tables.events
    known = events.filter(
        events.account.notnull(),
        events.event.notnull(),
        events["at"] <= until,  # false for a null
    )
    if source.events.id is None:
        return known
    first = ibis.row_number().over(
        group_by=known["id"], order_by=[known["at"], known.account, known.event]
    )
    once = known.mutate(delivery=ibis.ifelse(known["id"].isnull(), 0, first))
    return once.filter(once.delivery == 0).drop("delivery")
