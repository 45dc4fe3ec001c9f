"""What a state takes in of the source: files that its own engine reads, rows pulled from tables."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import ibis
import ibis.expr.datatypes as dt
import ibis.expr.types as ir

from nsm_pipeline.errors import InvalidInput, Problem
from nsm_pipeline.product.loaded_product import LoadedProduct
from nsm_pipeline.product.source import LoadedTable
from nsm_pipeline.warehouse.cohort import build_population
from nsm_pipeline.warehouse.connect import Engine, connect
from nsm_pipeline.warehouse.events import (
    SourceTables,
    files_by_table,
    raw_table,
    refuse_differing_columns,
    standardised,
    table_names,
)
from nsm_pipeline.warehouse.extract import Extract, Part
from nsm_pipeline.warehouse.state.batches import LOGS, Arrivals, Batch, Offered, read_batch
from nsm_pipeline.warehouse.state.rows import columns_of_events
from nsm_pipeline.warehouse.state.store import StateStore

# The prefix keeps clear of the source's own column names, as that of the account does.
LOADED = "nsm_loaded"
# Of every hour for five years there are 44 thousand; more are a load time of each row.
MOST_LOADS = 50_000
PAYMENT = ("account", "at", "amount", "refund")
DUCKDB_DIGITS, DIGITS_KEPT = 38, 18


@dataclass(frozen=True)
class Intake:
    """The product's engine, that of its state, and the files as found when it was opened.

    A product whose source is in files, read by DuckDB, has one engine for both.
    """

    product: LoadedProduct
    source: Engine
    files: Mapping[str, Sequence[Path]]

    @classmethod
    def of(cls, product: LoadedProduct, source: Engine) -> Intake:
        """The intake of a product whose engine is open.

        Raises:
            InvalidInput: files are missing, or differ in columns.
        """
        return cls(product, source, files_by_table(product))

    @property
    def pulls(self) -> bool:
        """Whether the state has an engine of its own, which takes what the product's reads."""
        in_files = set(self.files) == set(table_names(self.product))
        return not in_files or self.source.kind.DIALECT != "duckdb"

    @cached_property
    def engine(self) -> Engine:
        """The state's engine, a DuckDB."""
        if not self.pulls:
            return self.source
        connection = self.product.config.source.connection
        place, mark, settings = connection.partition("?")
        url = f"duckdb://{mark}{settings}" if place.startswith("duckdb:") else "duckdb://"
        where = self.product.where("source", "connection")
        return connect(url, base=self.product.base, where=where)

    def attach(self, path: Path) -> StateStore:
        """The state in this file, in its engine."""
        return StateStore.attach(self.engine, path, own=self.pulls)

    @cached_property
    def offered(self) -> Offered:
        """What the source has now.

        Raises:
            InvalidInput: rows of a table belong to no batch, or nearly every row to one of its own.
        """
        return Offered(self.files, {log: self._loads(log) for log in self._logs_in_tables})

    @property
    def _logs_in_tables(self) -> list[str]:
        return [log for log in table_names(self.product) if log in LOGS and log not in self.files]

    def _loads(self, log: str) -> dict[str, int]:
        """Rows by load of a table, the load as the source's engine writes it."""
        raw, column = self._raw(log, None), self._loaded(log)
        where = self.product.where("source", log, "loaded")
        if column not in raw.columns:
            mend = f"It has {', '.join(raw.columns)}."
            raise InvalidInput(Problem(where, f'The table has no column "{column}".', mend))
        by_load = raw.group_by(load=raw[column]).aggregate(rows=raw.count())
        listed = by_load.select(name=by_load.load.cast("string"), rows=by_load.rows)
        found = self.source.fetch(f"batches of {log}", listed.limit(MOST_LOADS + 1))
        missing = found.loc[found["name"].isna(), "rows"].sum()
        if missing:
            what = (
                f'Column "{column}" is empty in some rows ({missing:,}), so they are in no batch.'
            )
            mend = "Fill it, or name a view of the table that does."
            raise InvalidInput(Problem(where, what, mend))
        if len(found) > MOST_LOADS:
            what = f'Column "{column}" has more than {MOST_LOADS:,} values: a batch is many rows.'
            mend = "Name a view of the table that cuts it to the hour or the day."
            raise InvalidInput(Problem(where, what, mend))
        return dict(zip(found["name"].astype(str), found["rows"].astype(int), strict=True))

    def _loaded(self, log: str) -> str:
        place = getattr(self.product.config.source, log)
        if not isinstance(place, LoadedTable) or place.loaded is None:
            raise ValueError(f"the product does not say what tells the batches of {log}")
        return place.loaded

    @cached_property
    def accounts(self) -> ir.Table | None:
        """The accounts as they are now, in the state's engine."""
        found = self._standard(self.files, {}).accounts
        if found is None or "accounts" in self.files:
            return found
        # All columns: of two rows of an account their order decides which counts.
        return self._pulled("accounts", found)

    def whole(self, extract: Extract) -> Extract:
        """The extract; or the same of all rows pulled, under what it read off the data."""
        if not self.pulls:
            return extract
        tables = self._tables(self._standard(self.files, {}), self.accounts)
        choices, config = extract.choices, self.product.config
        labels = choices.labels
        people = build_population(self.engine, tables, config, extract.as_of, labels=labels)
        part = Part(tables, people)
        return replace(extract, engine=self.engine, frozen=choices, part=part)

    def new_rows(self, arrivals: Arrivals, before: Iterable[str] = ()) -> SourceTables:
        """The standard tables over what has come, with the accounts as they are now.

        Of tables only columns in use are pulled, and those kept `before`.

        Raises:
            InvalidInput: a new file has other columns than the ones before it.
        """
        opened = dict(self.files)
        for log in (log for log in LOGS if log in self.files):
            new = arrivals.files[log]
            like = [path for path in self.files[log] if path not in new][:1]
            refuse_differing_columns(self.product.where("source", log, "files"), [*new, *like])
            opened[log] = [*new] or like  # over none, any file lends its columns
        accounts = self.accounts  # before the new files are opened: it opens all by their names
        tables = self._tables(self._standard(opened, arrivals.loads), accounts, before)
        if "events" in opened and not arrivals.files["events"]:
            tables = replace(tables, events=tables.events.limit(0))
        if "revenue" in opened and tables.revenue is not None and not arrivals.files["revenue"]:
            tables = replace(tables, revenue=tables.revenue.limit(0))
        return tables

    def batches(self, tables: SourceTables, files: Mapping[str, Sequence[Path]]) -> Iterator[Batch]:
        """These files, and the loads that the tables hold, as batches; and files of accounts."""
        for log in LOGS:
            if log in self.files:
                yield from (read_batch(log, path) for path in files[log])
            elif (rows := getattr(tables, log)) is not None:
                by_load = rows.group_by(LOADED).aggregate(rows=rows.count()).order_by(LOADED)
                found = self.engine.fetch(f"loads of {log}", by_load)
                yield from (Batch(log, str(name), int(n)) for name, n in found.to_numpy())
        yield from (read_batch("accounts", path) for path in self.files.get("accounts", ()))

    def _raw(self, name: str, files: Sequence[Path] | None) -> ir.Table:
        return raw_table(self.source if files is None else self.engine, self.product, name, files)

    def _standard(
        self, files: Mapping[str, Sequence[Path]], loads: Mapping[str, Sequence[str]]
    ) -> SourceTables:
        """The standard tables, each where it is, over these files and loads; nothing is read."""
        raw = {name: self._raw(name, files.get(name)) for name in table_names(self.product)}
        for log in self._logs_in_tables:
            column = raw[log][self._loaded(log)]
            rows = raw[log].mutate(**{LOADED: column.cast("string")}).filter(column.notnull())
            if log in loads:
                values = [ibis.literal(name).cast(column.type()) for name in loads[log]]
                rows = rows.filter(column.isin(values) if values else False)
            raw[log] = rows
        return standardised(raw, self.product.config.source)

    def _tables(
        self, standard: SourceTables, accounts: ir.Table | None, before: Iterable[str] = ()
    ) -> SourceTables:
        """The tables in the state's engine: what is not in files is pulled."""
        events, revenue = standard.events, standard.revenue
        if "events" not in self.files:
            used = columns_of_events(standard, self.product.config, before)
            own = [column for column in used if column in events.columns]
            events = self._pulled("events", events.select("account", "at", "event", *own, LOADED))
        if revenue is not None and "revenue" not in self.files:
            revenue = self._pulled("revenue", revenue.select(*PAYMENT, LOADED))
        return SourceTables(events, accounts, revenue)

    def _pulled(self, name: str, rows: ir.Table) -> ir.Table:
        exact = rows.mutate(
            **{name: rows[name].cast(_kept_type(dtype)) for name, dtype in rows.schema().items()}
        )
        return self.engine.pull(f"pulled_{name}", f"rows of {name}", self.source, exact)


def _kept_type(dtype: dt.DataType) -> dt.DataType:
    """The type in the state: DuckDB has decimals of 38 digits, and moments are in UTC."""
    if dtype.is_decimal() and (dtype.precision is None or dtype.precision > DUCKDB_DIGITS):
        # A number without a scale of its own (PostgreSQL's NUMERIC) keeps more than is summed.
        return dt.Decimal(DUCKDB_DIGITS, DIGITS_KEPT if dtype.scale is None else dtype.scale)
    return dt.Timestamp(scale=6) if dtype.is_timestamp() else dtype
