"""The declared metrics on the page: where each stands, what it was before, and its series."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from nsm_pipeline.publish.charts import draw
from nsm_pipeline.publish.figures import Figure
from nsm_pipeline.publish.page_templates import render
from nsm_pipeline.publish.section import Section
from nsm_pipeline.publish.wording import (
    MISSING,
    absent,
    count,
    points,
    share,
    short,
    threshold,
)
from nsm_pipeline.runs.run_files import METRIC_SERIES, METRICS

if TYPE_CHECKING:
    import pandas as pd

    from nsm_pipeline.runs.run_folder import RunFolder

MOST_LEVELS = 20
FRACTION = "share"


def metrics_section(folder: RunFolder) -> Section | None:
    """The metrics with their series; None where the product declares none."""
    if not folder.exists(METRICS):
        return None
    told = folder.read_json(METRICS)
    series = folder.read_frame(METRIC_SERIES)
    series["begins"] = series["period"].dt.tz_convert(ZoneInfo(told["timezone"])).dt.date
    by_name = dict(iter(series.groupby("metric")))
    rows = [_row(metric, by_name.get(metric["name"], series[:0])) for metric in told["metrics"]]
    body = render("metrics.html.j2", rows=rows, timezone=told["timezone"])
    return Section("metrics", "Metrics over time", _finding(rows, told["north_star"]), body)


def _finding(rows: list[dict[str, Any]], north_star: str) -> str:
    """Where the North Star stands, or else the first metric, and how many more there are."""
    first = next((row for row in rows if row["name"] == north_star), rows[0])
    others = len(rows) - 1
    more = f"; {others} more metric{'' if others == 1 else 's'}" if others else ""
    title = short(first["title"], 80)
    if first["now"] == MISSING:
        return f"{title}: no {first['per']} has been observed whole yet{more}."
    change = f", {first['change']} on the {first['per']} before" if first["change"] else ""
    return f"{title}: {first['now']} {first['when']}{change}{more}."


def _row(metric: dict[str, Any], series: pd.DataFrame) -> dict[str, Any]:
    everybody = series[series["segment"] == ""]
    levels = [
        {"level": level, **_standing(metric, rows)}
        for level, rows in series[series["segment"] != ""].groupby("segment")
    ]
    standing = _standing(metric, everybody)
    return {
        **metric,
        **standing,
        "figure": _figure(metric, everybody, standing),
        "levels": sorted(levels, key=lambda level: (-level["units"], level["level"]))[:MOST_LEVELS],
    }


def _standing(metric: dict[str, Any], series: pd.DataFrame) -> dict[str, Any]:
    """The newest whole period with the one before it: nothing else may be compared."""
    whole = series[series["whole"]]
    if whole.empty:
        return {"now": MISSING, "before": MISSING, "change": "", "when": "", "units": 0}
    last = whole.iloc[-1]
    before = whole.iloc[-2]["value"] if len(whole) > 1 else None
    return {
        "now": shown(last["value"], metric["unit"]),
        "before": shown(before, metric["unit"]),
        "change": _change(last["value"], before, metric["unit"]),
        "when": _when(last["begins"], metric),
        "units": int(last["units"]),
    }


def shown(value: Any, unit: str) -> str:
    """A value of a metric: a share in per cent, counts whole, others with two places."""
    if absent(value):
        return MISSING
    if unit == FRACTION:
        return share(value)
    return count(value) if abs(value) >= 1000 else threshold(value)


def _change(now: Any, before: Any, unit: str) -> str:
    if absent(now) or absent(before):
        return ""
    if unit == FRACTION:
        return f"{points(100 * (now - before))} points"
    return f"{points(100 * (now / before - 1))}%" if before else ""


def _when(begins: Any, metric: dict[str, Any]) -> str:
    day = f"{begins.day} {begins:%B %Y}"
    words = {"day": f"on {day}", "week": f"in the week of {day}", "month": f"in {begins:%B %Y}"}
    of_cohort = "of those onboarded " if metric["by"] == "cohort" else ""
    return of_cohort + words[metric["per"]]


def _figure(metric: dict[str, Any], series: pd.DataFrame, standing: dict[str, Any]) -> Figure:
    neighbours = series["whole"].shift(1, fill_value=False) | series["whole"].shift(
        -1, fill_value=False
    )
    records = [
        {
            "begins": begins.isoformat(),
            "value": None if absent(value) else float(value),
            "whole": bool(whole),
            "alone": not together,
        }
        for begins, value, whole, together in zip(
            series["begins"], series["value"], series["whole"], neighbours, strict=True
        )
    ]
    title = short(metric["title"], 60)
    label = f"{title} per {metric['per']}; newest whole {metric['per']}: {standing['now']}."
    drawn = draw("series", records, label=label, numbers=_axis_format(metric, series))
    return Figure(title, drawn)


def _axis_format(metric: dict[str, Any], series: pd.DataFrame) -> str:
    """As d3 writes it: shares in per cent, thousands as k; below them `~s` would say 500m."""
    if metric["unit"] == FRACTION:
        return ".0%"
    return "~s" if series["value"].max() >= 1000 else "~g"
