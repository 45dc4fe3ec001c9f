"""SQL statements with values, the same to say to DuckDB and PostgreSQL."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pyarrow as pa

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Statements:
    """A cursor within a transaction; `?` stands for a value, whatever the driver writes for it."""

    cursor: Any
    placeholder: str

    def execute(self, sql: str, values: Sequence[Any] = ()) -> None:
        """One statement; what it gives is not looked at."""
        self.cursor.execute(sql.replace("?", self.placeholder), list(values))

    def rows(self, sql: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """The rows of a query."""
        self.execute(sql, values)
        found: list[tuple[Any, ...]] = self.cursor.fetchall()
        return found

    def columns(self, table: str) -> list[str]:
        """Names of a table's columns, in order."""
        self.execute(f"SELECT * FROM {table} LIMIT 0")
        return [column[0] for column in self.cursor.description]

    def insert(self, table: str, frame: pd.DataFrame) -> None:
        """The rows of the frame; what is missing is NULL."""
        columns = ", ".join(f'"{column}"' for column in frame.columns)
        places = ", ".join([self.placeholder] * len(frame.columns))
        rows = pa.Table.from_pandas(frame, preserve_index=False).to_pylist()
        if rows:
            statement = f"INSERT INTO {table} ({columns}) VALUES ({places})"
            self.cursor.executemany(statement, [list(row.values()) for row in rows])
