"""What is watched around the metric, against SQL written by hand: DuckDB and PostgreSQL."""

from collections.abc import Iterator

import pandas as pd
import pytest
from engines import new_database, on_engine
from health_world import OBSERVED, SENT, SHARED, days
from worlds import AS_OF, busy_world, write_product

from nsm_pipeline.product.yaml_file import load_product
from nsm_pipeline.warehouse.account_value import value_by_week
from nsm_pipeline.warehouse.extract import Extract
from nsm_pipeline.warehouse.feature_usage import FeatureUsage, feature_usage
from nsm_pipeline.warehouse.invitations import count_invitations

DAY_N = """
    SELECT n AS day, COUNT(*) AS accounts, SUM(CASE WHEN seen > 0 THEN 1 ELSE 0 END) AS active
    FROM (
        SELECT n, o.account,
               (SELECT COUNT(*) FROM check_events AS e
                WHERE e.account = o.account AND e."at" > t0 AND event <> 'mail'
                  AND e."at" >= t0 + n * INTERVAL 1 DAY
                  AND e."at" < t0 + (n + 1) * INTERVAL 1 DAY) AS seen
        FROM (SELECT account, MIN("at") AS t0 FROM check_events
              WHERE event = 'start' GROUP BY account) AS o
        CROSS JOIN (SELECT 1 AS n UNION ALL SELECT 7 UNION ALL SELECT 90) AS k
        WHERE t0 + (n + 1) * INTERVAL 1 DAY <= TIMESTAMP '2024-07-01 00:00:00'
    ) AS one GROUP BY n ORDER BY n
"""
LATEST = """
    SELECT event, COUNT(*) AS adopters, SUM(CASE WHEN days > 1 THEN 1 ELSE 0 END) AS repeaters
    FROM (
        SELECT e.account, event, COUNT(DISTINCT CAST(e."at" AS DATE)) AS days
        FROM check_events AS e
        JOIN (SELECT account, MIN("at") AS t0 FROM check_events
              WHERE event = 'start' GROUP BY account) AS o ON o.account = e.account
        WHERE e."at" >= t0 AND e."at" > TIMESTAMP '2024-06-03 00:00:00'
          AND e."at" <= TIMESTAMP '2024-07-01 00:00:00' AND event <> 'mail'
        GROUP BY e.account, event
    ) AS one GROUP BY event ORDER BY event
"""
FIRST_WEEKS = """
    SELECT week, CAST(SUM(minor) AS BIGINT) AS revenue_minor
    FROM (
        SELECT k AS week, ROUND(amount * 100) AS minor
        FROM (SELECT account, MIN("at") AS t0 FROM check_events
              WHERE event = 'start' GROUP BY account) AS o
        CROSS JOIN (SELECT 1 AS k UNION ALL SELECT 2 UNION ALL SELECT 9) AS w
        JOIN check_revenue AS r ON r.account = o.account
         AND r."at" >= t0 + 7 * k * INTERVAL 1 DAY AND r."at" < t0 + 7 * (k + 1) * INTERVAL 1 DAY
        WHERE t0 + 7 * (k + 1) * INTERVAL 1 DAY <= TIMESTAMP '2024-07-01 00:00:00'
    ) AS one GROUP BY week ORDER BY week
"""
ACCEPTED = """
    SELECT SUM(sent) AS invitations, SUM(came) AS accepted
    FROM (
        SELECT o.account,
               (SELECT COUNT(DISTINCT friend) FROM check_events AS e
                WHERE e.account = o.account AND event = 'invite' AND friend IS NOT NULL
                  AND (SELECT MIN(f."at") FROM check_events AS f WHERE f.account = o.account
                        AND f.event = 'invite' AND f.friend = e.friend)
                      BETWEEN t0 AND t0 + INTERVAL 28 DAY - INTERVAL 1 MICROSECOND) AS sent,
               (SELECT COUNT(*) FROM check_came AS c
                WHERE c.inviter = o.account AND first_sent >= t0
                  AND first_sent < t0 + INTERVAL 28 DAY
                  AND came <= first_sent + INTERVAL 14 DAY) AS came
        FROM (SELECT account, MIN("at") AS t0 FROM check_events
              WHERE event = 'start' GROUP BY account) AS o
        WHERE t0 + INTERVAL 42 DAY <= TIMESTAMP '2024-07-01 00:00:00'
    ) AS one
"""
CAME = """
    SELECT invitee, MAX(inviter) AS inviter, MAX(first_sent) AS first_sent, MAX(came) AS came
    FROM (
        SELECT s.account AS inviter, s.friend AS invitee, first_sent, came,
               RANK() OVER (PARTITION BY s.friend ORDER BY first_sent DESC) AS turn
        FROM (SELECT account, friend, MIN("at") AS first_sent FROM check_events
              WHERE event = 'invite' AND friend IS NOT NULL GROUP BY account, friend) AS s
        JOIN (SELECT account, MIN("at") AS came FROM check_events
              WHERE event = 'start' GROUP BY account) AS j ON j.account = s.friend
        WHERE first_sent <= came AND s.account <> s.friend
    ) AS one WHERE turn = 1 GROUP BY invitee
"""


def with_friends(seed: int, accounts: int) -> dict[str, pd.DataFrame]:
    """A busy world whose invitations name accounts that start about then, some before."""
    tables = busy_world(seed, accounts=accounts)
    rows = tables["events"].sort_values(["at", "account"], ignore_index=True)
    begun = rows[rows["event"] == "start"].groupby("account")["at"].min().sort_values()
    next_one = begun.searchsorted(rows["at"]) + rows.index.to_numpy() % 9 - 2
    friend = begun.index.to_numpy()[next_one.clip(0, len(begun) - 1)]
    rows["friend"] = pd.Series(friend).where((rows["event"] == "invite") & (rows.index % 5 > 0))
    return {**tables, "events": rows}


@pytest.fixture(scope="module", params=["duckdb", "postgres"])
def busy(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, postgres: str
) -> Iterator[Extract]:
    folder = tmp_path_factory.mktemp(request.param)
    path = write_product(
        folder,
        with_friends(11, 260),
        source=OBSERVED,
        candidates=SHARED,
        passive_events=["mail"],
        health={"invitations": {"sent": SENT, "accepted": "start"}},
    )
    product = on_engine(request.param, path, folder, new_database(postgres, "health"))
    opened = Extract.open(load_product(product), AS_OF)
    until = opened.tables.events["at"] <= pd.Timestamp("2024-07-01")
    known = opened.tables.events.filter(until)
    opened.engine.materialise("check_events", "events", known)
    opened.engine.materialise("check_revenue", "revenue", opened.tables.revenue)
    yield opened
    opened.engine.close()


def by_hand(x: Extract, sql: str) -> list[list[object]]:
    found = x.engine.backend.sql(sql, dialect="duckdb").to_pandas()
    assert len(found)
    return found.to_numpy(dtype=object).tolist()


def test_days_in_a_second_way(busy: Extract) -> None:
    assert [list(row) for row in days(busy, 1, 7, 90)] == by_hand(busy, DAY_N)


def test_adoption_in_a_second_way(busy: Extract) -> None:
    found: FeatureUsage = feature_usage(busy.engine, busy.population, busy.product.config)
    latest = found.periods[found.periods["period"] == 0]
    assert latest[["event", "adopters", "repeaters"]].to_numpy().tolist() == by_hand(busy, LATEST)


def test_value_in_a_second_way(busy: Extract) -> None:
    weeks = value_by_week(busy.engine, busy.population, busy.tables)
    sums = weeks.groupby("week", as_index=False)["revenue_minor"].sum()
    found = sums[sums["week"].isin([1, 2, 9])]
    assert found.to_numpy().tolist() == by_hand(busy, FIRST_WEEKS)


def test_invitations_in_a_second_way(busy: Extract) -> None:
    found = count_invitations(busy.engine, busy.population, busy.tables, busy.product.config)
    came = busy.engine.backend.sql(CAME, dialect="duckdb")
    busy.engine.materialise("check_came", "who came by whom", came)
    sums = [found.parts[name].sum() for name in ("invitations", "accepted")]
    assert [sums] == by_hand(busy, ACCEPTED)
    assert sums[1] > 10
    assert found.cycle["accepted"].sum() == sums[1]
