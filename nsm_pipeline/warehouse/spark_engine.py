"""Spark behind `connect`: Parquet files and tables of its catalog, on one machine or a cluster."""

from __future__ import annotations

import re
import warnings
from collections.abc import Sequence
from contextlib import AbstractContextManager
from itertools import islice
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

import ibis
import ibis.expr.types as ir
import pyarrow as pa
from ibis.backends import BaseBackend

from nsm_pipeline.warehouse.refusal import Refusal
from nsm_pipeline.warehouse.statements import Statements

DIALECT = "pyspark"
SETTINGS = (
    ("spark.ui.enabled", "false"),
    ("spark.ui.showConsoleProgress", "false"),
    ("spark.sql.ansi.enabled", "true"),
)


def open_backend(url: str, base: Path) -> BaseBackend:  # noqa: ARG001
    """A session of its own in this process's Spark application, which is begun when there is none.

    The URL's options are Spark settings: `pyspark://?spark.master=local[2]`.
    """
    from pyspark.sql import SparkSession

    warnings.filterwarnings("ignore", "PySpark does not yet fully support pandas", FutureWarning)
    builder = SparkSession.builder.appName("nsm_pipeline")
    for name, value in (*SETTINGS, *parse_qsl(urlsplit(url).query)):
        builder = builder.config(name, value)
    session = builder.getOrCreate().newSession()
    backend: BaseBackend = ibis.pyspark.connect(session)
    return backend


def refusal(failure: Exception) -> Refusal:
    """Spark is not installed, has no Java, or no such master."""
    if isinstance(failure, ImportError):
        return Refusal(
            "Spark is not installed here.",
            "Install the extra: pip install 'nsm_pipeline[spark]'; it needs Java 17.",
        )
    return Refusal(
        f"The Spark session cannot be opened ({type(failure).__name__}).",
        "Check spark.master and the other settings in the connection, and that Java 17 is there.",
    )


def read_files(backend: BaseBackend, name: str, paths: Sequence[Path]) -> ir.Table:
    """Parquet files as one view."""
    session = backend._session
    # Spark takes a path for a pattern, and one without a scheme for the cluster's file system.
    literal = ["file://" + re.sub(r"([][{}*?])", r"[\1]", str(path)) for path in paths]
    session.read.parquet(*literal).createOrReplaceTempView(name)
    table: ir.Table = backend.table(name)
    return table


def read_table(backend: BaseBackend, name: str, place: tuple[str | None, str]) -> ir.Table:  # noqa: ARG001
    """A (schema, table) of the catalog, named in full: a view of its name would hide it."""
    schema, table = place
    catalog = backend.current_catalog
    found: ir.Table = backend.table(table, database=(catalog, schema or backend.current_database))
    return found


def keep(backend: BaseBackend, name: str, expression: ir.Table) -> ir.Table:
    """The expression's rows as a temporary view, worked out once."""
    from ibis.backends.pyspark.datatypes import PySparkSchema

    backend.create_view(name, expression, overwrite=True)
    rows = backend._session.table(name)
    # Ibis writes a 64-bit literal as one of 32 bits here, and then takes its own word for it.
    types = PySparkSchema.from_ibis(expression.schema())
    exact = rows.select([rows[f"`{field.name}`"].cast(field.dataType) for field in types])
    exact.localCheckpoint(eager=True).createOrReplaceTempView(name)
    table: ir.Table = backend.table(name)
    return table


def drop(backend: BaseBackend, name: str) -> None:
    """Without its view nothing refers to the rows, and Spark frees them."""
    backend._session.catalog.dropTempView(name)


def send(backend: BaseBackend, name: str, rows: pa.Table) -> ir.Table:
    """A handful of rows as a temporary view."""
    backend._session.createDataFrame(rows).createOrReplaceTempView(name)
    table: ir.Table = backend.table(name)
    return table


def batches(backend: BaseBackend, rows: ir.Table, size: int) -> pa.RecordBatchReader:
    """The rows partition by partition; Ibis 12's own way takes all of them into memory at once."""
    schema = rows.schema().to_pyarrow()
    frame = backend._session.sql(backend.compile(rows))
    # PySpark 4.3 hands over a moment in the zone of this process, which is not the session's.
    columns = [
        column.cast("timestamp_ntz").alias(name) if kind == "timestamp" else column
        for name, kind in frame.dtypes
        for column in [frame[f"`{name}`"]]
    ]
    found = frame.select(columns).toLocalIterator()
    read = iter(lambda: [row.asDict() for row in islice(found, size)], [])
    parts = (pa.RecordBatch.from_pylist(part, schema=schema) for part in read)
    return pa.RecordBatchReader.from_batches(schema, parts)


def elapsed(start: ir.Value, moment: ir.Value) -> ir.IntegerValue:
    """Microseconds from start to moment, exact."""
    return moment.delta(start, unit="microsecond")


def transaction(backend: BaseBackend, lock: str) -> AbstractContextManager[Statements]:
    """Never: Spark writes each table by itself.

    Raises:
        NotImplementedError: always.
    """
    raise NotImplementedError("Spark has no transaction over several tables")


def close(backend: BaseBackend) -> None:
    """Drops the views; Spark frees what they held once nothing refers to it."""
    session = backend._session
    for table in session.sql("SHOW TABLES").collect():
        if table["isTemporary"]:
            session.catalog.dropTempView(table["tableName"])
