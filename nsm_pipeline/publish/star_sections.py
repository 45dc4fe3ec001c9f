"""The leader kept, the activities behind it, and the top three from week to week."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from nsm_pipeline.product.north_star import LEADER
from nsm_pipeline.publish.charts import draw
from nsm_pipeline.publish.figures import Figure
from nsm_pipeline.publish.page_templates import render
from nsm_pipeline.publish.section import Section
from nsm_pipeline.publish.wording import clipped, count, moment, share, short
from nsm_pipeline.runs.run_files import METRICS, RANKS, STAR, TRACKED

if TYPE_CHECKING:
    import pandas as pd

    from nsm_pipeline.runs.run_folder import RunFolder

Row = dict[str, Any]
SHOWN_ACTIVITIES, SHOWN_RUNS = 20, 10
SENTENCE = 240
IMPACTS = ("high", "medium", "low")


def star_told(folder: RunFolder) -> Row | None:
    """What `star.json` holds, where the run has left it."""
    if not folder.exists(STAR):
        return None
    told: Row = folder.read_json(STAR)
    return told


def declared_star(folder: RunFolder) -> Row | None:
    """The metric that the product declares its North Star, where that is not the leader."""
    told = star_told(folder)
    if told is None or told["metric"] == LEADER or not folder.exists(METRICS):
        return None
    metrics: list[Row] = folder.read_json(METRICS)["metrics"]
    return next((metric for metric in metrics if metric["name"] == told["metric"]), None)


def star_name(told: Row) -> str:
    """What the leader may be called."""
    if told["metric"] != LEADER:
        return "The behaviour that leads the ranking"
    starred = told["leader"]["verdict"] == "north_star"
    return "North Star" if starred else "No North Star; the closest to one"


def activities_section(folder: RunFolder) -> Section | None:
    """What accounts that returned did, against those that did not."""
    told = star_told(folder)
    if told is None:
        return None
    rows = told["activities"]
    body = render(
        "activities.html.j2",
        rows=rows[:SHOWN_ACTIVITIES],
        more=max(len(rows) - SHOWN_ACTIVITIES, 0),
        impact=told["impact"],
        tracked={row["candidate"] for row in told["top"]},
    )
    return Section("activities", "What returning accounts did", _common(rows), body)


def tracked_section(folder: RunFolder) -> Section | None:
    """The top three, week by week and run by run."""
    told = star_told(folder)
    if told is None:
        return None
    weeks = folder.read_frame(TRACKED)
    body = render(
        "tracked.html.j2",
        told=told,
        figures=[_by_week(row, weeks) for row in told["top"]],
        newest=_newest(weeks),
        history=_history(folder.read_frame(RANKS), told["top"]),
    )
    return Section("tracked", "The top three, tracked", _reached(told, weeks), body)


def _common(rows: list[Row]) -> str:
    """The activities with an impact, by how much, and the first of them."""
    by_size = {size: [row for row in rows if row["impact"] == size] for size in IMPACTS}
    told = [f"{len(found)} {size}" for size, found in by_size.items() if found]
    first = next((found[0] for found in by_size.values() if found), None)
    if first is None:
        return f"Of none of {len(rows)} activities can an impact on retention be told"
    return (
        f"Impact on retention: {', '.join(told)}, of {len(rows)} activities. First: "
        f"{clipped(first['sentence'], SENTENCE)}, by {share(first['returned_share'])} of the "
        f"accounts that returned and {share(first['churned_share'])} of those that did not"
    )


def _reached(told: Row, weeks: pd.DataFrame) -> str:
    rows = _of(told["top"][0], weeks) if told["top"] else []
    whole = [row for row in rows if row["whole"]]
    if not whole:
        return f"No week of newcomers has had its whole time yet. {told['kept']}"
    last, before = whole[-1], whole[-14:-1]
    sizes = [sum(row[name] for row in before) for name in ("reached", "accounts")]
    former = f", {share(sizes[0] / sizes[1])} in the {len(before)} weeks before" if before else ""
    return (
        f"{share(last['share'])} of the {count(last['accounts'])} newcomers of the week of "
        f"{_day(last['week'])} reached {short(told['top'][0]['candidate'])}{former}. "
        f"{clipped(told['kept'], SENTENCE)}"
    )


def _by_week(row: Row, weeks: pd.DataFrame) -> Figure:
    records = [
        {"week": f"{week['week']:%Y-%m-%dT%H:%M:%S}", "share": week["share"]}
        | {"low": week["share_low"], "high": week["share_high"]}
        for week in _of(row, weeks)
        if week["whole"]
    ]
    label = f"Share of each week's newcomers that reached {row['candidate']}."
    note = f"{row['verdict'].replace('_', ' ')}, rank {count(row['rank'])}"
    return Figure(row["candidate"], draw("reach_weeks", records, label=label), note=note)


def _newest(weeks: pd.DataFrame) -> list[Row]:
    """The newest week of each that counts anybody, whole or not, in the order of the three."""
    newest = weeks.drop_duplicates("candidate", keep="last")
    return [_words(row) for row in newest.to_dict("records")]


def _of(row: Row, weeks: pd.DataFrame) -> list[Row]:
    mine = weeks[weeks["candidate"] == row["candidate"]]
    return [_words(week) for week in mine.to_dict("records")]


def _words(row: dict[Any, Any]) -> Row:
    return {str(key): value for key, value in row.items()}


def _history(ranks: pd.DataFrame, top: list[Row]) -> list[Row]:
    """The newest runs: who led, and the ranks of today's three."""
    names = [row["candidate"] for row in top]
    found = []
    for as_of in ranks["as_of"].drop_duplicates().iloc[::-1][:SHOWN_RUNS]:
        of_run = ranks[ranks["as_of"] == as_of]
        by_name = dict(zip(of_run["candidate"], of_run["rank"], strict=True))
        leaders = of_run.loc[of_run["leads"], "candidate"]
        found.append(
            {
                "as_of": moment(as_of),
                "leader": leaders.iloc[0] if len(leaders) else None,
                "ranks": [by_name.get(name) for name in names],
            }
        )
    return found


def _day(week: pd.Timestamp) -> str:
    return f"{week.day} {week:%B %Y}"
