"""What is watched around the metric: accounts by hand, a second way in SQL, and what is refused."""

from datetime import UTC, datetime
from pathlib import Path

import pandas as pd
import pytest
from health_world import COST, OBSERVED, SENT, SHARED, days, leave_health
from worlds import AS_OF, open_extract, write_product

from nsm_pipeline.errors import InvalidInput
from nsm_pipeline.pipeline import check_product
from nsm_pipeline.practice.health import health
from nsm_pipeline.product.yaml_file import load_product
from nsm_pipeline.publish.health_section import health_section
from nsm_pipeline.runs.run_folder import RunStore
from nsm_pipeline.steps import RunContext
from nsm_pipeline.warehouse.account_value import (
    costs_by_month,
    month_of,
    onboarded_by_month,
    value_by_month,
    value_by_week,
    whole_months,
)
from nsm_pipeline.warehouse.extract import Extract
from nsm_pipeline.warehouse.feature_usage import feature_usage
from nsm_pipeline.warehouse.invitations import InvitationCounts, count_invitations


def events(*rows: tuple[str, str, str], **columns: list[object]) -> pd.DataFrame:
    frame = pd.DataFrame(rows, columns=["account", "at", "event"]).assign(**columns)
    return frame.assign(at=pd.to_datetime(frame["at"], format="ISO8601", utc=True))


def world(folder: Path, tables: dict[str, pd.DataFrame], **changes: object) -> Extract:
    given = {"candidates": SHARED, "source": OBSERVED, **changes}
    return open_extract(write_product(folder, tables, **given))


def test_day_n_is_that_day_alone_and_of_those_observed_to_its_end(tmp_path: Path) -> None:
    rows = [
        ("a", "2024-01-01T10:00:00", "start"),
        ("a", "2024-01-02T09:59:59.999999", "share"),  # still day 0
        ("a", "2024-01-02T10:00:00", "share"),  # day 1 begins
        ("a", "2024-01-09T10:00:00", "share"),  # day 8: neither on day 7 nor counted for it
        ("b", "2024-01-01T10:00:00", "start"),
        ("b", "2024-01-03T09:59:59.999999", "share"),  # the last moment of day 1
        ("b", "2024-01-08T12:00:00", "mail"),  # day 7, but mail is done to it
        ("b", "2024-01-08T12:00:00", "staff_note"),  # and this is no behaviour at all
        ("c", "2024-06-23T00:00:01", "start"),  # observed for 7 days and 23:59:59
        ("c", "2024-06-30T12:00:00", "share"),  # on day 7, which is not over
        ("d", "2024-06-23T00:00:00", "start"),  # observed for 8 days
        ("d", "2024-06-30T12:00:00", "share"),
        ("staff", "2024-01-01T10:00:00", "start"),
        ("staff", "2024-01-02T12:00:00", "share"),
    ]
    people = pd.DataFrame({"account": [*"abcd", "staff"]})
    people["team"] = ["x", "x", "x", "x", "us"]
    x = world(
        tmp_path,
        {"events": events(*rows), "accounts": people},
        passive_events=["mail"],
        exclude={"accounts": {"team": "us"}, "events": ["staff_*", "staff_note"]},
    )
    assert days(x, 1, 7) == [(1, 4, 2), (7, 3, 1)]


def test_features_four_weeks_by_four_weeks_by_hand(tmp_path: Path) -> None:
    # Back from 1 July: period 0 from 3 June, 1 from 6 May, 2 from 8 April, 3 from 11 March.
    rows = [
        ("a", "2024-01-01T10:00:00", "start"),
        ("a", "2024-03-20T10:00:00", "share"),
        ("a", "2024-05-07T10:00:00", "share"),
        ("a", "2024-05-08T10:00:00", "share"),
        ("a", "2024-06-04T10:00:00", "export"),
        ("b", "2024-05-07T09:00:00", "share"),  # before it onboarded
        ("b", "2024-05-07T10:00:00", "start"),
        ("b", "2024-05-07T11:00:00", "share"),
        ("b", "2024-05-07T12:00:00", "share"),  # twice, on one day
        ("c", "2024-05-10T10:00:00", "start"),
        ("c", "2024-06-03T00:00:00", "start"),  # the last moment of period 1
        ("c", "2024-06-03T00:00:00.000001", "start"),
        ("never", "2024-05-10T10:00:00", "share"),
        ("gone", "2024-05-11T10:00:00", "start"),  # its own end comes before that of period 0
    ]
    people = pd.DataFrame({"account": ["a", "b", "c", "never", "gone"]})
    people["ends"] = pd.to_datetime([None] * 4 + ["2024-06-20"], utc=True)
    place = {"files": "accounts.parquet", "account": "account", "observed_until": "ends"}
    tables = {"events": events(*rows), "accounts": people}
    x = world(tmp_path, tables, source={**OBSERVED, "accounts": place})
    found = feature_usage(x.engine, x.population, x.product.config)
    assert list(found.periods.itertuples(index=False, name=None)) == [
        # event, period, adopters, repeaters, judged, stayed
        ("export", 0, 1, 0, 0, 0),
        ("share", 1, 2, 1, 2, 1),
        ("share", 3, 1, 0, 1, 0),
        ("start", 0, 1, 0, 0, 0),
        ("start", 1, 3, 1, 2, 1),
    ]
    assert found.active.to_numpy().tolist() == [[0, 2, 0, 0], [1, 4, 3, 2], [3, 1, 1, 0]]
    # a is older than either half, the others onboarded in the later one.
    assert found.halves.to_numpy().tolist() == [
        ["export", 0, 0, 1], ["share", 0, 0, 1], ["share", 0, 1, 1], ["share", 1, 0, 1],
        ["start", 0, 1, 3],
    ]  # fmt: skip
    # b 1, c 3 and gone 1 starts in the later half, a none of its two halves.
    assert found.totals.to_numpy().tolist() == [[0, 0, 1, 0, 0], [0, 1, 3, 5, 11], [1, 0, 1, 0, 0]]
    assert found.begun


def money(*rows: tuple[str, str, float]) -> pd.DataFrame:
    frame = pd.DataFrame(rows, columns=["account", "at", "amount"])
    return frame.assign(at=pd.to_datetime(frame["at"], format="ISO8601", utc=True))


def test_value_by_week_and_month_by_hand(tmp_path: Path) -> None:
    rows = [
        ("a", "2024-01-01T10:00:00", "start"),
        ("b", "2024-06-17T00:00:00", "start"),  # observed for two whole weeks
        ("old", "2023-11-01T00:00:00", "start"),  # before `onboarding.from`
    ]
    paid = [
        ("a", "2023-12-31T10:00:00", 5.0),  # before it onboarded: with the first week
        ("a", "2024-01-08T09:59:59", 1.0),  # week 0
        ("a", "2024-01-08T10:00:00", 20.0),  # week 1
        ("a", "2024-03-31T21:59:00", 7.0),  # still March in Berlin, where it is 23:59
        ("a", "2024-03-31T22:01:00", -3.0),  # April there: a refund
        ("b", "2024-06-24T00:00:00", 40.0),  # week 1
        ("b", "2024-07-01T00:00:00", 99.0),  # week 2 is not observed
        ("old", "2024-03-05T00:00:00", 100.0),
        ("nobody", "2024-03-05T00:00:00", 1000.0),
    ]
    x = world(
        tmp_path,
        {"events": events(*rows), "revenue": money(*paid)},
        onboarding={"from": "2023-12-01"},
        timezone="Europe/Berlin",
    )
    weeks = value_by_week(x.engine, x.population, x.tables).groupby("week").sum()
    assert weeks.loc[:2, ["accounts", "revenue_minor"]].to_numpy().tolist() == [
        [2, 600], [2, 6000], [1, 0],
    ]  # fmt: skip
    months = whole_months(x.population.observed_until, "Europe/Berlin", 4)
    assert [m.first.month for m in months] == [3, 4, 5, 6]
    assert months[0] == month_of(2024, 3, "Europe/Berlin")
    assert months[0].end == datetime(2024, 3, 31, 22, tzinfo=UTC)
    found = value_by_month(x.engine, x.population, x.tables, months).groupby("month_no").sum()
    assert found[["revenue_minor", "payers"]].to_dict("index") == {
        0: {"revenue_minor": 10700, "payers": 2},
        1: {"revenue_minor": -300, "payers": 0},
        3: {"revenue_minor": 4000, "payers": 1},
    }
    assert onboarded_by_month(x.engine, x.population, months).to_numpy().tolist() == [[3, 1]]


def test_costs_of_a_month_add_up_whoever_spent_them(tmp_path: Path) -> None:
    costs = pd.DataFrame(
        {
            "month": pd.to_datetime(["2024-03-01", "2024-03-15", "2024-04-30", None, "2024-05-01"]),
            "spent": [10.1, 0.2, 7.0, 99.0, float("nan")],
        }
    )
    costs.to_parquet(tmp_path / "costs.parquet")
    declared = {"files": "costs.parquet", "month": "month", "amount": "spent"}
    tables = {
        "events": events(("a", "2024-01-01T10:00:00", "start")),
        "revenue": money(("a", "2024-03-05T00:00:00", 1.0)),
    }
    x = world(tmp_path, tables, health={"costs": {"acquisition": declared}})
    found = costs_by_month(x.engine, x.product)
    assert {day.month: amount for day, amount in found.items()} == {3: 10.3, 4: 7.0}


INVITED = [
    # account, at, event, friend, by
    ("a", "2024-01-01T00:00:00", "start", None, None),
    ("a", "2024-01-02T00:00:00", "invite", "b", None),
    ("a", "2024-01-03T00:00:00", "invite", "c", None),
    ("a", "2024-01-05T00:00:00", "invite", "c", None),  # reminded: one invitation still
    ("a", "2024-01-29T00:00:00", "invite", "late", None),  # 28 days after onboarding: too late
    ("b", "2024-01-04T00:00:00", "join", None, "a"),
    ("b", "2024-01-04T01:00:00", "start", None, None),
    ("b", "2024-01-05T00:00:00", "invite", "e", None),
    ("b", "2024-01-06T00:00:00", "invite", "b", None),  # itself
    ("b", "2024-01-07T00:00:00", "invite", "staff", None),
    ("c", "2024-01-17T00:00:00.000001", "join", None, "a"),  # more than 14 days on
    ("d", "2024-06-01T00:00:00", "start", None, None),  # not observed for 42 days
    ("d", "2024-06-02T00:00:00", "invite", "f", None),
    ("f", "2024-06-03T00:00:00", "join", None, "d"),
    ("e", "2024-01-06T12:00:00", "join", None, "b"),
    ("e", "2024-01-20T00:00:00", "join", None, "b"),  # once in, it cannot come in again
    ("late", "2024-01-30T00:00:00", "join", None, "a"),
    ("staff", "2024-01-08T00:00:00", "join", None, "b"),
    ("early", "2024-01-01T12:00:00", "join", None, "a"),  # before any invitation of a
]


def invited(folder: Path, **invitations: object) -> InvitationCounts:
    rows = events(
        *(row[:3] for row in INVITED),
        friend=[row[3] for row in INVITED],
        by=[row[4] for row in INVITED],
    )
    people = pd.DataFrame({"account": sorted({row[0] for row in INVITED})})
    people["internal"] = people["account"] == "staff"
    place = {"files": "accounts.parquet", "account": "account", "internal": "internal"}
    x = world(
        folder,
        {"events": rows, "accounts": people},
        source={**OBSERVED, "accounts": place},
        health={"invitations": invitations},
    )
    return count_invitations(x.engine, x.population, x.tables, x.product.config)


@pytest.mark.parametrize(
    ("declared", "sent", "accepted", "cycle"),
    [
        # a: b and c; b: e, itself, staff. In time: b after 2 days, e after 1.
        ({"sent": SENT, "accepted": "join"}, 5, 2, [(1, 1), (2, 1)]),
        # By inviter each event is an invitation and who came belongs to the latest one: b to c's,
        # a day before; e to b's own, the same day; c to its reminder.
        (
            {"sent": "invite", "accepted": {"event": "join", "inviter": "by"}},
            6,
            3,
            [(0, 1), (1, 1), (12, 1)],
        ),
        # Only b ever onboards of those invited: its first start is 49 hours after.
        ({"sent": SENT, "accepted": "core"}, 5, 1, [(2, 1)]),
        ({"sent": "invite"}, 6, 0, []),
    ],
)
def test_invitations_by_hand(
    tmp_path: Path, declared: dict, sent: int, accepted: int, cycle: list[tuple[int, int]]
) -> None:
    found = invited(tmp_path, **declared)
    sums = found.parts[["accounts", "inviters", "invitations", "accepted"]].sum().tolist()
    assert sums == [2, 2, sent, accepted]
    assert list(found.cycle.itertuples(index=False, name=None)) == cycle


def check(tmp_path: Path, health: dict[str, object], **columns: list[object]) -> str:
    rows = events(("a", "2024-01-01T00:00:00", "start"), ("a", "2024-03-01T00:00:00", "invite"))
    tables = {"events": rows.assign(**columns), "revenue": money(("a", "2024-03-01", 1.0))}
    path = write_product(tmp_path, tables, candidates=SHARED, health=health)
    with pytest.raises(InvalidInput) as refused:
        check_product(path)
    return "\n".join(str(problem) for problem in refused.value.problems)


def test_columns_and_events_that_are_not_there_are_named(tmp_path: Path) -> None:
    link = {"sent": {"event": "invite", "invitee": "freind"}, "accepted": "joined"}
    assert "Did you mean `friend`?" in check(tmp_path, {"invitations": link}, friend=["x", "y"])
    wrong = {"sent": {"event": "invitation", "where": {"size": "big"}}}
    said = check(tmp_path, {"invitations": wrong}, size=[1.0, 2.0])
    assert "compared with a column of numbers" in said
    said = check(tmp_path, {"invitations": {"sent": "invitation"}})
    assert 'No event is named "invitation".' in said
    pd.DataFrame({"month": ["2024-03"], "spent": [1.0]}).to_parquet(tmp_path / "costs.parquet")
    costs = {"acquisition": {"files": "costs.parquet", "month": "month", "amount": "cost"}}
    said = check(tmp_path, {"costs": costs})
    assert 'Column "month" of costs holds text, not timestamps or dates.' in said
    assert 'There is no column "cost" in costs.' in said


def test_what_was_planted_is_found(tmp_path: Path) -> None:
    folder = RunStore(tmp_path / "runs").start("world", AS_OF)
    found = leave_health(folder, tmp_path / "work", falling="old_tool")
    first, seventh, *_ = found["retention"]["days"]
    assert first["rate"] == pytest.approx(0.75, abs=0.04)  # a visit an hour into day 1
    assert (seventh["active"], seventh["against_band"]) == (0, "below")  # and then on day 8
    k = found["invitations"]
    assert k["invitations"] == k["accounts"] == k["inviters"]
    assert k["k"]["low"] <= 0.2 <= k["k"]["high"]
    economics = found["economics"]
    assert economics["cac"]["amount"] == pytest.approx(COST)
    assert economics["cac"]["months"] == [f"2024-0{month}" for month in range(1, 7)]
    weeks = economics["ltv"]["weeks"]
    ltv = 0.5 * 4.0 * 0.75 * (1 - 0.97**weeks) / 0.03  # half of a mean payment of 4 a visit
    assert economics["ltv"]["low"] <= ltv <= economics["ltv"]["high"]
    assert economics["ltv_to_cac"]["value"] == pytest.approx(economics["ltv"]["value"] / COST)
    assert economics["payback"]["low"] <= economics["payback"]["months"]
    assert len(folder.read_frame("account_value.parquet")) == weeks
    spot = found["features"]["blind_spot"]
    assert (spot["verdict"], spot["falling"]) == ("found", ["old_tool"])
    assert set(folder.read_frame("feature_adoption.parquet")["period"]) == set(range(6))


@pytest.mark.parametrize("end", ["2024-01-02T00:00:00Z", "2026-07-01T00:00:00Z"])
def test_a_product_too_young_or_long_silent_is_told_so(tmp_path: Path, end: str) -> None:
    rows = events(("a", "2024-01-01T10:00:00", "start"), ("b", "2024-01-01T10:00:00", "start"))
    path = write_product(
        tmp_path,
        {"events": rows, "revenue": money(("a", "2023-01-01T10:00:00", 5.0))},
        candidates=SHARED,
        source={"observed_until": end},
        health={
            "invitations": {"sent": "invite", "accepted": "core"},
            "costs": {"acquisition": 3, "gross_margin": 0.5},
        },
    )
    as_of = datetime(2026, 8, 1, tzinfo=UTC)
    store = RunStore(tmp_path / "runs")
    context = RunContext(load_product(path), as_of, store, store.start("world", as_of))
    health(context)
    context.close()
    section = health_section(context.run)
    assert section is not None
    assert "what an account is worth cannot be told" in section.finding
    assert "the K-factor cannot be told" in section.finding
    assert "whether growth hides falling features cannot be told" in section.finding
