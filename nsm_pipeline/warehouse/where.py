"""The product file's closed `where` grammar and event selectors as Ibis booleans."""

from __future__ import annotations

import functools
import operator
import re
from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime
from typing import Any

import ibis
import ibis.expr.types as ir

from nsm_pipeline.product.grammar import Condition

COMPARISONS = {
    "at_least": operator.ge,
    "at_most": operator.le,
    "over": operator.gt,
    "under": operator.lt,
}


def matches(table: ir.Table, where: Mapping[str, Condition]) -> ir.BooleanValue:
    """True where every condition holds; a NULL matches nothing but `null: true`."""
    if not where:
        return ibis.literal(True)
    tests = [
        test for column, condition in where.items() for test in _tests(table[column], condition)
    ]
    return functools.reduce(operator.and_, tests).fill_null(False)


def both(first: ir.BooleanValue, where: Mapping[str, Condition], table: ir.Table) -> Any:
    """`first` and the conditions, if there are any: the SQL stays free of AND TRUE."""
    return first & matches(table, where) if where else first


def selects(selector: Iterable[str], event: str) -> bool:
    """Whether a selector (names, patterns, `any`) takes this event; patterns know only `*`."""
    return any(
        pattern in ("any", event) or ("*" in pattern and re.search(_regex(pattern), event))
        for pattern in selector
    )


def selected(event: ir.StringValue, selector: Iterable[str]) -> ir.BooleanValue:
    """The same as `selects`, inside the engine."""
    names = [name for name in selector if "*" not in name]
    if "any" in names:
        return ibis.literal(True)
    tests = [event.re_search(_regex(pattern)) for pattern in selector if "*" in pattern]
    if names:
        tests.append(event.isin(names))
    return functools.reduce(operator.or_, tests)


def numeric(column: ir.Value) -> ir.Value:
    """The column with NaN as missing: to DuckDB NaN is greater than every number."""
    return column.nullif(float("nan")) if column.type().is_floating() else column


def _regex(pattern: str) -> str:
    """Only `*` is special; `(?s)` lets it run over a newline inside a name."""
    return f"(?s)^{'.*'.join(re.escape(piece) for piece in pattern.split('*'))}$"


def _tests(column: ir.Value, condition: Condition) -> list[Any]:
    column = numeric(column)
    tests: list[Any] = []
    if condition.equals is not None:
        tests.append(column == _literal(condition.equals))
    if condition.in_ is not None:
        tests.append(column.isin([_literal(value) for value in condition.in_]))
    if condition.contains is not None:
        tests.append(column.contains(condition.contains))
    if condition.null is not None:
        tests.append(column.isnull() if condition.null else column.notnull())
    for key, compare in COMPARISONS.items():
        bound = getattr(condition, key)
        if bound is not None:
            tests.append(compare(column, _literal(bound)))
    return tests


def _literal(value: Any) -> Any:
    if isinstance(value, datetime):
        moment = value.astimezone(UTC).replace(tzinfo=None) if value.tzinfo else value
        return ibis.timestamp(moment.isoformat())
    if isinstance(value, date):
        return ibis.date(value.isoformat())
    return value
