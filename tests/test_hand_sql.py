"""The main expressions against SQL written by hand, from the raw tables to the cells."""

from pathlib import Path

import pandas as pd
import pytest
from engines import new_database, on_engine
from test_cells import made_up_score
from worlds import AS_OF, busy_world, write_product

from nsm_pipeline.product.yaml_file import load_product
from nsm_pipeline.warehouse.extract import Extract
from nsm_pipeline.warehouse.scored import Scored

ONBOARDED = """
    SELECT account, MIN("at") AS t0 FROM check_events WHERE event = 'start' GROUP BY account
"""
STATUS = f"""
    SELECT account, t0,
           CASE WHEN t0 < TIMESTAMP '2024-01-20 00:00:00' THEN 'outside'
                WHEN t0 + INTERVAL 60 DAY > TIMESTAMP '2024-09-01 00:00:00' THEN 'censored'
                ELSE 'eligible' END AS status
    FROM ({ONBOARDED}) AS o
"""
ELIGIBLE = f"SELECT account, t0 FROM ({STATUS}) AS s WHERE status = 'eligible'"
WINDOWS = "SELECT 7 AS within_days UNION ALL SELECT 14"
COUNTS = f"""
    SELECT within_days, e.account, e.event, COUNT(*) AS n
    FROM ({ELIGIBLE}) AS a CROSS JOIN ({WINDOWS}) AS w
    JOIN check_events AS e ON e.account = a.account
     AND e."at" >= t0 AND e."at" < t0 + within_days * INTERVAL 1 DAY
    GROUP BY within_days, e.account, e.event
"""
REVENUE_WEEKS = f"""
    SELECT within_days, r.account, week, SUM(amount) AS revenue
    FROM ({ELIGIBLE}) AS a CROSS JOIN ({WINDOWS}) AS w
    CROSS JOIN (SELECT 1 AS week UNION ALL SELECT 2 UNION ALL SELECT 13) AS k
    JOIN check_revenue AS r ON r.account = a.account
     AND r."at" >= t0 + (within_days + 7 * (week - 1)) * INTERVAL 1 DAY
     AND r."at" < t0 + (within_days + 7 * week) * INTERVAL 1 DAY
    GROUP BY within_days, r.account, week
"""
CELLS = f"""
    SELECT within_days, candidate, reached, COUNT(*) AS accounts, SUM(kept) AS retained,
           SUM(observed) AS revenue_accounts, SUM(observed * paid) AS revenue_sum
    FROM (
        SELECT within_days, c.event AS candidate, a.account,
               CASE WHEN COALESCE(MAX(n), 0) >= 3 THEN 3 ELSE COALESCE(MAX(n), 0) END AS reached,
               (SELECT COUNT(DISTINCT e.account) FROM check_events AS e
                WHERE e.account = a.account AND e.event = 'start'
                  AND e."at" > t0 + INTERVAL 30 DAY AND e."at" <= t0 + INTERVAL 60 DAY) AS kept,
               CASE WHEN t0 + (within_days + 91) * INTERVAL 1 DAY
                         <= TIMESTAMP '2024-09-01 00:00:00' THEN 1 ELSE 0 END AS observed,
               (SELECT COALESCE(SUM(amount), 0) FROM check_revenue AS r
                WHERE r.account = a.account
                  AND r."at" >= t0 + within_days * INTERVAL 1 DAY
                  AND r."at" < t0 + (within_days + 91) * INTERVAL 1 DAY) AS paid
        FROM ({ELIGIBLE}) AS a CROSS JOIN ({WINDOWS}) AS w
        CROSS JOIN (SELECT 'share' AS event UNION ALL SELECT 'export') AS c
        LEFT JOIN (SELECT within_days AS days, account AS who, event AS what, n
                   FROM ({COUNTS}) AS counted) AS n
          ON n.days = within_days AND n.who = a.account AND n.what = c.event
        GROUP BY within_days, c.event, a.account, t0
    ) AS one GROUP BY within_days, candidate, reached
"""


@pytest.fixture(params=["duckdb", "postgres"])
def extract(request: pytest.FixtureRequest, tmp_path: Path, postgres: str):
    path = write_product(
        tmp_path,
        busy_world(5, accounts=300),
        source={"observed_until": "2024-09-01T00:00:00Z"},
        onboarding={"from": "2024-01-20"},
        candidates=[
            {"name": name, "event": name, "at_least": [1, 2, 3]} for name in ("share", "export")
        ],
        adjust_for=["plan"],
    )
    product = on_engine(request.param, path, tmp_path, new_database(postgres, "by_hand"))
    opened = Extract.open(load_product(product), AS_OF)
    opened.engine.materialise("check_events", "events", opened.tables.events)
    opened.engine.materialise("check_revenue", "revenue", opened.tables.revenue)
    yield opened
    opened.engine.close()


def by_hand(extract: Extract, sql: str) -> pd.DataFrame:
    return extract.engine.backend.sql(sql, dialect="duckdb").to_pandas()


def assert_same_rows(found: pd.DataFrame, expected: pd.DataFrame) -> None:
    columns = list(expected.columns)
    number = expected.select_dtypes(exclude=["datetime", "str"]).columns
    frames = [
        frame[columns].astype(dict.fromkeys(number, float)).sort_values(columns, ignore_index=True)
        for frame in (found, expected)
    ]
    assert len(expected)
    pd.testing.assert_frame_equal(*frames, check_dtype=False, rtol=1e-12)


def test_who_is_compared(extract: Extract) -> None:
    found = extract.engine.fetch("population", extract.population.onboarded)
    assert set(found["status"]) == {"outside", "censored", "eligible"}
    assert_same_rows(found, by_hand(extract, STATUS))


def test_what_accounts_did_in_the_windows(extract: Extract) -> None:
    wide = extract.engine.fetch("counts", extract.exposures.by_event)
    accounts = extract.engine.fetch("accounts", extract.population.onboarded)
    names = dict(enumerate(extract.exposures.event_names))
    wide = wide.merge(accounts[["account_no", "account"]], on="account_no")
    parts = [
        pd.DataFrame(
            {
                "within_days": days,
                "account": wide["account"],
                "event": wide["event_no"].map(names),
                "n": wide[f"n_{days}"],
            }
        )
        for days in extract.exposures.windows
    ]
    found = pd.concat(parts)
    assert_same_rows(found[found["n"] > 0], by_hand(extract, COUNTS))


def test_what_accounts_paid_in_the_weeks_after(extract: Extract) -> None:
    weeks = extract.engine.fetch("revenue", extract.weekly_revenue)
    accounts = extract.engine.fetch("accounts", extract.population.onboarded)
    found = weeks.merge(accounts[["account_no", "account"]], on="account_no")
    found["revenue"] = found["revenue_minor"] / 100
    assert_same_rows(found[found["week"].isin([1, 2, 13])], by_hand(extract, REVENUE_WEEKS))


def test_the_cells_over_all_strata(extract: Extract) -> None:
    score = made_up_score(5, list(extract.exposures.event_names))
    cells = Scored(extract, score).cells().frame
    assert cells["stratum"].nunique() > 3
    expected = by_hand(extract, CELLS)
    sums = list(expected.columns[3:])
    found = cells.groupby(["within_days", "candidate", "reached"], as_index=False)[sums].sum()
    assert_same_rows(found, expected)
