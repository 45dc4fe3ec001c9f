"""What the tables of sources say to a check: products that share a table ask it once."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pyarrow.compute as pc
import pyarrow.parquet as pq

from nsm_pipeline.product.clauses import COSTS, placed_table
from nsm_pipeline.product.loaded_product import LoadedProduct
from nsm_pipeline.product.source import Files, Table
from nsm_pipeline.warehouse.connect import Engine, connect
from nsm_pipeline.warehouse.events import (
    column_kinds,
    raw_table,
    read_event_names,
    source_files,
    table_names,
)


@dataclass(frozen=True)
class SourceAnswers:
    """One engine and what was learnt from it so far."""

    engine: Engine
    _columns: dict[Hashable, dict[str, str]] = field(default_factory=dict)
    _event_names: dict[Hashable, list[str]] = field(default_factory=dict)

    def columns(self, product: LoadedProduct) -> dict[str, dict[str, str]]:
        """The kind of each column of each table, costs too: what `rules.check_source` needs.

        Raises:
            InvalidInput: a file or table is missing, or two files of one table differ in columns.
        """
        found = {}
        costs = [COSTS] if placed_table(product.config, COSTS)[1] is not None else []
        for name in (*table_names(product), *costs):
            layout = _layout(product, name)
            if layout not in self._columns:
                self._columns[layout] = column_kinds(raw_table(self.engine, product, name))
            found[name] = self._columns[layout]
        return found

    def event_names(self, product: LoadedProduct) -> list[str]:
        """Names of all events in the source, at any time, sorted."""
        events = product.config.source.events
        if isinstance(events, Files):
            return self._names_in_files(source_files(product, "events"), events.event)
        asked = events.table, events.event
        if asked not in self._event_names:
            column = raw_table(self.engine, product, "events")[events.event]
            self._event_names[asked] = read_event_names(self.engine, column)
        return self._event_names[asked]

    def _names_in_files(self, paths: Sequence[Path], column: str) -> list[str]:
        """Asked of the files themselves: an engine takes longer to be asked than to answer."""
        asked = *paths, column
        if asked not in self._event_names:
            self._event_names[asked] = sorted(_values(paths, column))
        return self._event_names[asked]


@dataclass(frozen=True)
class OpenSources:
    """The engines of products that are checked together, one for each connection."""

    _answers: dict[tuple[str, Path], SourceAnswers] = field(default_factory=dict)

    def of(self, product: LoadedProduct) -> SourceAnswers:
        """The answers of the product's engine, which is opened at first use.

        Raises:
            InvalidInput: it cannot be opened.
        """
        connection = product.config.source.connection
        key = connection, product.base.resolve()  # a database file is looked for from there
        if key not in self._answers:
            where = product.where("source", "connection")
            self._answers[key] = SourceAnswers(connect(connection, base=product.base, where=where))
        return self._answers[key]

    def close(self) -> None:
        """Lets go of every connection."""
        while self._answers:
            self._answers.popitem()[1].engine.close()


def _values(paths: Sequence[Path], column: str) -> set[str]:
    """Every value of a column of Parquet files, as text; a row group at a time."""
    found: set[str] = set()
    for path in paths:
        with pq.ParquetFile(path, read_dictionary=[column]) as file:
            for group in range(file.num_row_groups):
                rows = file.read_row_group(group, columns=[column]).column(0)
                values = pc.unique(rows).cast("string").drop_null()
                found.update(values.to_pylist())
    return found


def _layout(product: LoadedProduct, name: str) -> Hashable:
    """What a table's columns follow from: of many files of one layout, one is asked."""
    _, table = placed_table(product.config, name)
    if isinstance(table, Table):
        return str(table.table)
    paths = source_files(product, name)
    if any("=" in part for part in paths[0].parts):  # an engine takes columns from such folders
        return tuple(paths)
    schema = pq.read_metadata(paths[0]).schema
    return tuple(str(schema.column(place)) for place in range(len(schema)))
