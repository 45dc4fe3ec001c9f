"""The pictures that justify windows the data was asked for: how soon accounts return, and stay."""

from __future__ import annotations

from typing import Any

from nsm_pipeline.publish.charts import draw
from nsm_pipeline.publish.figures import Figure
from nsm_pipeline.publish.wording import absent, count

DAYS_PER_WEEK = 7
MOST_WEEKS = 26


def window_figures(advice: dict[str, Any]) -> list[Figure]:
    """A picture for W and one for Y, each only when the data was asked for it."""
    usage, loss, used = advice["usage"], advice["loss"], advice["used"]
    drawn = []
    if usage:
        drawn.append(_gap_ends(usage, used["within"]))
    if loss:
        drawn.append(_outcome_by_week(loss["weeks"], used["after"], used["within"]))
    return drawn


def _gap_ends(usage: dict[str, Any], within: int) -> Figure:
    longest = max(2 * within, 2 * DAYS_PER_WEEK)
    records = [{"days": 0, "share": 0.0}]
    records += [row for row in usage["back"] if row["days"] <= longest]
    label = (
        f"Share of {count(usage['gaps'])} gaps between active days that ended within so many days;"
        f" the dashed line is the {within} days of the outcome window."
    )
    note = f"share of gaps between active days that ended; the dashed line is {within} days"
    return Figure("How long: W", draw("gap_ends", records, label=label, chosen=within), note=note)


def _outcome_by_week(weeks: list[dict[str, Any]], after: int, within: int) -> Figure:
    records = [
        {"day": DAYS_PER_WEEK * row["week"], "share": row["rate"]}
        for row in weeks[:MOST_WEEKS]
        if not absent(row["rate"])
    ]
    label = (
        f"Share of accounts seen within {within} days from each week on; the dashed line is day "
        f"{after}, where retention begins."
    )
    note = f"share seen in the {within} days that begin there; the dashed line is day {after}"
    drawn = draw("outcome_by_week", records, label=label, chosen=after)
    return Figure("From when: Y", drawn, note=note)
