"""Metrics as time series: accounts on a screen, values by hand."""

import html
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pandas as pd
from worlds import open_extract, write_product

from nsm_pipeline.pipeline import RunContext
from nsm_pipeline.practice.metric_series import measure_metrics
from nsm_pipeline.product.yaml_file import load_product
from nsm_pipeline.publish.metrics_section import metrics_section
from nsm_pipeline.runs.run_folder import RunFolder, RunStore
from nsm_pipeline.warehouse.metric_counts import count_metrics

# Berlin: clocks go forward on Sunday 31 March 2024 at 01:00 UTC. The log begins on Wednesday 20
# March and is seen until Wednesday 10 April, noon. `boss` is internal, `u` NULL belongs to nobody.
EVENTS = """
account  at                   event  user  size   colour
a        2024-03-20T09:00:00  start  u1    -      -
a        2024-03-20T10:00:00  play   u1    1.50   red
a        2024-03-21T10:00:00  play   u1    2.00   red
a        2024-03-24T23:30:00  play   u2    4.00   blue
b        2024-03-25T00:00:00  start  u3    -      -
b        2024-03-26T10:00:00  play   u3    8.00   -
b        2024-03-31T21:59:59  play   u3    1.00   red
b        2024-03-31T22:00:00  play   u3    0.25   blue
boss     2024-03-26T11:00:00  play   u9    99.00  red
a        2024-04-02T10:00:00  play   -     3.00   red
a        2024-04-02T11:00:00  share  u1    -      -
c        2024-04-05T10:00:00  start  u4    -      -
c        2024-04-05T11:00:00  share  u4    -      -
c        2024-04-09T11:00:00  play   u4    5.00   blue
late     2024-04-10T12:00:01  play   u8    7.00   red
"""

AS_OF = datetime(2024, 5, 1, tzinfo=UTC)


def events(text: str = EVENTS) -> pd.DataFrame:
    """A row per line; a dash is nothing."""
    head, *lines = (line.split() for line in text.strip().splitlines())
    frame = pd.DataFrame(lines, columns=head).replace("-", None)
    frame["at"] = pd.to_datetime(frame["at"], utc=True)
    return frame.assign(size=frame["size"].astype(float))


def product(folder: Path, metrics: list[dict[str, Any]], **changes: Any) -> Path:
    table = events()
    accounts = pd.DataFrame({"account": sorted(table["account"].unique())})
    accounts["internal"] = accounts["account"] == "boss"
    accounts["plan"] = accounts["account"].map({"a": "free", "b": "paid", "c": "paid"})
    source = {
        "accounts": {"files": "accounts.parquet", "account": "account", "internal": "internal"},
        "observed_until": "2024-04-10T12:00:00Z",
    }
    tables = {"events": table, "accounts": accounts}
    return write_product(
        folder,
        tables,
        source=source,
        timezone="Europe/Berlin",
        discover={"events": "all"},
        metrics=metrics,
        **changes,
    )


def measured(path: Path, folder: Path, as_of: datetime = AS_OF) -> RunFolder:
    """The run folder after the metrics were measured."""
    loaded = load_product(path)
    context = RunContext(loaded, as_of, RunStore(folder))
    context.folder = context.store.start(loaded.config.product, context.as_of)
    try:
        measure_metrics(context)
    finally:
        context.close()
    return context.run


def series(tmp_path: Path, *metrics: dict[str, Any], **changes: Any) -> pd.DataFrame:
    run = measured(product(tmp_path, list(metrics), **changes), tmp_path / "runs")
    return run.read_frame("metrics.parquet")


def values(frame: pd.DataFrame, name: str, segment: str = "") -> dict[str, float | None]:
    """Values by the day on which the period begins in Berlin, None where it cannot be said."""
    own = frame[(frame["metric"] == name) & (frame["segment"] == segment)]
    days = own["period"].dt.tz_convert("Europe/Berlin").dt.strftime("%m-%d")
    assert own["period"].dt.tz_convert("Europe/Berlin").dt.hour.eq(0).all()
    found = own["value"].astype(object).where(own["value"].notna(), None)
    return dict(zip(days, found, strict=True))


PLAY = {"event": "play"}
SOON = {"by": "cohort", "within": "7d"}
SHORT = {
    "exposure": {"within": ["2d"]},
    "retention": {"event": "play", "after": "2d", "within": "2d"},
}
WEEKS = ["03-18", "03-25", "04-01", "04-08"]


BY_HAND: list[tuple[dict[str, Any], list[Any]]] = [
    ({}, [1, 2, 2, 1]),
    ({"unit": "user"}, [1, 2, 1, 1]),
    ({"value": "events"}, [2, 3, 2, 1]),
    ({"value": {"sum": "size"}}, [3.5, 13, 3.25, 5]),
    ({"value": {"mean": "size"}}, [1.75, 13 / 3, 1.625, 5]),
    ({"value": {"median": "count"}}, [2, 1.5, 1, 1]),
    ({"value": {"median": {"sum": "size"}}}, [3.5, 6.5, 1.625, 5]),
    ({"value": {"median": {"max": "size"}}, "unit": "user"}, [2, 6, 0.25, 5]),
    ({"value": {"median": "days"}, "event": "any"}, [2, 2, 1, 1]),
    ({"at_least": 2}, [1, 1, 0, 0]),
    ({"measure": "days", "at_least": 2}, [1, 1, 0, 0]),
    ({"measure": {"sum": "size"}, "at_least": 3.5}, [1, 2, 0, 1]),
    ({"measure": {"distinct": "colour"}, "at_least": 1, "value": "events"}, [2, 3, 2, 1]),
    ({"where": {"colour": "red"}, "value": "events"}, [2, 1, 1, 0]),
    ({"event": "share", "value": {"share_of": PLAY}}, [0, 0, 0.5, 0]),
    ({"value": {"share_of": {"event": "start"}}}, [1, 1, 0, None]),
    ({"value": {"mean": "size"}, "event": "start"}, [None] * 4),
    ({"value": {"sum": "size"}, "event": "start"}, [0, 0, 0, 0]),
]


def test_weeks_by_hand(tmp_path: Path) -> None:
    metrics = [{"name": f"m{n}", **PLAY, **metric} for n, (metric, _) in enumerate(BY_HAND)]
    frame = series(tmp_path, *metrics)
    for n, (metric, expected) in enumerate(BY_HAND):
        assert values(frame, f"m{n}") == dict(zip(WEEKS, expected, strict=True)), metric


def test_days_are_those_of_the_zone_also_when_clocks_are_set(tmp_path: Path) -> None:
    found = values(series(tmp_path, {"name": "m", "per": "day", "value": "events", **PLAY}), "m")
    assert len(found) == 22
    assert {day: n for day, n in found.items() if n} == {
        **{"03-20": 1, "03-21": 1, "03-25": 1, "03-26": 1},
        **{"03-31": 1, "04-01": 1, "04-02": 1, "04-09": 1},
    }


def test_months_and_what_is_whole(tmp_path: Path) -> None:
    frame = series(
        tmp_path,
        {"name": "months", "per": "month", "value": "events", **PLAY},
        {"name": "weeks", **PLAY},
        {"name": "days", "per": "day", **PLAY},
    )
    assert values(frame, "months") == {"03-01": 5, "04-01": 3}
    whole = frame.groupby("metric")["whole"].apply(list)
    assert whole["months"] == [False, False]
    assert whole["weeks"] == [False, True, True, False]
    assert whole["days"] == [*[True] * 21, False]


def test_several_clauses_must_all_hold(tmp_path: Path) -> None:
    both = [{**PLAY, "at_least": 1}, {"event": "share", "at_least": 1}]
    never = [{**PLAY, "at_least": 1}, {"event": "share", "at_most": 0}]
    frame = series(tmp_path, {"name": "both", "all_of": both}, {"name": "never", "all_of": never})
    assert list(values(frame, "both").values()) == [0, 0, 1, 0]
    assert list(values(frame, "never").values()) == [1, 2, 1, 1]


def test_a_cohort_is_told_once_it_was_observed(tmp_path: Path) -> None:
    cohort = {**SOON, **PLAY}
    frame = series(
        tmp_path,
        {"name": "share", "value": {"share_of": "onboarded"}, **cohort},
        {"name": "plays", "value": "events", **cohort},
        {"name": "keen", "at_least": 4, **cohort},
    )
    # a onboards on Wednesday 20 March and b on Monday 25; c, on 5 April, is seen for five days.
    assert list(values(frame, "share").values()) == [1, 1, None, None]
    assert list(values(frame, "plays").values()) == [3, 3, None, None]
    assert list(values(frame, "keen").values()) == [0, 0, None, None]
    share = frame[frame["metric"] == "share"]
    assert list(share["units"]) == [1, 1, 0, 0]
    assert list(share["whole"]) == [False, True, False, False]


def test_cohorts_begin_where_onboarding_does(tmp_path: Path) -> None:
    cohort = {**SOON, **PLAY}
    frame = series(tmp_path, {"name": "m", **cohort}, onboarding={"from": "2024-03-26"}, **SHORT)
    assert values(frame, "m") == {"03-25": 0, "04-01": None, "04-08": None}
    assert not frame["whole"].any()


def test_segments_are_of_the_account_or_of_the_row(tmp_path: Path) -> None:
    frame = series(
        tmp_path,
        {"name": "plan", "segment": "plan", **PLAY},
        {"name": "colour", "segment": "colour", "value": "events", **PLAY},
    )
    assert list(values(frame, "plan").values()) == [1, 2, 2, 1]
    assert list(values(frame, "plan", "free").values()) == [1, 1, 1, 0]
    assert list(values(frame, "plan", "paid").values()) == [0, 1, 1, 1]
    by_colour = [values(frame, "colour", level) for level in ("red", "blue", "(missing)")]
    assert [sum(week) for week in zip(*(v.values() for v in by_colour), strict=True)] == [
        2,
        3,
        2,
        1,
    ]
    assert set(frame["segment"]) == {"", "free", "paid", "red", "blue", "(missing)"}


def test_a_ratio_divides_period_by_period(tmp_path: Path) -> None:
    frame = series(
        tmp_path,
        {"name": "plays", "value": "events", **PLAY},
        {"name": "sharers", "event": "share"},
        {
            "name": "per_sharer",
            "title": "Plays per sharer",
            "value": {"ratio": ["plays", "sharers"]},
        },
    )
    assert list(values(frame, "per_sharer").values()) == [None, None, 1, None]
    ratio = frame[frame["metric"] == "per_sharer"]
    assert list(ratio["units"]) == [0, 0, 2, 0]
    assert list(ratio["events"]) == [2, 3, 2, 1]


def test_each_metric_is_told_in_a_sentence(tmp_path: Path) -> None:
    metrics = [
        {"name": "users", "unit": "user", "at_least": 3, "where": {"colour": "red"}, **PLAY},
        {
            "name": "soon",
            "by": "cohort",
            "within": "7d",
            "value": {"share_of": "onboarded"},
            **PLAY,
        },
        {"name": "size", "value": {"median": {"sum": "size"}}, "per": "month", **PLAY},
    ]
    told = measured(product(tmp_path, metrics), tmp_path / "runs").read_json("metrics.json")
    assert [metric["sentence"] for metric in told["metrics"]] == [
        "Number of different user with play where colour is red at least 3 times, each week.",
        "Share with play, of onboarded accounts, within 7 days of onboarding, by week of "
        "onboarding.",
        "Median sum of size of accounts with play, each month.",
    ]
    assert [metric["unit"] for metric in told["metrics"]] == [
        "different user",
        "share",
        "sum of size",
    ]


def test_without_metrics_nothing_is_asked_and_nothing_left(tmp_path: Path) -> None:
    run = measured(product(tmp_path, []), tmp_path / "runs")
    assert not run.exists("metrics.parquet")
    assert not run.exists("metrics.json")


def test_metrics_of_one_unit_and_period_share_a_scan(tmp_path: Path) -> None:
    metrics = [
        {"name": "players", **PLAY},
        {"name": "size", "value": {"median": {"sum": "size"}}, **PLAY},
        {"name": "sharers", "event": "share", "value": {"share_of": PLAY}},
        {"name": "per_player", "value": {"ratio": ["size", "players"]}},
        {"name": "by_plan", "segment": "plan", **PLAY},
        {"name": "users", "unit": "user", **PLAY},
    ]
    extract = open_extract(product(tmp_path, metrics), AS_OF)
    population, before = extract.population, len(extract.engine.asked)
    count_metrics(extract.engine, extract.tables, population, extract.product.config)
    assert [question.title for question in extract.engine.asked[before:]] == [
        "when the log begins",
        "metrics of each account per week",
        "levels of plan",
        "metrics of each account per week, by plan",
        "metrics of each user per week",
    ]
    extract.engine.close()


def test_the_page_compares_whole_periods_alone(tmp_path: Path) -> None:
    run = measured(
        product(
            tmp_path,
            [
                {"name": "plans", "segment": "plan", **PLAY},
                {"name": "plays", "title": "<b>Plays</b>", "value": "events", **PLAY},
                {"name": "sharers", "event": "share", "value": {"share_of": PLAY}},
                {"name": "monthly", "per": "month", **PLAY},
            ],
            north_star={"metric": "plays"},
        ),
        tmp_path / "runs",
    )
    section = metrics_section(run)
    assert section is not None
    minus, none = "\N{MINUS SIGN}", "\N{EN DASH}"
    week = "in the week of 1 April 2024"
    assert section.finding == (
        f"<b>Plays</b>: 2 {week}, {minus}33.3% on the week before; 3 more metrics."
    )
    assert "<b>Plays" not in section.body
    assert section.body.count("<svg") == 4
    bare = re.sub(r"<svg.*?</svg>|<[^>]+>", " ", section.body, flags=re.DOTALL)
    words = " ".join(html.unescape(bare).split())
    assert f"<b>Plays</b> Number of events: play, each week. {week} 2 3 {minus}33.3%" in words
    assert f"{week} 50.0% 0.0% +50.0 points" in words
    assert f"each month. none yet {none} {none} {none}" in words
    assert "paid 1 1 0.0%" in words


def test_a_page_without_metrics_has_no_such_section(tmp_path: Path) -> None:
    assert metrics_section(measured(product(tmp_path, []), tmp_path / "runs")) is None
