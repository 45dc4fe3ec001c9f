"""A procedure: the statements that count a share, written once and asked word for word every night.

Writing them is Ibis at work in Python, and costs more than the engine needs to answer them for the
accounts of a night. They can be kept, because nothing in them depends on the night: what does
stands in the tables that they read.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import ibis
import ibis.expr.types as ir

from nsm_pipeline.product.loaded_product import LoadedProduct
from nsm_pipeline.runs.program import program_digest
from nsm_pipeline.warehouse.choices import ScoreVersion
from nsm_pipeline.warehouse.cohort import Population
from nsm_pipeline.warehouse.connect import Engine, Question, connect
from nsm_pipeline.warehouse.duckdb_engine import kept_by
from nsm_pipeline.warehouse.events import SourceTables
from nsm_pipeline.warehouse.extract import Extract, Part
from nsm_pipeline.warehouse.state.rows import FOREVER
from nsm_pipeline.warehouse.state.sums import Sums

LIBRARIES = ("ibis-framework", "sqlglot", "duckdb")


@dataclass(frozen=True)
class Statement:
    """One temporary table: made by a query (`sql`), or of `rows` that are sent along."""

    title: str
    name: str
    types: Mapping[str, str]
    sql: str | None = None
    rows: Mapping[str, list[Any]] | None = None


@dataclass(frozen=True)
class Procedure:
    """Statements in their order; `key` tells what they were written for."""

    key: str
    statements: tuple[Statement, ...]

    def send(self, engine: Engine) -> None:
        """Makes the tables of rows sent along: once for all runs."""
        for statement in self.statements:
            if statement.sql is None:
                engine.small_table(statement.name, dict(statement.rows or {}), statement.types)

    def run(self, engine: Engine) -> None:
        """Makes all other tables; those of an earlier run are replaced."""
        for statement in self.statements:
            if statement.sql is not None:
                engine.do(statement.title, statement.sql)

    def as_text(self) -> str:
        """What a state keeps of it."""
        return json.dumps(asdict(self))

    @classmethod
    def from_text(cls, content: str) -> Procedure:
        """The procedure that `as_text` wrote."""
        found = json.loads(content)
        return cls(found["key"], tuple(Statement(**each) for each in found["statements"]))


@dataclass(frozen=True)
class Wanted:
    """What a procedure is written for: product, score, event names, and the tables it reads.

    `inputs` are `part_people`, `part_events` and, with revenue, `part_payments` by name.
    """

    product: LoadedProduct
    version: ScoreVersion
    event_names: Sequence[str]
    inputs: Mapping[str, ir.Table]

    @property
    def key(self) -> str:
        """A hash of all that the statements follow from, this program's own text included."""
        content = {
            "program": program_digest(),
            "libraries": [version(name) for name in LIBRARIES],
            "product": self.product.config.model_dump(mode="json", by_alias=True),
            "version": self.version.as_json(),
            "event_names": list(self.event_names),
            "inputs": {name: str(table.schema()) for name, table in self.inputs.items()},
        }
        text = json.dumps(content, sort_keys=True, default=str)
        return hashlib.sha256(text.encode()).hexdigest()

    def write(self) -> Procedure:
        """The statements, by counting the share of nobody in an engine that holds nothing.

        Raises:
            RuntimeError: a statement would depend on what the engine answers.
        """
        with closing(connect("duckdb://", base=Path(), where="state")) as scratch:
            tables = {
                name: scratch.backend.create_table(name, schema=table.schema(), temp=True)
                for name, table in self.inputs.items()
            }
            events, payments = tables["part_events"], tables.get("part_payments")
            # Statuses and ends of observation stand in the rows: no moment is asked for.
            people = Population(tables["part_people"], events, tuple(self.event_names), FOREVER)
            part = Part(SourceTables(events, None, payments), people)
            counting = Extract(self.product, FOREVER, scratch, self.version.choices, part)
            Sums.of(counting, self.version.model)
            return Procedure(self.key, tuple(_statement(scratch, each) for each in scratch.asked))


def _statement(scratch: Engine, asked: Question) -> Statement:
    name = asked.kept_as
    if name is None:
        raise RuntimeError(f"the procedure would depend on the data: {asked.title}")
    if isinstance(asked.query, str):
        rows = scratch.backend.table(name)
        sent = rows.to_pyarrow().to_pydict()
        types = {column: str(dtype) for column, dtype in rows.schema().items()}
        return Statement(asked.title, name, types, rows=sent)
    schema = asked.query.schema()
    types = {column: str(dtype) for column, dtype in schema.items()}
    sql = kept_by(name, schema, str(ibis.to_sql(asked.query, "duckdb")))
    return Statement(asked.title, name, types, sql=sql)
