"""Metrics as time series: values from counts, on a grid of periods, each marked whole or not."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pandas as pd

from nsm_pipeline.product.config import ProductConfig
from nsm_pipeline.product.grammar import Sum
from nsm_pipeline.product.metrics import (
    CountedMetric,
    Mean,
    Median,
    RatioMetric,
    ShareOf,
)

SERIES = ["metric", "period", "segment", "value", "units", "events", "whole"]
GRID = ["local", "period", "whole", "seen"]
KEYS = ["period", "segment", "whole"]
KINDS = {
    "metric": "str",
    "period": "datetime64[us, UTC]",
    "segment": "str",
    "value": "float64",
    "units": "int64",
    "events": "int64",
    "whole": "bool",
}


@dataclass(frozen=True)
class Observed:
    """What the log covers: from its first event to the end of observation, in UTC."""

    begins: datetime
    ends: datetime


def metric_series(
    config: ProductConfig, counts: pd.DataFrame, observed: Observed | None
) -> pd.DataFrame:
    """Every metric in every period, also in those in which nothing happened.

    Args:
        config: the product.
        counts: `metric, segment, period, units, events, above, below`; `period` is the beginning
            of a period by the product's clocks, without a zone.
        observed: what the log covers; None when it is empty.

    Shape: a row per metric, segment ("" is everybody) and period, in this order: SERIES. `period`
    is its beginning, in UTC. `units` are those that the value is about (of a share, those it is a
    share of), `events` those counted. `whole`: the log covers all of the period, and a cohort's
    window as well; values of other periods are not to be compared with it.
    Units: as the metric's; a share is 0 to 1. NaN where there is nothing to divide by, or where a
    cohort has not been observed long enough.
    """
    if observed is None:
        return pd.DataFrame({name: [] for name in SERIES}).astype(KINDS)
    by_name: dict[str, pd.DataFrame] = {}
    for metric in config.metrics:
        if not isinstance(metric, RatioMetric):
            own = counts[counts["metric"] == metric.name]
            by_name[metric.name] = _counted_series(metric, own, config, observed)
    for metric in config.metrics:
        if isinstance(metric, RatioMetric):
            above, below = (by_name[name] for name in metric.value.ratio)
            by_name[metric.name] = _ratio(above, below)
    listed = [by_name[metric.name].assign(metric=metric.name) for metric in config.metrics]
    order = [metric.name for metric in config.metrics]
    whole = pd.concat(listed, ignore_index=True)[SERIES].astype(KINDS)
    whole["place"] = whole["metric"].map(order.index)
    ordered = whole.sort_values(["place", "segment", "period"], ignore_index=True)
    return ordered.drop(columns="place")


def _counted_series(
    metric: CountedMetric, counts: pd.DataFrame, config: ProductConfig, observed: Observed
) -> pd.DataFrame:
    grid = pd.DataFrame(_periods(metric, config, observed), columns=GRID)
    segments = pd.DataFrame({"segment": sorted({"", *counts["segment"]})})
    rows = grid.merge(segments, how="cross").merge(
        counts.rename(columns={"period": "local"}), how="left", on=["local", "segment"]
    )
    counted = rows.fillna({"units": 0, "events": 0})
    values = _values(metric, counted)
    # A period under way has a value so far; a cohort under way would be told as lost.
    counted["value"] = values if metric.within is None else values.where(counted["seen"])
    return counted[[*KEYS, "value", "units", "events"]]


def _values(metric: CountedMetric, rows: pd.DataFrame) -> pd.Series:
    match metric.value:
        case "units":
            return rows["units"].astype("float64")
        case "events":
            return rows["events"].astype("float64")
        case Sum():
            return rows["above"].fillna(0.0)
        case Mean() | Median() | ShareOf():
            return rows["above"] / rows["below"].where(rows["below"] > 0)
    raise ValueError(f"unknown value {metric.value!r}")


def _ratio(above: pd.DataFrame, below: pd.DataFrame) -> pd.DataFrame:
    """Of the second metric the units, of the first the events."""
    both = above.merge(below, how="inner", on=KEYS, suffixes=("", "_below"))
    divisor = both["value_below"].where(both["value_below"] != 0)
    both["value"], both["units"] = both["value"] / divisor, both["units_below"]
    return both[[*KEYS, "value", "units", "events"]]


def _periods(
    metric: CountedMetric, config: ProductConfig, observed: Observed
) -> Iterator[tuple[datetime, datetime, bool, bool]]:
    """Each period of the log, of a cohort's those of the onboarding span.

    Its beginning by local clocks and in UTC, whether it is whole, and whether it was seen to its
    end (and to that of a cohort's window).
    """
    zone = ZoneInfo(config.timezone)
    first, last = (at.astimezone(zone).date() for at in (observed.begins, observed.ends))
    opens, closes = _span(metric, config)
    start = _period_of(first, metric.per)
    while start <= last:
        following = _next(start, metric.per)
        begin, end = _midnight(start, zone), _midnight(following, zone)
        seen = end + timedelta(days=metric.within or 0) <= observed.ends
        if end > opens and begin < closes:
            covered = start >= first and begin >= opens and end <= closes
            yield datetime.combine(start, time()), begin, seen and covered, seen
        start = following


def _span(metric: CountedMetric, config: ProductConfig) -> tuple[datetime, datetime]:
    """From when to when accounts onboard into its cohorts; `from` and `to` are days in UTC."""
    onboarding, always = config.onboarding, (date.min, date.max)
    named = (onboarding.from_, onboarding.to) if metric.within is not None else (None, None)
    opens, closes = (day or end for day, end in zip(named, always, strict=True))
    return datetime.combine(opens, time(), UTC), datetime.combine(closes, time(), UTC)


def _period_of(day: date, per: str) -> date:
    if per == "week":
        return day - timedelta(days=day.weekday())
    return day.replace(day=1) if per == "month" else day


def _next(start: date, per: str) -> date:
    if per == "month":
        return (start + timedelta(days=31)).replace(day=1)
    return start + timedelta(days=7 if per == "week" else 1)


def _midnight(day: date, zone: ZoneInfo) -> datetime:
    """The first moment of a day; where clocks skip midnight, the moment they do."""
    return datetime.combine(day, time(), zone).astimezone(UTC)
