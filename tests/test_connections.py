"""Where a connection comes from, and that its secrets stay there: a real server with a password."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote

import psycopg
import pytest
import yaml
from airflow.models.connection import Connection
from airflow.utils.session import create_session
from engines import new_database, on_engine
from typer.testing import CliRunner

from nsm_pipeline.__main__ import app
from nsm_pipeline.errors import InvalidInput, WarehouseFailed
from nsm_pipeline.orchestration import build_dags, dag_id, first_night
from nsm_pipeline.simulation.scenarios import find_scenario
from nsm_pipeline.simulation.world import draw_world
from nsm_pipeline.simulation.world_files import write_world
from nsm_pipeline.warehouse.airflow_connection import airflow_url
from nsm_pipeline.warehouse.connect import connect

# Every character that a URL gives a meaning of its own.
PASSWORD = "T0p:s3cr3t@/?#%41+&= &x"
MARKS = (PASSWORD, quote(PASSWORD, safe=""), "s3cr3t")
NIGHT = "2024-12-31T00:00:00Z"


@pytest.fixture(scope="module")
def warehouse(postgres: str, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """A world in PostgreSQL, open to the role `reader` by its password alone."""
    folder = tmp_path_factory.mktemp("world")
    url = new_database(postgres, "warehouse")
    product = write_world(draw_world(find_scenario("default"), 300, 1), folder)
    moved = on_engine("postgres", product, folder, url)
    with psycopg.connect(url, autocommit=True) as connection:
        host = connection.info.host
        connection.execute("CREATE ROLE reader LOGIN PASSWORD '" + PASSWORD + "'")
        connection.execute("GRANT pg_read_all_data TO reader")
        rules = Path(connection.execute("SHOW hba_file").fetchone()[0])
        rules.write_text("local warehouse reader scram-sha-256\n" + rules.read_text())
        connection.execute("SELECT pg_reload_conf()")
    return {"host": host, "product": moved.read_text(encoding="utf-8")}


@pytest.fixture
def product(warehouse: dict[str, str], tmp_path: Path) -> Callable[[str], Path]:
    """The product file of that world, with a connection."""

    def with_connection(connection: str) -> Path:
        text = yaml.safe_load(warehouse["product"])
        text["product"] = "guarded"
        text["source"]["connection"] = connection
        path = tmp_path / "products" / "guarded.yaml"
        path.parent.mkdir(exist_ok=True)
        path.write_text(yaml.safe_dump(text), encoding="utf-8")
        return path

    return with_connection


def fields(warehouse: dict[str, str], password: str = PASSWORD) -> dict[str, str]:
    """The connection as Airflow keeps it."""
    return {
        "conn_type": "postgres",
        "host": warehouse["host"],
        "login": "reader",
        "password": password,
        "schema": "warehouse",
    }


def assert_nowhere(folder: Path, *texts: str) -> None:
    files = [path for path in folder.rglob("*") if path.is_file()]
    for content in [*texts, *(path.read_bytes().decode("utf-8", "replace") for path in files)]:
        for mark in MARKS:
            assert mark not in content


@pytest.mark.parametrize(
    ("stored", "url"),
    [
        ("postgres://me:a%40b@db:5433/shop", "postgresql://me:a%40b@db:5433/shop?"),
        (
            "postgresql://me@db/shop?sslmode=require&cursor=dict",
            "postgresql://me@db/shop?sslmode=require",
        ),
        (
            '{"conn_type": "postgres", "host": "db", "schema": "a", "extra": {"sslmode": "on"}}',
            "postgresql://db/a?sslmode=on",
        ),
        ("spark://local%5B2%5D", "pyspark://?spark.master=local%5B2%5D"),
        (
            "spark://spark%3A%2F%2Fmaster:7077",
            "pyspark://?spark.master=spark%3A%2F%2Fmaster%3A7077",
        ),
        (
            "spark://k8s://https%3A%2F%2Fapi:443/?namespace=data",
            "pyspark://?spark.master=k8s%3A%2F%2Fhttps%3A%2F%2Fapi%3A443&spark.kubernetes.namespace=data",
        ),
        ("duckdb:///shop.duckdb", "duckdb:///shop.duckdb"),
        ("duckdb://", "duckdb://"),
        ("duckdb://?memory_limit=4GB&token=secret", "duckdb://?memory_limit=4GB"),
    ],
)
def test_airflow_connections_are_read_as_airflow_writes_them(
    monkeypatch: pytest.MonkeyPatch, stored: str, url: str
) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_WAREHOUSE", stored)
    assert airflow_url("airflow:warehouse", "here") == url


@pytest.mark.parametrize(
    ("stored", "message"),
    [
        (None, 'No Airflow connection "warehouse" is known'),
        ('{"password": "s3cr3t"', "neither a URI nor JSON"),
        ("mysql://me:s3cr3t@db/shop", "another kind than the engines"),
    ],
)
def test_other_airflow_connections_are_refused(
    monkeypatch: pytest.MonkeyPatch, stored: str | None, message: str
) -> None:
    if stored is not None:
        monkeypatch.setenv("AIRFLOW_CONN_WAREHOUSE", stored)
    with pytest.raises(InvalidInput, match=message) as caught:
        airflow_url("airflow:warehouse", "here")
    assert "s3cr3t" not in str(caught.value)


@pytest.mark.parametrize("how", ["variable", "airflow"])
def test_a_run_leaves_no_trace_of_the_password(
    product: Callable[[str], Path],
    warehouse: dict[str, str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    how: str,
) -> None:
    if how == "variable":
        monkeypatch.setenv("NSM_TEST_PASSWORD", PASSWORD)
        place = f"warehouse?host={quote(warehouse['host'], safe='')}"
        file = product(f"postgresql://reader:${{NSM_TEST_PASSWORD}}@/{place}")
    else:
        monkeypatch.setenv("AIRFLOW_CONN_WAREHOUSE", json.dumps(fields(warehouse)))
        file = product("airflow:warehouse")
    ran = CliRunner().invoke(
        app, ["run", str(file), "--as-of", NIGHT, "--out", str(tmp_path / "runs")]
    )
    assert ran.exit_code == 0, ran.output
    assert list((tmp_path / "runs").rglob("report.html"))
    asked = CliRunner().invoke(app, ["sql", str(file), "--as-of", NIGHT])
    assert "source_events" in asked.output
    assert_nowhere(tmp_path, ran.output, asked.output)


@pytest.mark.parametrize(
    ("connection", "error", "message"),
    [
        ("postgresql://reader:{wrong}@/warehouse?host={host}", InvalidInput, "refused the user"),
        ("postgresql://nobody:{wrong}@/nowhere?host={host}", InvalidInput, "does not know"),
        ("postgresql://reader:{wrong}@/warehouse?host=/nowhere", WarehouseFailed, "be reached"),
        ("postgresql://reader:{wrong}@127.0.0.1:1/warehouse", WarehouseFailed, "be reached"),
        ("postgresql://reader:{wrong}@127.0.0.1:port/warehouse", InvalidInput, "cannot be read as"),
        ("postgresql://reader@db/warehouse?password={wrong}&{wrong}=1", InvalidInput, "be read as"),
        ("oracle://reader:{wrong}@db", InvalidInput, "No engine is known"),
    ],
)
def test_a_connection_that_fails_says_why_and_no_more(
    warehouse: dict[str, str], tmp_path: Path, connection: str, error: type, message: str
) -> None:
    host = quote(warehouse["host"], safe="")
    url = connection.format(wrong="s3cr3t", host=host)
    with pytest.raises(error, match=message) as caught:
        connect(url, base=tmp_path, where="product.yaml:1:1  source.connection")
    assert "s3cr3t" not in str(caught.value)
    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None


def test_files_are_refused_where_the_engine_behind_a_variable_reads_none(
    product: Callable[[str], Path], postgres: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = product("${NSM_TEST_WAREHOUSE}")
    monkeypatch.setenv("NSM_TEST_WAREHOUSE", postgres)
    text = file.read_text(encoding="utf-8").replace("table: events", "files: events.parquet")
    file.write_text(text, encoding="utf-8")
    shutil.copy(Path(__file__).parents[1] / "data/online_retail/events.parquet", file.parent)
    shown = CliRunner().invoke(app, ["check", str(file)])
    assert shown.exit_code == 2
    assert "does not read files" in shown.output


@pytest.mark.usefixtures("airflow_tables")
def test_in_a_task_airflow_gives_the_connection_and_its_log_has_no_password(
    product: Callable[[str], Path],
    warehouse: dict[str, str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    file = product("airflow:guarded")
    monkeypatch.setenv("NSM_PRODUCTS", str(file.parent))
    dag = build_dags(file.parent, runs=str(tmp_path / "runs"))[dag_id("guarded")]

    def night(password: str) -> str:
        with create_session() as session:
            session.query(Connection).filter_by(conn_id="guarded").delete()
            session.add(Connection(conn_id="guarded", **fields(warehouse, password)))
        return str(dag.test(logical_date=first_night(dag)).state)

    for task in dag.tasks:
        task.retries = 0
    assert night(PASSWORD) == "success"
    assert night("wrong " + PASSWORD) == "failed"
    assert "AIRFLOW_CONN_GUARDED" not in os.environ
    assert list((tmp_path / "runs").rglob("report.html"))
    shown = capfd.readouterr()
    assert "refused the user or the password" in shown.out + shown.err
    assert_nowhere(tmp_path, shown.out, shown.err)
    assert_nowhere(Path(os.environ["AIRFLOW_HOME"]) / "logs")


def test_a_spark_master_that_is_none_says_so_and_no_more(product: Callable[[str], Path]) -> None:
    """In a process of its own: a Spark application that runs already would be taken instead."""
    file = product(
        "pyspark://?spark.master=${NSM_TEST_MASTER}&spark.hadoop.a.token=${NSM_TEST_KEY}"
    )
    shown = subprocess.run(
        [sys.executable, "-m", "nsm_pipeline", "check", str(file)],
        env={**os.environ, "NSM_TEST_MASTER": "s3cr3t", "NSM_TEST_KEY": "s3cr3t"},
        capture_output=True,
        text=True,
    )
    assert shown.returncode == 2
    assert "The Spark session cannot be opened" in shown.stderr
    told = shown.stderr.partition(str(file))[2]
    assert_nowhere(file.parent, shown.stdout, told)


def test_postgres_knows_how_few_the_rows_sent_along_are(postgres: str, tmp_path: Path) -> None:
    """Else it plans a dozen joins to them for thousands of rows each, and takes minutes."""
    engine = connect(postgres, base=tmp_path, where="here")
    engine.small_table("few", {"n": [1, 2, 3]}, {"n": "int64"})
    found = engine.backend.raw_sql("SELECT reltuples FROM pg_class WHERE relname = 'few'")
    assert found.fetchone() == (3.0,)
    engine.close()


@pytest.mark.parametrize("engine", ["duckdb", "postgres"])
def test_time_since_a_moment_is_exact_and_unknown_of_no_moment(
    engine: str, postgres: str, tmp_path: Path
) -> None:
    url = postgres if engine == "postgres" else "duckdb://"
    opened = connect(url, base=tmp_path, where="here")
    moments = ("2024-01-01 00:00:00.000001", "2023-12-31", "-infinity", "infinity")
    rows = " UNION ALL ".join(
        f"SELECT {n} AS n, TIMESTAMP '{moment}' AS m, TIMESTAMP '2024-01-01' AS t0"
        for n, moment in enumerate(moments)
    )
    asked = opened.backend.sql(rows)
    since = asked.select("n", since=opened.elapsed(asked.t0, asked.m)).order_by("n")
    found = opened.fetch("time since", since)["since"]
    assert found[:2].to_list() == [1, -86_400_000_000]
    assert found[2:].isna().all()
    opened.close()
