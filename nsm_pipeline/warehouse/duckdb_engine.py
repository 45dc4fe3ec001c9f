"""DuckDB behind `connect`: files in memory, or a database file."""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import ibis
import ibis.expr.types as ir
import pyarrow as pa
from ibis.backends import BaseBackend

from nsm_pipeline.warehouse.refusal import Refusal
from nsm_pipeline.warehouse.statements import Statements
from nsm_pipeline.warehouse.utc_time import in_utc

DIALECT = "duckdb"
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


def open_backend(url: str, base: Path) -> BaseBackend:
    """An open database; a relative file is looked for from `base` up.

    One that is not there yet is made in the topmost project folder, the one that holds `config`,
    or in `base` itself.
    """
    backend: BaseBackend = ibis.connect(_with_whole_path(url, base))
    for setting in (*SETTINGS, f"SET temp_directory = '{_spill_folder()}'"):
        backend.raw_sql(setting)
    return backend


def refusal(failure: Exception) -> Refusal:
    """The file is locked, or is no database."""
    return Refusal(
        f"The engine cannot be opened ({type(failure).__name__}).",
        "Check that the database file exists and that no other process writes to it.",
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
    table: ir.Table = backend.create_table(name, expression, temp=True, overwrite=True)
    return table


def send(backend: BaseBackend, name: str, rows: pa.Table) -> ir.Table:
    """A handful of rows as a temporary table."""
    table: ir.Table = backend.create_table(name, rows, temp=True, overwrite=True)
    return table


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


def _with_whole_path(url: str, base: Path) -> str:
    path = re.sub(r"^duckdb://", "", url)
    if path.lstrip("/") in ("", ":memory:"):
        return "duckdb://"
    if Path(path).is_absolute() and Path(path).parent.is_dir():
        return f"duckdb://{path}"
    relative = path.lstrip("/")
    folders = (base.resolve(), *base.resolve().parents)
    for folder in folders:
        if (folder / relative).is_file():
            return f"duckdb://{folder / relative}"
    home = next((folder for folder in folders if (folder / "config").is_dir()), base.resolve())
    (home / relative).parent.mkdir(parents=True, exist_ok=True)
    return f"duckdb://{home / relative}"


def _spill_folder() -> str:
    folder = Path(tempfile.gettempdir()) / f"nsm_duckdb_{os.getpid()}"
    return str(folder).replace("'", "''")
