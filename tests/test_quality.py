"""The data checks, on small tables in a real DuckDB and on the two shipped datasets."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from datetime import datetime
from pathlib import Path

import ibis
import pandas as pd
import pytest
from great_expectations.expectations import ExpectColumnValuesToBeBetween
from quality_world import failed, look, of, product
from test_ranking_checks import good_ranking
from worlds import AS_OF, busy_world, open_extract, write_product

import nsm_pipeline.warehouse.duplicates as duplicates
from nsm_pipeline.errors import ChecksFailed
from nsm_pipeline.quality.checks import check_ranking, check_source_quality, validate_frame
from nsm_pipeline.warehouse.events import SourceTables
from nsm_pipeline.warehouse.profile import profile_source

ROOT = Path(__file__).parents[1]


def test_clean_data_passes_every_check():
    report = look()
    assert failed(report) == []
    assert report.as_json()["ok"] is True
    looked_at = [(check.name, check.table) for check in report.checks]
    assert len(looked_at) == len(set(looked_at)) == 24
    assert {name for name, _ in looked_at} == set(type(product().checks).model_fields)
    report.raise_if_critical()


NEW = "INSERT INTO events VALUES"
LAST_WEEK = "\"at\" > TIMESTAMP '2024-03-08 02:00:00'"
ADD_PAST = "INSERT INTO events SELECT 'a1', TIMESTAMP '2024-01-20 12:00:00' + INTERVAL (n) MINUTE"

BROKEN = {
    "no revenue rows": (["DELETE FROM revenue"], "rows", "revenue", "0 rows of revenue"),
    "no account rows": (["DELETE FROM accounts"], "rows", "accounts", "0 rows of accounts"),
    "time is text": (
        ['ALTER TABLE events ALTER "at" TYPE VARCHAR'],
        "types",
        "events",
        "at is string",
    ),
    "amount is text": (
        ["ALTER TABLE revenue ALTER amount TYPE VARCHAR"],
        "types",
        "revenue",
        "amount is string",
    ),
    "stale": (
        ["DELETE FROM events WHERE \"at\" > TIMESTAMP '2024-03-11 14:00:00'"],
        "freshness",
        "events",
        "Newest event is 3.7 days old at the run's moment (allowed: 3).",
    ),
    "half a week lost": (
        [f"DELETE FROM events WHERE {LAST_WEEK} AND step > 1 AND account < 'a8'"],
        "volume",
        "events",
        "The last 7 days have 98 rows of events, the weeks before had 210: 0.47 times as many",
    ),
    "revenue loaded thrice": (
        [
            'INSERT INTO revenue SELECT account, "at" + INTERVAL (n) MINUTE, amount, refund '
            f"FROM revenue, range(1, 3) AS r(n) WHERE {LAST_WEEK}"
        ],
        "volume",
        "revenue",
        "3.00 times as many",
    ),
    "no account": (
        [f"{NEW} (NULL, TIMESTAMP '2024-03-01', 'opened', 'x', 1)"],
        "nulls",
        "events",
        "1 of 1,801 rows of events (0.0555 %) lack a value: account 1 (allowed: 0 %).",
    ),
    "no time": ([f"{NEW} ('a1', NULL, 'opened', 'x', 1)"], "nulls", "events", "at 1"),
    "no event": (
        [f"{NEW} ('a1', TIMESTAMP '2024-03-01', NULL, 'x', 1)"],
        "nulls",
        "events",
        "event 1",
    ),
    "amount not a number": (
        [
            "ALTER TABLE revenue ALTER amount TYPE DOUBLE",
            "INSERT INTO revenue VALUES ('a1', TIMESTAMP '2024-03-01', 'nan', false)",
        ],
        "nulls",
        "revenue",
        "amount 1",
    ),
    "account without id": (
        ["INSERT INTO accounts VALUES (NULL, NULL)"],
        "nulls",
        "accounts",
        "account 1",
    ),
    "account listed twice": (
        ["INSERT INTO accounts SELECT * FROM accounts WHERE account < 'a2'"],
        "unique_accounts",
        "accounts",
        "2 of 12 rows of accounts",
    ),
    "rows loaded twice": (
        ["INSERT INTO events SELECT * FROM events WHERE account < 'a1'"],
        "duplicates",
        "events",
        "180 of 1,980 rows of events (9.09 %) repeat an earlier row by every column of it",
    ),
    "later than tolerated": (
        [f"{NEW} ('a1', TIMESTAMP '2099-01-01', 'opened', 'x', 1)"],
        "future",
        "events",
        "1 of 1,801 rows",
    ),
    "seconds read as milliseconds": (
        [f"{NEW} ('a1', TIMESTAMP '1970-01-20', 'opened', 'x', 1)"],
        "before_start",
        "events",
        "before the year 2000",
    ),
    "before sign-up": (
        [f"{NEW} ('a1', TIMESTAMP '2024-01-09 23:59:59', 'opened', 'x', 1)"],
        "before_start",
        "events",
        "1 of 1,801 rows",
    ),
    "declared event absent": (
        ["UPDATE events SET event = 'opened' WHERE event = 'worked'"],
        "vanished_events",
        "events",
        'Events are missing: 1 that the product names: "worked".',
    ),
    "declared pattern absent": (
        ["UPDATE events SET event = 'worked'"],
        "vanished_events",
        "events",
        '"open*"',
    ),
    "regular event silent": (
        [f"UPDATE events SET event = 'opened' WHERE event = 'worked' AND {LAST_WEEK}"],
        "vanished_events",
        "events",
        '1 seen in each week before, not in the last: "worked"',
    ),
    "new event": (
        [f"{NEW} ('a1', TIMESTAMP '2024-03-14', 'launched \"it\"', 'x', 1)"],
        "unknown_events",
        "events",
        '1 first seen in the last 7 days, not named by the product: "launched \\"it\\"".',
    ),
    "events of nobody": (
        ["DELETE FROM accounts WHERE account = 'a3'"],
        "orphan_accounts",
        "events",
        "180 of 1,800 rows of events (10 %)",
    ),
    "money of nobody": (
        ["DELETE FROM accounts WHERE account = 'a3'"],
        "orphan_accounts",
        "revenue",
        "60 of 600 rows of revenue (10 %)",
    ),
    "negative without refund": (
        ["INSERT INTO revenue VALUES ('a1', TIMESTAMP '2024-03-01', -5, false)"],
        "negative_revenue",
        "revenue",
        "1 of 601 rows of revenue",
    ),
}


@pytest.mark.parametrize(("sql", "name", "table", "what"), BROKEN.values(), ids=BROKEN)
def test_a_fault_fails_its_check_with_numbers(sql, name, table, what):
    report = look(*sql)
    assert (name, table) in failed(report)
    assert what in of(report, name, table).what


HARMLESS = {
    "closed on Sundays": ['DELETE FROM events WHERE isodow("at") = 7'],
    "one closed week among the four": [
        "DELETE FROM events WHERE \"at\" BETWEEN TIMESTAMP '2024-02-16' AND TIMESTAMP '2024-02-23'"
    ],
    "a refund": ["INSERT INTO revenue VALUES ('a1', TIMESTAMP '2024-03-01', -5, true)"],
    "rows since the run's moment": [
        f"{NEW} ('a1', TIMESTAMP '2024-03-15 02:00:01', 'opened', 'x', 1)",
        f"{NEW} ('a1', TIMESTAMP '2024-03-16 02:00:00', 'launched', 'x', 1)",
    ],
    "an event on the day of sign-up, before its hour": [
        f"{NEW} ('a1', TIMESTAMP '2024-01-10 00:00:00', 'opened', 'x', 1)"
    ],
    "a rare event that pauses": [
        f"{ADD_PAST}, 'asked', 'q' || n, n FROM range(9) AS r(n)",
        f"{NEW} ('a1', TIMESTAMP '2024-02-12', 'asked', 'x', 1)",
        f"{NEW} ('a1', TIMESTAMP '2024-02-20', 'asked', 'x', 1)",
        f"{NEW} ('a1', TIMESTAMP '2024-02-27', 'asked', 'x', 1)",
        f"{NEW} ('a1', TIMESTAMP '2024-03-05', 'asked', 'x', 1)",
    ],
    "a new event that a pattern names": [
        f"{NEW} ('a1', TIMESTAMP '2024-03-14', 'opened_twice', 'x', 1)"
    ],
    "few repeats": ["INSERT INTO events SELECT * FROM events LIMIT 50"],
    "a null in a property": ["UPDATE events SET id = NULL, step = NULL WHERE account = 'a1'"],
}


@pytest.mark.parametrize("sql", HARMLESS.values(), ids=HARMLESS)
def test_what_is_no_fault_passes(sql):
    assert failed(look(*sql, duplicates={"max_share": 0.07})) == []


def test_no_events_at_all():
    report = look("DELETE FROM events")
    assert {("rows", "events"), ("freshness", "events")} <= set(failed(report))
    assert of(report, "freshness").observed is None


def test_too_few_eligible_accounts():
    report = look(population={"onboarded": 900, "eligible": 499})
    assert of(report, "eligible_accounts", "accounts").what.startswith("499 of 900 onboarded")
    with pytest.raises(ChecksFailed, match="needed: 500"):
        report.raise_if_critical()


def test_only_events_are_required():
    report = look(drop=("accounts", "revenue"), population=None)
    assert failed(report) == []
    assert {check.table for check in report.checks} == {"events"}


def test_severity_says_what_a_failure_means():
    stale = "DELETE FROM events WHERE \"at\" > TIMESTAMP '2024-03-11 14:00:00'"
    critical = look(stale)
    assert critical.as_json()["critical_failed"] == 1
    with pytest.raises(ChecksFailed) as stopped:
        critical.raise_if_critical()
    [problem] = stopped.value.problems
    assert problem.where == "checks.freshness  events"
    assert "3.7 days" in problem.what
    assert "checks.freshness.max_age" in problem.mend

    warned = look(stale, freshness={"severity": "warning"})
    assert (warned.as_json()["ok"], warned.as_json()["warnings"]) == (True, 1)
    warned.raise_if_critical()

    unseen = look(stale, freshness={"severity": "off"})
    assert "freshness" not in {check.name for check in unseen.checks}
    every_check = {name: {"severity": "off"} for name in type(product().checks).model_fields}
    assert look(stale, **every_check).as_json() == {
        "ok": True,
        "critical_failed": 0,
        "warnings": 0,
        "checks": [],
    }


def test_examples_are_five_ids_and_times_in_order():
    report = look("DELETE FROM accounts WHERE account IN ('a3', 'a4')")
    examples = of(report, "orphan_accounts").examples
    assert examples == tuple(f"account a3, at 2024-01-{d}T09:00:00Z" for d in range(15, 20))
    missing = look(
        f"{NEW} ('a1', NULL, 'opened', 'x', 1), ('a1', TIMESTAMP '2024-02-01', NULL, 'x', 1), "
        "(NULL, NULL, 'opened', 'x', 1)"
    )
    assert of(missing, "nulls").examples == (
        "account missing, at missing",
        "account a1, at missing",
        "account a1, at 2024-02-01T00:00:00Z",
    )


@pytest.mark.parametrize(
    ("at", "last_week", "rows"),
    [
        ("2024-03-15 02:00:00", 211, 1801),
        ("2024-03-15 02:00:00.000001", 210, 1800),
        ("2024-03-08 02:00:00.000001", 211, 1801),
        ("2024-03-08 02:00:00", 210, 1801),
    ],
)
def test_a_week_ends_at_the_moment_and_leaves_out_its_start(at, last_week, rows):
    report = look(f"{NEW} ('a1', TIMESTAMP '{at}', 'opened', 'x', 1)")
    assert f"The last 7 days have {last_week} rows of events" in of(report, "volume").what
    assert of(report, "rows").observed == rows


def test_a_declared_id_decides_what_a_duplicate_is():
    again = (
        'INSERT INTO events SELECT account, "at" + INTERVAL 1 MINUTE, event, id, step + 10 '
        "FROM events WHERE account < 'a1'"
    )
    assert failed(look(again)) == []
    report = look(again, event_id="id")
    assert failed(report) == [("duplicates", "events")]
    check = of(report, "duplicates")
    assert "180 of 1,980 rows of events (9.09 %) repeat an earlier row by its id" in check.what
    assert check.examples[0] == "account a0, at 2024-01-15T09:00:00Z, id e0-0-1"
    no_id = look("UPDATE events SET id = NULL WHERE account = 'a1'", event_id="id")
    assert failed(no_id) == [("nulls", "events")]


def test_of_a_large_table_the_newest_days_are_compared(monkeypatch):
    monkeypatch.setattr(duplicates, "MOST_COMPARED", 230)
    old = "INSERT INTO events SELECT * FROM events WHERE account < 'a3'"
    assert failed(look(f"{old} AND NOT {LAST_WEEK}")) == []
    check = of(look(f"{old} AND {LAST_WEEK}"), "duplicates")
    assert not check.ok
    assert "45 of 195 rows" in check.what
    assert "compared since 2024-03-09T23:59:59Z" in check.what


def test_a_backfill_sees_what_the_first_run_saw():
    """Rows that came after an older moment change one count and nothing else."""
    then = datetime.fromisoformat("2024-03-01T02:00:00+00:00")
    faults = (
        f"{NEW} (NULL, TIMESTAMP '2024-03-10', 'opened', 'x', 1)",
        f"{NEW} ('nobody', TIMESTAMP '2024-03-10', 'launched', 'x', 1)",
        "INSERT INTO events SELECT * FROM events WHERE \"at\" > TIMESTAMP '2024-03-10'",
        "INSERT INTO revenue VALUES ('a1', TIMESTAMP '2024-03-10', -5, false)",
    )
    gone = "\"at\" > TIMESTAMP '2024-03-01 02:00:00'"
    emptied = (f"DELETE FROM events WHERE {gone}", f"DELETE FROM revenue WHERE {gone}")
    broken = ("DELETE FROM accounts WHERE account = 'a3'", f"{NEW} (NULL, NULL, NULL, 'x', 1)")
    ours = look(*broken, *faults, as_of=then).as_json()["checks"]
    theirs = look(*broken, *emptied, as_of=then).as_json()["checks"]
    assert [c for c in ours if c["name"] != "future"] == [
        c for c in theirs if c["name"] != "future"
    ]
    assert [c["severity"] for c in ours if c["name"] == "future"] == ["warning", "warning"]


def test_row_order_and_zone_change_nothing():
    shuffled = (
        "CREATE OR REPLACE TABLE events AS SELECT * FROM events ORDER BY hash(id)",
        'ALTER TABLE events ALTER "at" TYPE TIMESTAMPTZ',
    )
    broken = ("DELETE FROM accounts WHERE account = 'a3'",)
    assert look(*broken).as_json() == look(*broken, *shuffled).as_json()


# --- the shipped datasets -----------------------------------------------------------------------

SHIPPED = {
    "online_retail": ("2011-12-11T02:00:00+00:00", 429_050, 5_225),
    "oulad_small": ("2015-05-30T02:00:00+00:00", None, 167),
}


@pytest.mark.parametrize("name", SHIPPED)
def test_shipped_data_against_hand_written_sql(name):
    as_of, rows, repeated = SHIPPED[name]
    folder = ROOT / "data" / name
    backend = ibis.duckdb.connect()
    backend.raw_sql("SET TimeZone = 'UTC'")
    read = f"SELECT * RENAME (account_id AS account) FROM '{folder}/{{}}.parquet'"
    backend.raw_sql(f"CREATE VIEW accounts AS {read.format('accounts')}")
    log = read.replace("account)", 'account, ts AS "at")')
    backend.raw_sql(f"CREATE VIEW events AS {log.format('events')}")
    if name == "online_retail":
        backend.raw_sql(
            'CREATE VIEW revenue AS SELECT account, "at", amount::DECIMAL(18, 4) AS amount, '
            f"kind = 'order_cancelled' AS refund FROM ({log.format('revenue')})"
        )
    revenue = backend.table("revenue") if name == "online_retail" else None
    tables = SourceTables(backend.table("events"), backend.table("accounts"), revenue)
    config = product({"future": {"severity": "off"}, "vanished_events": {"severity": "off"}})
    moment = datetime.fromisoformat(as_of)
    profile = profile_source(tables, config=config, as_of=moment)

    [by_hand] = backend.raw_sql(
        f"""
        SELECT count(*), count(*) - count(DISTINCT e),
               count(*) FILTER ("at" > TIMESTAMPTZ '{as_of}' - INTERVAL 7 DAY)
        FROM events AS e WHERE "at" <= TIMESTAMPTZ '{as_of}'
        """
    ).fetchall()
    events = profile["events"]
    assert (events["rows"], events["duplicates"]["rows"], events["weeks"][0]) == by_hand
    assert events["duplicates"]["rows"] == repeated
    assert rows in (None, events["rows"])
    assert "future" not in events, "a check that is off is not even asked for"
    assert sum(entry["rows"] for entry in events["names"]) == events["rows"]
    assert failed(check_source_quality(profile, config)) == []


def test_an_expectation_that_raises_is_no_pass():
    outcomes = validate_frame(
        pd.DataFrame({"here": [1.0]}),
        {
            "raises": [ExpectColumnValuesToBeBetween(column="gone", max_value=1)],
            "fails": [ExpectColumnValuesToBeBetween(column="here", max_value=0)],
            "passes": [ExpectColumnValuesToBeBetween(column="here", max_value=1)],
            "asks nothing": [],
        },
    )
    assert {check: outcome.ok for check, outcome in outcomes.items()} == {
        "raises": False,
        "fails": False,
        "passes": True,
        "asks nothing": False,
    }
    assert '"gone"' in outcomes["raises"].raised
    assert outcomes["fails"].raised is None
    assert outcomes["asks nothing"].raised


WATCHED = """
import sys
calls = []
watched = {"socket.connect", "socket.getaddrinfo", "socket.sendto", "socket.sendmsg"}
sys.addaudithook(lambda event, args: calls.append(event) if event in watched else None)
sys.path.insert(0, "tests")
import json
from quality_world import look
from test_ranking_checks import good_ranking
from nsm_pipeline.quality.checks import check_ranking
sql = "DELETE FROM accounts WHERE account IN ('a3', 'a4')"
print(json.dumps([look(sql).as_json(), check_ranking(good_ranking()).as_json()]))
assert not calls, calls
"""


def test_a_fresh_process_gives_the_same_bytes_and_connects_to_nothing():
    done = subprocess.run(
        [sys.executable, "-c", WATCHED],
        cwd=ROOT,
        env={**os.environ, "PYTHONHASHSEED": "7", "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    sql = "DELETE FROM accounts WHERE account IN ('a3', 'a4')"
    ours = [look(sql).as_json(), check_ranking(good_ranking()).as_json()]
    assert done.stdout == json.dumps(ours) + "\n"


def test_the_word_core_is_no_event_that_could_be_missing(tmp_path: Path) -> None:
    path = write_product(
        tmp_path,
        busy_world(1, accounts=60),
        retention={"event": "core", "after": "30d", "within": "30d"},
        discover={"events": "all"},
    )
    extract = open_extract(path)
    profile = profile_source(extract.tables, config=extract.product.config, as_of=AS_OF)
    assert profile["events"]["absent_names"] == []
