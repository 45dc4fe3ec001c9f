"""DuckDB behind `connect`: files in memory, or a database file."""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from urllib.parse import parse_qsl

import ibis
import ibis.expr.datatypes as dt
import ibis.expr.operations as ops
import ibis.expr.types as ir
import pyarrow as pa
from ibis.backends import BaseBackend
from ibis.backends.sql.datatypes import DuckDBType

from nsm_pipeline.product.source import DUCKDB_SETTINGS
from nsm_pipeline.warehouse.refusal import Refusal
from nsm_pipeline.warehouse.statements import Statements
from nsm_pipeline.warehouse.utc_time import epoch_us, in_utc

DIALECT = "duckdb"
TEMPORARY = ("temp", "main")
# Without insertion order DuckDB spills and parallelises freely; outputs are ordered explicitly.
# The optimiser sizes a Parquet glob by its first file and then builds the join's hash table on
# the events (10.5 GB instead of 1.3 GB at 100 M events), so joins run in the order written.
SETTINGS = (
    "SET TimeZone = 'UTC'",
    "SET preserve_insertion_order = false",
    "SET disabled_optimizers = 'build_side_probe_side,join_order'",
    "SET enable_progress_bar = false",
    "SET autoinstall_known_extensions = false",
    "SET autoload_known_extensions = false",
)
# Beyond it DuckDB spills, for a sixth more CPU (100 M events, decision 029); its own default is
# four fifths of the machine's memory, of which other tasks need their part.
BYTES_PER_THREAD = 500_000_000


def open_backend(url: str, base: Path) -> BaseBackend:
    """An open database; a relative file is looked for from `base` up.

    One that is not there yet is made in the topmost project folder, the one that holds `config`,
    or in `base` itself. DUCKDB_SETTINGS in the URL win over what is set here.
    """
    place, _, query = url.partition("?")
    given = dict(parse_qsl(query))
    if unknown := given.keys() - DUCKDB_SETTINGS:
        raise ValueError(f"no setting of a DuckDB connection: {', '.join(sorted(unknown))}")
    backend: BaseBackend = ibis.connect(_with_whole_path(place, base))
    for setting in SETTINGS:
        backend.raw_sql(setting)
    for name, value in _limits(backend, given):
        quoted = value.replace("'", "''")
        backend.raw_sql(f"SET {name} = '{quoted}'")
    return backend


def refusal(failure: Exception) -> Refusal:
    """The file is locked, or is no database."""
    return Refusal(
        f"The engine cannot be opened ({type(failure).__name__}).",
        "Check that the database file exists, that no other process writes to it, and that after "
        f"? there is nothing but {', '.join(DUCKDB_SETTINGS)}.",
    )


def read_files(backend: BaseBackend, name: str, paths: Sequence[Path]) -> ir.Table:
    """Parquet files as one view."""
    return in_utc(backend.read_parquet([str(path) for path in paths], table_name=name))


def read_table(backend: BaseBackend, name: str, place: tuple[str | None, str]) -> ir.Table:  # noqa: ARG001
    """A (schema, table), named in full: a temporary table of its name would hide it."""
    schema, table = place
    catalog = backend.current_catalog
    return in_utc(backend.table(table, database=(catalog, schema or backend.current_database)))


def keep(backend: BaseBackend, name: str, expression: ir.Table) -> ir.Table:
    """The expression's rows as a temporary table."""
    schema = expression.schema()
    backend.raw_sql(kept_by(name, schema, backend.compile(expression)))
    return _temporary(backend, name, schema)


def _temporary(backend: BaseBackend, name: str, schema: ibis.Schema) -> ir.Table:
    """A temporary table made with these types, which the engine need not be asked for."""
    known = ibis.schema({column: _as_read(dtype) for column, dtype in schema.items()})
    catalog, database = TEMPORARY
    place = ops.Namespace(catalog=catalog, database=database)
    return ops.DatabaseTable(name, schema=known, source=backend, namespace=place).to_expr()


@cache
def _as_read(dtype: dt.DataType) -> dt.DataType:
    """What the engine would say of a column of that type: it knows no not-null, for one."""
    return DuckDBType.to_ibis(DuckDBType.from_ibis(dtype))


def kept_by(name: str, schema: ibis.Schema, query: str) -> str:
    """The statement that keeps a query's rows; Ibis' own is three, and twice the work of Python.

    Types are said, and not inferred: DuckDB's sum of BIGINT is a HUGEINT, to Ibis it is an int64.
    """
    columns = ", ".join(
        f'CAST("{column}" AS {DuckDBType.to_string(dtype)}) AS "{column}"'
        for column, dtype in schema.items()
    )
    return f'CREATE OR REPLACE TEMPORARY TABLE "{name}" AS SELECT {columns} FROM ({query})'


def drop(backend: BaseBackend, name: str) -> None:
    """The temporary table is gone, if there was one."""
    backend.raw_sql(f'DROP TABLE IF EXISTS {".".join(TEMPORARY)}."{name}"')


def send(backend: BaseBackend, name: str, rows: pa.Table | pa.RecordBatchReader) -> ir.Table:
    """The rows as a temporary table."""
    backend.con.register("rows_sent_along", rows)
    backend.raw_sql(f'CREATE OR REPLACE TEMPORARY TABLE "{name}" AS FROM rows_sent_along')
    backend.con.unregister("rows_sent_along")
    return _temporary(backend, name, ibis.Schema.from_pyarrow(rows.schema))


def batches(backend: BaseBackend, rows: ir.Table, size: int) -> pa.RecordBatchReader:
    """The rows as they are read."""
    # What Ibis 12 asks of DuckDB for this is deprecated.
    return backend.raw_sql(backend.compile(rows)).to_arrow_reader(size)


def elapsed(start: ir.Value, moment: ir.Value) -> ir.IntegerValue:
    """Microseconds from start to moment: both are whole numbers of them underneath."""
    return epoch_us(moment) - epoch_us(start)


@contextmanager
def transaction(backend: BaseBackend, lock: str) -> Iterator[Statements]:  # noqa: ARG001
    """All or nothing; a DuckDB file has one writing process, so nothing is locked."""
    backend.con.begin()
    try:
        yield Statements(backend.con, "?")
        backend.con.commit()
    except BaseException:
        backend.con.rollback()
        raise


def close(backend: BaseBackend) -> None:
    """Lets go of the database and its temporary tables."""
    backend.disconnect()


def found_database(url: str, base: Path) -> Path | None:
    """The file of a URL, where it is there already: from `base` up, or where it says."""
    path = re.sub(r"^duckdb://", "", url.partition("?")[0])
    if Path(path).is_absolute() and Path(path).is_file():
        return Path(path)
    relative = path.lstrip("/")
    folders = (base.resolve(), *base.resolve().parents)
    return next((f / relative for f in folders if (f / relative).is_file()), None)


def _with_whole_path(url: str, base: Path) -> str:
    path = re.sub(r"^duckdb://", "", url)
    if path.lstrip("/") in ("", ":memory:"):
        return "duckdb://"
    if Path(path).is_absolute() and Path(path).parent.is_dir():
        return f"duckdb://{path}"
    found = found_database(url, base)
    if found is not None:
        return f"duckdb://{found}"
    relative = path.lstrip("/")
    folders = (base.resolve(), *base.resolve().parents)
    home = next((folder for folder in folders if (folder / "config").is_dir()), base.resolve())
    (home / relative).parent.mkdir(parents=True, exist_ok=True)
    return f"duckdb://{home / relative}"


def _limits(backend: BaseBackend, given: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """What the connection may take; each is asked for after the one before it has been set."""
    if "threads" in given:
        yield "threads", given["threads"]
    own = "parse_formatted_bytes(current_setting('memory_limit'))"
    share = f"least({own}, current_setting('threads') * {BYTES_PER_THREAD})"
    yield "memory_limit", given.get("memory_limit") or f"{_current(backend, share)}B"
    # Once a database has spilled its folder stays; a second connection to it finds that set.
    folder = _current(backend, "current_setting('temp_directory')")
    wanted = given.get("temp_directory") or (_spill_folder() if folder.endswith(".tmp") else folder)
    if wanted != folder:
        yield "temp_directory", wanted


def _current(backend: BaseBackend, expression: str) -> str:
    [value] = backend.raw_sql(f"SELECT {expression}").fetchone()
    return str(value)


def _spill_folder() -> str:
    return str(Path(tempfile.gettempdir()) / f"nsm_duckdb_{os.getpid()}")
