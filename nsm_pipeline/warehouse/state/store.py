"""The state's tables: a DuckDB file of its own, attached to the engine under one name."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import ibis
import ibis.expr.types as ir
from ibis.backends.sql.datatypes import DuckDBType

from nsm_pipeline.errors import InvalidInput, Problem
from nsm_pipeline.warehouse.connect import Engine
from nsm_pipeline.warehouse.duckdb_engine import TEMPORARY
from nsm_pipeline.warehouse.state.batches import Batch, ledger_batches, ledger_frame

CATALOGUE = "nsm_state"
LAYOUT = 7
TEXT_COLUMN = '"content" VARCHAR'
LEDGER_TYPES = {
    "log": "string",
    "name": "string",
    "size": "int64",
    "modified": "int64",
    "sha256": "string",
}


@dataclass(frozen=True)
class StateStore:
    """An attached state. Reads are Ibis tables; writes happen inside one `transaction`.

    An engine that is its `own` is closed with it.
    """

    engine: Engine
    path: Path
    own: bool = False

    @classmethod
    def attach(cls, engine: Engine, path: Path, *, own: bool = False) -> StateStore:
        """The state in this file, made when it is not there, in an engine that is DuckDB.

        Raises:
            InvalidInput: the file is no state, or another process has it open.
        """
        try:
            engine.backend.raw_sql(f"ATTACH '{_quoted(path)}' AS {CATALOGUE}")
        except Exception as failure:
            if own:
                engine.close()
            raise InvalidInput(
                Problem(
                    str(path),
                    f"The nightly state cannot be opened ({type(failure).__name__}).",
                    "Wait until no other run of the product is under way; if the file is damaged, "
                    "move it away, and the next run builds it anew.",
                )
            ) from failure
        return cls(engine, path, own)

    def detach(self) -> None:
        """Lets go of the file; what was committed is in it."""
        self.engine.backend.raw_sql(f"DETACH {CATALOGUE}")
        self.close()

    def settle(self) -> None:
        """Writes all that was committed into the file itself, which can then be copied."""
        self.engine.backend.raw_sql(f"CHECKPOINT {CATALOGUE}")

    def close(self) -> None:
        """Closes an engine that is the state's own."""
        if self.own:
            self.engine.close()

    def table(self, name: str) -> ir.Table:
        """One of the state's tables."""
        return self.engine.backend.table(name, database=(CATALOGUE, "main"))

    def view(self, name: str, rows: ir.Table) -> ir.Table:
        """The rows under a name that only this connection sees, not copied."""
        self._write(f'CREATE OR REPLACE TEMPORARY VIEW "{name}" AS {_sql(rows)}')
        return self.temporary(name)

    def temporary(self, name: str) -> ir.Table:
        """A temporary table or view by its name."""
        return self.engine.backend.table(name, database=TEMPORARY)

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All that is written inside becomes visible at once, or not at all."""
        self.engine.backend.raw_sql("BEGIN TRANSACTION")
        try:
            yield
        except BaseException:
            self.engine.backend.raw_sql("ROLLBACK")
            raise
        self.engine.backend.raw_sql("COMMIT")

    def create(self, name: str, rows: ir.Table) -> None:
        """The rows as the table, in place of one that was there."""
        aside = f"{CATALOGUE}.main.{name}_next"
        # Declared and not inferred: DuckDB's sum of BIGINT is a HUGEINT, to Ibis it is an int64.
        types = ", ".join(
            f'"{column}" {DuckDBType.to_string(dtype)}' for column, dtype in rows.schema().items()
        )
        self._write(f"CREATE TABLE {aside} ({types})")
        self._write(f"INSERT INTO {aside} BY NAME {_sql(rows)}")
        self._write(f"DROP TABLE IF EXISTS {CATALOGUE}.main.{name}")
        self._write(f"ALTER TABLE {aside} RENAME TO {name}")

    def append(self, name: str, rows: ir.Table) -> None:
        """The rows added to the table, column by column name."""
        self._write(f"INSERT INTO {CATALOGUE}.main.{name} BY NAME {_sql(rows)}")

    def add_up(self, name: str, change: ir.Table, sums: Sequence[str]) -> None:
        """Adds the `sums` of each row to those of the stored row with its keys, or appends it.

        A row that comes to no `accounts` goes. MERGE INTO would be one statement in place of three,
        and is no cheaper (DuckDB 1.5.6).
        """
        keys = [column for column in change.columns if column not in sums]
        place, rows = f"{CATALOGUE}.main.{name}", f"({_sql(change)}) AS change"
        same = " AND ".join(f"stored.{column} = change.{column}" for column in keys)
        added = [column for column in change.columns if column in sums]
        values = ", ".join(f"{column} = stored.{column} + change.{column}" for column in added)
        using = f"USING ({', '.join(keys)})"
        known = f"(SELECT {', '.join(keys)} FROM {place} SEMI JOIN {rows} {using}) AS known"
        new = f"{name}_not_met"
        self._write(
            f"CREATE OR REPLACE TEMPORARY TABLE {new} AS FROM {rows} ANTI JOIN {known} {using}"
        )
        self._write(f"UPDATE {place} AS stored SET {values} FROM {rows} WHERE {same}")
        self._write(f"INSERT INTO {place} BY NAME FROM {new}")
        self._write(f"DELETE FROM {place} WHERE accounts = 0")

    def remove(self, name: str, keys: ir.Table) -> None:
        """The rows taken out whose one column of that name is among the keys."""
        [key] = keys.columns
        self._write(f"DELETE FROM {CATALOGUE}.main.{name} WHERE {key} IN ({_sql(keys)})")

    def has(self, name: str) -> bool:
        """Whether the state has this table."""
        asked = f"SELECT 1 FROM duckdb_tables() WHERE database_name = '{CATALOGUE}'"
        found = self.engine.read("tables of the state", f"{asked} AND table_name = '{name}'")
        return bool(found.num_rows)

    def columns(self, temporary: Sequence[str]) -> dict[str, str]:
        """The columns, as they are declared, of the state's tables and of these temporary ones.

        By place, as `nsm_state.main.events`; without the tables of one text.
        """
        names = ", ".join(f"'{name}'" for name in temporary)
        asked = f"""
            SELECT concat_ws('.', database_name, schema_name, table_name) AS place,
                string_agg(concat('"', column_name, '" ', data_type), ', ' ORDER BY column_index)
                    AS columns
            FROM duckdb_columns()
            WHERE database_name = '{CATALOGUE}' OR
                (database_name = 'temp' AND table_name IN ({names}))
            GROUP BY place HAVING columns <> '{TEXT_COLUMN}' ORDER BY place"""
        rows = self.engine.read("columns of the state", asked).to_pylist()
        return {row["place"]: row["columns"] for row in rows}

    def batches(self) -> list[Batch]:
        """The ledger: every batch that is counted."""
        return ledger_batches(self.engine.fetch("the ledger", self.table("ledger")))

    def replace_batches(self, batches: Sequence[Batch], *, accounts: bool) -> None:
        """Adds logs to the ledger; with `accounts` its accounts are those among the batches."""
        kept = [batch for batch in batches if accounts or batch.log != "accounts"]
        frame = ledger_frame(kept)
        rows = self.engine.small_table(
            "ledger_rows", {str(name): frame[name].tolist() for name in frame}, LEDGER_TYPES
        )
        if not self.has("ledger"):
            self.create("ledger", rows)
            return
        if accounts:
            self._write(f"DELETE FROM {CATALOGUE}.main.ledger WHERE log = 'accounts'")
        self.append("ledger", rows)

    def read_text(self, name: str) -> str | None:
        """What `write_text` wrote; None before."""
        if not self.has(name):
            return None
        rows = self.engine.read(f"the {name}", f"SELECT content FROM {CATALOGUE}.main.{name}")
        return str(rows["content"][0].as_py())

    def write_text(self, name: str, content: str) -> None:
        """The text as a table of one row, in place of what was there."""
        rows = self.engine.small_table(f"{name}_now", {"content": [content]}, {"content": "string"})
        self.create(name, rows)

    def read_facts(self) -> dict[str, Any] | None:
        """What is known of the state as a whole; None before its first build was finished."""
        content = self.read_text("facts")
        facts: dict[str, Any] = {} if content is None else json.loads(content)
        return facts if facts.get("layout") == LAYOUT else None

    def write_facts(self, facts: dict[str, Any]) -> None:
        """Replaces what is known of the state as a whole."""
        self.write_text("facts", json.dumps({**facts, "layout": LAYOUT}))

    def _write(self, statement: str) -> None:
        self.engine.do("writing the state", statement)


def _sql(rows: ir.Table) -> str:
    return str(ibis.to_sql(rows, "duckdb"))


def _quoted(path: Path) -> str:
    return str(path).replace("'", "''")
