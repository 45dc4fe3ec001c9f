"""The reviewers' pages as Airflow serves them: who may see what, and what a page may do."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from html import unescape
from pathlib import Path
from urllib.parse import urljoin

import pytest
from airflow.api_fastapi.app import create_app, get_auth_manager, purge_cached_app
from airflow.api_fastapi.auth.managers.simple.user import SimpleAuthManagerUser
from airflow.dag_processing.bundles.manager import DagBundlesManager
from airflow.dag_processing.dagbag import BundleDagBag, sync_bag_to_db
from airflow.plugins_manager import get_fastapi_plugins
from fastapi.testclient import TestClient

from nsm_pipeline.publish.pages import products_page, runs_page
from nsm_pipeline.runs.folder import address_of
from nsm_pipeline.runs.run_folder import RunStore

REPOSITORY = Path(__file__).resolve().parents[1]
NASTY = '<script>alert("x")</script> & "quoted"'
FIRST, SECOND = (datetime(2026, 3, day, 2, tzinfo=UTC) for day in (1, 2))
REPORT = "2026-03-02T020000Z/report.html"

pytestmark = pytest.mark.usefixtures("airflow_tables")


def publish(store: RunStore, product: str, as_of: datetime) -> None:
    run = store.start(product, as_of)
    run.write_json("ranking.json", {"title": product, "headline": NASTY, "candidates": []})
    run.write_text("report.html", f"<h1>{product}</h1>")
    run.write_text("ranking.csv", "product\n")
    run.write_text("product.yaml", "secret: 1\n")
    store.publish(run, facts={})


@pytest.fixture(scope="module", params=["folder", "s3"])
def client(
    request: pytest.FixtureRequest,
    tmp_path_factory: pytest.TempPathFactory,
    environment: pytest.MonkeyPatch,
) -> Iterator[TestClient]:
    """Airflow's API server with the plugin, two products and their DAGs; runs here or in S3."""
    root = tmp_path_factory.mktemp("plugin")
    (root / "products").mkdir()
    shipped = (REPOSITORY / "config" / "products" / "online_retail.yaml").read_text("utf-8")
    url = f"{request.getfixturevalue('s3')}/pages" if request.param == "s3" else ""
    store = RunStore(address_of(url or str(root / "runs")))
    for product in ("open_shop", "closed_shop"):
        text = shipped.replace("product: online_retail", f"product: {product}")
        (root / "products" / f"{product}.yaml").write_text(text, "utf-8")
        publish(store, product, FIRST)
        publish(store, product, SECOND)
    environment.setenv("NSM_PRODUCTS", str(root / "products"))
    environment.setenv("NSM_RUNS", str(store.root))
    environment.setenv("AIRFLOW__CORE__AUTH_MANAGER", "access_by_dag.AccessByDag")
    DagBundlesManager().sync_bundles_to_db()
    dags = REPOSITORY / "dags"
    bag = BundleDagBag(dag_folder=dags, bundle_path=dags, bundle_name="dags-folder")
    sync_bag_to_db(bag, "dags-folder", None)
    purge_cached_app()
    with TestClient(create_app("core"), raise_server_exceptions=False) as client:
        yield client
    purge_cached_app()


def token(name: str, role: str | None) -> dict[str, str]:
    user = SimpleAuthManagerUser(username=name, role=role)
    return {"Authorization": f"Bearer {get_auth_manager().generate_jwt(user)}"}


def links(page: str) -> list[str]:
    return [unescape(link) for link in re.findall(r'<a href="([^"]*)"', page)]


@pytest.fixture
def addresses() -> list[str]:
    """Every route of the plugin, filled in; found by asking the app, so none is forgotten."""
    (mounted,) = (app for app in get_fastapi_plugins()[0] if app["name"] == "nsm_rankings")
    paths = [route.path for route in mounted["app"].routes]
    assert len(paths) == 3
    values = {"dag_id": "nsm_open_shop", "as_of": "2026-03-02T020000Z", "name": "report.html"}
    return [f"/nsm{path.format(**values)}" for path in paths]


def test_nobody_gets_in_without_a_token(client: TestClient, addresses: list[str]) -> None:
    for address in addresses:
        assert client.get(address).status_code == 401
        forged = {"Authorization": "Bearer " + "x" * 40}
        assert client.get(address, headers=forged).status_code == 403
        assert client.get(address, headers=token("nobody", None)).status_code == 403
        assert client.get(address, headers=token("viewer", "viewer")).status_code == 200


def test_a_person_without_a_token_is_sent_to_log_in(client: TestClient) -> None:
    answer = client.get(
        "/nsm/nsm_open_shop/", headers={"Accept": "text/html"}, follow_redirects=False
    )
    assert answer.status_code == 302
    assert answer.headers["location"] == "/api/v2/auth/login?next=%2Fnsm%2Fnsm_open_shop%2F"
    login = client.get(answer.headers["location"], follow_redirects=False)
    assert login.status_code == 307, "Airflow refuses where to go on after the login"


def test_the_machine_readable_doors_are_shut(client: TestClient) -> None:
    viewer = token("viewer", "viewer")
    for door in ("docs", "redoc", "openapi.json"):
        assert client.get(f"/nsm/{door}", headers=viewer).status_code == 404


def test_a_reviewer_walks_from_the_list_to_the_report(client: TestClient) -> None:
    viewer = token("viewer", "viewer")
    at = "/nsm/"
    assert links(client.get(at, headers=viewer).text) == ["nsm_closed_shop/", "nsm_open_shop/"]
    at = urljoin(at, "nsm_open_shop/")
    found = links(client.get(at, headers=viewer).text)
    assert found == [
        "../",
        REPORT,
        REPORT,
        *(
            f"2026-03-0{day}T020000Z/{name}"
            for day, name in ((2, "ranking.csv"), (1, "report.html"), (1, "ranking.csv"))
        ),
    ]
    report = client.get(urljoin(at, REPORT), headers=viewer)
    assert report.text == "<h1>open_shop</h1>"
    for link in found:
        assert client.get(urljoin(at, link), headers=viewer).status_code == 200


def test_a_user_sees_only_the_products_whose_dag_he_may_read(client: TestClient) -> None:
    half = token("half", "viewer")
    assert links(client.get("/nsm/", headers=half).text) == ["nsm_open_shop/"]
    assert client.get("/nsm/nsm_open_shop/", headers=half).status_code == 200
    assert client.get("/nsm/nsm_closed_shop/", headers=half).status_code == 403
    assert client.get(f"/nsm/nsm_closed_shop/{REPORT}", headers=half).status_code == 403


def test_only_published_files_of_known_names_are_served(client: TestClient) -> None:
    viewer = token("viewer", "viewer")
    for path in (
        "nsm_open_shop/2026-03-02T020000Z/product.yaml",
        "nsm_open_shop/2026-03-02T020000Z/index.json",
        "nsm_open_shop/2026-03-03T020000Z/report.html",
        "nsm_open_shop/..%2F2026-03-02T020000Z/report.html",
        "nsm_open_shop/%2E%2E/index.json",
        "nsm_..%2Fopen_shop/",
        "nsm_unknown/",
        "another_dag/",
    ):
        assert client.get(f"/nsm/{path}", headers=viewer).status_code == 404, path


def test_names_from_the_data_stay_text_and_nothing_foreign_may_run(client: TestClient) -> None:
    viewer = token("viewer", "viewer")
    for address in ("/nsm/", "/nsm/nsm_open_shop/"):
        page = client.get(address, headers=viewer)
        assert "<script" not in page.text
        assert NASTY in unescape(page.text)
        policy = page.headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "frame-ancestors 'self'" in policy
        assert "unsafe" not in policy
    report = client.get(f"/nsm/nsm_open_shop/{REPORT}", headers=viewer)
    assert "sandbox allow-scripts;" in report.headers["content-security-policy"]
    assert "allow-same-origin" not in report.headers["content-security-policy"]
    assert report.headers["x-content-type-options"] == "nosniff"


def test_a_run_whose_files_are_gone_is_told_and_not_a_crash(tmp_path: Path) -> None:
    store = RunStore(tmp_path)
    publish(store, "shop", FIRST)
    run = store.published("shop")
    assert run is not None
    (run.path / "ranking.json").unlink()
    for page in (products_page(store, {"shop": "nsm_shop"}), runs_page(store, "shop")):
        assert "The run has not left this file." in page


def test_the_menu_and_the_dag_lead_to_the_pages(client: TestClient) -> None:
    answer = client.get("/api/v2/plugins", headers=token("admin", "admin")).json()
    (plugin,) = (p for p in answer["plugins"] if p["name"] == "nsm_rankings")
    assert {view["destination"]: view["href"] for view in plugin["external_views"]} == {
        "nav": "nsm/",
        "dag": "nsm/{DAG_ID}/",
    }
