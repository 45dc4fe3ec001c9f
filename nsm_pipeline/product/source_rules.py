"""Rules that need the source: its columns with their kinds, and the event names that occur."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Iterator, Mapping
from datetime import date
from typing import Any

from nsm_pipeline.product.clauses import conditions, counting_clauses, selectors
from nsm_pipeline.product.config import ProductConfig
from nsm_pipeline.product.connection_rules import VARIABLE
from nsm_pipeline.product.grammar import Condition, Distinct, Max, Measure, Sum
from nsm_pipeline.product.model_findings import did_you_mean
from nsm_pipeline.product.yaml_tree import Finding, Keys, short

SourceColumns = Mapping[str, Mapping[str, str]]
SourceRule = Callable[[ProductConfig, SourceColumns], Iterator[Finding]]
EventRule = Callable[[ProductConfig, Collection[str]], Iterator[Finding]]

TIMES = ("timestamp", "date")
NUMBERS = ("integer", "float")
LEVELS = ("string", "integer", "boolean")
USABLE_KINDS = {
    "account": ("string", "integer"),
    "at": TIMES,
    "event": ("string",),
    "id": ("string", "integer"),
    "amount": NUMBERS,
    "internal": ("boolean",),
    "loaded": (*TIMES, "string", "integer"),
    "observed_until": TIMES,
    "signed_up_at": TIMES,
}
WHY_NO_FLOAT = "As floating-point numbers, ids above 2^53 would merge accounts."


def _variables_set(config: ProductConfig, _columns: SourceColumns) -> Iterator[Finding]:
    connections = {("source", "connection"): config.source.connection}
    if config.publish and config.publish.connection:
        connections["publish", "connection"] = config.publish.connection
    for keys, connection in connections.items():
        for name in VARIABLE.findall(connection):
            if not os.environ.get(name):
                what = f"The environment variable {name} is not set."
                yield Finding(keys, what, f"Set {name} where the run takes place.")


def _named_columns(config: ProductConfig, columns: SourceColumns) -> Iterator[Finding]:
    for table in ("events", "accounts", "revenue"):
        section = getattr(config.source, table)
        if section is None or table not in columns:
            continue
        for key, usable in USABLE_KINDS.items():
            column = getattr(section, key, None)
            if column is None:
                continue
            keys = ("source", table, key)
            yield from column_of_kind(keys, columns, table, column, usable)


def column_of_kind(
    keys: Keys, columns: SourceColumns, table: str, column: str, usable: tuple[str, ...]
) -> Iterator[Finding]:
    """What is wrong with a column that must hold one of these kinds."""
    kind = columns[table].get(column)
    if kind is None:
        yield no_column(keys, columns, (table,), column)
    elif kind not in usable:
        is_float_id = kind == "float" and keys[-1] in ("account", "id", "unit")
        yield Finding(
            keys,
            f'Column "{short(column)}" of {table} holds {_kind(kind)}, not {_kinds(usable)}.',
            f"{WHY_NO_FLOAT} Store them as text." if is_float_id else "Convert it in the source.",
        )


def _same_account_kind(config: ProductConfig, columns: SourceColumns) -> Iterator[Finding]:
    kind = columns["events"].get(config.source.events.account)
    for table in ("accounts", "revenue"):
        section = getattr(config.source, table)
        other = columns.get(table, {}).get(section.account) if section else None
        if kind in LEVELS and other in LEVELS and kind != other:
            yield Finding(
                ("source", table, "account"),
                f"Accounts are {_kind(other)} in {table} but {_kind(kind)} in events.",
                "Store them alike, or 007 and 7 would not meet.",
            )


def _condition_columns(config: ProductConfig, columns: SourceColumns) -> Iterator[Finding]:
    for placed in conditions(config):
        if placed.table not in columns:
            if placed.table == "accounts":
                what = "Attributes of accounts are asked for, but there is no accounts table."
                yield Finding(placed.keys, what, "Add `source.accounts`.")
            continue
        kind = columns[placed.table].get(placed.column)
        if kind is None:
            yield no_column(placed.keys, columns, (placed.table,), placed.column)
            continue
        fault = _comparison_fault(placed.condition, kind)
        if fault:
            yield Finding(placed.keys, *fault)


def _comparison_fault(condition: Condition, kind: str) -> tuple[str, str] | None:
    limits = [condition.at_least, condition.at_most, condition.over, condition.under]
    values = [condition.equals, *(condition.in_ or ()), *limits]
    if condition.contains is not None and kind != "string":
        return f"`contains` looks into text, but the column holds {_kind(kind)}.", "Use `equals`."
    if any(limit is not None for limit in limits) and kind not in NUMBERS + TIMES:
        return f"The column holds {_kind(kind)}, which has no order here.", "Use `equals` or `in`."
    for value in values:
        if value is not None and not _comparable(value, kind):
            mend = f'Put it in quotes: "{value}".' if kind == "string" else f"Give {_kind(kind)}."
            return f"{_shown(value)} is compared with a column of {_kind(kind)}.", mend
    return None


def _comparable(value: Any, kind: str) -> bool:
    if isinstance(value, bool):
        return kind == "boolean"
    if isinstance(value, int | float):
        return kind in NUMBERS
    if isinstance(value, date):
        return kind in TIMES
    return kind == "string"


def _measure_columns(config: ProductConfig, columns: SourceColumns) -> Iterator[Finding]:
    for keys, clause in counting_clauses(config):
        yield from measured_column((*keys, "measure"), clause.measure, columns)


def measured_column(keys: Keys, measure: Measure, columns: SourceColumns) -> Iterator[Finding]:
    """What is wrong with the column that a measure names, if it names one."""
    match measure:
        case Sum(sum=column) | Max(max=column):
            usable: tuple[str, ...] = NUMBERS
        case Distinct(distinct=column):
            usable = (*LEVELS, *TIMES, "float")
        case _:
            return
    place = (*keys, type(measure).__name__.lower())
    yield from column_of_kind(place, columns, "events", column, usable)


def _attributes(config: ProductConfig, columns: SourceColumns) -> Iterator[Finding]:
    tables = tuple(table for table in ("accounts", "events") if table in columns)
    for key in ("adjust_for", "segments"):
        for index, name in enumerate(getattr(config, key)):
            kinds = [columns[table][name] for table in tables if name in columns[table]]
            if not kinds:
                yield no_column((key, index), columns, tables, name)
            elif kinds[0] not in LEVELS:
                yield Finding(
                    (key, index),
                    f'"{short(name)}" holds {_kind(kinds[0])}, which has too many levels to group'
                    " by.",
                    "Cut it into bands in the source and name the bands' column.",
                )


def _properties(config: ProductConfig, columns: SourceColumns) -> Iterator[Finding]:
    for index, name in enumerate(config.discover.properties if config.discover else ()):
        keys = ("discover", "properties", index)
        yield from column_of_kind(keys, columns, "events", name, LEVELS)


def no_column(keys: Keys, columns: SourceColumns, tables: tuple[str, ...], column: str) -> Finding:
    """That none of these tables has such a column."""
    known = [name for table in tables for name in columns[table]]
    what = f'There is no column "{short(column)}" in {" or ".join(tables)}.'
    return Finding(keys, what, did_you_mean(column, known, kind="columns"))


def _kind(kind: str) -> str:
    return {"string": "text", "integer": "whole numbers", "float": "numbers"}.get(
        kind, {"boolean": "true/false", "other": "another kind"}.get(kind, f"{kind}s")
    )


def _kinds(kinds: tuple[str, ...]) -> str:
    return " or ".join(_kind(kind) for kind in kinds)


def _shown(value: Any) -> str:
    return f'"{short(value)}"' if isinstance(value, str) else short(str(value).lower())


def _selected_events(config: ProductConfig, events: Collection[str]) -> Iterator[Finding]:
    """Only what nothing can be computed without; a candidate nobody did yet is a result."""
    for keys, selector in selectors(config):
        required = keys[0] in ("core_metric", "retention", "journey", "metrics", "health")
        if required and not any(_selects(name, events) for name in selector):
            yield Finding(
                keys,
                f'No event is named "{short(selector[0])}".',
                did_you_mean(selector[0], events, kind="events"),
            )


def _selects(name: str, events: Collection[str]) -> bool:
    head, star, _ = name.partition("*")
    return name in ("any", "core") or (
        any(event.startswith(head) for event in events) if star else name in events
    )


def _relatives_exist(config: ProductConfig, events: Collection[str]) -> Iterator[Finding]:
    known = {candidate.name for candidate in config.candidates} | set(events)
    listed: list[tuple[Keys, tuple[str, ...]]] = [
        (("families", index), family) for index, family in enumerate(config.families)
    ]
    for keys, names in [*listed, (("placebos",), config.placebos)]:
        for index, name in enumerate(names):
            of_discovery = ": " in name and bool(config.discover and config.discover.properties)
            if name not in known and not of_discovery:
                yield Finding(
                    (*keys, index),
                    f'No candidate and no event is named "{short(name)}".',
                    did_you_mean(name, known, kind="names"),
                )


SOURCE_RULES: tuple[SourceRule, ...] = (
    _variables_set,
    _named_columns,
    _same_account_kind,
    _condition_columns,
    _measure_columns,
    _attributes,
    _properties,
)
EVENT_RULES: tuple[EventRule, ...] = (_selected_events, _relatives_exist)
