"""What every metric of a product counts, period by period: one scan of the events per frame.

A frame is a unit, a period, a cohort's window and a segment. Metrics that share one are counted
together: rows are grouped by unit and period once, then by period.
"""

from __future__ import annotations

import functools
import operator
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import ibis
import ibis.expr.types as ir
import pandas as pd

from nsm_pipeline.product.candidate import Part
from nsm_pipeline.product.config import ProductConfig
from nsm_pipeline.product.grammar import Measure, Sum
from nsm_pipeline.product.metrics import (
    Clause,
    CountedMetric,
    Mean,
    Median,
    RatioMetric,
    ShareOf,
)
from nsm_pipeline.warehouse.behaviours import measured
from nsm_pipeline.warehouse.cohort import Population
from nsm_pipeline.warehouse.connect import Engine
from nsm_pipeline.warehouse.events import SourceTables
from nsm_pipeline.warehouse.metric_rows import (
    CLOCK,
    PERIOD,
    SEGMENT,
    UNIT,
    Frame,
    Scope,
    cohort_sizes,
    marks,
    metric_rows,
)
from nsm_pipeline.warehouse.where import numeric

Numbered = Sequence[tuple[int, CountedMetric]]

MONEY = "decimal(38, 4)"
COUNTS = ["metric", "segment", "period", "units", "events", "above", "below"]


@dataclass(frozen=True)
class MetricCounts:
    """What was counted of the metrics that count events.

    Shape: `table` a row per metric, segment and period in which anything was counted: `metric,
    segment` ("" is everybody), `period` (its beginning by the product's clocks, without a zone),
    `units, events, above, below`. The value of a sum is `above`; that of a mean, a median or a
    share is `above / below`. `begins` is the log's first event, None when there is none.
    """

    table: pd.DataFrame
    begins: datetime | None


def count_metrics(
    engine: Engine, tables: SourceTables, population: Population, config: ProductConfig
) -> MetricCounts:
    """Counts every metric that counts events; the engine is asked once per frame."""
    begins = log_begins(engine, tables, population)
    if begins is None:
        return MetricCounts(pd.DataFrame({name: [] for name in COUNTS}), None)
    scope = Scope(engine, tables, population, config, begins)
    found = [
        part
        for frame, metrics in by_frame(config).items()
        for part in _counted(scope, frame, metrics)
    ]
    table = pd.concat(found, ignore_index=True)
    return MetricCounts(table.sort_values(COUNTS[:3], ignore_index=True), begins)


def by_frame(config: ProductConfig) -> dict[Frame, list[tuple[int, CountedMetric]]]:
    """The metrics by what they are counted with; a segmented one also for everybody."""
    frames: dict[Frame, list[tuple[int, CountedMetric]]] = {}
    for number, metric in enumerate(config.metrics):
        if isinstance(metric, RatioMetric):
            continue
        for segment in dict.fromkeys((None, metric.segment)):
            frame = Frame(metric.unit, metric.per, metric.within, segment)
            frames.setdefault(frame, []).append((number, metric))
    return frames


def log_begins(engine: Engine, tables: SourceTables, population: Population) -> datetime | None:
    """The first event of the log, in UTC."""
    events = tables.events
    end = ibis.timestamp(population.observed_until.replace(tzinfo=None).isoformat())
    known = events.filter(events.account.notnull(), events.event.notnull(), events["at"] <= end)
    first = engine.fetch("when the log begins", known.aggregate(at=known["at"].min()))["at"].iloc[0]
    return None if pd.isna(first) else pd.Timestamp(first).to_pydatetime().replace(tzinfo=UTC)


def _counted(scope: Scope, frame: Frame, metrics: Numbered) -> Iterator[pd.DataFrame]:
    units = _with_ranks(by_unit(metric_rows(scope, frame, metrics), metrics), metrics)
    listed = _by_period(units, metrics).order_by(SEGMENT, PERIOD)
    wide = scope.engine.fetch(f"metrics {frame.title}", listed)
    sizes = None
    if frame.within is not None:
        of_cohorts = cohort_sizes(scope, frame).order_by(SEGMENT, PERIOD)
        sizes = scope.engine.fetch(f"onboarded {frame.title}", of_cohorts)
    for number, metric in metrics:
        yield _of_metric(wide, number, metric, sizes)


def by_unit(rows: ir.Table, metrics: Numbered) -> ir.Table:
    """Row per unit, period and segment: of each metric whether it counts, and what it adds."""
    columns: dict[str, ir.Value] = {}
    for number, metric in metrics:
        named = dict(marks(number, metric))
        base = named.pop(f"is_{number}_base", None)
        first = rows[f"is_{number}_0"]
        columns[f"reached_{number}"] = functools.reduce(
            operator.and_, (_holds(rows, rows[name], clause) for name, clause in named.items())
        )
        columns[f"events_{number}"] = rows.count(where=first)
        if base is not None:
            columns[f"base_{number}"] = _holds(rows, rows[f"is_{number}_base"], base)
        columns |= _amounts(rows, number, metric, first)
    return rows.group_by(SEGMENT, PERIOD, UNIT).aggregate(**columns)


def _holds(rows: ir.Table, inside: ir.BooleanValue, clause: Clause | Part) -> ir.BooleanValue:
    """Whether a unit did at least so much, or at most so much; without a limit, anything at all."""
    at_most = clause.at_most if isinstance(clause, Part) else None
    if clause.at_least is None and at_most is None:
        return rows.count(where=inside) > 0
    value = measured(rows, clause.measure, inside, CLOCK).cast("float64").fill_null(0.0)
    return value <= at_most if clause.at_least is None else value >= clause.at_least


def _amounts(
    rows: ir.Table, number: int, metric: CountedMetric, inside: ir.BooleanValue
) -> dict[str, ir.Value]:
    match metric.value:
        case Sum() as total:
            return {f"amount_{number}": _amount(rows, total, inside)}
        case Mean(mean=column):
            return {
                f"amount_{number}": _amount(rows, Sum(sum=column), inside),
                f"filled_{number}": numeric(rows[column]).count(where=inside),
            }
        case Median(median=measure):
            return {f"amount_{number}": _amount(rows, measure, inside)}
    return {}


def _amount(rows: ir.Table, measure: Measure, inside: ir.BooleanValue) -> ir.Value:
    return measured(rows, measure, inside, CLOCK).cast(MONEY)


def _with_ranks(units: ir.Table, metrics: Numbered) -> ir.Table:
    """Adds to each unit of a median its place (from 0) among the counted ones, and their number.

    Ranks agree on all engines; their quantile functions do not.
    """
    columns: dict[str, Any] = {}
    for number, metric in metrics:
        if isinstance(metric.value, Median):
            amount = units[f"amount_{number}"]
            known = units[f"reached_{number}"] & amount.notnull()
            peers = [units[SEGMENT], units[PERIOD], known]
            columns[f"place_{number}"] = ibis.row_number().over(group_by=peers, order_by=amount)
            columns[f"peers_{number}"] = units[UNIT].count().over(group_by=peers)
    return units.mutate(**columns) if columns else units


def _by_period(units: ir.Table, metrics: Numbered) -> ir.Table:
    columns: dict[str, ir.Value] = {}
    for number, metric in metrics:
        counted = units[f"reached_{number}"]
        if f"base_{number}" in units.columns:
            counted = counted & units[f"base_{number}"]
        columns[f"units_{number}"] = units.count(where=counted)
        columns[f"events_{number}"] = _whole(units[f"events_{number}"].sum(where=counted))
        columns |= _above_and_below(units, number, metric)
    return units.group_by(SEGMENT, PERIOD).aggregate(**columns)


def _above_and_below(units: ir.Table, number: int, metric: CountedMetric) -> dict[str, ir.Value]:
    reached, above, below = units[f"reached_{number}"], f"above_{number}", f"below_{number}"
    match metric.value:
        case Sum():
            return {above: units[f"amount_{number}"].sum(where=reached)}
        case Mean():
            return {
                above: units[f"amount_{number}"].sum(where=reached),
                below: _whole(units[f"filled_{number}"].sum(where=reached)),
            }
        case Median():
            amount = units[f"amount_{number}"]
            # Twice the place of the middle unit is one less than their number; of the two middle
            # ones, it is their number or two less.
            apart = units[f"place_{number}"] * 2 - units[f"peers_{number}"]
            middle = reached & amount.notnull() & apart.between(-2, 0)
            return {above: amount.sum(where=middle), below: units.count(where=middle)}
        case ShareOf(share_of=Clause()):
            return {below: units.count(where=units[f"base_{number}"])}
    return {}


def _whole(total: ir.Value) -> ir.Value:
    return total.fill_null(0).cast("int64")


def _of_metric(
    wide: pd.DataFrame, number: int, metric: CountedMetric, sizes: pd.DataFrame | None
) -> pd.DataFrame:
    """The metric's own rows; a cohort's are all that were observed, also where nobody did it."""
    own = {f"{name}_{number}": name for name in ("units", "events", "above", "below")}
    kept = [SEGMENT, PERIOD, *(column for column in own if column in wide)]
    rows = wide[kept].rename(columns=own)
    if sizes is not None:
        rows = sizes.merge(rows, how="left", on=[SEGMENT, PERIOD])
        rows = rows.fillna({"units": 0, "events": 0})
    if isinstance(metric.value, ShareOf):
        base = rows["accounts"] if metric.value.share_of == "onboarded" else rows["below"].fillna(0)
        rows = rows.assign(above=rows["units"], below=base, units=base)
    rows = rows.rename(columns={SEGMENT: "segment", PERIOD: "period"})
    rows = rows.assign(metric=metric.name).reindex(columns=COUNTS)
    kinds = {"units": "int64", "events": "int64", "above": "float64", "below": "float64"}
    return rows.astype(kinds)
