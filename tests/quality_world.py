"""Small tables in DuckDB and what the checks say of them, for tests."""

from __future__ import annotations

import json
from datetime import datetime

import ibis

from nsm_pipeline.product.config import ProductConfig
from nsm_pipeline.quality.checks import check_source_quality
from nsm_pipeline.warehouse.events import SourceTables
from nsm_pipeline.warehouse.profile import profile_source

AS_OF = datetime.fromisoformat("2024-03-15T02:00:00+00:00")
POPULATION = {"onboarded": 900, "eligible": 800}

# Sixty days, ten accounts; each day each account opens twice and works once, at the same minute.
WORLD = """
CREATE TABLE accounts AS
SELECT 'a' || n AS account, TIMESTAMP '2024-01-10 18:30:00' AS signed_up_at
FROM range(10) AS accounts(n);
CREATE TABLE events AS
SELECT 'a' || n AS account, TIMESTAMP '2024-01-15 09:00:00' + INTERVAL (d) DAY AS "at",
       kind AS event, 'e' || d || '-' || n || '-' || step AS id, step
FROM range(60) AS days(d), range(10) AS accounts(n),
     (VALUES ('opened', 1), ('opened', 2), ('worked', 3)) AS kinds(kind, step);
CREATE TABLE revenue AS
SELECT 'a' || n AS account, TIMESTAMP '2024-01-15 10:00:00' + INTERVAL (d) DAY AS "at",
       (10 + n)::DECIMAL(18, 4) AS amount, false AS refund
FROM range(60) AS days(d), range(10) AS accounts(n);
"""


def product(checks: dict | None = None, *, event_id: str | None = None) -> ProductConfig:
    return ProductConfig.model_validate(
        {
            "version": 1,
            "product": "small",
            "title": "Small",
            "owner": "someone",
            "audience": "consumer",
            "start_date": "2024-03-15",
            "source": {
                "events": {"files": "e", "account": "account", "at": "at", "event": "event"}
                | ({"id": event_id} if event_id else {}),
                "accounts": {"files": "a", "account": "account", "signed_up_at": "signed_up_at"},
                "revenue": {
                    "files": "r",
                    "account": "account",
                    "at": "at",
                    "amount": "amount",
                    "currency": "EUR",
                },
            },
            "core_metric": {"name": "Work done", "event": "worked"},
            "retention": {"event": "any", "after": "28d", "within": "14d"},
            "exposure": {"within": ["7d"]},
            "candidates": [{"name": "opens", "event": "open*"}],
            "checks": checks or {},
        }
    )


def look(*sql: str, as_of=AS_OF, population=POPULATION, event_id=None, drop=(), **checks):
    """The report on the small world after `sql`."""
    backend = ibis.duckdb.connect()
    backend.raw_sql("SET TimeZone = 'UTC'")
    for statement in (WORLD, *sql):
        backend.raw_sql(statement)
    names = ("events", "accounts", "revenue")
    tables = SourceTables(**{n: None if n in drop else backend.table(n) for n in names})
    config = product(checks, event_id=event_id)
    profile = profile_source(tables, config=config, as_of=as_of)
    # What rests in the run folder must be enough.
    return check_source_quality(json.loads(json.dumps(profile)), config, population=population)


def failed(report) -> list[tuple[str, str]]:
    return [(check.name, check.table) for check in report.checks if not check.ok]


def of(report, name: str, table: str = "events"):
    return next(check for check in report.checks if (check.name, check.table) == (name, table))
