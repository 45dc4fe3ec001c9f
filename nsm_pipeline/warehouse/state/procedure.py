"""A procedure: the statements of a part of a night, written once and asked word for word.

Writing them is Ibis at work in Python, and costs more than the engine needs to answer them for the
rows of a night. They can be kept, because nothing in them depends on the night: what does stands in
the tables that they read, or in variables.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import ibis

from nsm_pipeline.product.config import ProductConfig
from nsm_pipeline.runs.program import program_digest
from nsm_pipeline.warehouse.connect import Engine, Question, connect
from nsm_pipeline.warehouse.duckdb_engine import kept_by
from nsm_pipeline.warehouse.log import Fetch
from nsm_pipeline.warehouse.state.store import StateStore
from nsm_pipeline.warehouse.state.variables import declare_moments

if TYPE_CHECKING:
    import pandas as pd

LIBRARIES = ("ibis-framework", "sqlglot", "duckdb")
Answers = Mapping[str, "pd.DataFrame"]


@dataclass(frozen=True)
class Statement:
    """A statement without an `answer` is only done, as a table made or rows written.

    One with `answer` has columns of these types; one with `rows` sends them as the table `name`.
    """

    title: str
    sql: str = ""
    answer: Mapping[str, str] | None = None
    name: str = ""
    types: Mapping[str, str] | None = None
    rows: Mapping[str, list[Any]] | None = None


@dataclass(frozen=True)
class Procedure:
    """Statements in their order; `key` tells what they were written for."""

    key: str
    statements: tuple[Statement, ...]

    def run(self, engine: Engine) -> Answers:
        """Asks them one by one; the answers by title."""
        answers = {}
        for statement in self.statements:
            if statement.rows is not None:
                engine.small_table(statement.name, dict(statement.rows), statement.types or {})
            elif statement.answer is None:
                engine.do(statement.title, statement.sql)
            else:
                rows = engine.read(statement.title, statement.sql)
                types = ibis.schema(dict(statement.answer)).to_pyarrow()
                answers[statement.title] = rows.cast(types).to_pandas()
        return answers

    def as_text(self) -> str:
        """What a state keeps of it."""
        return json.dumps([self.key, [_without_nothing(each) for each in self.statements]])

    @classmethod
    def from_text(cls, content: str) -> Procedure:
        """The procedure that `as_text` wrote."""
        key, statements = json.loads(content)
        return cls(key, tuple(Statement(**each) for each in statements))


Work = Callable[[StateStore, Fetch], object]


@dataclass(frozen=True)
class Wanted:
    """What a procedure is written for.

    `name` tells the procedures of a state apart. `follows` is what the statements follow from,
    beside the product, this program, and the columns of the state and of the temporary tables
    (`inputs`) that are there before it.
    """

    name: str
    config: ProductConfig
    follows: Mapping[str, Any]
    inputs: Sequence[str]

    def ask(self, store: StateStore, work: Work) -> Answers:
        """The answers of the procedure that the state keeps, or of one that is written now.

        Args:
            store: the state, inside a transaction.
            work: asks for the tables and writes. What it asks by the `Fetch` that it is given is
                answered by title; what it gets itself is the answer of a state without rows.

        Raises:
            RuntimeError: it asked the engine for a value in another way.
        """
        tables = store.columns(self.inputs)
        place, key = f"procedure_{self.name}", self._key(tables)
        content = store.read_text(place)
        procedure = None if content is None else Procedure.from_text(content)
        if procedure is None or procedure.key != key:
            procedure = Procedure(key, _written(tables, work))
            store.write_text(place, procedure.as_text())
        return procedure.run(store.engine)

    def _key(self, tables: Mapping[str, str]) -> str:
        content = {
            "program": program_digest(),
            "libraries": [version(name) for name in LIBRARIES],
            "product": self.config.model_dump(mode="json", by_alias=True),
            "follows": self.follows,
            "tables": tables,
        }
        text = json.dumps(content, sort_keys=True, default=str)
        return hashlib.sha256(text.encode()).hexdigest()


def _written(tables: Mapping[str, str], work: Work) -> tuple[Statement, ...]:
    """The statements, by doing the work in an engine that holds these tables without rows."""
    with closing(connect("duckdb://", base=Path(), where="state")) as scratch:
        store = StateStore.attach(scratch, Path(":memory:"))
        for place, columns in tables.items():
            temporary = "TEMPORARY " if place.startswith("temp.") else ""
            scratch.backend.raw_sql(f"CREATE {temporary}TABLE {place} ({columns})")
        declare_moments(scratch)
        scratch.asked.clear()
        questions: list[str] = []

        def ask(title: str, expression: ibis.Table) -> pd.DataFrame:
            if title in questions:
                raise RuntimeError(f"two questions of a procedure have the title {title!r}")
            questions.append(title)
            return scratch.fetch(title, expression)

        work(store, ask)
        return tuple(_statement(scratch, each, questions) for each in scratch.asked)


def _statement(scratch: Engine, asked: Question, questions: Sequence[str]) -> Statement:
    title, query, name = asked.title, asked.query, asked.kept_as
    if isinstance(query, str):
        if name is None:
            return Statement(title, query)
        rows = scratch.backend.table(name)
        types = {column: str(dtype) for column, dtype in rows.schema().items()}
        return Statement(title, name=name, types=types, rows=rows.to_pyarrow().to_pydict())
    sql = str(ibis.to_sql(query, "duckdb"))
    if name is not None:
        return Statement(title, kept_by(name, query.schema(), sql))
    if title not in questions:
        raise RuntimeError(f"the procedure would depend on the data: {title}")
    types = {column: str(dtype) for column, dtype in query.schema().items()}
    return Statement(title, sql, answer=types)


def _without_nothing(statement: Statement) -> dict[str, Any]:
    return {name: value for name, value in asdict(statement).items() if value}
