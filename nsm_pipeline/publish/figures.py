"""The report's pictures: which records of a run each chart of `chart_specs/` is given."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from nsm_pipeline.publish.charts import draw
from nsm_pipeline.publish.wording import (
    absent,
    count,
    interval,
    points,
    reach_words,
    short,
    threshold,
)

if TYPE_CHECKING:
    import pandas as pd

Row = dict[str, Any]
COMPARED = 15
LEADING = 3
NARROW = 350


class Figure(NamedTuple):
    """A picture, drawn for a desk and, where a shrunk one cannot be read, again for a phone."""

    title: str
    wide: str
    narrow: str = ""
    note: str = ""


def estimated(rows: Iterable[Row]) -> list[Row]:
    """The candidates that have an adjusted lift, in the ranking's order."""
    return [row for row in rows if not absent(row["lift_pp"])]


def lift_comparison(rows: Sequence[Row]) -> Figure | None:
    """Crude against adjusted lift of the leading candidates."""
    shown = estimated(rows)[:COMPARED]
    if not shown:
        return None
    records = [_compared(place, row) for place, row in enumerate(shown, start=1)]
    label = f"Crude and adjusted lift with 95% intervals of the leading {len(shown)} candidates."
    brief = [{**record, "label": record["brief"]} for record in records]
    return Figure(
        label, draw("forest", records, label=label), draw("forest_narrow", brief, label=label)
    )


def lift_maps(rows: Sequence[Row]) -> list[Figure]:
    """Lift over threshold and window, one map for each leading candidate."""
    shown = [row for row in estimated(rows)[:LEADING] if row["curve"]]
    sizes = [abs(c["lift_pp"]) for row in shown for c in row["curve"] if not absent(c["lift_pp"])]
    strongest = max(sizes, default=0) or 1
    return [_lift_map(row, strongest) for row in shown]


def revenue_curves(rows: Sequence[Row], backtest: pd.DataFrame) -> list[Figure]:
    """Revenue gap by week of the leading candidates, on one scale."""
    tracks = [(row, _track(row, backtest)) for row in estimated(rows)[:LEADING]]
    tracks = [(row, track) for row, track in tracks if track]
    lowest, highest = _bounds([record for _, track in tracks for record in track], "gap")
    return [_revenue_curve(row, track, lowest, highest) for row, track in tracks]


def cohort_lifts(rows: Sequence[Row]) -> list[Figure]:
    """Lift by cohort of the leading candidates, on one scale."""
    tracks = [(row, _cohorts(row)) for row in estimated(rows)[:LEADING]]
    tracks = [(row, track) for row, track in tracks if track]
    lowest, highest = _bounds([record for _, track in tracks for record in track], "lift")
    return [_cohort_chart(row, track, lowest, highest) for row, track in tracks]


def retention_curve(retention: pd.DataFrame) -> Figure | None:
    """Share of accounts active by week since onboarding."""
    weeks = [week for week in _records(retention) if not absent(week["rate"])]
    if not weeks:
        return None
    records = [
        {"week": w["week"], "rate": w["rate"], "low": w["ci_low"], "high": w["ci_high"]}
        for w in weeks
    ]
    last = weeks[-1]
    label = (
        f"Share of accounts active in each week since onboarding: {100 * last['rate']:.1f}% in "
        f"week {last['week']}, of {count(last['accounts'])} accounts observed that long."
    )
    narrow = draw("retention", records, label=label, width=NARROW)
    return Figure(label, draw("retention", records, label=label), narrow)


def series_lines(series: Iterable[Row], rows: Sequence[Row]) -> list[Row]:
    """Lead tests in the ranking's order; behaviours refused for one reason share a line."""
    place = {row["candidate"]: at for at, row in enumerate(rows)}
    ordered = sorted(series, key=lambda line: place.get(line["candidate"], len(place)))
    lines: dict[Any, Row] = {}
    for line in ordered:
        refused = absent(line["correlation"])
        key = (line["verdict"], line["note"]) if refused else line["candidate"]
        lines.setdefault(key, {**line, "others": -1})["others"] += 1
    return sorted(lines.values(), key=lambda line: absent(line["correlation"]))


def name_and_reach(row: Row, limit: int = 32) -> str:
    """A candidate with its threshold and window, short enough for a chart."""
    return f"{short(row['candidate'], limit)}, {reach_words(row)}"


def _compared(place: int, row: Row) -> Row:
    rank = place if absent(row["rank"]) else count(row["rank"])
    return {
        "label": f"{rank}  {name_and_reach(row, 34)}",
        "brief": f"{rank}  {name_and_reach(row, 27)}",
        "crude": row["crude_lift_pp"],
        "crude_low": row["crude_low_pp"],
        "crude_high": row["crude_high_pp"],
        "lift": row["lift_pp"],
        "low": row["ci_low_pp"],
        "high": row["ci_high_pp"],
        "words": points(row["lift_pp"]),
    }


def _lift_map(row: Row, strongest: float) -> Figure:
    cells = sorted(row["curve"], key=lambda c: (-(c["at_least"] or 0), c["within_days"]))
    records = [
        {
            "within": count(cell["within_days"]),
            "least": threshold(cell["at_least"]),
            "size": 0 if absent(cell["lift_pp"]) else abs(cell["lift_pp"]),
            "words": cell["support"].replace("_", " ")
            if absent(cell["lift_pp"])
            else points(cell["lift_pp"]),
            "harms": not absent(cell["lift_pp"]) and cell["lift_pp"] < 0,
            "chosen": _same_choice(cell, row),
        }
        for cell in cells
    ]
    label = (
        f"Adjusted lift of {short(row['candidate'])} over {len(records)} choices of threshold and "
        f"window; chosen: {reach_words(row)}, {points(row['lift_pp'])} points."
    )
    drawn = draw("heat", records, label=label, strongest=strongest)
    return Figure(row["candidate"], drawn, note=_calibrated(row))


def _calibrated(row: Row) -> str:
    """Why the outlined cell differs from the ranking, when it does."""
    fitted = next((cell["lift_pp"] for cell in row["curve"] if _same_choice(cell, row)), None)
    if absent(fitted) or points(fitted) == points(row["lift_pp"]):
        return f"{reach_words(row)}: {points(row['lift_pp'])}"
    return f"{reach_words(row)}: {points(fitted)} as fitted, {points(row['lift_pp'])} calibrated"


def _revenue_curve(row: Row, track: list[Row], lowest: float, highest: float) -> Figure:
    label = (
        f"Extra revenue per account and week of {name_and_reach(row)}, with its 95% band, "
        f"weeks {track[0]['week']} to {track[-1]['week']} after the exposure window."
    )
    drawn = draw("gap", track, label=label, lowest=lowest, highest=highest)
    return Figure(row["candidate"], drawn, note=reach_words(row))


def _cohort_chart(row: Row, track: list[Row], lowest: float, highest: float) -> Figure:
    label = f"Lift of {name_and_reach(row)} in each of {len(track)} cohorts, with 95% intervals."
    drawn = draw(
        "cohorts", track, label=label, lowest=lowest, highest=highest, overall=row["lift_pp"]
    )
    note = f"{reach_words(row)}: {points(row['lift_pp'])}"
    if not absent(row["ci_low_pp"]):
        note += f" ({interval(row['ci_low_pp'], row['ci_high_pp'])})"
    return Figure(row["candidate"], drawn, note=note)


def _track(row: Row, backtest: pd.DataFrame) -> list[Row]:
    weeks = backtest[backtest["candidate"] == row["candidate"]].sort_values("week")
    return [
        {"week": w["week"], "gap": w["gap"], "low": w["ci_low"], "high": w["ci_high"]}
        for w in _records(weeks)
        if _same_choice(w, row) and not absent(w["gap"])
    ]


def _cohorts(row: Row) -> list[Row]:
    return [
        {
            "cohort": c["cohort"],
            "lift": c["lift_pp"],
            "low": c["ci_low_pp"],
            "high": c["ci_high_pp"],
        }
        for c in row["cohorts"]
        if not absent(c["lift_pp"])
    ]


def _bounds(records: Sequence[Row], middle: str) -> tuple[float, float]:
    """One scale for all, from zero to the widest band; bands that dwarf every estimate are cut."""
    far = 3 * max((abs(record[middle]) for record in records), default=1) or 1
    lowest = highest = 0.0
    for record in records:
        low, high = (record[middle] if absent(record[at]) else record[at] for at in ("low", "high"))
        record["low"], record["high"] = max(low, -far), min(high, far)
        lowest, highest = min(lowest, record["low"]), max(highest, record["high"])
    return lowest, highest


def _same_choice(cell: Row, row: Row) -> bool:
    least = absent(cell["at_least"]) == absent(row["at_least"]) and (
        absent(row["at_least"]) or cell["at_least"] == row["at_least"]
    )
    return bool(least and cell["within_days"] == row["within_days"])


def _records(frame: pd.DataFrame) -> list[Row]:
    """Rows with Python's own numbers: numpy's have no JSON form."""
    rows = frame.astype(object).where(frame.notna(), None).to_dict("records")
    return [{str(key): _plain(value) for key, value in row.items()} for row in rows]


def _plain(value: Any) -> Any:
    return value.item() if hasattr(value, "item") else value
