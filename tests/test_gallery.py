"""The companies' metrics of `config/gallery`: each equal to SQL written by hand, row for row.

The SQL is DuckDB's own, with its own time zones, medians and distinct counts, over the raw files.
"""

import re
from datetime import UTC, datetime
from pathlib import Path

import duckdb
import pandas as pd
import pytest
from test_metrics import measured

from nsm_pipeline.product.config import ProductConfig
from nsm_pipeline.product.yaml_file import load_product
from nsm_pipeline.simulation.scenarios import find_scenario
from nsm_pipeline.simulation.world import draw_world
from nsm_pipeline.simulation.world_files import write_world

ROOT = Path(__file__).resolve().parents[1]
BY_HAND = Path(__file__).parent / "gallery"
GALLERY = sorted((ROOT / "config" / "gallery").glob("*.yaml"))
ACCOUNTS = 150
AS_OF = datetime(2025, 1, 16, tzinfo=UTC)
CUSTOMERS = """
SET TimeZone = 'UTC';
CREATE VIEW accounts AS FROM '{folder}/accounts.parquet';
CREATE TABLE all_events AS
  SELECT *, ts AT TIME ZONE '{zone}' AS local FROM '{folder}/events.parquet';
CREATE TABLE first_core AS
  SELECT account_id, MIN(ts) AS t0 FROM all_events WHERE event = '{core}' GROUP BY account_id;
CREATE TABLE bots AS
  SELECT account_id FROM all_events JOIN first_core USING (account_id)
  WHERE ts >= t0 AND ts < t0 + INTERVAL {longest} DAY GROUP BY account_id
  HAVING COUNT(*) FILTER (ts < t0 + INTERVAL 1 DAY) > 400
     AND COUNT(*) FILTER (ts < t0 + INTERVAL 1 DAY) > 0.9 * COUNT(*);
CREATE TABLE customer_events AS
  SELECT *, date_trunc('day', local) AS day, date_trunc('week', local) AS week,
         date_trunc('month', local) AS month
  FROM all_events
  WHERE account_id NOT IN (SELECT account_id FROM accounts WHERE is_internal)
    AND account_id NOT IN (FROM bots);
CREATE TABLE newcomers AS
  SELECT account_id, t0, date_trunc('week', t0 AT TIME ZONE '{zone}') AS week FROM first_core
  WHERE account_id IN (SELECT account_id FROM customer_events);
CREATE MACRO week_seen_through(week, days) AS
  (week + INTERVAL 7 DAY) AT TIME ZONE '{zone}' + to_days(days)
    <= TIMESTAMPTZ '2025-01-16 00:00:00+00';
"""


@pytest.mark.parametrize("path", GALLERY, ids=lambda path: path.stem)
def test_each_metric_equals_the_sql_by_hand(tmp_path: Path, path: Path) -> None:
    folder = tmp_path / "data" / "gallery" / path.stem
    folder.mkdir(parents=True)
    write_world(draw_world(find_scenario(path.stem), ACCOUNTS, 1), folder)
    copied = tmp_path / path.name
    copied.write_text(path.read_text(encoding="utf-8"), encoding="utf-8")
    config = load_product(copied).config
    found = measured(copied, tmp_path / "runs", AS_OF).read_frame("metrics.parquet")
    found["period"] = found["period"].dt.tz_convert(config.timezone).dt.tz_localize(None)
    queries = by_hand(path.stem)
    assert list(queries) == [metric.name for metric in config.metrics]
    database = customers(folder, config)
    for name, query in queries.items():
        expected = database.sql(query).df()
        assert len(expected) > 4, name
        assert_same_series(found[found["metric"] == name], expected)


def test_every_company_of_the_articles_has_its_product() -> None:
    assert {path.stem for path in GALLERY} == {path.stem for path in BY_HAND.glob("*.sql")}
    assert len(GALLERY) == 20


def by_hand(product: str) -> dict[str, str]:
    """The queries of a product, by metric."""
    text = (BY_HAND / f"{product}.sql").read_text(encoding="utf-8")
    _, *parts = re.split(r"^-- (\w+)\n", text, flags=re.MULTILINE)
    return dict(zip(parts[::2], parts[1::2], strict=True))


def customers(folder: Path, config: ProductConfig) -> duckdb.DuckDBPyConnection:
    """The raw files, without internal accounts and bots, on the product's clocks."""
    database = duckdb.connect()
    database.execute(
        CUSTOMERS.format(
            folder=folder,
            zone=config.timezone,
            core=config.core_metric.event[0],
            longest=config.exposure.within[-1],
        )
    )
    return database


def assert_same_series(found: pd.DataFrame, expected: pd.DataFrame) -> None:
    """Every row of the SQL, and where it has none, nothing: 0, or what cannot be said."""
    keys = ["period", "segment"]
    expected = expected.assign(
        segment=expected.get("segment", ""),
        period=expected["period"].astype("datetime64[us]"),
        value=expected["value"].astype("float64"),
    )
    found = found.assign(period=found["period"].astype("datetime64[us]"))
    both = found.merge(expected, how="outer", on=keys, suffixes=("", "_by_hand"), indicator=True)
    assert (both["_merge"] != "right_only").all()
    told = both[both["_merge"] == "both"]
    pd.testing.assert_series_equal(
        told["value"], told["value_by_hand"], check_names=False, rtol=1e-12
    )
    assert not both.loc[both["_merge"] == "left_only", "value"].fillna(0).any()
