"""Gives every test process an Airflow of its own, before anything imports airflow."""

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from nsm_pipeline.nightly import use_embedded_airflow

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
for name in ("NSM_PRODUCTS", "NSM_RUNS"):
    os.environ.pop(name, None)


@pytest.fixture(scope="session")
def airflow_tables() -> None:
    """Airflow's metadata tables, made once."""
    from airflow.utils.db import initdb

    initdb()


@pytest.fixture(scope="module")
def environment() -> Iterator[pytest.MonkeyPatch]:
    """Changes that hold for one test file."""
    with pytest.MonkeyPatch.context() as patch:
        yield patch
