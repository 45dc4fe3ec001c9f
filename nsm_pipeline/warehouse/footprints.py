"""What of each account's activity belongs to each footprint: its rows, by event.

Footprints that are one whole event are not among them: there the rows are the event's own counts.
Those that are one property value stand in a table of their own: their rows are of one event alone.
"""

from __future__ import annotations

import functools
import operator
from collections.abc import Sequence

import ibis
import ibis.expr.types as ir

from nsm_pipeline.warehouse.behaviours import (
    COLUMNS_PER_SCAN,
    value_numbers,
    wide_by_number,
    with_value_number,
)
from nsm_pipeline.warehouse.candidates import Footprint
from nsm_pipeline.warehouse.connect import Engine
from nsm_pipeline.warehouse.exposures import Exposures, clause_rows

Numbered = Sequence[tuple[int, Footprint]]


def own_rows(engine: Engine, exposures: Exposures, footprints: Numbered) -> ir.Table:
    """How many rows of each event belong to each footprint.

    Shape: a row per account, footprint and event touched: `account_no, footprint_no, event_no,
    own_n_<window>`.
    """
    parts = [
        _whole_events(engine, exposures, footprints),
        *_filtered(engine, exposures, footprints),
    ]
    return engine.materialise("own_rows", "rows of each footprint by event", ibis.union(*parts))


def own_values(engine: Engine, exposures: Exposures, footprints: Numbered) -> ir.Table | None:
    """How many rows belong to each footprint that is one property value; None without any.

    Shape: as of `own_rows`; each of these footprints has rows of one event alone.
    """
    columns = value_columns(footprints)
    if not columns:
        return None
    parts = [_values(engine, exposures, footprints, column) for column in columns]
    return engine.materialise("own_values", "rows of each property value", ibis.union(*parts))


def _whole_events(engine: Engine, exposures: Exposures, footprints: Numbered) -> ir.Table:
    whole = [(event, no) for no, f in footprints for event in exposures.numbers(f.whole_events)]
    members = engine.small_table(
        "footprint_events",
        {"event_no": [event for event, _ in whole], "footprint_no": [no for _, no in whole]},
        {"event_no": "int16", "footprint_no": "int32"},
    )
    rows = exposures.by_event.join(members, "event_no")
    return rows.select(
        "account_no",
        "footprint_no",
        "event_no",
        **{f"own_n_{w}": rows[f"n_{w}"] for w in exposures.windows},
    )


def _filtered(engine: Engine, exposures: Exposures, footprints: Numbered) -> list[ir.Table]:
    """Filtered rows of declared footprints, of events not left out as a whole."""
    filtered = [(no, f) for no, f in footprints if f.filters]
    rows, windows = exposures.rows, exposures.windows
    parts: list[ir.Table] = []
    per_scan = max(1, COLUMNS_PER_SCAN // len(windows))
    for start in range(0, len(filtered), per_scan):
        chunk = filtered[start : start + per_scan]
        numbers = [no for no, _ in chunk]
        marked = rows.select(
            "account_no",
            "event_no",
            "day",
            **{f"is_{no}": filtered_rows(rows, exposures, f) for no, f in chunk},
        )
        wide = engine.materialise(
            f"own_filtered_{numbers[0]}",
            "filtered rows of declared candidates per event",
            marked.group_by("account_no", "event_no").aggregate(
                **{
                    f"own_n_{w}_{no}": marked.count(where=marked[f"is_{no}"] & (marked.day < w))
                    for no in numbers
                    for w in windows
                }
            ),
        )
        columns = [f"own_n_{w}" for w in windows]
        keys = ["account_no", "event_no"]
        long = wide_by_number(engine, wide, keys, columns, ("footprint_no", numbers))
        parts.append(
            long.select(
                "account_no",
                "footprint_no",
                "event_no",
                **{name: long[name].cast("int32") for name in columns},
            )
        )
    return parts


def _values(engine: Engine, exposures: Exposures, footprints: Numbered, column: str) -> ir.Table:
    rows = value_rows(engine, exposures, footprints, column)
    own = rows.group_by("account_no", footprint_no=rows.value_no, event_no=rows.event_no).aggregate(
        **{f"own_n_{w}": rows.count(where=rows.day < w).cast("int32") for w in exposures.windows}
    )
    return own.select(
        "account_no", "footprint_no", "event_no", *(f"own_n_{w}" for w in exposures.windows)
    )


def filtered_rows(rows: ir.Table, exposures: Exposures, footprint: Footprint) -> ir.BooleanValue:
    """True on the rows that belong to a footprint by its filters alone."""
    tests = [clause_rows(rows, exposures, clause) for clause in footprint.filters]
    outside = ~rows.event_no.isin(exposures.numbers(footprint.whole_events))
    return functools.reduce(operator.or_, tests) & outside


def footprint_rows(rows: ir.Table, exposures: Exposures, footprint: Footprint) -> ir.BooleanValue:
    """True on the rows of a footprint."""
    whole = rows.event_no.isin(exposures.numbers(footprint.whole_events))
    return whole | filtered_rows(rows, exposures, footprint) if footprint.filters else whole


def value_columns(footprints: Numbered) -> list[str]:
    """The properties of which footprints are single values."""
    return sorted({footprint.value.column for _, footprint in footprints if footprint.value})


def value_rows(engine: Engine, exposures: Exposures, footprints: Numbered, column: str) -> ir.Table:
    """The rows that are some footprint's value of this property, its number as `value_no`."""
    values = [
        (exposures.event_numbers[f.value.event], f.value.value, no)
        for no, f in footprints
        if f.value and f.value.column == column
    ]
    numbers = value_numbers(engine, f"footprints_{column}", values)
    return with_value_number(exposures.rows, numbers, column)
