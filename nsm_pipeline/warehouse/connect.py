"""An open engine: its Ibis connection, and every statement it was asked to materialise."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import quote

import ibis
import ibis.expr.types as ir
import pyarrow as pa
from ibis.backends import BaseBackend

from nsm_pipeline.errors import InvalidInput, Problem, WarehouseFailed
from nsm_pipeline.warehouse import duckdb_engine, postgres_engine, spark_engine
from nsm_pipeline.warehouse.airflow_connection import PREFIX, airflow_url
from nsm_pipeline.warehouse.refusal import Refusal
from nsm_pipeline.warehouse.statements import Statements

if TYPE_CHECKING:
    import pandas as pd

ENVIRONMENT = re.compile(r"\$\{(\w+)\}")
ROWS_PER_BATCH = 100_000


class EngineKind(Protocol):
    """What differs between engines; each is a module of its own."""

    @property
    def DIALECT(self) -> str:  # noqa: N802
        """Ibis' name of its SQL."""

    def open_backend(self, url: str, base: Path) -> BaseBackend:
        """An open connection, in UTC."""

    def refusal(self, failure: Exception) -> Refusal:
        """What kept it from opening."""

    def read_files(self, backend: BaseBackend, name: str, paths: Sequence[Path]) -> ir.Table:
        """Parquet files as one view."""

    def read_table(
        self, backend: BaseBackend, name: str, place: tuple[str | None, str]
    ) -> ir.Table:
        """A (schema, table) of the engine; `name` is free for a view of it."""

    def keep(self, backend: BaseBackend, name: str, expression: ir.Table) -> ir.Table:
        """The expression's rows under a name that only this connection sees."""

    def drop(self, backend: BaseBackend, name: str) -> None:
        """Lets go of a table that `keep` or `send` made, if there is one."""

    def send(
        self, backend: BaseBackend, name: str, rows: pa.Table | pa.RecordBatchReader
    ) -> ir.Table:
        """A handful of rows as a table that only this connection sees; DuckDB takes a stream."""

    def batches(self, backend: BaseBackend, rows: ir.Table, size: int) -> pa.RecordBatchReader:
        """The rows in batches of about this size, of which few are in memory at a time."""

    def elapsed(self, start: ir.Value, moment: ir.Value) -> ir.IntegerValue:
        """Microseconds from start to moment, exact."""

    def transaction(self, backend: BaseBackend, lock: str) -> AbstractContextManager[Statements]:
        """Statements that all take effect together; who names the same lock waits."""

    def close(self, backend: BaseBackend) -> None:
        """Lets go of the connection and what it kept."""


KINDS: dict[str, EngineKind] = {
    "duckdb": duckdb_engine,
    "postgres": postgres_engine,
    "postgresql": postgres_engine,
    "pyspark": spark_engine,
}


@dataclass(frozen=True)
class Question:
    """One thing the engine was asked; `kept_as` names the temporary table that holds the answer."""

    title: str
    query: ir.Table | str
    kept_as: str | None = None


@dataclass(frozen=True)
class Engine:
    """One connection; `asked` keeps every question in order, for `nsm sql` and errors.

    The names of its temporary tables begin with `prefix`.
    """

    backend: BaseBackend
    kind: EngineKind
    asked: list[Question] = field(default_factory=list)
    prefix: str = ""

    def beside(self, prefix: str) -> Engine:
        """The same connection, for the same kind of tables on other accounts: none is replaced."""
        return replace(self, prefix=self.prefix + prefix)

    def read_files(self, name: str, paths: Sequence[Path]) -> ir.Table:
        """Parquet files as one table."""
        files = ", ".join("'" + str(path).replace("'", "''") + "'" for path in paths)
        view = f"SELECT * FROM read_parquet([{files}])"
        table: ir.Table = self._run(
            Question(f"files as {name}", view, name),
            lambda: self.kind.read_files(self.backend, name, paths),
        )
        return table

    def read_table(self, name: str, place: tuple[str | None, str]) -> ir.Table:
        """A (schema, table) as it is; without a schema, of the connection's own."""
        return self.kind.read_table(self.backend, name, place)

    def table_names(self, schema: str | None) -> list[str]:
        """Tables and views of a schema, or of the connection's own, sorted."""
        listed = f"-- tables of {schema or 'the current schema'}"
        names: list[str] = self._run(
            Question("tables", listed), lambda: self.backend.list_tables(database=schema)
        )
        return sorted(names)

    def materialise(self, name: str, title: str, expression: ir.Table) -> ir.Table:
        """The expression as a temporary table: Ibis re-expands an expression at every use."""
        kept_as = self.prefix + name
        table: ir.Table = self._run(
            Question(title, expression, kept_as),
            lambda: self.kind.keep(self.backend, kept_as, expression),
        )
        return table

    def let_go(self, *names: str) -> None:
        """Drops temporary tables that nothing will ask again: what is kept is spilled sooner."""
        for name in names:
            self.kind.drop(self.backend, self.prefix + name)

    def do(self, title: str, statement: str) -> None:
        """A statement in the engine's own SQL."""
        self._run(Question(title, statement), lambda: self.backend.raw_sql(statement))

    def read(self, title: str, statement: str) -> pa.Table:
        """The rows of a statement in the SQL of DuckDB, which this engine is."""
        rows: pa.Table = self._run(
            Question(title, statement), lambda: self.backend.raw_sql(statement).to_arrow_table()
        )
        return rows

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
        kept_as = self.prefix + name
        self.asked.append(Question(f"small table {name}", note, kept_as))
        return self.kind.send(self.backend, kept_as, rows)

    def pull(self, name: str, title: str, source: Engine, rows: ir.Table) -> ir.Table:
        """Rows of another engine as a temporary table of this one, which is DuckDB; streamed."""
        table: ir.Table = source._run(
            Question(title, rows),
            lambda: self.kind.send(
                self.backend,
                self.prefix + name,
                source.kind.batches(source.backend, rows, ROWS_PER_BATCH),
            ),
        )
        return table

    def elapsed(self, start: ir.Value, moment: ir.Value) -> ir.IntegerValue:
        """Microseconds from start to moment, exact: a whole number wherever it is asked."""
        return self.kind.elapsed(start, moment)

    def transaction(self, lock: str) -> AbstractContextManager[Statements]:
        """Statements that all take effect together; who names the same lock waits."""
        return self.kind.transaction(self.backend, lock)

    def sql(self) -> list[tuple[str, str]]:
        """(title, SQL) of everything asked so far.

        Written only when wanted: on small data it costs as much as the query.
        """
        return [(question.title, self._as_sql(question)) for question in self.asked]

    def close(self) -> None:
        """Let go of the connection and its temporary tables."""
        self.kind.close(self.backend)

    def _run(self, question: Question, work: Callable[[], Any]) -> Any:
        self.asked.append(question)
        try:
            return work()
        except NotImplementedError:
            raise
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
        sql = query if isinstance(query, str) else str(ibis.to_sql(query, self.kind.DIALECT))
        if question.kept_as is None:
            return sql
        return f'CREATE TEMPORARY TABLE "{question.kept_as}" AS\n{sql}'


def connect(connection: str, *, base: Path, where: str) -> Engine:
    """An engine for a product's connection.

    Args:
        connection: `duckdb://…`, `postgresql://…`, `pyspark://…` or `airflow:<conn_id>`; `${NAME}`
            is taken from the environment, and needs no escaping as a user or password.
        base: folder of the product file, from which a relative database file is looked for.
        where: the place in the product file, for errors. They never hold a part of the URL.

    Raises:
        InvalidInput: a variable is unset, or what the connection names cannot be opened.
        WarehouseFailed: the server does not answer now.
    """
    kind, url = _resolved(connection, where)
    try:
        backend = kind.open_backend(url, base)
    except Exception as failure:
        refusal = kind.refusal(failure)
    else:
        return Engine(backend, kind)
    # Raised out here, without its cause: drivers print the URL, and with it the password.
    problem = Problem(where, refusal.what, refusal.mend)
    raise WarehouseFailed(problem) if refusal.passing else InvalidInput(problem)


def dialect_of(connection: str, *, where: str) -> str:
    """Ibis' name of the engine behind a connection, which is not opened.

    Raises:
        InvalidInput: a variable or an Airflow connection is unknown, or its kind is no engine.
    """
    return _resolved(connection, where)[0].DIALECT


def _resolved(connection: str, where: str) -> tuple[EngineKind, str]:
    url = _with_variables(connection, where)
    if url.startswith(PREFIX):
        url = airflow_url(url, where)
    kind = KINDS.get(url.partition(":")[0])
    if kind is None:
        mend = f"Use one of {', '.join(f'{scheme}://' for scheme in KINDS)}."
        raise InvalidInput(Problem(where, "No engine is known by this kind of connection.", mend))
    return kind, url


def _with_variables(connection: str, where: str) -> str:
    missing = [name for name in ENVIRONMENT.findall(connection) if name not in os.environ]
    if missing:
        raise InvalidInput(
            Problem(
                where,
                f"The environment variable {missing[0]} is not set.",
                f"Set {missing[0]}, or write the connection without it.",
            )
        )
    begin, end = connection.find("://"), connection.rfind("@")

    def value(match: re.Match[str]) -> str:
        found = os.environ[match[1]]
        return quote(found, safe="") if -1 < begin < match.start() < end else found

    return ENVIRONMENT.sub(value, connection)
