"""The ranking as warehouse tables: replaced by key, never doubled, older attempts lose."""

import os
import shutil
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import duckdb
import pandas as pd
import psycopg
import pytest
from engines import new_database

from nsm_pipeline.errors import InvalidInput, Superseded, WarehouseFailed
from nsm_pipeline.pipeline import check_product, run_product
from nsm_pipeline.product.loaded_product import LoadedProduct
from nsm_pipeline.product.yaml_file import load_product
from nsm_pipeline.runs.run_folder import RunFolder, RunStore
from nsm_pipeline.warehouse.published_tables import publish_tables

PRODUCT = """
version: 1
product: shop
title: Shop
owner: tests
audience: consumer
start_date: 2025-01-01
source: {events: {files: e.parquet, account: a, at: t, event: e}}
core_metric: {name: Orders, event: order}
retention: {event: order, after: 28d, within: 28d}
exposure: {within: 7d}
discover: {events: all}
publish: {connection: "${NSM_TEST_WAREHOUSE}", table: growth.nsm_ranking}
"""
NIGHT = datetime(2025, 3, 1, 2, tzinfo=UTC)


def test_spark_is_refused_before_anything_is_counted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_CLUSTER", "spark://local")
    monkeypatch.setenv("NSM_TEST_WAREHOUSE", "pyspark://?spark.master=local")
    file = tmp_path / "shop.yaml"
    for connection in ("airflow:cluster", "${NSM_TEST_WAREHOUSE}"):
        file.write_text(PRODUCT.replace("${NSM_TEST_WAREHOUSE}", connection))
        for refused in (check_product, partial(run_product, as_of=NIGHT, out=tmp_path / "runs")):
            with pytest.raises(InvalidInput, match="Spark cannot replace rows"):
                refused(file)
    assert not (tmp_path / "runs").exists()


Rows = Callable[[str], list[tuple]]


@pytest.fixture(params=["duckdb", "postgres"])
def rows(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Rows:
    """A warehouse to publish into; asks it a query."""
    if request.param == "duckdb":
        url, name = "duckdb://db/nsm.duckdb", str(tmp_path / "db" / "nsm.duckdb")
        (tmp_path / "db").mkdir()
    else:
        url = name = new_database(request.getfixturevalue("postgres"), "published")
    monkeypatch.setenv("NSM_TEST_WAREHOUSE", url)

    def ask(query: str) -> list[tuple]:
        connect = duckdb.connect if request.param == "duckdb" else psycopg.connect
        with connect(name) as database:
            found = database.execute(query)
            return found.fetchall() if query.startswith("SELECT") else []

    return ask


@pytest.fixture
def product(tmp_path: Path) -> LoadedProduct:
    path = tmp_path / "shop.yaml"
    path.write_text(PRODUCT)
    return load_product(path)


def a_run(store: RunStore, lift: float, as_of: datetime = NIGHT) -> RunFolder:
    folder = store.start("shop", as_of)
    key = {"product": "shop", "as_of": folder.as_of.isoformat().replace("+00:00", "Z")}
    names = ["a", "b; DROP TABLE x; --"]
    folder.write_frame(
        "ranking.parquet",
        pd.DataFrame({"candidate": names, "lift_pp": [lift, None]}).assign(**key)[
            ["product", "as_of", "candidate", "lift_pp"]
        ],
    )
    folder.write_frame(
        "candidates.parquet",
        pd.DataFrame({"candidate": names, "at_least": [1.0, 2.0], "within_days": [7, 7]}),
    )
    return folder


def test_a_second_run_replaces_the_rows_of_its_night_only(
    tmp_path: Path, product: LoadedProduct, rows: Rows
) -> None:
    store = RunStore(tmp_path / "runs")
    later = datetime(2025, 3, 2, 2, tzinfo=UTC)
    for folder in (a_run(store, 1.0), a_run(store, 5.0, later), a_run(store, 2.0)):
        publish_tables(product, folder)
    found = rows("SELECT as_of, lift_pp FROM growth.nsm_ranking WHERE candidate = 'a'")
    assert sorted(found) == [("2025-03-01T02:00:00Z", 2.0), ("2025-03-02T02:00:00Z", 5.0)]
    assert rows("SELECT count(*) FROM growth.nsm_candidates") == [(4,)]
    assert rows("SELECT token FROM growth.nsm_published ORDER BY as_of") == [(3,), (2,)]


def test_a_leftover_attempt_loses_and_changes_nothing(
    tmp_path: Path, product: LoadedProduct, rows: Rows
) -> None:
    store = RunStore(tmp_path / "runs")
    leftover, newer = a_run(store, 1.0), a_run(store, 2.0)
    publish_tables(product, newer)
    with pytest.raises(Superseded, match="the older run 1"):
        publish_tables(product, leftover)
    found = rows("SELECT lift_pp FROM growth.nsm_ranking WHERE candidate = 'a'")
    assert found == [(2.0,)]


def test_runs_begun_anew_or_elsewhere_are_not_held_against_old_tokens(
    tmp_path: Path, product: LoadedProduct, rows: Rows
) -> None:
    first = RunStore(tmp_path / "runs")
    a_run(first, 0.0)
    publish_tables(product, a_run(first, 1.0))
    publish_tables(product, a_run(RunStore(tmp_path / "other"), 2.0))
    publish_tables(product, a_run(first, 3.0))
    shutil.rmtree(tmp_path / "runs")
    publish_tables(product, a_run(first, 4.0))
    found = rows("SELECT lift_pp FROM growth.nsm_ranking WHERE candidate = 'a'")
    assert found == [(4.0,)]


def test_tables_of_other_columns_are_refused_and_kept(
    tmp_path: Path, product: LoadedProduct, rows: Rows
) -> None:
    rows("CREATE SCHEMA growth")
    rows("CREATE TABLE growth.nsm_ranking (x INTEGER)")
    with pytest.raises(InvalidInput, match="columns are not those of this version"):
        publish_tables(product, a_run(RunStore(tmp_path / "runs"), 1.0))
    assert rows("SELECT count(*) FROM growth.nsm_ranking") == [(0,)]


def test_a_failure_half_way_leaves_last_nights_rows(
    tmp_path: Path, product: LoadedProduct, rows: Rows
) -> None:
    store = RunStore(tmp_path / "runs")
    publish_tables(product, a_run(store, 1.0))
    broken = a_run(store, 2.0)
    twice = pd.concat([broken.read_frame("candidates.parquet")] * 2)
    broken.write_frame("candidates.parquet", twice)
    with pytest.raises(WarehouseFailed):
        publish_tables(product, broken)
    found = rows("SELECT lift_pp FROM growth.nsm_ranking WHERE candidate = 'a'")
    assert found == [(1.0,)]
    assert rows("SELECT token FROM growth.nsm_published") == [(1,)]


@pytest.mark.parametrize("rows", ["postgres"], indirect=True)
def test_who_publishes_at_the_same_moment_waits(
    tmp_path: Path, product: LoadedProduct, rows: Rows
) -> None:
    store = RunStore(tmp_path / "runs")
    folders = [a_run(store, float(lift)) for lift in range(8)]

    def publish(folder: RunFolder) -> str:
        try:
            publish_tables(product, folder)
        except Superseded:
            return "superseded"
        return "published"

    with ThreadPoolExecutor(8) as pool:
        outcomes = list(pool.map(publish, folders))
    assert outcomes[-1] == "published"
    assert rows("SELECT lift_pp FROM growth.nsm_ranking WHERE candidate = 'a'") == [(7.0,)]
    assert rows("SELECT token FROM growth.nsm_published") == [(8,)]


@pytest.mark.parametrize("rows", ["postgres"], indirect=True)
def test_rights_to_write_are_enough_once_the_tables_are_there(
    tmp_path: Path, product: LoadedProduct, rows: Rows, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = RunStore(tmp_path / "runs")
    publish_tables(product, a_run(store, 1.0))
    rows("CREATE ROLE nsm_writer LOGIN")
    rows("GRANT USAGE ON SCHEMA growth TO nsm_writer")
    rows("GRANT SELECT, INSERT, DELETE ON ALL TABLES IN SCHEMA growth TO nsm_writer")
    url = os.environ["NSM_TEST_WAREHOUSE"].replace("user=postgres", "user=nsm_writer")
    monkeypatch.setenv("NSM_TEST_WAREHOUSE", url)
    publish_tables(product, a_run(store, 2.0))
    found = rows("SELECT lift_pp FROM growth.nsm_ranking WHERE candidate = 'a'")
    rows("DROP OWNED BY nsm_writer")
    rows("DROP ROLE nsm_writer")
    assert found == [(2.0,)]
