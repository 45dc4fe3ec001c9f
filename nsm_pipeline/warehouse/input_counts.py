"""What a metric's tree is counted from: active units and what they did, period by period."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import ibis
import ibis.expr.types as ir
import pandas as pd

from nsm_pipeline.product.grammar import Sum
from nsm_pipeline.product.metrics import CountedMetric
from nsm_pipeline.warehouse.metric_counts import by_unit, log_begins
from nsm_pipeline.warehouse.metric_rows import (
    CLOCK,
    PERIOD,
    SEGMENT,
    UNIT,
    Frame,
    Scope,
    marks,
    metric_rows,
)

__all__ = ["Scope", "input_counts", "log_begins", "nothing_counted"]

COUNTED = ("units", "days", "new", "kept")
COLUMNS = ("period", "segment", "units", "days", "value", "new", "returned", "kept", "whole")
OFFSETS: dict[str, pd.DateOffset] = {
    "day": pd.DateOffset(days=1),
    "week": pd.DateOffset(weeks=1),
    "month": pd.DateOffset(months=1),
}
Kind = Literal["units", "events", "sum"]


@dataclass(frozen=True)
class Inputs:
    """Counts of a metric's inputs, and what its value counts."""

    table: pd.DataFrame
    kind: Kind


def input_counts(scope: Scope, metric: CountedMetric) -> Inputs:
    """Units active by period and segment, and what the metric counts of them; no staff, no bots.

    A unit is active in a period when it counts for the metric; of a number of units, when it does
    what the metric asks for at all, so that those who do it often enough are a share of them.

    Args:
        scope: whose events, on which clock.
        metric: a calendar metric that counts units or events, or sums a column.

    Shape: of `table` a row per period and segment that has any, and one of zeros for every other
    period between: `period` (its start, UTC), `segment` (`""` where there is one), `units`, `days`
    (active days, summed; of a number of units as many as units), `value`, `new` (units never active
    before), `returned`, `kept` (active in the period before, too), `whole` (the log covers all of
    the period). Ordered by segment and period.
    """
    kind: Kind = "sum" if isinstance(metric.value, Sum) else "units"
    kind = "events" if metric.value == "events" else kind
    rows = metric_rows(scope, _frame(scope, metric), [(0, metric)])
    title = f"what each unit did for {metric.name} per {metric.per}"
    listed = scope.engine.materialise("unit_periods", title, _unit_periods(rows, metric, kind))
    before = (
        listed[PERIOD].lag().over(group_by=[listed[UNIT], listed[SEGMENT]], order_by=listed[PERIOD])
    )
    known = listed.mutate(earlier=before)
    step = known[PERIOD] - ibis.interval(**{f"{metric.per}s": 1})
    found = scope.engine.fetch(
        f"active units by {metric.per}",
        known.group_by(segment=known[SEGMENT], period=known[PERIOD])
        .aggregate(
            units=known.count(),
            days=known.days.sum(),
            value=known["value"].sum(),
            new=known.count(where=known.earlier.isnull()),
            kept=known.count(where=(known.earlier == step).fill_null(False)),
        )
        .order_by("segment", "period"),
    )
    return Inputs(_every_period(found, scope, metric.per), kind)


def _frame(scope: Scope, metric: CountedMetric) -> Frame:
    """Segments only where a unit stays in one of them: elsewhere parts cannot be summed."""
    accounts = scope.tables.accounts
    of_accounts = accounts is not None and metric.segment in accounts.columns
    segment = metric.segment if of_accounts and metric.unit is None else None
    return Frame(metric.unit, metric.per, None, segment)


def _unit_periods(rows: ir.Table, metric: CountedMetric, kind: Kind) -> ir.Table:
    """Row per active unit, segment and period: `days, value`."""
    keys = [SEGMENT, PERIOD, UNIT]
    first = rows[next(name for name, _ in marks(0, metric))]
    days = rows.group_by(keys).aggregate(days=rows[CLOCK].date().nunique(where=first))
    units = by_unit(rows, [(0, metric)]).join(days, keys)
    did = units.events_0 > 0
    if kind == "units":
        one = ibis.literal(1, "int64")
        chosen = units.mutate(days=one, value=units.reached_0.cast("int64"), did=did)
    else:
        value = units.events_0.cast("int64") if kind == "events" else units.amount_0.fill_null(0)
        chosen = units.mutate(value=value, did=did & units.reached_0)
    return chosen.filter(chosen.did).select(*keys, "days", "value")


def _every_period(found: pd.DataFrame, scope: Scope, per: str) -> pd.DataFrame:
    if found.empty:
        return nothing_counted()
    starts = pd.date_range(found["period"].min(), found["period"].max(), freq=OFFSETS[per])
    missing = starts.difference(pd.DatetimeIndex(found["period"].unique()))
    empty = pd.DataFrame({"period": missing, "segment": found["segment"].iloc[0]})
    table = pd.concat([found, empty], ignore_index=True) if len(missing) else found
    table = table.astype({"value": "float64"})
    table = table.fillna(dict.fromkeys((*COUNTED, "value"), 0))
    zone = scope.config.timezone
    ends = _in_utc(table["period"] + OFFSETS[per], zone) <= scope.ends.replace(tzinfo=None)
    table["period"] = _in_utc(table["period"], zone)
    table["whole"] = ends & (table["period"] >= _first_midnight(scope))
    table["returned"] = table["units"] - table["new"] - table["kept"]
    table[[*COUNTED, "returned"]] = table[[*COUNTED, "returned"]].astype("int64")
    return table.sort_values(["segment", "period"], ignore_index=True)[list(COLUMNS)]


def _first_midnight(scope: Scope) -> pd.Timestamp:
    """The day on which the log begins, from its start: a day counts as covered from its first."""
    here = pd.Timestamp(scope.begins).tz_convert(scope.config.timezone).normalize()
    return here.tz_convert("UTC").tz_localize(None)


def _in_utc(starts: pd.Series, timezone: str) -> pd.Series:
    """Local starts of periods as moments in UTC, without a zone."""
    here = starts.dt.tz_localize(timezone, ambiguous=True, nonexistent="shift_forward")
    moments: pd.Series = here.dt.tz_convert("UTC").dt.tz_localize(None)
    return moments.astype("datetime64[us]")


def nothing_counted() -> pd.DataFrame:
    """The table of a log without events."""
    types = dict.fromkeys(COLUMNS, "int64")
    types |= {"period": "datetime64[us]", "segment": "object", "value": "float64", "whole": "bool"}
    return pd.DataFrame({name: pd.Series(dtype=types[name]) for name in COLUMNS})
