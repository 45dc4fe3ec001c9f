"""An open engine: its Ibis connection, and every statement it was asked to materialise."""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import ibis
import ibis.expr.types as ir
import pandas as pd
import pyarrow as pa
from ibis.backends import BaseBackend

from nsm_pipeline.errors import InvalidInput, Problem, WarehouseFailed
from nsm_pipeline.warehouse.utc_time import in_utc

ENVIRONMENT = re.compile(r"\$\{(\w+)\}")

# Without insertion order DuckDB spills and parallelises freely; outputs are ordered explicitly.
# The optimiser sizes a Parquet glob by its first file and then builds the join's hash table on
# the events (10.5 GB instead of 1.3 GB at 100 M events), so joins run in the order written.
DUCKDB_SETTINGS = (
    "SET TimeZone = 'UTC'",
    "SET preserve_insertion_order = false",
    "SET disabled_optimizers = 'build_side_probe_side,join_order'",
    "SET enable_progress_bar = false",
    "SET autoinstall_known_extensions = false",
    "SET autoload_known_extensions = false",
)


@dataclass(frozen=True)
class Question:
    """One thing the engine was asked; `kept_as` names the temporary table that holds the answer."""

    title: str
    query: ir.Table | str
    kept_as: str | None = None


@dataclass(frozen=True)
class Engine:
    """One connection; `asked` keeps every question in order, for `nsm sql` and errors."""

    backend: BaseBackend
    asked: list[Question] = field(default_factory=list)

    def read_files(self, name: str, paths: Sequence[Path]) -> ir.Table:
        """Parquet files as one table."""
        files = ", ".join("'" + str(path).replace("'", "''") + "'" for path in paths)
        view = f"SELECT * FROM read_parquet([{files}])"
        self.asked.append(Question(f"files as {name}", view, name))
        return in_utc(self.backend.read_parquet([str(path) for path in paths], table_name=name))

    def read_table(self, name: str, database: str | None) -> ir.Table:
        """A table of the connection as it is."""
        return in_utc(self.backend.table(name, database=database))

    def materialise(self, name: str, title: str, expression: ir.Table) -> ir.Table:
        """The expression as a temporary table: Ibis re-expands an expression at every use."""
        table: ir.Table = self._run(
            Question(title, expression, name),
            lambda: self.backend.create_table(name, expression, temp=True, overwrite=True),
        )
        return table

    def fetch(self, title: str, expression: ir.Table) -> pd.DataFrame:
        """The rows of a small result."""
        frame: pd.DataFrame = self._run(Question(title, expression), lambda: expression.to_pandas())
        return frame

    def small_table(
        self, name: str, columns: Mapping[str, list[Any]], types: Mapping[str, str]
    ) -> ir.Table:
        """A handful of rows, such as coefficients, as a temporary table of the engine."""
        schema = ibis.schema(types)
        rows = pa.table(dict(columns), schema=schema.to_pyarrow())
        names = ", ".join(types)
        note = f"-- {rows.num_rows} rows made by the pipeline\nSELECT {names} FROM rows_sent_along"
        self.asked.append(Question(f"small table {name}", note, name))
        table: ir.Table = self.backend.create_table(name, rows, temp=True, overwrite=True)
        return table

    def sql(self) -> list[tuple[str, str]]:
        """(title, SQL) of everything asked so far.

        Written only when wanted: on small data it costs as much as the query.
        """
        return [(question.title, self._as_sql(question)) for question in self.asked]

    def close(self) -> None:
        """Let go of the connection and its temporary tables."""
        self.backend.disconnect()

    def _run(self, question: Question, work: Callable[[], Any]) -> Any:
        self.asked.append(question)
        try:
            return work()
        except Exception as failure:
            raise WarehouseFailed(
                Problem(
                    f"warehouse: {question.title}",
                    f"The engine broke off with {type(failure).__name__}: {failure}",
                    f"It was asked:\n{self._as_sql(question)}",
                )
            ) from failure

    def _as_sql(self, question: Question) -> str:
        query = question.query
        sql = query if isinstance(query, str) else str(ibis.to_sql(query, self.backend.name))
        if question.kept_as is None:
            return sql
        return f'CREATE TEMPORARY TABLE "{question.kept_as}" AS\n{sql}'


def connect(connection: str, *, base: Path, where: str) -> Engine:
    """An engine for an Ibis URL; `${NAME}` is taken from the environment.

    A relative database file is looked for as the source's files are: in the folder of the product
    file (`base`) and those above it. One that is not there yet is made in the topmost project
    folder, the one that holds `config`, or in `base` itself.

    Raises:
        InvalidInput: the variable is unset, or the engine cannot be opened.
    """
    missing = [name for name in ENVIRONMENT.findall(connection) if name not in os.environ]
    if missing:
        raise InvalidInput(
            Problem(
                where,
                f"The environment variable {missing[0]} is not set.",
                f"Set {missing[0]}, or write the connection without it.",
            )
        )
    url = ENVIRONMENT.sub(lambda match: os.environ[match[1]], connection)
    try:
        backend: BaseBackend = ibis.connect(_with_whole_path(url, base))
        for setting in (*DUCKDB_SETTINGS, f"SET temp_directory = '{_spill_folder()}'"):
            backend.raw_sql(setting)
    except Exception as failure:
        # The message is left out: drivers print the URL, and with it the password.
        raise InvalidInput(
            Problem(
                where,
                f"The engine cannot be opened ({type(failure).__name__}).",
                "Check that the database file exists and that no other process writes to it.",
            )
        ) from failure
    return Engine(backend)


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
