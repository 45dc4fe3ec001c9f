"""The measured value of every candidate, for the accounts that reached it at all."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import ibis
import ibis.expr.types as ir

from nsm_pipeline.product.candidate import Behaviour, Part
from nsm_pipeline.product.config import ProductConfig
from nsm_pipeline.product.grammar import Distinct, Max, Sum
from nsm_pipeline.waist.cells import FEWEST_DOERS, SMALLEST_SHARE
from nsm_pipeline.warehouse.candidates import (
    PropertyValue,
    ResolvedCandidate,
    discoverable_events,
    resolve_candidates,
)
from nsm_pipeline.warehouse.connect import Engine
from nsm_pipeline.warehouse.exposures import Exposures, clause_rows, long_by_window
from nsm_pipeline.warehouse.where import numeric

COLUMNS_PER_SCAN = 120
MOST_VALUES_PER_PROPERTY = 500


def resolve(
    engine: Engine, exposures: Exposures, config: ProductConfig, eligible: int
) -> list[ResolvedCandidate]:
    """All candidates of the run, those without thresholds given quantiles of their values."""
    values = frequent_values(engine, exposures, config, eligible)
    return resolve_candidates(config, list(exposures.event_names), values)


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
            PropertyValue(exposures.event_names[row["event_no"]], column, row["value"])
            for row in rows_found
        )
    return found


def candidate_values(
    engine: Engine, exposures: Exposures, candidates: Sequence[ResolvedCandidate]
) -> ir.Table:
    """Measured value of every candidate an account reached at all.

    Shape: a row per window, candidate and account: `within_days, candidate_no, account_no, value`.
    """
    parts = [_event_values(engine, exposures, candidates)]
    declared = [(no, c) for no, c in enumerate(candidates) if c.kind == "declared"]
    per_scan = max(1, COLUMNS_PER_SCAN // len(exposures.windows))
    chunks = [declared[start : start + per_scan] for start in range(0, len(declared), per_scan)]
    parts.extend(_declared_values(engine, exposures, chunk) for chunk in chunks)
    parts.extend(_property_values(engine, exposures, candidates))
    return ibis.union(*parts)


def _event_values(
    engine: Engine, exposures: Exposures, candidates: Sequence[ResolvedCandidate]
) -> ir.Table:
    plain = [(no, c) for no, c in enumerate(candidates) if c.kind == "event"]
    numbers = engine.small_table(
        "event_candidates",
        {
            "event_no": [exposures.event_names.index(c.events[0]) for _, c in plain],
            "candidate_no": [no for no, _ in plain],
        },
        {"event_no": "int64", "candidate_no": "int64"},
    )
    rows = exposures.counts.join(numbers, "event_no")
    return rows.select("within_days", "candidate_no", "account_no", value=rows.n.cast("float64"))


def _property_values(
    engine: Engine, exposures: Exposures, candidates: Sequence[ResolvedCandidate]
) -> list[ir.Table]:
    columns = sorted({c.value.column for c in candidates if c.value})
    return [_values_of_one_property(engine, exposures, candidates, column) for column in columns]


def _values_of_one_property(
    engine: Engine, exposures: Exposures, candidates: Sequence[ResolvedCandidate], column: str
) -> ir.Table:
    marked = [
        (no, c.value) for no, c in enumerate(candidates) if c.value and c.value.column == column
    ]
    names = [(exposures.event_names.index(v.event), v.value, no) for no, v in marked]
    numbers = value_numbers(engine, f"candidates_{column}", names)
    rows = with_value_number(exposures.rows, numbers, column)
    wide = rows.group_by("account_no", candidate_no=rows.value_no).aggregate(
        **{f"value_{w}": rows.count(where=rows.day < w).cast("float64") for w in exposures.windows}
    )
    kept = engine.materialise(f"values_{column}", f"counts per value of {column}", wide)
    long = long_by_window(kept, exposures.windows, "value", ["candidate_no", "account_no"])
    return long.select("within_days", "candidate_no", "account_no", "value")


def value_numbers(engine: Engine, name: str, values: Sequence[tuple[int, str, int]]) -> ir.Table:
    """(event number, value, its number) as a small table of the engine."""
    return engine.small_table(
        name,
        {
            "event_no": [event for event, _, _ in values],
            "value": [value for _, value, _ in values],
            "value_no": [number for _, _, number in values],
        },
        {"event_no": "int64", "value": "string", "value_no": "int64"},
    )


def with_value_number(rows: ir.Table, numbers: ir.Table, column: str) -> ir.Table:
    """The rows whose value of the column has a number, with it as `value_no`."""
    keyed = rows.mutate(value=rows[column].cast("string"))
    return keyed.join(numbers, ["event_no", "value"])


def _declared_values(
    engine: Engine, exposures: Exposures, declared: Sequence[tuple[int, ResolvedCandidate]]
) -> ir.Table:
    rows, windows = exposures.rows, exposures.windows
    touched = sorted({number for _, c in declared for number in exposures.numbers(c.events)})
    relevant = rows.filter(rows.event_no.isin(touched)) if touched else rows.limit(0)
    columns = {
        f"c{no}_{window}": _reached(relevant, exposures, candidate, window)
        for no, candidate in declared
        for window in windows
    }
    first = declared[0][0]
    wide = engine.materialise(
        f"declared_values_{first}",
        "declared candidates per account and window",
        relevant.group_by("account_no").aggregate(**columns),
    )
    parts = []
    for no, _ in declared:
        named = wide.select("account_no", **{f"value_{w}": wide[f"c{no}_{w}"] for w in windows})
        long = long_by_window(named, windows, "value", ["account_no"])
        parts.append(
            long.select(
                "within_days",
                "account_no",
                "value",
                candidate_no=ibis.literal(no, "int64"),
            ).select("within_days", "candidate_no", "account_no", "value")
        )
    return ibis.union(*parts)


def _reached(
    rows: ir.Table, exposures: Exposures, candidate: ResolvedCandidate, window: int
) -> ir.FloatingValue:
    """The candidate's value within the window; a composite is 1 where every clause holds."""
    if not isinstance(candidate.clauses[0], Part):
        return _measured(rows, exposures, candidate.clauses[0], window)
    holds = ibis.literal(True)
    for clause in candidate.clauses:
        if isinstance(clause, Part):
            value = _measured(rows, exposures, clause, window).fill_null(0.0)
            if clause.at_least is not None:
                holds = holds & (value >= clause.at_least)
            if clause.at_most is not None:
                holds = holds & (value <= clause.at_most)
    return holds.cast("int64").cast("float64")


def _measured(
    rows: ir.Table, exposures: Exposures, clause: Behaviour, window: int
) -> ir.FloatingValue:
    inside = clause_rows(rows, exposures, clause) & (rows.day < window)
    measure = clause.measure
    if measure == "count":
        value: ir.Value = rows.count(where=inside)
    elif measure == "days":
        value = rows["at"].date().nunique(where=inside)
    elif isinstance(measure, Distinct):
        value = rows[measure.distinct].nunique(where=inside)
    elif isinstance(measure, Sum):
        value = numeric(rows[measure.sum]).cast("decimal(38, 4)").sum(where=inside)
    elif isinstance(measure, Max):
        value = numeric(rows[measure.max]).max(where=inside)
    else:
        raise ValueError(f"unknown measure {measure!r}")
    return value.cast("float64")
