"""The measured value of candidates, for the accounts that reached them at all."""

from __future__ import annotations

import functools
import operator
from collections.abc import Sequence
from typing import Any

import ibis
import ibis.expr.types as ir

from nsm_pipeline.product.candidate import Behaviour, Part
from nsm_pipeline.product.config import ProductConfig
from nsm_pipeline.product.grammar import Distinct, Max, Measure, Sum
from nsm_pipeline.waist.cells import FEWEST_DOERS, SMALLEST_SHARE
from nsm_pipeline.warehouse.candidates import (
    PropertyValue,
    ResolvedCandidate,
    discoverable_events,
)
from nsm_pipeline.warehouse.connect import Engine
from nsm_pipeline.warehouse.exposures import Exposures, clause_rows
from nsm_pipeline.warehouse.where import numeric

Numbered = Sequence[tuple[int, ResolvedCandidate]]

COLUMNS_PER_SCAN = 120
MOST_VALUES_PER_PROPERTY = 500


def frequent_values(
    engine: Engine, exposures: Exposures, config: ProductConfig, eligible: int
) -> list[PropertyValue]:
    """Property values that enough accounts meet in the longest window, most frequent first cut.

    The bar is the support gate itself (100 accounts and 3 % of them): below it no lift would be
    estimated, and a shop's thousands of articles would only fill the table.
    """
    if config.discover is None:
        return []
    found: list[PropertyValue] = []
    names = {number: name for name, number in exposures.event_numbers.items()}
    rows = exposures.rows.filter(
        exposures.rows.event_no.isin(
            exposures.numbers(discoverable_events(config, list(exposures.event_names)))
        )
    )
    for column in config.discover.properties:
        text = rows[column].cast("string")
        reach = rows.filter(text.notnull()).group_by("event_no", value=text)
        bar = max(FEWEST_DOERS, SMALLEST_SHARE * eligible)
        counted = reach.aggregate(accounts=rows.account_no.nunique())
        frequent = counted.filter(counted.accounts >= bar).order_by(
            ibis.desc("accounts"), "event_no", "value"
        )
        fetched = engine.fetch(
            f"frequent values of {column}", frequent.limit(MOST_VALUES_PER_PROPERTY)
        )
        rows_found: list[dict[Any, Any]] = fetched.sort_values(["event_no", "value"]).to_dict(
            "records"
        )
        found.extend(
            PropertyValue(names[row["event_no"]], column, row["value"]) for row in rows_found
        )
    return found


def candidate_values(engine: Engine, exposures: Exposures, candidates: Numbered) -> ir.Table:
    """Measured value of every candidate that an account reached at all.

    Shape: a row per account and candidate: `account_no, candidate_no, value_<window>`, null or 0
    in windows in which the candidate was not reached.
    """
    declared = [(no, c) for no, c in candidates if c.kind == "declared"]
    per_scan = max(1, COLUMNS_PER_SCAN // len(exposures.windows))
    chunks = [declared[start : start + per_scan] for start in range(0, len(declared), per_scan)]
    columns = sorted({c.value.column for _, c in candidates if c.value})
    parts = [
        _event_values(engine, exposures, candidates),
        *(_declared_values(engine, exposures, chunk) for chunk in chunks),
        *(_property_values(engine, exposures, candidates, column) for column in columns),
    ]
    return engine.materialise("candidate_values", "what candidates reached", ibis.union(*parts))


def _event_values(engine: Engine, exposures: Exposures, candidates: Numbered) -> ir.Table:
    plain = [(no, c) for no, c in candidates if c.kind == "event"]
    numbers = engine.small_table(
        "event_candidates",
        {
            "event_no": [exposures.event_numbers[c.events[0]] for _, c in plain],
            "candidate_no": [no for no, _ in plain],
        },
        {"event_no": "int16", "candidate_no": "int32"},
    )
    rows = exposures.by_event.join(numbers, "event_no")
    values = {f"value_{w}": rows[f"n_{w}"].cast("float64") for w in exposures.windows}
    return rows.select("account_no", "candidate_no", **values)


def _property_values(
    engine: Engine, exposures: Exposures, candidates: Numbered, column: str
) -> ir.Table:
    marked = [(no, c.value) for no, c in candidates if c.value and c.value.column == column]
    names = [(exposures.event_numbers[v.event], v.value, no) for no, v in marked]
    numbers = value_numbers(engine, f"candidates_{column}", names)
    rows = with_value_number(exposures.rows, numbers, column)
    return rows.group_by("account_no", candidate_no=rows.value_no).aggregate(
        **{f"value_{w}": rows.count(where=rows.day < w).cast("float64") for w in exposures.windows}
    )


def value_numbers(engine: Engine, name: str, values: Sequence[tuple[int, str, int]]) -> ir.Table:
    """(event number, value, its number) as a small table of the engine."""
    return engine.small_table(
        name,
        {
            "event_no": [event for event, _, _ in values],
            "value": [value for _, value, _ in values],
            "value_no": [number for _, _, number in values],
        },
        {"event_no": "int16", "value": "string", "value_no": "int32"},
    )


def with_value_number(rows: ir.Table, numbers: ir.Table, column: str) -> ir.Table:
    """The rows whose value of the column has a number, with it as `value_no`."""
    keyed = rows.mutate(value=rows[column].cast("string"))
    return keyed.join(numbers, ["event_no", "value"])


def _declared_values(engine: Engine, exposures: Exposures, declared: Numbered) -> ir.Table:
    rows, windows = exposures.rows, exposures.windows
    touched = sorted({number for _, c in declared for number in exposures.numbers(c.events)})
    relevant = rows.filter(rows.event_no.isin(touched)) if touched else rows.limit(0)
    marked = relevant.mutate(
        **{
            f"is_{no}_{part}": clause_rows(relevant, exposures, clause)
            for no, candidate in declared
            for part, clause in enumerate(candidate.clauses)
        }
    )
    numbers = [no for no, _ in declared]
    wide = engine.materialise(
        f"declared_values_{numbers[0]}",
        "declared candidates per account and window",
        marked.group_by("account_no").aggregate(
            **{
                f"value_{window}_{no}": _reached(marked, no, candidate, window)
                for no, candidate in declared
                for window in windows
            }
        ),
    )
    columns = [f"value_{w}" for w in windows]
    return wide_by_number(engine, wide, ["account_no"], columns, ("candidate_no", numbers))


def wide_by_number(
    engine: Engine,
    wide: ir.Table,
    keys: Sequence[str],
    columns: Sequence[str],
    number: tuple[str, Sequence[int]],
) -> ir.Table:
    """Row per key and number with the columns `<column>_<number>` as `<column>`, without zeros.

    A join with the numbers, so that the query does not grow by a part for each of them.
    """
    name, numbers = number
    small = engine.small_table(f"{name}_{numbers[0]}", {name: list(numbers)}, {name: "int32"})
    crossed = wide.cross_join(small)
    long = crossed.select(
        *keys[:1],
        name,
        *keys[1:],
        **{
            column: ibis.cases(
                *((crossed[name] == no, crossed[f"{column}_{no}"]) for no in numbers)
            )
            for column in columns
        },
    )
    above = [(long[column] > 0).fill_null(False) for column in columns]
    return long.filter(functools.reduce(operator.or_, above))


def _reached(
    marked: ir.Table, number: int, candidate: ResolvedCandidate, window: int
) -> ir.FloatingValue:
    """The candidate's value within the window; a composite is 1 where every clause holds."""
    values = [
        _measured(marked, clause, marked[f"is_{number}_{part}"] & (marked.day < window))
        for part, clause in enumerate(candidate.clauses)
    ]
    if not isinstance(candidate.clauses[0], Part):
        return values[0]
    holds = ibis.literal(True)
    for clause, measured in zip(candidate.clauses, values, strict=True):
        if isinstance(clause, Part):
            value = measured.fill_null(0.0)
            if clause.at_least is not None:
                holds = holds & (value >= clause.at_least)
            if clause.at_most is not None:
                holds = holds & (value <= clause.at_most)
    return ibis.ifelse(holds, 1.0, 0.0)


def _measured(rows: ir.Table, clause: Behaviour, inside: ir.BooleanValue) -> ir.FloatingValue:
    return measured(rows, clause.measure, inside).cast("float64")


def measured(
    rows: ir.Table, measure: Measure, inside: ir.BooleanValue, clock: str = "at"
) -> ir.Value:
    """The measure over the rows inside, in its own type; null where a sum or maximum has none.

    `clock` is the column whose dates `days` counts. Sums are of decimals with four places, so
    that they do not depend on the order of rows.
    """
    if measure == "count":
        return rows.count(where=inside)
    if measure == "days":
        return rows[clock].date().nunique(where=inside)
    if isinstance(measure, Distinct):
        return rows[measure.distinct].nunique(where=inside)
    if isinstance(measure, Sum):
        return numeric(rows[measure.sum]).cast("decimal(38, 4)").sum(where=inside)
    if isinstance(measure, Max):
        return numeric(rows[measure.max]).max(where=inside)
    raise ValueError(f"unknown measure {measure!r}")
