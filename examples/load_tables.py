"""Copies the Parquet files of a folder into tables: of a DuckDB file, PostgreSQL or Spark.

    python examples/load_tables.py FOLDER CONNECTION

`events.parquet`, or `events-01.parquet` and so on, becomes the table `events`, replaced whole. The
connection is written as in a product file; `${NAME}` is taken from the environment.
"""

import io
import re
import sys
from collections.abc import Iterable
from itertools import groupby
from pathlib import Path

import pyarrow as pa
import pyarrow.dataset as ds
from pyarrow import csv

from nsm_pipeline.errors import NsmError
from nsm_pipeline.warehouse.connect import Engine, connect


def main() -> int:
    """0 when every table is loaded."""
    if len(sys.argv) != 3:
        print(__doc__)
        return 2
    try:
        engine = connect(sys.argv[2], base=Path.cwd(), where="load_tables")
    except NsmError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    for table, rows in load_tables(engine, Path(sys.argv[1])).items():
        print(f"{table}: {rows:,} rows")
    engine.close()
    return 0


def load_tables(engine: Engine, folder: Path) -> dict[str, int]:
    """Loads every table of the folder; returns their rows."""
    files = sorted(folder.glob("*.parquet"))
    loaded = {}
    for table, group in groupby(files, key=lambda path: re.sub(r"-\d+$", "", path.stem)):
        paths = list(group)
        if engine.kind.DIALECT == "postgres":
            _copy(engine.backend.con, table, paths)
        else:
            rows = engine.kind.read_files(engine.backend, f"files_of_{table}", paths)
            engine.backend.create_table(table, rows, overwrite=True)
        loaded[table] = ds.dataset(paths).count_rows()
    return loaded


def _copy(connection: "psycopg.Connection", table: str, paths: Iterable[Path]) -> None:  # noqa: F821
    dataset = ds.dataset(list(paths))
    columns = ", ".join(f'"{field.name}" {_postgres_type(field.type)}' for field in dataset.schema)
    plain = pa.schema([(f.name, _plain(f.type)) for f in dataset.schema])
    with connection.transaction(), connection.cursor() as cursor:
        cursor.execute(f'DROP TABLE IF EXISTS "{table}"')
        cursor.execute(f'CREATE TABLE "{table}" ({columns})')
        with cursor.copy(f'COPY "{table}" FROM STDIN (FORMAT csv)') as copy:
            for batch in dataset.to_batches():
                rows = io.BytesIO()
                csv.write_csv(batch.cast(plain), rows, csv.WriteOptions(include_header=False))
                copy.write(rows.getvalue())
        cursor.execute(f'ANALYZE "{table}"')


def _plain(dtype: pa.DataType) -> pa.DataType:
    return dtype.value_type if pa.types.is_dictionary(dtype) else dtype


def _postgres_type(dtype: pa.DataType) -> str:
    dtype = _plain(dtype)
    if pa.types.is_timestamp(dtype):
        return "timestamptz" if dtype.tz else "timestamp"
    if pa.types.is_decimal(dtype):
        return f"numeric({dtype.precision}, {dtype.scale})"
    kinds = {
        "boolean": pa.types.is_boolean,
        "bigint": pa.types.is_integer,
        "double precision": pa.types.is_floating,
        "date": pa.types.is_date,
    }
    return next((name for name, holds in kinds.items() if holds(dtype)), "text")


if __name__ == "__main__":
    sys.exit(main())
