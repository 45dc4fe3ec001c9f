"""Variables: moments that differ from night to night, by name, so that statements stay the same.

DuckDB puts a variable's value in when it plans a statement, so it prunes blocks as a constant does.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

import ibis
import ibis.expr.datatypes as dt
import ibis.expr.types as ir

from nsm_pipeline.warehouse.connect import Engine
from nsm_pipeline.warehouse.state.clock import Span
from nsm_pipeline.warehouse.state.rows import moment


def _getvariable(variable: str) -> dt.Timestamp(scale=6):  # type: ignore[valid-type]
    """DuckDB's own function; null for a variable that is not set."""


_variable = ibis.udf.scalar.builtin(_getvariable, name="getvariable")
MOMENTS = LAST, AS_OF, LAST_END, END = (
    *("night_last", "night_as_of"),
    *("night_last_end", "night_end"),
)


def named(variable: str) -> ir.TimestampScalar:
    """The moment of that name."""
    value: ir.TimestampScalar = _variable(variable)
    return value


def set_moments(engine: Engine, moments: Mapping[str, datetime]) -> None:
    """Gives the names these moments, for all statements to come."""
    for variable, value in moments.items():
        _set(engine, variable, str(ibis.to_sql(moment(value).as_table(), "duckdb")))


def declare_moments(engine: Engine) -> None:
    """Makes a night's moments known to an engine, without a value."""
    for variable in MOMENTS:
        _set(engine, variable, "SELECT NULL::TIMESTAMP")


def set_smallest(engine: Engine, variable: str, column: ir.TimestampColumn) -> ir.TimestampScalar:
    """Gives the name the column's smallest moment, null when there is no row; the moment by it."""
    _set(engine, variable, str(ibis.to_sql(column.min().as_table(), "duckdb")))
    return named(variable)


def set_largest(engine: Engine, variable: str, column: ir.TimestampColumn) -> ir.TimestampScalar:
    """The same of the largest."""
    _set(engine, variable, str(ibis.to_sql(column.max().as_table(), "duckdb")))
    return named(variable)


def _set(engine: Engine, variable: str, query: str) -> None:
    engine.do(f"the moment {variable}", f"SET VARIABLE {variable} = ({query})")


# A night's moments, as statements that are kept know them.
TONIGHT = Span(named(LAST), named(AS_OF), named(LAST_END), named(END))
