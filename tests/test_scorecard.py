"""The scorecard: what is gamed is caught, what is honest is not, and red flags have their names."""

import json
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import duckdb
import numpy as np
import pandas as pd
import pytest
from engines import new_database, on_engine
from worlds import AS_OF, START, busy_world, write_product

from nsm_pipeline.errors import InvalidInput
from nsm_pipeline.pipeline import check_product, run_product
from nsm_pipeline.product.scorecard import DeclaredScore
from nsm_pipeline.product.subject import behaviours_of, subject_of, usual_here
from nsm_pipeline.product.yaml_file import load_product
from nsm_pipeline.simulation.scenarios import find_scenario
from nsm_pipeline.simulation.world import draw_world
from nsm_pipeline.simulation.world_files import write_world
from nsm_pipeline.stats.gaming import Recount, recount
from nsm_pipeline.stats.movement import (
    Beside,
    Falls,
    Spread,
    falls_of,
    moves_with,
    spread_of_cohorts,
)
from nsm_pipeline.stats.score_evidence import Evidence
from nsm_pipeline.stats.score_line import TESTS
from nsm_pipeline.stats.score_lines import gaming
from nsm_pipeline.stats.scorecard import LISTS, list_records, score
from nsm_pipeline.warehouse.extract import Extract
from nsm_pipeline.warehouse.repetition import Repeated, repetition

HOUR, DAY = pd.Timedelta(hours=1), pd.Timedelta(days=1)
FLAT = {"verdict": "flattening"}
GAMED = ("reward_claimed", "invite_link_clicked", "bonus_1_claimed", "bonus_4_claimed")
HONEST = ("message_sent", "friend_added", "photo_shared", "group_joined", "reply_sent")


# --- counted anew ---------------------------------------------------------------------------------


def counted(path: Path, name: str, k: int, days: int) -> Recount:
    product = load_product(path)
    x = Extract.open(product, AS_OF)
    try:
        asked = Repeated(name, behaviours_of(name, product.config)[0], k, days)
        found = repetition(x.engine, x.population, product.config, (x.exposures, asked))
        return recount(*found, k)
    finally:
        x.engine.close()


@pytest.fixture(scope="module")
def hand_worked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """a: three invites in one minute; b: three over three days; c: twelve in an hour; d: none.

    Everybody also starts and reads; the window is a week, and b's fourth invite is after it.
    """
    rows: list[tuple[str, pd.Timestamp, str]] = []
    for account in "abcd":
        rows += [(account, START + hour * HOUR, "read") for hour in range(1, 21)]
        rows += [(account, START + n * DAY, "start") for n in (0, 40, 80)]
    rows.remove(("d", START + 40 * DAY, "start"))
    rows += [("a", START + HOUR + pd.Timedelta(seconds=s), "invite") for s in (0, 20, 40)]
    rows += [("b", START + HOUR + day * DAY, "invite") for day in (0, 1, 2, 8)]
    rows += [("c", START + HOUR + pd.Timedelta(minutes=5 * n), "invite") for n in range(12)]
    events = pd.DataFrame(rows, columns=["account", "at", "event"])
    exposure = {"within": ["7d", "14d"]}
    folder = tmp_path_factory.mktemp("hand")
    return write_product(folder, {"events": events}, exposure=exposure, discover={"events": "all"})


@pytest.mark.parametrize("engine", ["files", "postgres"])
def test_counted_by_hand(hand_worked: Path, tmp_path: Path, postgres: str, engine: str) -> None:
    server = new_database(postgres, "repeated") if engine == "postgres" else ""
    path = on_engine(engine, hand_worked, tmp_path, server) if server else hand_worked
    found = counted(path, "invite", 3, 7)
    assert (found.doers, found.by_days, found.spaced) == (3, 1, 2)  # b; b and c
    assert found.occurrences == 3 + 4 + 12  # in fourteen days
    # Everybody's part: 19 of 19 + 84 events. c's 12 beside 21 others are 2.5 times that part.
    assert found.lopsided_share == 0
    assert found.top_share == pytest.approx(12 / 19)  # a tenth of three, rounded up, is c
    assert found.heap is None


@pytest.fixture(scope="module")
def gamed(tmp_path_factory: pytest.TempPathFactory) -> Extract:
    folder = tmp_path_factory.mktemp("gamed")
    path = write_world(draw_world(find_scenario("gamed_and_bots"), 2000, 3), folder)
    return Extract.open(load_product(path), AS_OF.replace(month=12, day=31))


def test_the_simulators_gamed_behaviours_are_caught_and_honest_ones_are_not(gamed: Extract) -> None:
    config = gamed.product.config
    for name in (*GAMED, *HONEST):
        asked = Repeated(name, behaviours_of(name, config)[0], 3, 14)
        found = repetition(gamed.engine, gamed.population, config, (gamed.exposures, asked))
        again = recount(*found, 3)
        if name in HONEST:  # as docs/scorecard.md says of honest behaviours
            assert again.lopsided_share < 0.2
            assert again.top_share < 0.48
        line = gaming(replace(good(), recount=again, just_reached=None))
        assert line.state == ("fix" if name in GAMED else "passes"), (name, line.sentence)


def test_the_recount_is_what_sql_counts(gamed: Extract) -> None:
    name, k, days = "friend_added", 3, 14
    config = gamed.product.config
    asked = Repeated(name, behaviours_of(name, config)[0], k, days)
    histogram, whose = repetition(gamed.engine, gamed.population, config, (gamed.exposures, asked))
    longest = gamed.exposures.windows[-1]
    files = str(gamed.product.resolve(config.source.events.files[0])[0])
    eligible = gamed.engine.fetch("the eligible", gamed.population.eligible.select("account", "t0"))
    eligible["account"] = eligible["account"].astype(str)
    sql = f"""
        WITH did AS (
            SELECT e.account, x.ts AT TIME ZONE 'UTC' AS moment, e.t0 FROM eligible e
            JOIN '{files}' x ON e.account = CAST(x.account_id AS VARCHAR)
            WHERE x.event = '{name}' AND x.ts AT TIME ZONE 'UTC' >= e.t0
              AND x.ts AT TIME ZONE 'UTC' < e.t0 + INTERVAL {longest} DAY),
        seen AS (
            SELECT *, moment < t0 + INTERVAL {days} DAY AS inside,
              EXISTS (SELECT 1 FROM did o WHERE o.account = did.account AND o.moment < did.moment
                      AND date_diff('second', o.moment, did.moment) < 60) AS close
            FROM did),
        each AS (
            SELECT account, count(*) FILTER (inside) AS n,
              count(DISTINCT CAST(moment AS DATE)) FILTER (inside) AS d,
              count(*) FILTER (inside AND NOT close) AS s, count(*) AS own
            FROM seen GROUP BY account)
        SELECT count(*) FILTER (n >= {k}), count(*) FILTER (d >= {k}), count(*) FILTER (s >= {k}),
          sum(own) FROM each"""
    expected = duckdb.sql(sql).fetchone()
    found = recount(histogram, whose, k)
    assert (found.doers, found.by_days, found.spaced, found.occurrences) == expected


def by_times(*accounts: int) -> pd.DataFrame:
    times = range(1, len(accounts) + 1)
    return pd.DataFrame({"times": times, "by_days": True, "spaced": True, "accounts": accounts})


WHOSE = {"occurrences": 100, "lopsided": 0, "top": 10}


def test_a_heap_exactly_at_k_is_no_accident() -> None:
    stops = recount(by_times(200, 150, 120, 90, 260, 60), WHOSE, 5)
    assert stops.heap.p_value < 1e-6
    assert "260 accounts stop exactly there" in gaming(replace(good(), recount=stops)).sentence
    rng = np.random.default_rng(4)
    caught = [
        recount(by_times(*np.bincount(rng.poisson(k, 3000))[1:]), WHOSE, k).heap.p_value < 0.01
        for k in (2, 3, 5, 8)
        for _ in range(100)
    ]
    assert np.mean(caught) < 0.025  # the rarest of counts that are honest, with their mode at k


# --- movement -------------------------------------------------------------------------------------


def test_cohorts_that_differ_by_chance_alone_do_not_move() -> None:
    rng = np.random.default_rng(5)
    accounts = np.full(20, 200.0)
    by_chance = [spread_of_cohorts(accounts, rng.binomial(200, 0.3, 20)) for _ in range(300)]
    assert np.mean([s.p_value < 0.05 for s in by_chance]) == pytest.approx(0.05, abs=0.03)
    true = rng.normal(0.3, 0.06, (300, 20))
    moved = [spread_of_cohorts(accounts, rng.binomial(200, share)) for share in true]
    assert np.mean([s.sd_pp for s in moved]) == pytest.approx(6, rel=0.15)
    assert np.mean([s.p_value < 0.05 for s in moved]) > 0.95
    assert spread_of_cohorts(accounts[:2], np.array([10, 90])) is None


def test_a_running_total_never_falls_and_a_count_does() -> None:
    weekly = pd.Series(np.random.default_rng(6).poisson(50, 30), dtype=float)
    assert falls_of(weekly.cumsum()) == Falls(29, 0)
    assert falls_of(weekly).falls > 8
    flagged = score(replace(good(), falls=falls_of(weekly.cumsum())), FLAT)
    assert flagged.result == "fix this first"
    assert flagged.red_flags == ("Cumulative total: it only ever rises.",)
    short = score(replace(good(), falls=Falls(8, 0)), FLAT)
    assert {line.test: line.state for line in short.lines}["can_fall"] == "cannot tell"
    assert not short.red_flags


def test_series_that_only_trend_together_do_not_move_together() -> None:
    rng = np.random.default_rng(7)
    weeks = pd.date_range("2024-01-01", periods=60, freq="7D")
    trend = pd.Series(np.arange(60.0), weeks)
    one, other = (trend + rng.normal(0, 3, 60) for _ in range(2))
    assert moves_with(one, other).p_value > 0.05
    assert moves_with(one, one + rng.normal(0, 1, 60)).p_value < 0.001
    assert moves_with(one[:10], other) is None
    bad = replace(good(), guardrail=Beside(60, 0.6, 0.001))
    assert "rises with it" in " ".join(score(bad, FLAT).reasons)


# --- the result -----------------------------------------------------------------------------------


DECLARED = DeclaredScore(
    of="invite",
    value="Their team is there",
    owner="growth",
    laziest_way="Invite one's own addresses",
    more_is="value",
)


def good() -> Evidence:
    """A behaviour with nothing against it."""
    row = {
        "lift_pp": 8.0,
        "holdout_lift_pp": 6.0,
        "fading": False,
        "reach": 0.3,
        "verdict": "north_star",
        "reason": "",
        "revenue_gap": 5.0,
        "revenue_gap_ci_low": 2.0,
        "revenue_gap_ci_high": 8.0,
    }
    config = SimpleNamespace(
        candidates=(), metrics=(), discover=None, scorecard=(DECLARED,), business_model=None
    )
    config.source = SimpleNamespace(revenue=None)
    return Evidence(
        subject=subject_of("invite", config),
        words="Teams with at least 3 invites within 7 days",
        promise="Work together",
        has_revenue=True,
        row=row,
        series={"verdict": "cannot tell", "note": "No lag stands out."},
        spread=Spread(8, 0.2, 0.4, 5.0, 0.001),
        falls=Falls(20, 9),
        recount=Recount(300, 200, 280, 2000, 0.02, 0.3, None),
        not_recounted="",
        just_reached=None,
        guardrail=None,
    )


def test_recommended_only_when_the_needed_half_is_known() -> None:
    assert score(good(), FLAT).result == "recommended"
    quiet = replace(good(), subject=replace(good().subject, declared=None))
    found = score(quiet, FLAT)
    assert found.result == "fix this first"
    assert "Value to the customer cannot be told" in found.reasons[0]
    poor = score(replace(good(), has_revenue=False), FLAT)
    assert any(reason.startswith("Leads revenue cannot be told") for reason in poor.reasons)
    # The rest may stay unknown.
    unknown = replace(good(), falls=None, recount=None, spread=good().spread)
    assert score(unknown, FLAT).result == "recommended"


def test_a_lagging_or_harmful_metric_is_rejected() -> None:
    lags = {"verdict": "lags", "note": "It follows revenue by 3 weeks: a lagging metric."}
    found = score(replace(good(), series=lags), FLAT)
    assert found.result == "reject"
    assert "a lagging metric" in found.reasons[0]
    harmful = {**good().row, "verdict": "harmful"}
    assert score(replace(good(), row=harmful), FLAT).result == "reject"


def test_before_product_market_fit_nothing_is_recommended() -> None:
    found = score(good(), {"verdict": "not flattening"})
    assert found.result == "fix this first"
    assert found.red_flags == ("Before product-market fit: retention does not flatten.",)
    assert score(good(), {"verdict": "too early to say"}).result == "recommended"


METRICS = [
    {"name": "sales", "event": "start", "value": {"sum": "size"}},
    {"name": "takings", "event": "invoice_paid", "value": "events"},
    {"name": "active", "event": "any"},
    {"name": "opened", "event": "app_opened"},
    {"name": "sharing", "event": "share", "at_least": 3},
    {"name": "shares", "event": "share", "value": "events", "where": {"colour": "red"}},
]


@pytest.mark.parametrize(
    ("name", "revenue", "presence"),
    [
        ("sales", None, None),
        ("takings", "invoice_paid is a payment", None),
        ("active", None, "it counts whoever did anything at all"),
        ("opened", None, "app_opened only shows that somebody was there"),
        ("sharing", None, None),
        ("shares", None, None),
        ("spend", "it adds up amount, which is money taken", None),
    ],
)
def test_revenue_and_mere_presence_are_told_by_what_is_counted(
    tmp_path: Path, name: str, revenue: str | None, presence: str | None
) -> None:
    spend = {"name": "spend", "event": "start", "measure": {"sum": "amount"}}
    file = write_product(tmp_path, busy_world(1, 10), metrics=METRICS, candidates=[spend])
    config = load_product(file).config
    subject = subject_of(name, config)
    assert (subject.revenue, subject.presence) == (revenue, presence)
    flagged = replace(good(), subject=replace(subject, declared=DECLARED))
    found = score(flagged, FLAT)
    if revenue:
        assert found.result == "reject"
        assert found.red_flags[0].startswith("Revenue as the metric")
    elif presence:
        assert found.result == "fix this first"
        assert found.red_flags[0].startswith("Plain active users")
    else:
        assert found.result == "recommended"
    by_ads = config.model_copy(update={"business_model": "ad_driven"})
    assert subject_of(name, by_ads).presence is None  # there, attention is what is sold
    assert usual_here(subject_of("active", by_ads), by_ads)
    assert not usual_here(subject_of("shares", by_ads), by_ads)


def test_every_point_of_the_articles_is_answered() -> None:
    sizes = {title: len(points) for title, _, points in LISTS}
    assert sizes == {"Seven-point checklist": 7, "Four questions": 4, "Three traits": 3}
    found = score(good(), FLAT)
    for record in list_records(found.lines):
        assert {test for point in record["points"] for test in point["tests"]} <= {*TESTS.values()}
        assert all(point["state"] == "passes" for point in record["points"])


def test_a_score_of_what_is_not_there_is_refused(tmp_path: Path) -> None:
    entry = {"of": "shar", "owner": "growth"}
    file = write_product(tmp_path, busy_world(1, 10), discover={"events": "all"}, scorecard=[entry])
    with pytest.raises(InvalidInput, match="Did you mean `share`"):
        check_product(file)


# --- a whole run ----------------------------------------------------------------------------------


def test_a_run_leaves_the_scorecard_and_shows_it(tmp_path: Path) -> None:
    entry = {"of": "share", "owner": "<b>growth</b>", "value": "Seen", "laziest_way": "Spam"}
    guarded = {"of": "sharing", "more_is": "engagement", "guardrail": "active"}
    file = write_product(
        tmp_path,
        busy_world(11, 600),
        discover={"events": "all"},
        metrics=METRICS[2:5:2],
        scorecard=[entry, guarded],
        business_model="ugc_subscription",
    )
    folder = run_product(file, as_of=AS_OF, out=tmp_path / "runs")
    card = json.loads((folder.path / "scorecard.json").read_text(encoding="utf-8"))
    leaders = [one["candidate"] for one in folder.read_json("star.json")["top"]]
    assert len(leaders) == 3
    assert [one["of"] for one in card["scores"]] == [*leaders, "active", "sharing"]
    for one in card["scores"]:
        assert [line["test"] for line in one["lines"]] == [*TESTS]
        assert one["result"] in ("recommended", "fix this first", "reject")
        assert one["reasons"]
    active = card["scores"][3]
    assert active["red_flags"][0].startswith("Plain active users")
    assert active["measured"]["falls"]["changes"] > 30
    page = (folder.path / "report.html").read_text(encoding="utf-8")
    assert "<b>growth</b>" not in page
    assert "Seven-point checklist" in page
    assert "Consumer metrics are usually one figure" in page
    assert f"<bdi>{leaders[0]}</bdi>: {card['scores'][0]['result']}" in page
