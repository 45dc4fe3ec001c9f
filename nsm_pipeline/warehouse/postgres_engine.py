"""PostgreSQL behind `connect`: tables of a server, read through one connection."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

import ibis
import ibis.expr.operations as ops
import ibis.expr.types as ir
import pyarrow as pa
from ibis.backends import BaseBackend

from nsm_pipeline.warehouse.refusal import Refusal
from nsm_pipeline.warehouse.statements import Statements

DIALECT = "postgres"
# Counting needs memory per sort and hash; the server's default of 4 MB writes all of it to disk.
SETTINGS = (
    "SET TimeZone = 'UTC'",
    "SET work_mem = '256MB'",
    "SET jit = off",
)
UNREADABLE = Refusal(
    "The connection cannot be read as a PostgreSQL URL.",
    "Write postgresql://user:${PASSWORD}@host:5432/database.",
)
REFUSALS = {
    "invalid integer value": UNREADABLE,
    **dict.fromkeys(
        ("authentication failed", "no password supplied", "no pg_hba.conf entry"),
        Refusal(
            "The PostgreSQL server refused the user or the password.",
            "Check both where the connection takes them from; the server's log says more.",
        ),
    ),
    "does not exist": Refusal(
        "The PostgreSQL server does not know this database or user.",
        "Check their names, also for capital letters.",
    ),
}


def open_backend(url: str, base: Path) -> BaseBackend:  # noqa: ARG001
    """A connection by libpq's own reading of the URL: its options and socket folders work too."""
    import psycopg

    connection = psycopg.connect(url, autocommit=True, application_name="nsm_pipeline")
    for setting in SETTINGS:
        connection.execute(setting)
    backend: BaseBackend = ibis.postgres.from_connection(connection)
    return backend


def refusal(failure: Exception) -> Refusal:
    """Told from the server's words; of these nothing is passed on."""
    import psycopg

    said = str(failure)
    for part, refused in REFUSALS.items():
        if part in said:
            return refused
    if isinstance(failure, psycopg.OperationalError):
        return Refusal(
            "The PostgreSQL server cannot be reached.",
            "Check host, port and network; a later run may find it there.",
            passing=True,
        )
    return UNREADABLE


def read_files(backend: BaseBackend, name: str, paths: Sequence[Path]) -> ir.Table:
    """Never: a server reads no files of ours.

    Raises:
        NotImplementedError: always.
    """
    raise NotImplementedError("PostgreSQL reads no Parquet files")


def read_table(backend: BaseBackend, name: str, place: tuple[str | None, str]) -> ir.Table:
    """A (schema, table) as a temporary view whose text sorts by bytes, as on the other engines."""
    schema, table = place
    database = schema or backend.current_database
    found = backend.table(table, database=database).schema()
    text = {column: "text" for column, dtype in found.items() if _is_text(dtype)}
    listed = ", ".join(_column(column, text.get(column)) for column in found)
    source = f"{_quoted(database)}.{_quoted(table)}"
    backend.raw_sql(f"CREATE OR REPLACE TEMP VIEW {name} AS SELECT {listed} FROM {source}").close()
    return _temporary(backend, name, ibis.schema({**found, **dict.fromkeys(text, "string")}))


def keep(backend: BaseBackend, name: str, expression: ir.Table) -> ir.Table:
    """The expression's rows as a temporary table, with statistics for the planner.

    Ibis 12's own `overwrite` would drop a permanent table of this name, where there is one.
    """
    schema = expression.schema()
    kinds = {c.name: c.args["kind"].sql(DIALECT) for c in schema.to_sqlglot_column_defs(DIALECT)}
    listed = ", ".join(_column(column, kinds[column]) for column in schema)
    rows = backend.compile(expression)
    drop(backend, name)
    backend.raw_sql(f'CREATE TEMP TABLE "{name}" AS SELECT {listed} FROM ({rows}) AS q').close()
    backend.raw_sql(f'ANALYZE pg_temp."{name}"').close()
    return _temporary(backend, name, schema)


def drop(backend: BaseBackend, name: str) -> None:
    """The temporary table is gone, if there was one."""
    backend.raw_sql(f'DROP TABLE IF EXISTS pg_temp."{name}"').close()


def send(backend: BaseBackend, name: str, rows: pa.Table) -> ir.Table:
    """A handful of rows as a temporary table, with statistics for the planner.

    Of tables without them it expects thousands of rows, and a dozen joins to such take minutes.
    """
    drop(backend, name)
    schema = backend.create_table(name, rows, temp=True).schema()
    backend.raw_sql(f'ANALYZE pg_temp."{name}"').close()
    return _temporary(backend, name, schema)


def batches(backend: BaseBackend, rows: ir.Table, size: int) -> pa.RecordBatchReader:
    """The rows by a cursor of the server's."""
    return backend.to_pyarrow_batches(rows, chunk_size=size)


def _temporary(backend: BaseBackend, name: str, schema: ibis.Schema) -> ir.Table:
    """The session's own table, whatever else has its name."""
    place = ops.Namespace(database="pg_temp")
    table: ir.Table = ops.DatabaseTable(name, schema, backend, namespace=place).to_expr()
    return table


def _is_text(dtype: ibis.DataType) -> bool:
    return bool(dtype.is_string() or dtype.is_uuid())


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _column(name: str, kind: str | None) -> str:
    """The column in exactly this type; text in the order of its bytes."""
    quoted = _quoted(name)
    if kind is None:
        return quoted
    order = ' COLLATE "C"' if kind.lower() in ("text", "varchar") else ""
    return f"CAST({quoted} AS {kind}){order} AS {quoted}"


def elapsed(start: ir.Value, moment: ir.Value) -> ir.IntegerValue:
    """Microseconds from start to moment, exact; null, as in DuckDB, where one is infinite."""
    known = isfinite(start) & isfinite(moment)
    return ibis.ifelse(known, moment.delta(start, unit="microsecond"), ibis.null("int64"))


@ibis.udf.scalar.builtin  # type: ignore[untyped-decorator]
def isfinite(moment: datetime) -> bool:
    """Whether the moment is one, and not PostgreSQL's `infinity` or `-infinity`."""
    raise NotImplementedError


@contextmanager
def transaction(backend: BaseBackend, lock: str) -> Iterator[Statements]:
    """All or nothing, one after another: whoever waits for the lock then sees what was written."""
    with backend.con.transaction(), backend.con.cursor() as cursor:
        # A snapshot taken before the lock would hide the other's rows: hence this level.
        cursor.execute("SET TRANSACTION ISOLATION LEVEL READ COMMITTED")
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [lock])
        yield Statements(cursor, "%s")


def close(backend: BaseBackend) -> None:
    """Lets go of the connection, and so of its temporary tables."""
    backend.disconnect()
